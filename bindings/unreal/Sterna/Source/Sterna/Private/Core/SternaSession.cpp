#include "SternaSession.h"

#include <tuple>
#include <utility>

namespace SternaCore
{

/** What a client is made with; the rest holds at once. */
static auto ClientOptions(const FOptions& Options)
{
	return std::tie(Options.Transport, Options.MoveMode, Options.LogLevel, Options.ConnectTimeoutMs, Options.ResumeTimeoutMs,
					Options.RequestTimeoutMs, Options.MessageBytesMax, Options.SimulatorDelayMs, Options.SimulatorJitterMs,
					Options.SimulatorLossPercent);
}

FSession::FSession(IListener& InListener, const FOptions& InOptions) : Listener(InListener), Options(InOptions) {}

FSession::~FSession()
{
	if (Turn != nullptr)
	{
		Turn->bSessionGone = true;
	}
	ReleaseClient();
}

void FSession::SetOptions(const FOptions& InOptions)
{
	bStale = bStale || ClientOptions(Options) != ClientOptions(InOptions);
	Options = InOptions;
}

SternaResult FSession::Open()
{
	SternaClientConfig Config = SternaClientConfig();
	const SternaResult Known = sterna_client_config_init(&Config, sizeof(Config));
	if (Known != STERNA_OK)
	{
		return Known;
	}
	Config.transport = static_cast<std::uint32_t>(Options.Transport);
	Config.move_mode = static_cast<std::uint32_t>(Options.MoveMode);
	Config.log_level = static_cast<std::uint32_t>(Options.LogLevel);
	Config.connect_timeout_ms = Options.ConnectTimeoutMs;
	Config.resume_timeout_ms = Options.ResumeTimeoutMs;
	Config.request_timeout_ms = Options.RequestTimeoutMs;
	Config.message_bytes_max = Options.MessageBytesMax;
	Config.simulator_delay_ms = Options.SimulatorDelayMs;
	Config.simulator_jitter_ms = Options.SimulatorJitterMs;
	Config.simulator_loss_percent = Options.SimulatorLossPercent;
	bStale = false;
	return sterna_client_create(&Config, &Client);
}

void FSession::ReleaseClient()
{
	SternaClient* const Released = std::exchange(Client, nullptr);
	Responses.clear();
	RoomResults.clear();
	// The event in hand points into its client, and functions that read it are still running.
	if (Turn != nullptr && Turn->Orphan == nullptr)
	{
		Turn->Orphan = Released;
		return;
	}
	sterna_client_destroy(Released);
}

SternaResult FSession::Connect(const char* Token, FOnConnect Callback)
{
	const bool bEnded = CurrentState == STERNA_STATE_IDLE || CurrentState == STERNA_STATE_DISCONNECTED;
	if (Client != nullptr && bStale && bEnded)
	{
		ReleaseClient();
	}
	if (Client == nullptr)
	{
		const SternaResult Opened = Open();
		if (Opened != STERNA_OK)
		{
			return Opened;
		}
	}
	const SternaResult Result = sterna_client_connect(Client, Token);
	if (Result == STERNA_OK)
	{
		CurrentState = STERNA_STATE_CONNECTING;
		ConnectCallback = std::move(Callback);
	}
	return Result;
}

SternaResult FSession::Disconnect()
{
	return Client == nullptr ? STERNA_ERROR_NOT_CONNECTED : sterna_client_disconnect(Client);
}

SternaResult FSession::Tick()
{
	if (Turn != nullptr)
	{
		return STERNA_ERROR_BUSY;
	}
	if (Client == nullptr)
	{
		return STERNA_OK;
	}
	SternaClient* const Served = Client;
	const SternaResult Updated = sterna_client_update(Served);
	if (Updated != STERNA_OK)
	{
		return Updated;
	}
	FTurn ThisTurn;
	Turn = &ThisTurn;
	const std::uint32_t EventsMax = Options.EventsPerTickMax == 0 ? 1 : Options.EventsPerTickMax;
	for (std::uint32_t Handed = 0; Handed < EventsMax; Handed++)
	{
		const SternaEvent* const Event = sterna_client_poll_event(Served);
		if (Event == nullptr)
		{
			break;
		}
		Dispatch(*Event, *this);
		if (ThisTurn.bSessionGone || Client != Served)
		{
			break;
		}
	}
	if (!ThisTurn.bSessionGone)
	{
		Turn = nullptr;
	}
	sterna_client_destroy(ThisTurn.Orphan);
	return STERNA_OK;
}

SternaResult FSession::Send(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload)
{
	return Client == nullptr ? STERNA_ERROR_NOT_CONNECTED
							 : sterna_client_send(Client, Ver, Cmd, Payload.Data, Payload.Size);
}

SternaResult FSession::RSend(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload)
{
	return Client == nullptr ? STERNA_ERROR_NOT_CONNECTED
							 : sterna_client_rsend(Client, Ver, Cmd, Payload.Data, Payload.Size);
}

SternaResult FSession::Request(std::uint8_t Ver, std::uint16_t Cmd, FBytes Payload, std::uint32_t TimeoutMs,
							   std::uint64_t& OutRequestId, FOnResponse Callback)
{
	OutRequestId = 0;
	if (Client == nullptr)
	{
		return STERNA_ERROR_NOT_CONNECTED;
	}
	const SternaResult Result =
		sterna_client_request(Client, Ver, Cmd, Payload.Data, Payload.Size, TimeoutMs, &OutRequestId);
	if (Result == STERNA_OK && Callback)
	{
		Responses[OutRequestId] = std::move(Callback);
	}
	return Result;
}

SternaResult FSession::Flush()
{
	return Client == nullptr ? STERNA_ERROR_NOT_CONNECTED : sterna_client_flush(Client);
}

SternaResult FSession::Migrate()
{
	if (Client == nullptr)
	{
		return STERNA_ERROR_NOT_CONNECTED;
	}
	if (RoomId() == 0)
	{
		return sterna_client_send_migrate(Client);
	}
	if (RoomOwner() == RoomMe())
	{
		std::uint64_t RequestId = 0;
		return MigrateRoom(RequestId);
	}
	return STERNA_ERROR_IN_ROOM;
}

SternaStats FSession::Stats() const
{
	SternaStats Stats = SternaStats();
	if (Client != nullptr)
	{
		sterna_client_stats(Client, &Stats, sizeof(Stats));
	}
	return Stats;
}

const char* FSession::LastError() const
{
	return sterna_last_error();
}

// A function of the listener may destroy the session: behind it nothing of this object is touched, unless the turn, which
// lives in Tick, says that it is still there.

void FSession::OnConnected(const FConnected& Connected)
{
	CurrentState = STERNA_STATE_CONNECTED;
	CurrentNode = Connected.Node;
	const FOnConnect Callback = std::exchange(ConnectCallback, nullptr);
	const FTurn* const ThisTurn = Turn;
	Listener.OnConnected(Connected);
	if (Callback && !ThisTurn->bSessionGone)
	{
		Callback({STERNA_OK, ""}, Connected.Node);
	}
}

void FSession::OnConnectFailed(const FEnded& Ended)
{
	CurrentState = STERNA_STATE_DISCONNECTED;
	CurrentNode.clear();
	const FOnConnect Callback = std::exchange(ConnectCallback, nullptr);
	const FTurn* const ThisTurn = Turn;
	Listener.OnConnectFailed(Ended);
	if (Callback && !ThisTurn->bSessionGone)
	{
		Callback(Ended, "");
	}
}

void FSession::OnDisconnected(const FEnded& Ended)
{
	CurrentState = STERNA_STATE_DISCONNECTED;
	CurrentNode.clear();
	Offline = FOffline();
	Listener.OnDisconnected(Ended);
}

void FSession::OnReconnecting(const FEnded& Ended)
{
	CurrentState = STERNA_STATE_RECONNECTING;
	Listener.OnReconnecting(Ended);
}

/** Somebody serves the session; if somebody else than before, it is not offline. */
void FSession::Moved(const char* Node)
{
	CurrentState = STERNA_STATE_CONNECTED;
	if (CurrentNode != Node)
	{
		CurrentNode = Node;
		Offline = FOffline();
	}
}

void FSession::OnReconnected(const FReconnected& Reconnected)
{
	Moved(Reconnected.Node);
	Listener.OnReconnected(Reconnected);
}

void FSession::OnOffline(const FOffline& InOffline)
{
	Offline = InOffline;
	const FTurn* const ThisTurn = Turn;
	Listener.OnOffline(InOffline);
	if (!ThisTurn->bSessionGone && Options.bMigrateAtOnce)
	{
		// A refusal is no loss: the server moves session and room in time.
		(void)Migrate();
	}
}

void FSession::OnMigrating(const FMigrating& Migrating)
{
	CurrentState = STERNA_STATE_MIGRATING;
	Listener.OnMigrating(Migrating);
}

void FSession::OnMigrated(const FMigrated& Migrated)
{
	Moved(Migrated.Node);
	Listener.OnMigrated(Migrated);
}

void FSession::OnMigrateFailed(const FEnded& Ended)
{
	CurrentState = STERNA_STATE_CONNECTED;
	Listener.OnMigrateFailed(Ended);
}

void FSession::OnTookOver(const FTookOver& TookOver)
{
	Moved(TookOver.Node);
	Listener.OnTookOver(TookOver);
}

void FSession::OnResponse(const FResponse& Response)
{
	FOnResponse Callback;
	const auto Found = Responses.find(Response.RequestId);
	if (Found != Responses.end())
	{
		Callback = std::move(Found->second);
		Responses.erase(Found);
	}
	const FTurn* const ThisTurn = Turn;
	Listener.OnResponse(Response);
	if (Callback && !ThisTurn->bSessionGone)
	{
		Callback(Response);
	}
}

void FSession::OnRoomResult(const FRoomResult& Result)
{
	FOnRoomResult Callback;
	const auto Found = RoomResults.find(Result.RequestId);
	if (Found != RoomResults.end())
	{
		Callback = std::move(Found->second);
		RoomResults.erase(Found);
	}
	const FTurn* const ThisTurn = Turn;
	Listener.OnRoomResult(Result);
	if (Callback && !ThisTurn->bSessionGone)
	{
		Callback(Result);
	}
}

} // namespace SternaCore
