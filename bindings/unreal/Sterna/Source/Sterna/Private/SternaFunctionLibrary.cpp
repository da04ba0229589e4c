#include "SternaFunctionLibrary.h"

#include "Core/SternaLibrary.h"
#include "SternaConvert.h"
#include "SternaModule.h"

namespace SternaFunctionLibrary
{

/** Whether functions of the library may be called. */
static bool HasLibrary()
{
	const FSternaModule* const Module = FSternaModule::Get();
	return Module != nullptr && Module->GetProblem().IsEmpty();
}

} // namespace SternaFunctionLibrary

FString USternaFunctionLibrary::GetResultText(ESternaResult Result)
{
	if (!SternaFunctionLibrary::HasLibrary() || Result == ESternaResult::LibraryMissing)
	{
		const FSternaModule* const Module = FSternaModule::Get();
		return Module != nullptr ? Module->GetProblem() : FString();
	}
	return SternaConvert::ToText(sterna_result_string(static_cast<uint32>(Result)));
}

FString USternaFunctionLibrary::GetLibraryVersion()
{
	return SternaFunctionLibrary::HasLibrary() ? SternaConvert::ToText(sterna_version()) : FString();
}

TArray<uint8> USternaFunctionLibrary::TextToPayload(const FString& Text)
{
	const std::string Utf8 = SternaConvert::ToUtf8(Text);
	TArray<uint8> Payload;
	Payload.Append(reinterpret_cast<const uint8*>(Utf8.data()), static_cast<int32>(Utf8.size()));
	return Payload;
}

FString USternaFunctionLibrary::PayloadToText(const TArray<uint8>& Payload)
{
	const std::string Utf8(reinterpret_cast<const char*>(Payload.GetData()), static_cast<std::size_t>(Payload.Num()));
	return SternaConvert::ToText(Utf8.c_str());
}
