// Integers, texts and their conversions.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

using uint8 = std::uint8_t;
using uint16 = std::uint16_t;
using uint32 = std::uint32_t;
using uint64 = unsigned long long;
using int32 = std::int32_t;
using int64 = long long;
using ANSICHAR = char;
using TCHAR = char16_t;

#define MAX_uint16 ((uint16)0xffff)
#define TEXT(x) u##x

namespace Stub
{

inline std::string ToUtf8(const std::u16string& Text)
{
	std::string Out;
	for (std::size_t At = 0; At < Text.size(); At++)
	{
		char32_t Code = Text[At];
		if (Code >= 0xd800 && Code < 0xdc00 && At + 1 < Text.size())
		{
			Code = 0x10000 + ((Code - 0xd800) << 10) + (Text[++At] - 0xdc00u);
		}
		if (Code < 0x80)
		{
			Out += static_cast<char>(Code);
			continue;
		}
		const int Following = Code < 0x800 ? 1 : Code < 0x10000 ? 2 : 3;
		const int Lead[] = {0, 0xc0, 0xe0, 0xf0};
		Out += static_cast<char>(Lead[Following] | static_cast<int>(Code >> (6 * Following)));
		for (int Shift = 6 * (Following - 1); Shift >= 0; Shift -= 6)
		{
			Out += static_cast<char>(0x80 | ((Code >> Shift) & 0x3f));
		}
	}
	return Out;
}

inline std::u16string ToUtf16(const std::string& Text)
{
	std::u16string Out;
	for (std::size_t At = 0; At < Text.size(); At++)
	{
		const unsigned char Lead = static_cast<unsigned char>(Text[At]);
		const int Following = Lead < 0x80 ? 0 : Lead < 0xe0 ? 1 : Lead < 0xf0 ? 2 : 3;
		const unsigned Masks[] = {0x7f, 0x1f, 0x0f, 0x07};
		char32_t Code = Lead & Masks[Following];
		for (int Count = 0; Count < Following && At + 1 < Text.size(); Count++)
		{
			Code = (Code << 6) | (static_cast<unsigned char>(Text[++At]) & 0x3fu);
		}
		if (Code >= 0x10000)
		{
			Out += static_cast<char16_t>(0xd800 + ((Code - 0x10000) >> 10));
			Out += static_cast<char16_t>(0xdc00 + ((Code - 0x10000) & 0x3ff));
		}
		else
		{
			Out += static_cast<char16_t>(Code);
		}
	}
	return Out;
}

} // namespace Stub

class FString
{
public:
	FString() = default;
	FString(const TCHAR* InText) : Text(InText) {}
	const TCHAR* operator*() const { return Text.c_str(); }
	bool IsEmpty() const { return Text.empty(); }
	int32 Len() const { return static_cast<int32>(Text.size()); }
	bool Contains(const FString& Part) const { return Text.find(Part.Text) != std::u16string::npos; }
	friend bool operator==(const FString& Left, const FString& Right) { return Left.Text == Right.Text; }
	friend bool operator!=(const FString& Left, const FString& Right) { return Left.Text != Right.Text; }
	friend FString operator+(const FString& Left, const FString& Right)
	{
		FString Sum = Left;
		Sum.Text += Right.Text;
		return Sum;
	}

	std::u16string Text;
};

class FName
{
public:
	FName() = default;
	FName(const TCHAR* InName) : Name(InName) {}
	friend bool operator==(const FName& Left, const FName& Right) { return Left.Name == Right.Name; }

	std::u16string Name;
};

class FTCHARToUTF8
{
public:
	explicit FTCHARToUTF8(const TCHAR* Text) : Converted(Stub::ToUtf8(Text)) {}
	const ANSICHAR* Get() const { return Converted.c_str(); }
	int32 Length() const { return static_cast<int32>(Converted.size()); }

private:
	std::string Converted;
};

class FUTF8ToTCHAR
{
public:
	explicit FUTF8ToTCHAR(const ANSICHAR* Text) : Converted(Stub::ToUtf16(Text)) {}
	const TCHAR* Get() const { return Converted.c_str(); }

private:
	std::u16string Converted;
};

#define UTF8_TO_TCHAR(str) FUTF8ToTCHAR(str).Get()

struct FCString
{
	static float Atof(const TCHAR* Text) { return static_cast<float>(std::atof(Stub::ToUtf8(Text).c_str())); }
};
