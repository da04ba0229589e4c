// What requests about rooms are made of: values, configurations and conditions that own what they hold.

#pragma once

#include "SternaLibrary.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace SternaCore
{

/** A value of a room's property. */
struct FValue
{
	SternaValueKind Kind = STERNA_VALUE_NONE;
	std::int64_t Integer = 0;
	double Number = 0.0;
	/** The text in UTF-8, or the bytes. */
	std::string Data;

	/** As the library takes it; valid as long as this is, and unchanged. */
	SternaValue View() const;
};

/** How a room is made; the fields are those of SternaRoomConfig. */
struct FRoomConfig
{
	std::uint32_t MembersMax = 8;
	std::uint32_t IntervalMs = 0;
	bool bAllowEmpty = false;
	bool bListed = false;
	std::uint64_t TtlMs = 0;
	std::vector<std::pair<std::string, FValue>> Properties;
};

struct FRoomCondition
{
	std::string Key;
	SternaComparison Comparison = STERNA_COMPARE_EQUAL;
	FValue Value;
};

/** Somebody in the room. */
struct FRoomMember
{
	std::uint64_t Member;
	std::string User;
};

/** A configuration as the library takes it; valid as long as both this and what it was made of. */
class FRoomConfigView
{
public:
	explicit FRoomConfigView(const FRoomConfig& Config);

	FRoomConfigView(const FRoomConfigView&) = delete;
	FRoomConfigView& operator=(const FRoomConfigView&) = delete;

	const SternaRoomConfig* Get() const { return &Native; }

private:
	SternaRoomConfig Native;
	std::vector<SternaRoomProperty> Properties;
};

/** Conditions as the library takes them; valid as long as what they were made of. */
std::vector<SternaRoomCondition> View(const std::vector<FRoomCondition>& Conditions);

} // namespace SternaCore
