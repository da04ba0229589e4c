// Between the engine's types and those of Core.

#pragma once

#include "Core/SternaCoreEvents.h"
#include "Core/SternaRoomCalls.h"
#include "CoreMinimal.h"
#include "SternaTypes.h"

#include <string>

namespace SternaConvert
{

inline FString ToText(const char* Utf8)
{
	return FString(UTF8_TO_TCHAR(Utf8));
}

std::string ToUtf8(const FString& Text);

/** Likewise; a result of a newer library becomes Unknown. */
ESternaResult ToResult(SternaResult Result);

FSternaValue ToValue(const SternaValue& Value);
SternaCore::FValue FromValue(const FSternaValue& Value);
SternaCore::FRoomConfig FromConfig(const FSternaRoomConfig& Config);

/** The bytes of a message, in memory that Out has already. */
inline void CopyBytes(const std::uint8_t* Data, std::uint32_t Size, TArray<uint8>& Out)
{
	Out.Reset();
	Out.Append(Data, static_cast<int32>(Size));
}

/** Valid as long as the array is, and unchanged. */
inline SternaCore::FBytes BytesOf(const TArray<uint8>& Payload)
{
	SternaCore::FBytes Bytes;
	Bytes.Data = Payload.GetData();
	Bytes.Size = static_cast<std::uint32_t>(Payload.Num());
	return Bytes;
}

inline bool IsCmd(int32 Cmd)
{
	return Cmd >= 0 && Cmd <= MAX_uint16;
}

inline uint32 Unsigned(int32 Number)
{
	return Number < 0 ? 0 : static_cast<uint32>(Number);
}

} // namespace SternaConvert
