// What the session tells: arguments and delegates of USternaSubsystem.
//
// Each event comes twice: as a dynamic delegate for Blueprint (OnX) and as a native one for C++ (OnXNative), which is told
// first. The comments of sterna.h say when each comes and what follows it.

#pragma once

#include "CoreMinimal.h"
#include "SternaTypes.h"

#include "SternaEvents.generated.h"

/** Connect succeeded: the session has begun. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaConnectedArgs
{
	GENERATED_BODY()

	/** For the game's logs. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 SessionId = 0;

	/** Which node serves it. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Node;
};

/** Connect failed; it may be called again. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaConnectFailedArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaResult Result = ESternaResult::Ok;

	/** What went wrong, in English. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Reason;
};

/** The session has ended, for good; Connect begins a new one. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaDisconnectedArgs
{
	GENERATED_BODY()

	/** Ok if the game asked for it. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaResult Result = ESternaResult::Ok;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Reason;
};

/** The link broke, and is restored without the game's doing. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaReconnectingArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaResult Result = ESternaResult::Ok;

	/** What went wrong, in English. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Reason;
};

/** The link is restored. No reliable message was lost. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaReconnectedArgs
{
	GENERATED_BODY()

	/** How often the session has changed its owner. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Epoch = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Node;
};

/** The node goes offline. Answer with Send Migrate, now or later, unless Migrate At Once does it. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaOfflineArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Epoch = 0;

	/** Milliseconds until the session is moved without asking. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 DeadlineMs = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaOfflineReason Reason = ESternaOfflineReason::None;

	/** The user is in a room, which moves as a whole: only its owner may ask. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	bool bInRoom = false;
};

/** Another node is prepared, and the client attaches to it. Play goes on. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaMigratingArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Epoch = 0;
};

/** Another node serves the session now. Nothing was lost or repeated; nothing needs to be done. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaMigratedArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Epoch = 0;

	/** Microseconds between the last message from the old node and the first from the new one. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 GapUs = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Node;
};

/** The move failed, and play goes on where it was. The game may ask again. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaMigrateFailedArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaResult Result = ESternaResult::Ok;

	/** What went wrong, in English. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Reason;
};

/** The node crashed, and another one went on from the last snapshot: messages to the server may be gone. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaTookOverArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Epoch = 0;

	/** First message to the server that is gone, counted from the session's start ... */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 LostFrom = 0;

	/** ... and the first that is not gone any more; equal if none is. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 LostTo = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Node;
};

/** A request was answered, or will not be. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaResponseArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 RequestId = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaResult Result = ESternaResult::Ok;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	uint8 Ver = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int32 Cmd = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	TArray<uint8> Payload;
};

/** The server sent a message. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaPushArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	uint8 Ver = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int32 Cmd = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	bool bReliable = false;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	TArray<uint8> Payload;
};

/** The library has something to say. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaLogArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaLogLevel Level = ESternaLogLevel::Info;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Text;
};

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaConnectedSignature, const FSternaConnectedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaConnectFailedSignature, const FSternaConnectFailedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaDisconnectedSignature, const FSternaDisconnectedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaReconnectingSignature, const FSternaReconnectingArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaReconnectedSignature, const FSternaReconnectedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaOfflineSignature, const FSternaOfflineArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaMigratingSignature, const FSternaMigratingArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaMigratedSignature, const FSternaMigratedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaMigrateFailedSignature, const FSternaMigrateFailedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaTookOverSignature, const FSternaTookOverArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaResponseSignature, const FSternaResponseArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaPushSignature, const FSternaPushArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaLogSignature, const FSternaLogArgs&, Args);

DECLARE_MULTICAST_DELEGATE_OneParam(FSternaConnectedNative, const FSternaConnectedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaConnectFailedNative, const FSternaConnectFailedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaDisconnectedNative, const FSternaDisconnectedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaReconnectingNative, const FSternaReconnectingArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaReconnectedNative, const FSternaReconnectedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaOfflineNative, const FSternaOfflineArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaMigratingNative, const FSternaMigratingArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaMigratedNative, const FSternaMigratedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaMigrateFailedNative, const FSternaMigrateFailedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaTookOverNative, const FSternaTookOverArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaResponseNative, const FSternaResponseArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaPushNative, const FSternaPushArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaLogNative, const FSternaLogArgs&);
