// What messages and rooms are made of, for Blueprint and C++.
//
// Blueprint knows no unsigned 64-bit integers: ids are int64 with the same 64 bits, to be passed on and compared for
// equality. It knows no uint16 either: a command is an int32 from 0 to 65,535.

#pragma once

#include "CoreMinimal.h"
#include "SternaEnums.h"

#include "SternaTypes.generated.h"

/** A value of a room's property. It comes back as it was set: integers stay integers, floats keep their bits. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaValue
{
	GENERATED_BODY()

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	ESternaValueKind Kind = ESternaValueKind::None;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	int64 Integer = 0;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	double Number = 0.0;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	FString Text;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	TArray<uint8> Bytes;

	static FSternaValue OfInteger(int64 InInteger);
	static FSternaValue OfFloat(double InNumber);
	static FSternaValue OfText(const FString& InText);
	static FSternaValue OfBytes(const TArray<uint8>& InBytes);
};

/** How a room is made. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomConfig
{
	GENERATED_BODY()

	/** How many members the room takes: 2 to 1,000. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna", meta = (ClampMin = "2", ClampMax = "1000"))
	int32 MembersMax = 8;

	/** Broadcasts of so many milliseconds are sent together, which saves packets and costs delay; 0: each at once. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna", meta = (ClampMin = "0", ClampMax = "10000"))
	int32 IntervalMs = 0;

	/** The room stays when the last member has left. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	bool bAllowEmpty = false;

	/** It can be found by Join Random Room; otherwise only those who know its id can join. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	bool bListed = false;

	/** With bAllowEmpty: for how many milliseconds an empty room stays; 0: until it is closed. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna", meta = (ClampMin = "0"))
	int64 TtlMs = 0;

	/** The room's first properties. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	TMap<FString, FSternaValue> Properties;
};

/** A condition on a room's property. A room fits if all of them hold. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomCondition
{
	GENERATED_BODY()

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	FString Key;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	ESternaComparison Comparison = ESternaComparison::Equal;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sterna")
	FSternaValue Value;
};

/** Somebody in the room. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaRoomMember
{
	GENERATED_BODY()

	/** Their number in this room, counted from 1 in the order of joining; never given twice in one room. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Member = 0;

	/** Their user id. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	FString User;
};

/** A client's figures. Counters begin with the client and go on across connections. */
USTRUCT(BlueprintType)
struct STERNA_API FSternaStats
{
	GENERATED_BODY()

	/** Round trip to the node, smoothed, in microseconds; 0 while unknown. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 RttUs = 0;

	/** The shortest round trip of this connection, in microseconds; 0 while unknown. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 RttMinUs = 0;

	/** Bytes sent, with the protocol's own, without TLS, TCP or UDP. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 BytesSent = 0;

	/** Bytes received, counted likewise. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 BytesReceived = 0;

	/** Messages and requests that the game sent. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 MessagesSent = 0;

	/** Messages and replies that came for the game. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 MessagesReceived = 0;

	/** Moves to another node that succeeded. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Moves = 0;

	/** Moves that failed; play went on where it was. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 MovesFailed = 0;

	/** Links that broke and were restored. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Reconnects = 0;

	/** What the last move added to the time between two messages, in microseconds. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 LastMoveGapUs = 0;

	/** Bytes that wait to be sent or acknowledged. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 SendQueueBytes = 0;

	/** Bytes of events that wait for update or poll_event. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 EventQueueBytes = 0;

	/** How often the session has changed its owner; 0 before the first connection. */
	UPROPERTY(BlueprintReadOnly, Category = "Sterna")
	int64 Epoch = 0;
};
