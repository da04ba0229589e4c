#pragma once

#include "Containers/Ticker.h"
#include "CoreMinimal.h"
#include "SternaEvents.h"
#include "Subsystems/GameInstanceSubsystem.h"
#include "Templates/Function.h"
#include "Templates/SharedPointer.h"
#include "UObject/ObjectPtr.h"

#include "SternaSubsystem.generated.h"

class FSternaLink;
class USternaRoom;

/**
 * The player's connection to a Sterna cluster; lives as long as the game instance, across levels.
 *
 *     USternaSubsystem* Sterna = GetGameInstance()->GetSubsystem<USternaSubsystem>();
 *     Sterna->OnPush.AddDynamic(this, &UMyGame::HandlePush);
 *     Sterna->Connect(TokenFromTheBackend);
 *
 * Everything belongs to the game thread: events are told once per frame, also of a paused game, and all functions are
 * called there. The library's own thread, one per process, never calls the game; it keeps the session alive while a level
 * loads. Each player of a play-in-editor session has a game instance, and so a session, of their own.
 */
UCLASS(BlueprintType)
class STERNA_API USternaSubsystem : public UGameInstanceSubsystem
{
	GENERATED_BODY()

public:
	/** Connect succeeded: the session has begun. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaConnectedSignature OnConnected;
	FSternaConnectedNative OnConnectedNative;

	/** Connect failed; it may be called again. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaConnectFailedSignature OnConnectFailed;
	FSternaConnectFailedNative OnConnectFailedNative;

	/** The session has ended, for good; Connect begins a new one. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaDisconnectedSignature OnDisconnected;
	FSternaDisconnectedNative OnDisconnectedNative;

	/** The link broke, and is restored without the game's doing. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaReconnectingSignature OnReconnecting;
	FSternaReconnectingNative OnReconnectingNative;

	/** The link is restored. No reliable message was lost. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaReconnectedSignature OnReconnected;
	FSternaReconnectedNative OnReconnectedNative;

	/** The node goes offline. Answer with Send Migrate, now or later, unless Migrate At Once does it. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaOfflineSignature OnOffline;
	FSternaOfflineNative OnOfflineNative;

	/** Another node is prepared, and the client attaches to it. Play goes on. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaMigratingSignature OnMigrating;
	FSternaMigratingNative OnMigratingNative;

	/** Another node serves the session now. Nothing was lost or repeated; nothing needs to be done. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaMigratedSignature OnMigrated;
	FSternaMigratedNative OnMigratedNative;

	/** The move failed, and play goes on where it was. The game may ask again. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaMigrateFailedSignature OnMigrateFailed;
	FSternaMigrateFailedNative OnMigrateFailedNative;

	/** The node crashed, and another one went on from the last snapshot: messages to the server may be gone. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaTookOverSignature OnTookOver;
	FSternaTookOverNative OnTookOverNative;

	/** A request was answered, or will not be. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaResponseSignature OnResponse;
	FSternaResponseNative OnResponseNative;

	/** The server sent a message. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaPushSignature OnPush;
	FSternaPushNative OnPushNative;

	/** The library has something to say. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna")
	FSternaLogSignature OnLog;
	FSternaLogNative OnLogNative;

	/**
	 * Begins to connect, with a token from the game's backend; On Connected or On Connect Failed follows, unless this does
	 * not return Ok.
	 */
	UFUNCTION(BlueprintCallable, Category = "Sterna", meta = (DisplayName = "Connect"))
	ESternaResult Connect(const FString& Token);

	/** Likewise, and tells how it ended, once: Ok and the node, or what is wrong. */
	ESternaResult Connect(const FString& Token, TFunction<void(ESternaResult Result, const FString& NodeOrReason)> Callback);

	/** Ends the session: reliable messages sent before still go out, On Disconnected follows. */
	UFUNCTION(BlueprintCallable, Category = "Sterna")
	ESternaResult Disconnect();

	/** Sends a message: unreliably over UDP, reliably over TCP. Ver is 2 or above, Cmd from 0 to 65,535. */
	UFUNCTION(BlueprintCallable, Category = "Sterna")
	ESternaResult Send(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload);

	/** Sends a message reliably: it arrives exactly once and in order, across moves and broken links. */
	UFUNCTION(BlueprintCallable, Category = "Sterna", meta = (DisplayName = "Send Reliably"))
	ESternaResult RSend(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload);

	/**
	 * Sends a message that is answered by one On Response with this number, at the latest after TimeoutMs; 0 stands for
	 * the setting.
	 */
	UFUNCTION(BlueprintCallable, Category = "Sterna")
	ESternaResult Request(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload, int32 TimeoutMs, int64& RequestId);

	/** Likewise, and tells the answer, once, after On Response. */
	ESternaResult Request(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload,
						  TFunction<void(const FSternaResponseArgs& Response)> Callback, int32 TimeoutMs = 0);

	/**
	 * The answer to On Offline, at whichever moment suits the game. On Migrated or On Migrate Failed follows. In a room it
	 * asks for the move of the room, if the user owns it; for others it is In Room, and nothing needs to be done.
	 */
	UFUNCTION(BlueprintCallable, Category = "Sterna")
	ESternaResult SendMigrate();

	/** Sends what is queued at once, without waiting for the next frame. */
	UFUNCTION(BlueprintCallable, Category = "Sterna")
	ESternaResult Flush();

	/** The room that the user is in, at most one; the object is always there. */
	UFUNCTION(BlueprintPure, Category = "Sterna")
	USternaRoom* GetRoom() const { return Room; }

	UFUNCTION(BlueprintPure, Category = "Sterna")
	ESternaState GetState() const;

	/** The node that serves the session; empty if none does. */
	UFUNCTION(BlueprintPure, Category = "Sterna")
	FString GetNode() const;

	/** Whether the node goes offline, and the session has not moved yet. */
	UFUNCTION(BlueprintPure, Category = "Sterna")
	bool IsOffline() const;

	/** Round trip, moves and other figures. */
	UFUNCTION(BlueprintPure, Category = "Sterna")
	FSternaStats GetStats() const;

	/** What the last call that did not return Ok has to say. */
	UFUNCTION(BlueprintPure, Category = "Sterna")
	FString GetLastError() const;

	/**
	 * For development: connects as this user to `sterna serve --dev`, at the address in the project settings, without a
	 * backend. Events follow as with Connect. Not in shipping builds.
	 */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Development")
	void ConnectForDevelopment(const FString& User);

	/**
	 * For development: takes the node that serves the session away, for good. It goes offline, its players move, it stops
	 * at the deadline; 0 stands for the setting. Also the console command Sterna.SimulateScaleIn. Not in shipping builds.
	 */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Development")
	void SimulateScaleIn(float DeadlineSeconds = 0.0f);

	//~ Begin USubsystem Interface
	virtual void Initialize(FSubsystemCollectionBase& Collection) override;
	virtual void Deinitialize() override;
	//~ End USubsystem Interface

private:
	friend class FSternaLink;
	friend class USternaRoom;

	/** Once per frame of the engine; whether there is to be another one. */
	bool Tick(float DeltaTime);

	/** Null if nothing can be done now; then OutProblem says why. */
	FSternaLink* FindLink(ESternaResult& OutProblem) const;

	/** Asks the server's operators, and hands over what they say; Status is 0 if nobody answers. */
	void AskDevServer(const FString& Url, const FString& Body, TFunction<void(int32 Status, const FString& Answer)> Callback);

	UPROPERTY()
	TObjectPtr<USternaRoom> Room;

	/** There between Initialize and Deinitialize. Shared, because the headers that UHT writes do not know its type. */
	TSharedPtr<FSternaLink> Link;

	/** Used again for each message, so that its payload costs no memory. */
	FSternaPushArgs PushArgs;
	FSternaResponseArgs ResponseArgs;

	FTSTicker::FDelegateHandle Ticker;

	/** Tick is under way, so that it is the one that ends the ticker. */
	bool bInTick = false;

	/** The library has stopped this client: told once, not in each frame. */
	bool bBroken = false;
};
