// What the room tells: arguments and delegates of USternaRoom.
//
// Each event comes twice: as a dynamic delegate for Blueprint (OnX) and as a native one for C++ (OnXNative), which is told
// first. The comments of sterna.h say when each comes and what follows it.

#pragma once

#include "CoreMinimal.h"
#include "SternaTypes.h"

#include "SternaRoomEvents.generated.h"

/** The user is in a room. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomEnteredArgs
{
	GENERATED_BODY()

	/** The same on all nodes. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 RoomId = 0;

	/** The user's own number in it. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Member = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Owner = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int32 MemberCount = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int32 MembersMax = 0;
};

/** The user is not in the room any more. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomExitedArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 RoomId = 0;

	/** Ok if the user left. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaResult Result = ESternaResult::Ok;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Reason;
};

/** Somebody has joined the room; never because the room has moved. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomMemberJoinedArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Member = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString User;
};

/** Somebody is not in the room any more; never because the room has moved. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomMemberLeftArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Member = 0;

	/** Why. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaResult Result = ESternaResult::Ok;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString User;
};

/** A message to the room. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomMessageArgs
{
	GENERATED_BODY()

	/** Who sent it; 0 for the server application. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Member = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString User;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	uint8 Ver = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int32 Cmd = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	TArray<uint8> Payload;
};

/** The room has another owner. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomOwnerChangedArgs
{
	GENERATED_BODY()

	/** 0 for nobody. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Owner = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString User;
};

/** A property of the room has changed. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomPropertyArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Key;

	/** Of kind None if it is deleted. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FSternaValue Value;

	/** Who changed it; 0 for the server application. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Member = 0;
};

/** A key of the room's synchronised state has another value. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomSyncArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString Key;

	/** Empty if it is removed. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	TArray<uint8> Value;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Member = 0;
};

/** A request about rooms has ended. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomResultArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 RequestId = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	ESternaResult Result = ESternaResult::Ok;

	/** Of kind None if there is none. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FSternaValue Value;

	/** Of a room that was made or joined, else 0. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 RoomId = 0;
};

/** The room has moved to another node with everybody in it. Nobody has left or joined, nothing was lost. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomMigratedArgs
{
	GENERATED_BODY()

	/** As before. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 RoomId = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Epoch = 0;
};

/** The room was restarted after a crash; ask for properties that matter. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomRefreshedArgs
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 RoomId = 0;
};

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomEnteredSignature, const FSternaRoomEnteredArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomExitedSignature, const FSternaRoomExitedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomMemberJoinedSignature, const FSternaRoomMemberJoinedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomMemberLeftSignature, const FSternaRoomMemberLeftArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomMessageSignature, const FSternaRoomMessageArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomOwnerChangedSignature, const FSternaRoomOwnerChangedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomPropertySignature, const FSternaRoomPropertyArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomSyncSignature, const FSternaRoomSyncArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomResultSignature, const FSternaRoomResultArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomMigratedSignature, const FSternaRoomMigratedArgs&, Args);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSternaRoomRefreshedSignature, const FSternaRoomRefreshedArgs&, Args);

DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomEnteredNative, const FSternaRoomEnteredArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomExitedNative, const FSternaRoomExitedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomMemberJoinedNative, const FSternaRoomMemberJoinedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomMemberLeftNative, const FSternaRoomMemberLeftArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomMessageNative, const FSternaRoomMessageArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomOwnerChangedNative, const FSternaRoomOwnerChangedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomPropertyNative, const FSternaRoomPropertyArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomSyncNative, const FSternaRoomSyncArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomResultNative, const FSternaRoomResultArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomMigratedNative, const FSternaRoomMigratedArgs&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSternaRoomRefreshedNative, const FSternaRoomRefreshedArgs&);
