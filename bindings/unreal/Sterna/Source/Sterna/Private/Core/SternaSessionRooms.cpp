// What a session can do in rooms. The comments at the sterna_room_ functions in sterna.h say more of each.

#include "SternaSession.h"

#include <utility>

namespace SternaCore
{

SternaResult FSession::Await(SternaResult Result, const std::uint64_t& RequestId, FOnRoomResult&& Callback)
{
	if (Result == STERNA_OK && Callback)
	{
		RoomResults[RequestId] = std::move(Callback);
	}
	return Result;
}

// Without a client the library says so itself, except that its code then means a NULL pointer: say what it is about.
#define STERNA_NEEDS_CLIENT()                                                                                          \
	if (Client == nullptr)                                                                                             \
	{                                                                                                                  \
		return STERNA_ERROR_NOT_CONNECTED;                                                                             \
	}

SternaResult FSession::CreateRoom(const FRoomConfig& Config, std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	const FRoomConfigView Native(Config);
	const SternaResult Result = sterna_room_create(Client, Native.Get(), 0, &OutRequestId);
	return Await(Result, OutRequestId, std::move(Callback));
}

SternaResult FSession::JoinRoom(std::uint64_t InRoomId, std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	const SternaResult Result = sterna_room_join(Client, InRoomId, 0, &OutRequestId);
	return Await(Result, OutRequestId, std::move(Callback));
}

SternaResult FSession::JoinRandomRoom(const std::vector<FRoomCondition>& Conditions, const FRoomConfig* Config,
									  std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	const std::vector<SternaRoomCondition> Native = View(Conditions);
	const FRoomConfigView NewRoom(Config != nullptr ? *Config : FRoomConfig());
	const SternaResult Result =
		sterna_room_join_random(Client, Native.data(), static_cast<std::uint32_t>(Native.size()),
								Config != nullptr ? NewRoom.Get() : nullptr, 0, &OutRequestId);
	return Await(Result, OutRequestId, std::move(Callback));
}

SternaResult FSession::LeaveRoom(std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	const SternaResult Result = sterna_room_leave(Client, 0, &OutRequestId);
	return Await(Result, OutRequestId, std::move(Callback));
}

SternaResult FSession::Broadcast(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload)
{
	STERNA_NEEDS_CLIENT();
	return sterna_room_broadcast(Client, Ver, Cmd, Payload.Data, Payload.Size);
}

SternaResult FSession::Relay(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload)
{
	STERNA_NEEDS_CLIENT();
	return sterna_room_relay(Client, Ver, Cmd, Payload.Data, Payload.Size);
}

SternaResult FSession::SendTo(const std::vector<std::uint64_t>& Members, std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload)
{
	STERNA_NEEDS_CLIENT();
	return sterna_room_send_to(Client, Members.data(), static_cast<std::uint32_t>(Members.size()), Ver, Cmd, Payload.Data,
							   Payload.Size);
}

SternaResult FSession::Sync(const char* Key, FBytes Value)
{
	STERNA_NEEDS_CLIENT();
	return sterna_room_sync(Client, Key, Value.Data, Value.Size);
}

SternaResult FSession::SetProperty(const char* Key, const FValue& Value, std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	const SternaValue Native = Value.View();
	return Await(sterna_room_set(Client, Key, &Native, 0, &OutRequestId), OutRequestId, std::move(Callback));
}

SternaResult FSession::RemoveProperty(const char* Key, std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	return Await(sterna_room_remove(Client, Key, 0, &OutRequestId), OutRequestId, std::move(Callback));
}

SternaResult FSession::CompareAndSetProperty(const char* Key, const FValue& Expected, const FValue& Value,
											 std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	const SternaValue NativeExpected = Expected.View();
	const SternaValue NativeValue = Value.View();
	const SternaResult Result = sterna_room_compare_and_set(
		Client, Key, Expected.Kind == STERNA_VALUE_NONE ? nullptr : &NativeExpected,
		Value.Kind == STERNA_VALUE_NONE ? nullptr : &NativeValue, 0, &OutRequestId);
	return Await(Result, OutRequestId, std::move(Callback));
}

SternaResult FSession::IncrementProperty(const char* Key, const FValue& By, std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	const SternaValue Native = By.View();
	return Await(sterna_room_increment(Client, Key, &Native, 0, &OutRequestId), OutRequestId, std::move(Callback));
}

SternaResult FSession::GetProperty(const char* Key, std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	return Await(sterna_room_get(Client, Key, 0, &OutRequestId), OutRequestId, std::move(Callback));
}

static std::vector<const char*> Names(const std::vector<std::string>& Users)
{
	std::vector<const char*> Names;
	Names.reserve(Users.size());
	for (const std::string& User : Users)
	{
		Names.push_back(User.c_str());
	}
	return Names;
}

SternaResult FSession::Reserve(const std::vector<std::string>& Users, std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	const std::vector<const char*> Native = Names(Users);
	const SternaResult Result =
		sterna_room_reserve(Client, Native.data(), static_cast<std::uint32_t>(Native.size()), 0, &OutRequestId);
	return Await(Result, OutRequestId, std::move(Callback));
}

SternaResult FSession::CancelReservation(const std::vector<std::string>& Users, std::uint64_t& OutRequestId,
										 FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	const std::vector<const char*> Native = Names(Users);
	const SternaResult Result =
		sterna_room_cancel_reservation(Client, Native.data(), static_cast<std::uint32_t>(Native.size()), 0, &OutRequestId);
	return Await(Result, OutRequestId, std::move(Callback));
}

SternaResult FSession::Kick(std::uint64_t Member, std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	return Await(sterna_room_kick(Client, Member, 0, &OutRequestId), OutRequestId, std::move(Callback));
}

SternaResult FSession::CloseRoom(std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	return Await(sterna_room_close(Client, 0, &OutRequestId), OutRequestId, std::move(Callback));
}

SternaResult FSession::MigrateRoom(std::uint64_t& OutRequestId, FOnRoomResult Callback)
{
	OutRequestId = 0;
	STERNA_NEEDS_CLIENT();
	return Await(sterna_room_send_migrate(Client, 0, &OutRequestId), OutRequestId, std::move(Callback));
}

#undef STERNA_NEEDS_CLIENT

std::uint64_t FSession::RoomId() const
{
	return Client == nullptr ? 0 : sterna_room_id(Client);
}

std::uint64_t FSession::RoomMe() const
{
	return Client == nullptr ? 0 : sterna_room_me(Client);
}

std::uint64_t FSession::RoomOwner() const
{
	return Client == nullptr ? 0 : sterna_room_owner(Client);
}

std::vector<FRoomMember> FSession::RoomMembers() const
{
	std::vector<FRoomMember> Members;
	if (Client == nullptr)
	{
		return Members;
	}
	std::vector<SternaRoomMember> Native(sterna_room_member_count(Client));
	std::uint32_t Count = 0;
	if (sterna_room_members(Client, Native.data(), static_cast<std::uint32_t>(Native.size()), &Count) != STERNA_OK)
	{
		return Members;
	}
	for (const SternaRoomMember& Member : Native)
	{
		Members.push_back({Member.member, Member.user});
	}
	return Members;
}

} // namespace SternaCore
