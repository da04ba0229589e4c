#include "SternaLink.h"

#include "SternaConvert.h"
#include "SternaLog.h"
#include "SternaRoom.h"
#include "SternaSettings.h"
#include "SternaSubsystem.h"

using SternaConvert::ToResult;
using SternaConvert::ToText;

FSternaLink::FSternaLink(USternaSubsystem& InSubsystem, USternaRoom& InRoom)
	: Session(*this, OptionsOf(*GetDefault<USternaSettings>())), Subsystem(InSubsystem), Room(InRoom)
{
}

SternaCore::FOptions FSternaLink::OptionsOf(const USternaSettings& Settings)
{
	SternaCore::FOptions Options;
	Options.Transport = static_cast<SternaTransport>(Settings.Transport);
	Options.MoveMode = static_cast<SternaMoveMode>(Settings.MoveMode);
	Options.LogLevel = static_cast<SternaLogLevel>(Settings.LogLevel);
	Options.ConnectTimeoutMs = SternaConvert::Unsigned(Settings.ConnectTimeoutMs);
	Options.ResumeTimeoutMs = SternaConvert::Unsigned(Settings.ResumeTimeoutMs);
	Options.RequestTimeoutMs = SternaConvert::Unsigned(Settings.RequestTimeoutMs);
	Options.MessageBytesMax = SternaConvert::Unsigned(Settings.MessageBytesMax);
	Options.SimulatorDelayMs = SternaConvert::Unsigned(Settings.SimulatorDelayMs);
	Options.SimulatorJitterMs = SternaConvert::Unsigned(Settings.SimulatorJitterMs);
	Options.SimulatorLossPercent = SternaConvert::Unsigned(Settings.SimulatorLossPercent);
	Options.bMigrateAtOnce = Settings.bMigrateAtOnce;
	Options.EventsPerTickMax = SternaConvert::Unsigned(Settings.EventsPerFrameMax);
	return Options;
}

template <typename NativeType, typename DynamicType, typename ArgsType>
void FSternaLink::Tell(const NativeType& Native, const DynamicType& Dynamic, const ArgsType& Args)
{
	USternaSubsystem& Owner = Subsystem;
	Native.Broadcast(Args);
	// For Blueprint the arguments are copied, whether anybody is bound or not.
	if (Owner.Link.IsValid() && Dynamic.IsBound())
	{
		Dynamic.Broadcast(Args);
	}
}

void FSternaLink::OnConnected(const SternaCore::FConnected& Event)
{
	FSternaConnectedArgs Args;
	Args.SessionId = static_cast<int64>(Event.SessionId);
	Args.Node = ToText(Event.Node);
	UE_LOG(LogSterna, Log, TEXT("Connected to %s."), *Args.Node);
	Tell(Subsystem.OnConnectedNative, Subsystem.OnConnected, Args);
}

void FSternaLink::OnConnectFailed(const SternaCore::FEnded& Event)
{
	FSternaConnectFailedArgs Args;
	Args.Result = ToResult(Event.Result);
	Args.Reason = ToText(Event.Reason);
	UE_LOG(LogSterna, Warning, TEXT("Connecting failed: %s"), *Args.Reason);
	Tell(Subsystem.OnConnectFailedNative, Subsystem.OnConnectFailed, Args);
}

void FSternaLink::OnDisconnected(const SternaCore::FEnded& Event)
{
	FSternaDisconnectedArgs Args;
	Args.Result = ToResult(Event.Result);
	Args.Reason = ToText(Event.Reason);
	UE_LOG(LogSterna, Log, TEXT("Disconnected: %s"), *Args.Reason);
	Tell(Subsystem.OnDisconnectedNative, Subsystem.OnDisconnected, Args);
}

void FSternaLink::OnReconnecting(const SternaCore::FEnded& Event)
{
	FSternaReconnectingArgs Args;
	Args.Result = ToResult(Event.Result);
	Args.Reason = ToText(Event.Reason);
	UE_LOG(LogSterna, Log, TEXT("Reconnecting: %s"), *Args.Reason);
	Tell(Subsystem.OnReconnectingNative, Subsystem.OnReconnecting, Args);
}

void FSternaLink::OnReconnected(const SternaCore::FReconnected& Event)
{
	FSternaReconnectedArgs Args;
	Args.Epoch = static_cast<int64>(Event.Epoch);
	Args.Node = ToText(Event.Node);
	Tell(Subsystem.OnReconnectedNative, Subsystem.OnReconnected, Args);
}

void FSternaLink::OnOffline(const SternaCore::FOffline& Event)
{
	FSternaOfflineArgs Args;
	Args.Epoch = static_cast<int64>(Event.Epoch);
	Args.DeadlineMs = static_cast<int64>(Event.DeadlineMs);
	Args.Reason = static_cast<ESternaOfflineReason>(Event.Reason);
	Args.bInRoom = Event.bInRoom;
	UE_LOG(LogSterna, Log, TEXT("The node goes offline, %lld ms left."), static_cast<long long>(Args.DeadlineMs));
	Tell(Subsystem.OnOfflineNative, Subsystem.OnOffline, Args);
}

void FSternaLink::OnMigrating(const SternaCore::FMigrating& Event)
{
	FSternaMigratingArgs Args;
	Args.Epoch = static_cast<int64>(Event.Epoch);
	Tell(Subsystem.OnMigratingNative, Subsystem.OnMigrating, Args);
}

void FSternaLink::OnMigrated(const SternaCore::FMigrated& Event)
{
	FSternaMigratedArgs Args;
	Args.Epoch = static_cast<int64>(Event.Epoch);
	Args.GapUs = static_cast<int64>(Event.GapUs);
	Args.Node = ToText(Event.Node);
	UE_LOG(LogSterna, Log, TEXT("Migrated to %s, gap %lld us."), *Args.Node, static_cast<long long>(Args.GapUs));
	Tell(Subsystem.OnMigratedNative, Subsystem.OnMigrated, Args);
}

void FSternaLink::OnMigrateFailed(const SternaCore::FEnded& Event)
{
	FSternaMigrateFailedArgs Args;
	Args.Result = ToResult(Event.Result);
	Args.Reason = ToText(Event.Reason);
	UE_LOG(LogSterna, Log, TEXT("Play goes on where it was: %s"), *Args.Reason);
	Tell(Subsystem.OnMigrateFailedNative, Subsystem.OnMigrateFailed, Args);
}

void FSternaLink::OnTookOver(const SternaCore::FTookOver& Event)
{
	FSternaTookOverArgs Args;
	Args.Epoch = static_cast<int64>(Event.Epoch);
	Args.LostFrom = static_cast<int64>(Event.LostFrom);
	Args.LostTo = static_cast<int64>(Event.LostTo);
	Args.Node = ToText(Event.Node);
	UE_LOG(LogSterna, Warning, TEXT("A node crashed; %s took over."), *Args.Node);
	Tell(Subsystem.OnTookOverNative, Subsystem.OnTookOver, Args);
}

void SternaFillResponse(const SternaCore::FResponse& Event, FSternaResponseArgs& Out)
{
	Out.RequestId = static_cast<int64>(Event.RequestId);
	Out.Result = ToResult(Event.Result);
	Out.Ver = Event.Ver;
	Out.Cmd = Event.Cmd;
	SternaConvert::CopyBytes(Event.Payload.Data, Event.Payload.Size, Out.Payload);
}

void FSternaLink::OnResponse(const SternaCore::FResponse& Event)
{
	SternaFillResponse(Event, Subsystem.ResponseArgs);
	Tell(Subsystem.OnResponseNative, Subsystem.OnResponse, Subsystem.ResponseArgs);
}

void FSternaLink::OnPush(const SternaCore::FPush& Event)
{
	FSternaPushArgs& Args = Subsystem.PushArgs;
	Args.Ver = Event.Ver;
	Args.Cmd = Event.Cmd;
	Args.bReliable = Event.bReliable;
	SternaConvert::CopyBytes(Event.Payload.Data, Event.Payload.Size, Args.Payload);
	Tell(Subsystem.OnPushNative, Subsystem.OnPush, Args);
}

void FSternaLink::OnLog(const SternaCore::FLog& Event)
{
	FSternaLogArgs Args;
	Args.Level = static_cast<ESternaLogLevel>(Event.Level);
	Args.Text = ToText(Event.Text);
	switch (Args.Level)
	{
	case ESternaLogLevel::Error:
		UE_LOG(LogSterna, Error, TEXT("%s"), *Args.Text);
		break;
	case ESternaLogLevel::Warn:
		UE_LOG(LogSterna, Warning, TEXT("%s"), *Args.Text);
		break;
	default:
		UE_LOG(LogSterna, Log, TEXT("%s"), *Args.Text);
		break;
	}
	Tell(Subsystem.OnLogNative, Subsystem.OnLog, Args);
}

void FSternaLink::OnRoomEntered(const SternaCore::FRoomEntered& Event)
{
	FSternaRoomEnteredArgs Args;
	Args.RoomId = static_cast<int64>(Event.RoomId);
	Args.Member = static_cast<int64>(Event.Me);
	Args.Owner = static_cast<int64>(Event.Owner);
	Args.MemberCount = static_cast<int32>(Event.MemberCount);
	Args.MembersMax = static_cast<int32>(Event.MembersMax);
	Tell(Room.OnRoomEnteredNative, Room.OnRoomEntered, Args);
}

void FSternaLink::OnRoomExited(const SternaCore::FRoomExited& Event)
{
	FSternaRoomExitedArgs Args;
	Args.RoomId = static_cast<int64>(Event.RoomId);
	Args.Result = ToResult(Event.Result);
	Args.Reason = ToText(Event.Reason);
	Tell(Room.OnRoomExitedNative, Room.OnRoomExited, Args);
}

void FSternaLink::OnRoomMemberJoined(const SternaCore::FRoomMemberJoined& Event)
{
	FSternaRoomMemberJoinedArgs Args;
	Args.Member = static_cast<int64>(Event.Member);
	Args.User = ToText(Event.User);
	Tell(Room.OnRoomMemberJoinedNative, Room.OnRoomMemberJoined, Args);
}

void FSternaLink::OnRoomMemberLeft(const SternaCore::FRoomMemberLeft& Event)
{
	FSternaRoomMemberLeftArgs Args;
	Args.Member = static_cast<int64>(Event.Member);
	Args.Result = ToResult(Event.Result);
	Args.User = ToText(Event.User);
	Tell(Room.OnRoomMemberLeftNative, Room.OnRoomMemberLeft, Args);
}

void FSternaLink::OnRoomMessage(const SternaCore::FRoomMessage& Event)
{
	FSternaRoomMessageArgs& Args = Room.MessageArgs;
	Args.Member = static_cast<int64>(Event.Member);
	Args.User = ToText(Event.User);
	Args.Ver = Event.Ver;
	Args.Cmd = Event.Cmd;
	SternaConvert::CopyBytes(Event.Payload.Data, Event.Payload.Size, Args.Payload);
	Tell(Room.OnRoomMessageNative, Room.OnRoomMessage, Args);
}

void FSternaLink::OnRoomOwnerChanged(const SternaCore::FRoomOwnerChanged& Event)
{
	FSternaRoomOwnerChangedArgs Args;
	Args.Owner = static_cast<int64>(Event.Owner);
	Args.User = ToText(Event.User);
	Tell(Room.OnRoomOwnerChangedNative, Room.OnRoomOwnerChanged, Args);
}

void FSternaLink::OnRoomProperty(const SternaCore::FRoomProperty& Event)
{
	FSternaRoomPropertyArgs Args;
	Args.Key = ToText(Event.Key);
	Args.Value = SternaConvert::ToValue(*Event.Value);
	Args.Member = static_cast<int64>(Event.Member);
	Tell(Room.OnRoomPropertyNative, Room.OnRoomProperty, Args);
}

void FSternaLink::OnRoomSync(const SternaCore::FRoomSync& Event)
{
	FSternaRoomSyncArgs& Args = Room.SyncArgs;
	Args.Key = ToText(Event.Key);
	SternaConvert::CopyBytes(Event.Value.Data, Event.Value.Size, Args.Value);
	Args.Member = static_cast<int64>(Event.Member);
	Tell(Room.OnRoomSyncNative, Room.OnRoomSync, Args);
}

void FSternaLink::OnRoomResult(const SternaCore::FRoomResult& Event)
{
	FSternaRoomResultArgs Args;
	Args.RequestId = static_cast<int64>(Event.RequestId);
	Args.Result = ToResult(Event.Result);
	Args.Value = SternaConvert::ToValue(*Event.Value);
	Args.RoomId = static_cast<int64>(Event.RoomId);
	Tell(Room.OnRoomResultNative, Room.OnRoomResult, Args);
}

void FSternaLink::OnRoomMigrated(const SternaCore::FRoomMigrated& Event)
{
	FSternaRoomMigratedArgs Args;
	Args.RoomId = static_cast<int64>(Event.RoomId);
	Args.Epoch = static_cast<int64>(Event.Epoch);
	Tell(Room.OnRoomMigratedNative, Room.OnRoomMigrated, Args);
}

void FSternaLink::OnRoomRefreshed(const SternaCore::FRoomRefreshed& Event)
{
	FSternaRoomRefreshedArgs Args;
	Args.RoomId = static_cast<int64>(Event.RoomId);
	Tell(Room.OnRoomRefreshedNative, Room.OnRoomRefreshed, Args);
}
