// What happens to a session, as plain structs, and who is told. Nothing here knows the engine.
//
// Texts are UTF-8 and end in a NUL. Texts and bytes belong to the library: they are valid until the function of the
// listener returns. The comments at SternaEventType in sterna.h say when each event comes and what follows it.

#pragma once

#include "SternaLibrary.h"

#include <cstdint>

namespace SternaCore
{

struct FBytes
{
	const std::uint8_t* Data = nullptr;
	std::uint32_t Size = 0;
};

struct FConnected
{
	std::uint64_t SessionId;
	const char* Node;
};

/** How something ended, and why. */
struct FEnded
{
	SternaResult Result;
	const char* Reason;
};

struct FReconnected
{
	std::uint64_t Epoch;
	const char* Node;
};

struct FOffline
{
	std::uint64_t Epoch = 0;
	std::uint64_t DeadlineMs = 0;
	SternaOfflineReason Reason = STERNA_OFFLINE_NONE;
	bool bInRoom = false;
};

struct FMigrating
{
	std::uint64_t Epoch;
};

struct FMigrated
{
	std::uint64_t Epoch;
	std::uint64_t GapUs;
	const char* Node;
};

struct FTookOver
{
	std::uint64_t Epoch;
	std::uint64_t LostFrom;
	std::uint64_t LostTo;
	const char* Node;
};

struct FResponse
{
	std::uint64_t RequestId;
	SternaResult Result;
	std::uint8_t Ver;
	std::uint16_t Cmd;
	FBytes Payload;
};

struct FPush
{
	std::uint8_t Ver;
	std::uint16_t Cmd;
	bool bReliable;
	FBytes Payload;
};

struct FLog
{
	std::uint32_t Level;
	const char* Text;
};

struct FRoomEntered
{
	std::uint64_t RoomId;
	std::uint64_t Me;
	std::uint64_t Owner;
	std::uint32_t MemberCount;
	std::uint32_t MembersMax;
};

struct FRoomExited
{
	std::uint64_t RoomId;
	SternaResult Result;
	const char* Reason;
};

struct FRoomMemberJoined
{
	std::uint64_t Member;
	const char* User;
};

struct FRoomMemberLeft
{
	std::uint64_t Member;
	SternaResult Result;
	const char* User;
};

struct FRoomMessage
{
	std::uint64_t Member;
	const char* User;
	std::uint8_t Ver;
	std::uint16_t Cmd;
	FBytes Payload;
};

struct FRoomOwnerChanged
{
	std::uint64_t Owner;
	const char* User;
};

struct FRoomProperty
{
	const char* Key;
	const SternaValue* Value;
	std::uint64_t Member;
};

struct FRoomSync
{
	const char* Key;
	FBytes Value;
	std::uint64_t Member;
};

struct FRoomResult
{
	std::uint64_t RequestId;
	SternaResult Result;
	std::uint64_t RoomId;
	const SternaValue* Value;
};

struct FRoomMigrated
{
	std::uint64_t RoomId;
	std::uint64_t Epoch;
};

struct FRoomRefreshed
{
	std::uint64_t RoomId;
};

/**
 * Is told what happens, inside FSession::Tick, on its thread, in order. In every function all functions of the session
 * may be called; it may also be destroyed.
 */
class IListener
{
public:
	virtual ~IListener() = default;

	virtual void OnConnected(const FConnected&) {}
	virtual void OnConnectFailed(const FEnded&) {}
	virtual void OnDisconnected(const FEnded&) {}
	virtual void OnReconnecting(const FEnded&) {}
	virtual void OnReconnected(const FReconnected&) {}
	virtual void OnOffline(const FOffline&) {}
	virtual void OnMigrating(const FMigrating&) {}
	virtual void OnMigrated(const FMigrated&) {}
	virtual void OnMigrateFailed(const FEnded&) {}
	virtual void OnTookOver(const FTookOver&) {}
	virtual void OnResponse(const FResponse&) {}
	virtual void OnPush(const FPush&) {}
	virtual void OnLog(const FLog&) {}
	virtual void OnRoomEntered(const FRoomEntered&) {}
	virtual void OnRoomExited(const FRoomExited&) {}
	virtual void OnRoomMemberJoined(const FRoomMemberJoined&) {}
	virtual void OnRoomMemberLeft(const FRoomMemberLeft&) {}
	virtual void OnRoomMessage(const FRoomMessage&) {}
	virtual void OnRoomOwnerChanged(const FRoomOwnerChanged&) {}
	virtual void OnRoomProperty(const FRoomProperty&) {}
	virtual void OnRoomSync(const FRoomSync&) {}
	virtual void OnRoomResult(const FRoomResult&) {}
	virtual void OnRoomMigrated(const FRoomMigrated&) {}
	virtual void OnRoomRefreshed(const FRoomRefreshed&) {}
};

/** Hands an event of the library to the function of the listener that it is for. */
void Dispatch(const SternaEvent& Event, IListener& Listener);

} // namespace SternaCore
