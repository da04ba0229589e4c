#include "SternaActions.h"

#include "Engine/Engine.h"
#include "Engine/GameInstance.h"
#include "Engine/World.h"
#include "SternaRoom.h"
#include "SternaSubsystem.h"

USternaSubsystem* USternaAction::GetSubsystem() const
{
	const UWorld* const World =
		GEngine != nullptr ? GEngine->GetWorldFromContextObject(WorldContext.Get(), EGetWorldErrorMode::LogAndReturnNull) : nullptr;
	UGameInstance* const GameInstance = World != nullptr ? World->GetGameInstance() : nullptr;
	return GameInstance != nullptr ? GameInstance->GetSubsystem<USternaSubsystem>() : nullptr;
}

USternaConnectAction* USternaConnectAction::ConnectToSterna(UObject* WorldContextObject, const FString& InToken)
{
	USternaConnectAction* const Action = NewObject<USternaConnectAction>();
	Action->WorldContext = WorldContextObject;
	Action->Token = InToken;
	Action->RegisterWithGameInstance(WorldContextObject);
	return Action;
}

void USternaConnectAction::Activate()
{
	USternaSubsystem* const Subsystem = GetSubsystem();
	if (Subsystem == nullptr)
	{
		Finish(ESternaResult::ShutDown, TEXT("There is no game here to connect from."));
		return;
	}
	const TWeakObjectPtr<USternaConnectAction> WeakThis(this);
	const ESternaResult Result = Subsystem->Connect(Token, [WeakThis](ESternaResult Ended, const FString& NodeOrReason)
	{
		if (USternaConnectAction* const This = WeakThis.Get())
		{
			This->Finish(Ended, NodeOrReason);
		}
	});
	if (Result != ESternaResult::Ok)
	{
		Finish(Result, Subsystem->GetLastError());
	}
}

void USternaConnectAction::Finish(ESternaResult Result, const FString& NodeOrReason)
{
	(Result == ESternaResult::Ok ? OnConnected : OnFailed).Broadcast(Result, NodeOrReason);
	SetReadyToDestroy();
}

USternaRequestAction* USternaRequestAction::RequestFromSterna(UObject* WorldContextObject, uint8 InVer, int32 InCmd,
															  const TArray<uint8>& InPayload, int32 InTimeoutMs)
{
	USternaRequestAction* const Action = NewObject<USternaRequestAction>();
	Action->WorldContext = WorldContextObject;
	Action->Ver = InVer;
	Action->Cmd = InCmd;
	Action->Payload = InPayload;
	Action->TimeoutMs = InTimeoutMs;
	Action->RegisterWithGameInstance(WorldContextObject);
	return Action;
}

void USternaRequestAction::Activate()
{
	USternaSubsystem* const Subsystem = GetSubsystem();
	if (Subsystem == nullptr)
	{
		Finish(ESternaResult::ShutDown, TArray<uint8>());
		return;
	}
	const TWeakObjectPtr<USternaRequestAction> WeakThis(this);
	const ESternaResult Result = Subsystem->Request(
		Ver, Cmd, Payload,
		[WeakThis](const FSternaResponseArgs& Response)
		{
			if (USternaRequestAction* const This = WeakThis.Get())
			{
				This->Finish(Response.Result, Response.Payload);
			}
		},
		TimeoutMs);
	if (Result != ESternaResult::Ok)
	{
		Finish(Result, TArray<uint8>());
	}
}

void USternaRequestAction::Finish(ESternaResult Result, const TArray<uint8>& Answer)
{
	(Result == ESternaResult::Ok ? OnAnswered : OnFailed).Broadcast(Result, Answer);
	SetReadyToDestroy();
}

USternaRoomAction* USternaRoomAction::Make(UObject* WorldContextObject, FBegin InBegin)
{
	USternaRoomAction* const Action = NewObject<USternaRoomAction>();
	Action->WorldContext = WorldContextObject;
	Action->Begin = MoveTemp(InBegin);
	Action->RegisterWithGameInstance(WorldContextObject);
	return Action;
}

USternaRoomAction* USternaRoomAction::CreateSternaRoom(UObject* WorldContextObject, const FSternaRoomConfig& Config)
{
	return Make(WorldContextObject, [Config](USternaRoom& Room, FSternaRoomCallback Callback)
	{
		return Room.CreateRoom(Config, MoveTemp(Callback));
	});
}

USternaRoomAction* USternaRoomAction::JoinSternaRoom(UObject* WorldContextObject, int64 RoomId)
{
	return Make(WorldContextObject, [RoomId](USternaRoom& Room, FSternaRoomCallback Callback)
	{
		return Room.JoinRoom(RoomId, MoveTemp(Callback));
	});
}

USternaRoomAction* USternaRoomAction::JoinRandomSternaRoom(UObject* WorldContextObject,
														   const TArray<FSternaRoomCondition>& Conditions, bool bCreate,
														   const FSternaRoomConfig& Config)
{
	return Make(WorldContextObject, [Conditions, bCreate, Config](USternaRoom& Room, FSternaRoomCallback Callback)
	{
		return Room.JoinRandomRoom(Conditions, bCreate ? &Config : nullptr, MoveTemp(Callback));
	});
}

void USternaRoomAction::Activate()
{
	USternaSubsystem* const Subsystem = GetSubsystem();
	if (Subsystem == nullptr)
	{
		Finish(ESternaResult::ShutDown, 0);
		return;
	}
	const TWeakObjectPtr<USternaRoomAction> WeakThis(this);
	const ESternaResult Result = Begin(*Subsystem->GetRoom(), [WeakThis](const FSternaRoomResultArgs& Ended)
	{
		if (USternaRoomAction* const This = WeakThis.Get())
		{
			This->Finish(Ended.Result, Ended.RoomId);
		}
	});
	if (Result != ESternaResult::Ok)
	{
		Finish(Result, 0);
	}
}

void USternaRoomAction::Finish(ESternaResult Result, int64 RoomId)
{
	(Result == ESternaResult::Ok ? OnEntered : OnFailed).Broadcast(Result, RoomId);
	SetReadyToDestroy();
}
