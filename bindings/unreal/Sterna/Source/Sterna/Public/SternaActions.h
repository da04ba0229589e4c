// Blueprint nodes that go on when what they asked for has ended, by one of their outputs, once.

#pragma once

#include "CoreMinimal.h"
#include "Kismet/BlueprintAsyncActionBase.h"
#include "SternaRoomEvents.h"
#include "SternaTypes.h"
#include "Templates/Function.h"
#include "UObject/WeakObjectPtrTemplates.h"

#include "SternaActions.generated.h"

class USternaSubsystem;

/** What the nodes have in common. A node whose game ends meanwhile goes on by no output. */
UCLASS(Abstract)
class STERNA_API USternaAction : public UBlueprintAsyncActionBase
{
	GENERATED_BODY()

protected:
	/** Null outside of a game. */
	USternaSubsystem* GetSubsystem() const;

	TWeakObjectPtr<UObject> WorldContext;
};

DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FSternaConnectOutput, ESternaResult, Result, const FString&, NodeOrReason);

UCLASS()
class STERNA_API USternaConnectAction : public USternaAction
{
	GENERATED_BODY()

public:
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaConnectOutput OnConnected;

	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaConnectOutput OnFailed;

	/** Connects with a token from the game's backend. */
	UFUNCTION(BlueprintCallable, Category = "Sterna",
			  meta = (BlueprintInternalUseOnly = "true", WorldContext = "WorldContextObject", DisplayName = "Connect to Sterna"))
	static USternaConnectAction* ConnectToSterna(UObject* WorldContextObject, const FString& Token);

	virtual void Activate() override;

private:
	void Finish(ESternaResult Result, const FString& NodeOrReason);

	FString Token;
};

DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FSternaRequestOutput, ESternaResult, Result, const TArray<uint8>&, Payload);

UCLASS()
class STERNA_API USternaRequestAction : public USternaAction
{
	GENERATED_BODY()

public:
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaRequestOutput OnAnswered;

	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaRequestOutput OnFailed;

	/** Sends a message and waits for its answer; a TimeoutMs of 0 stands for the setting. */
	UFUNCTION(BlueprintCallable, Category = "Sterna",
			  meta = (BlueprintInternalUseOnly = "true", WorldContext = "WorldContextObject",
					  DisplayName = "Request from Sterna"))
	static USternaRequestAction* RequestFromSterna(UObject* WorldContextObject, uint8 Ver, int32 Cmd,
												   const TArray<uint8>& Payload, int32 TimeoutMs);

	virtual void Activate() override;

private:
	void Finish(ESternaResult Result, const TArray<uint8>& Answer);

	uint8 Ver = 0;
	int32 Cmd = 0;
	int32 TimeoutMs = 0;
	TArray<uint8> Payload;
};

DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FSternaRoomOutput, ESternaResult, Result, int64, RoomId);

UCLASS()
class STERNA_API USternaRoomAction : public USternaAction
{
	GENERATED_BODY()

public:
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaRoomOutput OnEntered;

	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaRoomOutput OnFailed;

	/** Makes a room and joins it. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room",
			  meta = (BlueprintInternalUseOnly = "true", WorldContext = "WorldContextObject", DisplayName = "Create Sterna Room"))
	static USternaRoomAction* CreateSternaRoom(UObject* WorldContextObject, const FSternaRoomConfig& Config);

	/** Joins this room, wherever it is. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room",
			  meta = (BlueprintInternalUseOnly = "true", WorldContext = "WorldContextObject", DisplayName = "Join Sterna Room"))
	static USternaRoomAction* JoinSternaRoom(UObject* WorldContextObject, int64 RoomId);

	/** Joins any listed room that fits all conditions; if there is none, makes one by Config if bCreate is set. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room",
			  meta = (BlueprintInternalUseOnly = "true", WorldContext = "WorldContextObject",
					  DisplayName = "Join Random Sterna Room"))
	static USternaRoomAction* JoinRandomSternaRoom(UObject* WorldContextObject, const TArray<FSternaRoomCondition>& Conditions,
												   bool bCreate, const FSternaRoomConfig& Config);

	virtual void Activate() override;

private:
	using FBegin = TFunction<ESternaResult(class USternaRoom& Room, TFunction<void(const FSternaRoomResultArgs&)> Callback)>;

	static USternaRoomAction* Make(UObject* WorldContextObject, FBegin Begin);
	void Finish(ESternaResult Result, int64 RoomId);

	FBegin Begin;
};
