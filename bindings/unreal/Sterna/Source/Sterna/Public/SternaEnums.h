// The enumerations of sterna.h for Blueprint and C++, by the same names and numbers.

#pragma once

#include "CoreMinimal.h"

#include "SternaEnums.generated.h"

/** How a call or an event ended. */
UENUM(BlueprintType)
enum class ESternaResult : uint8
{
	/** No error. */
	Ok = 0,
	/** An argument is NULL that must not be: pass a valid pointer. */
	NullArgument = 1,
	/** A pointer is not aligned for its type: pass the address of a properly declared object. */
	Misaligned = 2,
	/** struct_size does not fit this library: fill the struct with its init function first. */
	StructSize = 3,
	/** An argument is out of range: see the text of the last error. */
	InvalidArgument = 4,
	/** Another thread is inside update or poll_event of this client: call them from one thread at a time. */
	Busy = 5,
	/** The library ran into a bug of its own and has stopped this client: destroy it and report the last error. */
	Panic = 6,
	/** The client is not connected: call connect and wait for the connected event. */
	NotConnected = 7,
	/** The client is connected or connecting already: disconnect first, or create another client. */
	AlreadyConnected = 8,
	/** The send queue is full: the message was not taken; send again after some updates. */
	QueueFull = 9,
	/** The message is over the limit: split it, or raise the limit on the server and in the configuration. */
	MessageTooLarge = 10,
	/** Message versions 0 and 1 are reserved: use 2 or above. */
	ReservedVersion = 11,
	/** The library has been shut down: no new client can be created while that goes on. */
	ShutDown = 12,
	/** The operating system refused something: see the text of the last error. */
	System = 13,
	/** This is no client, or one that has been destroyed: use the pointer that create gave, until destroy. */
	InvalidHandle = 14,
	/** The library does not fit the program: build the program with the header of this library. */
	AbiMismatch = 15,
	/** Given up, because disconnect was called. */
	Aborted = 16,
	/** The connect token cannot be read: pass it exactly as the game's backend gave it. */
	TokenMalformed = 20,
	/** The token has expired: ask the game's backend for a new one. */
	TokenExpired = 21,
	/** The token is for another cluster: check which backend issued it. */
	TokenForeign = 22,
	/**
	 * The connect token names no address for this transport: create the client for the other one, or ask the
	 * backend.
	 */
	NoAddress = 23,
	/** No node of the token can be reached: check the network and that the servers run. */
	Unreachable = 24,
	/** No node answered in time: check the network and firewalls, for UDP as well. */
	TimedOut = 25,
	/** Client and server speak different versions of the protocol: update the older one. */
	Version = 26,
	/** The server's certificate is not of the token's cluster: the token is outdated, or somebody is in between. */
	Certificate = 27,
	/** No node takes new users at the moment: try again later. */
	NotOnline = 28,
	/** Every node is full: try again later. */
	Full = 29,
	/** The user is connected already, and the server keeps the older connection. */
	ConnectedElsewhere = 30,
	/** The server broke the protocol: check that it is a Sterna node of a fitting version. */
	PeerMisbehaved = 31,
	/** The connection broke. */
	TransportBroken = 32,
	/** The node is not offline, so there is no reason to migrate: wait for the offline event. */
	NotOffline = 40,
	/** The request came too late, the session has moved meanwhile: nothing needs to be done. */
	Stale = 41,
	/** The user is in a room, which moves as a whole: use the room's migration. */
	InRoom = 42,
	/** No other node is online: play goes on here, the server tries again. */
	NoTarget = 43,
	/** Every node that was tried refused: play goes on here, try again later. */
	TargetRefused = 44,
	/** The client could not reach any node that was tried: play goes on here. */
	CannotReachTarget = 45,
	/** The cluster's engine does not answer: play goes on here, try again later. */
	EngineUnavailable = 46,
	/** The state could not be passed on in time: play goes on here, try again later. */
	FrozeTooLong = 47,
	/** The migration was called off: play goes on here. */
	Cancelled = 48,
	/** The directory names another owner: the client resumes there by itself. */
	LostOwnership = 49,
	/** The session has moved a moment ago: try again later. */
	MovedRecently = 50,
	/** The server closed the session. */
	ClosedByServer = 60,
	/** The same user connected again elsewhere. */
	Replaced = 61,
	/** The connection could not be restored in time, and the session has ended: connect anew. */
	SessionTimedOut = 62,
	/** The server stopped, and no other could take the session: connect anew. */
	NodeStopped = 63,
	/** No server knows the session any more: connect anew. */
	SessionUnknown = 64,
	/** The server stopped, and no other can take the session now: it waits, and the client keeps trying. */
	ResumeLater = 65,
	/** The request was not answered in time; the server may still have carried it out. */
	RequestTimedOut = 70,
	/** The server calls the request malformed or not allowed. */
	RequestBad = 71,
	/** The server failed to answer the request. */
	RequestFailed = 72,
	/** The session ended before the request was answered. */
	RequestAbandoned = 73,
	/** The room is full: join another one, or try again later. */
	RoomFull = 80,
	/** There is no such room (any more): join another one. */
	RoomUnknown = 81,
	/** The room was closed, or is being closed: join another one. */
	RoomClosed = 82,
	/** The user is in a room already: leave it first. */
	AlreadyInRoom = 83,
	/** The user is in no room: join one first. */
	NotInRoom = 84,
	/** The room has no such member (any more). */
	NoSuchMember = 85,
	/** Only the owner of the room may do that. */
	NotRoomOwner = 86,
	/** The places that are left in the room are reserved for others. */
	NoReservation = 87,
	/** The property is of another type: use one type for each key, or set it anew. */
	PropertyType = 88,
	/** The property is not what was expected: the result has its value. */
	PropertyDiffers = 89,
	/** The property is over the limit of the server: shorten it, or raise the limit. */
	PropertyTooLarge = 90,
	/** The room's state would grow over the limit of the server: remove something, or raise the limit. */
	RoomStateTooLarge = 91,
	/** The server application does not let the user into the room. */
	RoomRejected = 92,
	/** The node of the room could not be reached: try again. */
	JoinFailed = 93,
	/** The server calls an option of the request out of range: see the fields of the request. */
	RoomOptionInvalid = 94,
	/** The room could not be moved: play goes on where it was, try again later. */
	RoomMoveFailed = 95,
	/** Removed by the owner of the room, or by the server application. */
	Kicked = 96,
	/** Removed from the room, because what it sent was not taken: call update in every frame, and join again. */
	TooSlow = 97,
	/** A node crashed, and the membership in the room could not be restored: join again. */
	MembershipLost = 98,
	/** The member's session ended. */
	MemberDisconnected = 99,
	/** The native library is missing or of another release: see the log, or Get Last Error. */
	LibraryMissing = 254,
	/** A result of a newer library than this plugin knows. */
	Unknown = 255,
};

/** Where a session stands. */
UENUM(BlueprintType)
enum class ESternaState : uint8
{
	/** connect was not called yet. */
	Idle = 0,
	/** connect was called; connected or connect_failed follows. */
	Connecting = 1,
	/** A node serves the session. */
	Connected = 2,
	/** So it does, and a move to another one is under way. */
	Migrating = 3,
	/** The link broke and is being restored. */
	Reconnecting = 4,
	/** There is no session any more; connect may be called again. */
	Disconnected = 5,
	/** The pointer is no client. */
	Invalid = 255,
};

/** Why a node goes offline. */
UENUM(BlueprintType)
enum class ESternaOfflineReason : uint8
{
	/** The event is not about that. */
	None = 0,
	/** The cluster is being scaled in. */
	ScaleIn = 1,
	/** A new version is being rolled out. */
	Deploy = 2,
	/** An operator asked for it. */
	Operator = 3,
	/** The server process was asked to stop. */
	Signal = 4,
};

/** How a client reaches its nodes. */
UENUM(BlueprintType)
enum class ESternaTransport : uint8
{
	/** TCP with TLS 1.3. Every message is reliable and ordered. */
	Tcp = 0,
	/** QUIC over UDP: reliable messages on a stream, unreliable ones in datagrams. */
	Udp = 1,
};

/** How a client is moved to another node. */
UENUM(BlueprintType)
enum class ESternaMoveMode : uint8
{
	/** Make before break: it attaches to the next node while the present one still serves. */
	Seamless = 0,
	/**
	 * Break before make: disconnect, move, reconnect. Nothing is lost, but play stands still for some round trips;
	 * what is sent meanwhile waits. For networks that allow one connection at a time, and to see the difference.
	 */
	Classic = 1,
};

/** How important a log line is, and how much a client logs. */
UENUM(BlueprintType)
enum class ESternaLogLevel : uint8
{
	/** Nothing. */
	Off = 0,
	/** A promise is broken. */
	Error = 1,
	/** Somebody should look. */
	Warn = 2,
	/** Connections come and go. */
	Info = 3,
	/** Each step of a move. */
	Debug = 4,
};

/** Which type a value has. */
UENUM(BlueprintType)
enum class ESternaValueKind : uint8
{
	/** There is no value. */
	None = 0,
	/** A signed 64-bit integer, in integer. */
	Integer = 1,
	/** A 64-bit float, in number. */
	Float = 2,
	/** UTF-8 text, in data and length. Of the library's own a NUL follows. */
	Text = 3,
	/** Any bytes, in data and length. */
	Bytes = 4,
};

/** How a condition compares a property with a value. */
UENUM(BlueprintType)
enum class ESternaComparison : uint8
{
	/** No condition: Unreal wants a zero in each enumeration. The library refuses it. */
	None = 0 UMETA(Hidden),
	/** Equal, and of the same type. */
	Equal = 1,
	/** Not equal, or not there. */
	NotEqual = 2,
	/** A number below the value. */
	Less = 3,
	/** A number not above the value. */
	AtMost = 4,
	/** A number above the value. */
	Greater = 5,
	/** A number not below the value. */
	AtLeast = 6,
};
