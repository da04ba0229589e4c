#include "SternaRoomCalls.h"

namespace SternaCore
{

SternaValue FValue::View() const
{
	SternaValue Native = SternaValue();
	Native.kind = static_cast<std::uint32_t>(Kind);
	Native.integer = Integer;
	Native.number = Number;
	Native.data = reinterpret_cast<const std::uint8_t*>(Data.data());
	// One that is too long is no kind of value, and is refused as such.
	if (Data.size() > UINT32_MAX)
	{
		Native.kind = UINT32_MAX;
	}
	Native.length = static_cast<std::uint32_t>(Data.size());
	return Native;
}

FRoomConfigView::FRoomConfigView(const FRoomConfig& Config) : Native()
{
	sterna_room_config_init(&Native, sizeof(Native));
	Properties.reserve(Config.Properties.size());
	for (const std::pair<std::string, FValue>& Property : Config.Properties)
	{
		Properties.push_back({Property.first.c_str(), Property.second.View()});
	}
	Native.members_max = Config.MembersMax;
	Native.interval_ms = Config.IntervalMs;
	Native.allow_empty = Config.bAllowEmpty ? 1 : 0;
	Native.listed = Config.bListed ? 1 : 0;
	Native.ttl_ms = Config.TtlMs;
	Native.properties = Properties.data();
	Native.properties_count = static_cast<std::uint32_t>(Properties.size());
}

std::vector<SternaRoomCondition> View(const std::vector<FRoomCondition>& Conditions)
{
	std::vector<SternaRoomCondition> Native;
	Native.reserve(Conditions.size());
	for (const FRoomCondition& Condition : Conditions)
	{
		SternaRoomCondition One = SternaRoomCondition();
		One.key = Condition.Key.c_str();
		One.comparison = static_cast<std::uint32_t>(Condition.Comparison);
		One.value = Condition.Value.View();
		Native.push_back(One);
	}
	return Native;
}

} // namespace SternaCore
