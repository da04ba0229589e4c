#include "SternaConvert.h"

#include "Containers/StringConv.h"

namespace SternaConvert
{

std::string ToUtf8(const FString& Text)
{
	const FTCHARToUTF8 Converted(*Text);
	return std::string(Converted.Get(), static_cast<std::size_t>(Converted.Length()));
}

ESternaResult ToResult(SternaResult Result)
{
	const int32 Number = static_cast<int32>(Result);
	return Number >= 0 && Number < static_cast<int32>(ESternaResult::LibraryMissing) ? static_cast<ESternaResult>(Number)
																					 : ESternaResult::Unknown;
}

FSternaValue ToValue(const SternaValue& Value)
{
	FSternaValue Converted;
	Converted.Kind = static_cast<ESternaValueKind>(Value.kind);
	Converted.Integer = Value.integer;
	Converted.Number = Value.number;
	if (Value.kind == STERNA_VALUE_TEXT)
	{
		// The library's own texts end in a NUL.
		Converted.Text = ToText(reinterpret_cast<const char*>(Value.data));
	}
	else if (Value.kind == STERNA_VALUE_BYTES)
	{
		CopyBytes(Value.data, Value.length, Converted.Bytes);
	}
	return Converted;
}

SternaCore::FValue FromValue(const FSternaValue& Value)
{
	SternaCore::FValue Converted;
	Converted.Kind = static_cast<SternaValueKind>(Value.Kind);
	Converted.Integer = Value.Integer;
	Converted.Number = Value.Number;
	if (Value.Kind == ESternaValueKind::Text)
	{
		Converted.Data = ToUtf8(Value.Text);
	}
	else if (Value.Kind == ESternaValueKind::Bytes)
	{
		Converted.Data.assign(reinterpret_cast<const char*>(Value.Bytes.GetData()), static_cast<std::size_t>(Value.Bytes.Num()));
	}
	return Converted;
}

SternaCore::FRoomConfig FromConfig(const FSternaRoomConfig& Config)
{
	SternaCore::FRoomConfig Converted;
	Converted.MembersMax = Unsigned(Config.MembersMax);
	Converted.IntervalMs = Unsigned(Config.IntervalMs);
	Converted.bAllowEmpty = Config.bAllowEmpty;
	Converted.bListed = Config.bListed;
	Converted.TtlMs = Config.TtlMs < 0 ? 0 : static_cast<uint64>(Config.TtlMs);
	for (const TPair<FString, FSternaValue>& Property : Config.Properties)
	{
		Converted.Properties.push_back({ToUtf8(Property.Key), FromValue(Property.Value)});
	}
	return Converted;
}

} // namespace SternaConvert

FSternaValue FSternaValue::OfInteger(int64 InInteger)
{
	FSternaValue Value;
	Value.Kind = ESternaValueKind::Integer;
	Value.Integer = InInteger;
	return Value;
}

FSternaValue FSternaValue::OfFloat(double InNumber)
{
	FSternaValue Value;
	Value.Kind = ESternaValueKind::Float;
	Value.Number = InNumber;
	return Value;
}

FSternaValue FSternaValue::OfText(const FString& InText)
{
	FSternaValue Value;
	Value.Kind = ESternaValueKind::Text;
	Value.Text = InText;
	return Value;
}

FSternaValue FSternaValue::OfBytes(const TArray<uint8>& InBytes)
{
	FSternaValue Value;
	Value.Kind = ESternaValueKind::Bytes;
	Value.Bytes = InBytes;
	return Value;
}
