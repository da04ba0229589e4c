// Logging/LogMacros.h: lines are kept, so that a test can look at them, and printed.

#pragma once

#include "Stub/Text.h"

#include <cstdio>
#include <string>
#include <vector>

namespace ELogVerbosity
{
enum Type : uint8
{
	NoLogging = 0,
	Fatal,
	Error,
	Warning,
	Display,
	Log,
	Verbose,
	VeryVerbose,
	All = VeryVerbose
};
} // namespace ELogVerbosity

struct FLogCategoryBase
{
	const char* Name;
};

namespace Stub
{

inline std::vector<std::string>& LogLines()
{
	static std::vector<std::string> Lines;
	return Lines;
}

inline std::string Argument(const TCHAR* Text) { return ToUtf8(Text); }
inline std::string Argument(int32 Number) { return std::to_string(Number); }
inline std::string Argument(long long Number) { return std::to_string(Number); }

template <std::size_t Size, class... ArgTypes>
void Log(const FLogCategoryBase& Category, ELogVerbosity::Type Verbosity, const TCHAR (&Format)[Size], ArgTypes... Args)
{
	const std::vector<std::string> Texts = {Argument(Args)...};
	const std::string Pattern = ToUtf8(Format);
	std::string Line = std::string(Category.Name) + (Verbosity == ELogVerbosity::Error ? ": Error: " : ": ");
	std::size_t Next = 0;
	for (std::size_t At = 0; At < Pattern.size(); At++)
	{
		if (Pattern[At] != '%')
		{
			Line += Pattern[At];
			continue;
		}
		At = Pattern.find_first_of("sdu", At);
		Line += Next < Texts.size() ? Texts[Next++] : "(missing)";
	}
	std::printf("%s\n", Line.c_str());
	LogLines().push_back(Line);
}

} // namespace Stub

#define DECLARE_LOG_CATEGORY_EXTERN(CategoryName, DefaultVerbosity, CompileTimeVerbosity)                              \
	extern struct FLogCategory##CategoryName : public FLogCategoryBase                                                 \
	{                                                                                                                  \
		FLogCategory##CategoryName();                                                                                  \
	} CategoryName
#define DEFINE_LOG_CATEGORY(CategoryName)                                                                              \
	FLogCategory##CategoryName::FLogCategory##CategoryName() { Name = #CategoryName; }                                 \
	FLogCategory##CategoryName CategoryName
#define UE_LOG(CategoryName, Verbosity, ...) Stub::Log(CategoryName, ELogVerbosity::Verbosity, __VA_ARGS__)
