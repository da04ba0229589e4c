// One player's session, as the engine layer needs it: owns the library's client, hands out its events a bounded number
// per frame, keeps what the game wants to see of it, and answers requests to whoever made them.
//
// One thread: whoever calls Tick calls everything else. The library's own thread, one per process, never calls the game;
// it keeps the session alive while a level loads. Several sessions in one process, such as two players in one editor, know
// nothing of each other.
//
// Standard containers instead of the engine's, because these very files are tested without the engine.

#pragma once

#include "SternaCoreEvents.h"
#include "SternaRoomCalls.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace SternaCore
{

/** How a session behaves; the fields are those of SternaClientConfig, and some of this plugin. */
struct FOptions
{
	SternaTransport Transport = STERNA_TRANSPORT_TCP;
	SternaMoveMode MoveMode = STERNA_MOVE_SEAMLESS;
	SternaLogLevel LogLevel = STERNA_LOG_WARN;
	std::uint32_t ConnectTimeoutMs = 10000;
	std::uint32_t ResumeTimeoutMs = 60000;
	std::uint32_t RequestTimeoutMs = 5000;
	std::uint32_t MessageBytesMax = 64 * 1024;
	std::uint32_t SimulatorDelayMs = 0;
	std::uint32_t SimulatorJitterMs = 0;
	std::uint32_t SimulatorLossPercent = 0;

	/** Answers a node that goes offline at once; otherwise the game says when. */
	bool bMigrateAtOnce = true;
	/** Events that one Tick hands out; what is left waits for the next one. 0 counts as 1: it must go on. */
	std::uint32_t EventsPerTickMax = 1000;
};

/** Told once for a Connect: Ended.Result is STERNA_OK, with an empty reason, if it worked. */
using FOnConnect = std::function<void(const FEnded& Ended, const char* Node)>;
using FOnResponse = std::function<void(const FResponse&)>;
using FOnRoomResult = std::function<void(const FRoomResult&)>;

class FSession final : private IListener
{
public:
	/** The listener outlives the session. */
	FSession(IListener& InListener, const FOptions& InOptions);

	/** Ends the session. In a function of the listener no further one is called. */
	~FSession() override;

	FSession(const FSession&) = delete;
	FSession& operator=(const FSession&) = delete;

	/** What a client is made with holds from the next Connect on, the rest at once. */
	void SetOptions(const FOptions& InOptions);
	const FOptions& GetOptions() const { return Options; }

	/** Begins to connect; the listener's OnConnected or OnConnectFailed follows, and Callback. If it fails, neither does. */
	SternaResult Connect(const char* Token, FOnConnect Callback = nullptr);
	SternaResult Disconnect();

	/** Once per frame. STERNA_ERROR_BUSY inside a function of the listener. */
	SternaResult Tick();

	SternaResult Send(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload);
	SternaResult RSend(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload);
	/** Callback is told exactly once if this returns STERNA_OK, unless the session is destroyed first. */
	SternaResult Request(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload, std::uint32_t TimeoutMs,
						 std::uint64_t& OutRequestId, FOnResponse Callback = nullptr);

	/** Sends what is queued at once, without waiting for the next Tick. */
	SternaResult Flush();

	/** The answer to OnOffline, as it is right now: moves the session, or the room if the user owns one. */
	SternaResult Migrate();

	SternaResult CreateRoom(const FRoomConfig& Config, std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult JoinRoom(std::uint64_t RoomId, std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	/** Makes no room if Config is null. */
	SternaResult JoinRandomRoom(const std::vector<FRoomCondition>& Conditions, const FRoomConfig* Config,
								std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult LeaveRoom(std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult Broadcast(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload);
	SternaResult Relay(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload);
	SternaResult SendTo(const std::vector<std::uint64_t>& Members, std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload);
	SternaResult Sync(const char* Key, FBytes Value);
	SternaResult SetProperty(const char* Key, const FValue& Value, std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult RemoveProperty(const char* Key, std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	/** A value of no kind stands for "not there": expected, or to be deleted. */
	SternaResult CompareAndSetProperty(const char* Key, const FValue& Expected, const FValue& Value,
									   std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult IncrementProperty(const char* Key, const FValue& By, std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult GetProperty(const char* Key, std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult Reserve(const std::vector<std::string>& Users, std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult CancelReservation(const std::vector<std::string>& Users, std::uint64_t& OutRequestId,
								   FOnRoomResult Callback = nullptr);
	SternaResult Kick(std::uint64_t Member, std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult CloseRoom(std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);
	SternaResult MigrateRoom(std::uint64_t& OutRequestId, FOnRoomResult Callback = nullptr);

	// As of the latest event that was handed out.

	SternaState State() const { return CurrentState; }
	/** Who serves the session; empty if nobody. */
	const std::string& Node() const { return CurrentNode; }
	/** Whether the node goes offline and the session has not moved yet. */
	bool IsOffline() const { return Offline.Reason != STERNA_OFFLINE_NONE; }
	std::uint64_t RoomId() const;
	std::uint64_t RoomMe() const;
	std::uint64_t RoomOwner() const;
	std::vector<FRoomMember> RoomMembers() const;
	/** Round trip, moves and more; all 0 if there is no client. */
	SternaStats Stats() const;

	/** What the last call that failed has to say. */
	const char* LastError() const;

private:
	/** One Tick that is handing out events: what becomes of the client when it ends, and whether the session is gone. */
	struct FTurn
	{
		/** Destroyed only when the event in hand, which belongs to it, is needed no more. */
		SternaClient* Orphan = nullptr;
		bool bSessionGone = false;
	};

	void OnConnected(const FConnected& Connected) override;
	void OnConnectFailed(const FEnded& Ended) override;
	void OnDisconnected(const FEnded& Ended) override;
	void OnReconnecting(const FEnded& Ended) override;
	void OnReconnected(const FReconnected& Reconnected) override;
	void OnOffline(const FOffline& InOffline) override;
	void OnMigrating(const FMigrating& Migrating) override;
	void OnMigrated(const FMigrated& Migrated) override;
	void OnMigrateFailed(const FEnded& Ended) override;
	void OnTookOver(const FTookOver& TookOver) override;
	void OnResponse(const FResponse& Response) override;
	void OnPush(const FPush& Push) override { Listener.OnPush(Push); }
	void OnLog(const FLog& Log) override { Listener.OnLog(Log); }
	void OnRoomEntered(const FRoomEntered& Entered) override { Listener.OnRoomEntered(Entered); }
	void OnRoomExited(const FRoomExited& Exited) override { Listener.OnRoomExited(Exited); }
	void OnRoomMemberJoined(const FRoomMemberJoined& Joined) override { Listener.OnRoomMemberJoined(Joined); }
	void OnRoomMemberLeft(const FRoomMemberLeft& Left) override { Listener.OnRoomMemberLeft(Left); }
	void OnRoomMessage(const FRoomMessage& Message) override { Listener.OnRoomMessage(Message); }
	void OnRoomOwnerChanged(const FRoomOwnerChanged& Changed) override { Listener.OnRoomOwnerChanged(Changed); }
	void OnRoomProperty(const FRoomProperty& Property) override { Listener.OnRoomProperty(Property); }
	void OnRoomSync(const FRoomSync& Sync) override { Listener.OnRoomSync(Sync); }
	void OnRoomResult(const FRoomResult& Result) override;
	void OnRoomMigrated(const FRoomMigrated& Migrated) override { Listener.OnRoomMigrated(Migrated); }
	void OnRoomRefreshed(const FRoomRefreshed& Refreshed) override { Listener.OnRoomRefreshed(Refreshed); }

	SternaResult Open();
	void ReleaseClient();
	void Moved(const char* Node);
	/** By reference: the number is written while the arguments are evaluated. */
	SternaResult Await(SternaResult Result, const std::uint64_t& RequestId, FOnRoomResult&& Callback);

	IListener& Listener;
	FOptions Options;
	SternaClient* Client = nullptr;
	/** The Tick that is under way; it lives on the stack. */
	FTurn* Turn = nullptr;
	/** The options have changed since the client was made. */
	bool bStale = false;

	SternaState CurrentState = STERNA_STATE_IDLE;
	std::string CurrentNode;
	FOffline Offline;

	FOnConnect ConnectCallback;
	std::map<std::uint64_t, FOnResponse> Responses;
	std::map<std::uint64_t, FOnRoomResult> RoomResults;
};

} // namespace SternaCore
