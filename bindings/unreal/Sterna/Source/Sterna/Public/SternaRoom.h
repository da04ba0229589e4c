#pragma once

#include "CoreMinimal.h"
#include "SternaRoomEvents.h"
#include "Templates/Function.h"
#include "UObject/Object.h"

#include "SternaRoom.generated.h"

class FSternaLink;
class USternaSubsystem;

/** Told once how a request about rooms has ended, after On Room Result. */
using FSternaRoomCallback = TFunction<void(const FSternaRoomResultArgs& Result)>;

/**
 * The room that the user is in, at most one, and how to get into one. A room moves as a whole: its id, its members and their
 * numbers stay the same, and nobody leaves or joins by that.
 *
 * Requests return at once; if that is Ok, one On Room Result with their number follows, and the callback if there is one.
 */
UCLASS(BlueprintType)
class STERNA_API USternaRoom : public UObject
{
	GENERATED_BODY()

public:
	/** The user is in a room. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomEnteredSignature OnRoomEntered;
	FSternaRoomEnteredNative OnRoomEnteredNative;

	/** The user is not in the room any more. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomExitedSignature OnRoomExited;
	FSternaRoomExitedNative OnRoomExitedNative;

	/** Somebody has joined the room; never because the room has moved. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomMemberJoinedSignature OnRoomMemberJoined;
	FSternaRoomMemberJoinedNative OnRoomMemberJoinedNative;

	/** Somebody is not in the room any more; never because the room has moved. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomMemberLeftSignature OnRoomMemberLeft;
	FSternaRoomMemberLeftNative OnRoomMemberLeftNative;

	/** A message to the room. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomMessageSignature OnRoomMessage;
	FSternaRoomMessageNative OnRoomMessageNative;

	/** The room has another owner. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomOwnerChangedSignature OnRoomOwnerChanged;
	FSternaRoomOwnerChangedNative OnRoomOwnerChangedNative;

	/** A property of the room has changed. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomPropertySignature OnRoomProperty;
	FSternaRoomPropertyNative OnRoomPropertyNative;

	/** A key of the room's synchronised state has another value. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomSyncSignature OnRoomSync;
	FSternaRoomSyncNative OnRoomSyncNative;

	/** A request about rooms has ended. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomResultSignature OnRoomResult;
	FSternaRoomResultNative OnRoomResultNative;

	/** The room has moved to another node with everybody in it. Nobody has left or joined, nothing was lost. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomMigratedSignature OnRoomMigrated;
	FSternaRoomMigratedNative OnRoomMigratedNative;

	/** The room was restarted after a crash; ask for properties that matter. */
	UPROPERTY(BlueprintAssignable, Category = "Sterna|Room")
	FSternaRoomRefreshedSignature OnRoomRefreshed;
	FSternaRoomRefreshedNative OnRoomRefreshedNative;

	/** Makes a room and joins it; On Room Entered follows if it works. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult CreateRoom(const FSternaRoomConfig& Config, int64& RequestId);
	ESternaResult CreateRoom(const FSternaRoomConfig& Config, FSternaRoomCallback Callback);

	/** Joins this room, wherever it is; On Room Entered follows if it works. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult JoinRoom(int64 RoomId, int64& RequestId);
	ESternaResult JoinRoom(int64 RoomId, FSternaRoomCallback Callback);

	/** Joins any listed room that fits all conditions; if there is none, makes one by Config if bCreate is set. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult JoinRandomRoom(const TArray<FSternaRoomCondition>& Conditions, bool bCreate, const FSternaRoomConfig& Config,
								 int64& RequestId);
	ESternaResult JoinRandomRoom(const TArray<FSternaRoomCondition>& Conditions, const FSternaRoomConfig* Config,
								 FSternaRoomCallback Callback);

	/** Leaves the room; On Room Exited follows. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult LeaveRoom(int64& RequestId);
	ESternaResult LeaveRoom(FSternaRoomCallback Callback);

	/** Sends a message to everybody in the room, the sender as well: all get all broadcasts in the same order. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult Broadcast(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload);

	/** Sends a message to everybody else in the room, at once. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult Relay(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload);

	/** Sends a message to some members by their numbers, at once. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult SendTo(const TArray<int64>& Members, uint8 Ver, int32 Cmd, const TArray<uint8>& Payload);

	/** Sets a key of the room's synchronised state: the last value wins, and who joins later gets it. Empty removes it. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult Sync(const FString& Key, const TArray<uint8>& Value);

	/** Sets a property of the room; every member hears of it. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult SetProperty(const FString& Key, const FSternaValue& Value, int64& RequestId);
	ESternaResult SetProperty(const FString& Key, const FSternaValue& Value, FSternaRoomCallback Callback);

	/** Deletes a property of the room. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult RemoveProperty(const FString& Key, int64& RequestId);
	ESternaResult RemoveProperty(const FString& Key, FSternaRoomCallback Callback);

	/** Sets a property if it is as expected; of kind None: if it is not there. A value of kind None deletes it. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult CompareAndSetProperty(const FString& Key, const FSternaValue& Expected, const FSternaValue& Value,
										int64& RequestId);
	ESternaResult CompareAndSetProperty(const FString& Key, const FSternaValue& Expected, const FSternaValue& Value,
										FSternaRoomCallback Callback);

	/** Adds to a number; the result has the sum. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult IncrementProperty(const FString& Key, const FSternaValue& By, int64& RequestId);
	ESternaResult IncrementProperty(const FString& Key, const FSternaValue& By, FSternaRoomCallback Callback);

	/** Asks for a property; the result has it. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult GetProperty(const FString& Key, int64& RequestId);
	ESternaResult GetProperty(const FString& Key, FSternaRoomCallback Callback);

	/** Keeps places in the room for these users, by their ids; the owner only. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult Reserve(const TArray<FString>& Users, int64& RequestId);
	ESternaResult Reserve(const TArray<FString>& Users, FSternaRoomCallback Callback);

	/** Keeps places for these users no longer; the owner only. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult CancelReservation(const TArray<FString>& Users, int64& RequestId);
	ESternaResult CancelReservation(const TArray<FString>& Users, FSternaRoomCallback Callback);

	/** Removes a member; the owner only. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult Kick(int64 Member, int64& RequestId);
	ESternaResult Kick(int64 Member, FSternaRoomCallback Callback);

	/** Closes the room; the owner only. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult CloseRoom(int64& RequestId);
	ESternaResult CloseRoom(FSternaRoomCallback Callback);

	/** Moves the room to another node, with everybody in it: the owner's answer to On Offline. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	ESternaResult SendMigrateRoom(int64& RequestId);
	ESternaResult SendMigrateRoom(FSternaRoomCallback Callback);

	/** The same on all nodes; 0 if the user is in no room. This and the following are as of the latest event. */
	UFUNCTION(BlueprintPure, Category = "Sterna|Room")
	int64 GetRoomId() const;

	UFUNCTION(BlueprintPure, Category = "Sterna|Room")
	bool IsInRoom() const { return GetRoomId() != 0; }

	/** The user's own number in the room; 0 if in none. */
	UFUNCTION(BlueprintPure, Category = "Sterna|Room")
	int64 GetMe() const;

	/** The number of the room's owner; 0 if nobody owns it, or if the user is in no room. */
	UFUNCTION(BlueprintPure, Category = "Sterna|Room")
	int64 GetOwner() const;

	UFUNCTION(BlueprintPure, Category = "Sterna|Room")
	bool IsOwner() const { return IsInRoom() && GetMe() == GetOwner(); }

	/** Who is in the room, in the order of joining. */
	UFUNCTION(BlueprintCallable, Category = "Sterna|Room")
	TArray<FSternaRoomMember> GetMembers() const;

private:
	friend class FSternaLink;

	USternaSubsystem* GetSubsystem() const;
	FSternaLink* FindLink(ESternaResult& OutProblem) const;

	/** Used again for each message, so that its payload costs no memory. */
	FSternaRoomMessageArgs MessageArgs;
	FSternaRoomSyncArgs SyncArgs;
};
