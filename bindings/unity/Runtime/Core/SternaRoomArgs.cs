using System;

namespace Sterna
{
    // What the OnRoom... events are told. Members are told by their numbers in the room.

    /// <summary>The user is in a room.</summary>
    public readonly struct RoomEnteredArgs
    {
        /// <summary>The room, the same on all nodes.</summary>
        public readonly ulong RoomId;
        /// <summary>The user's own number in it.</summary>
        public readonly ulong Me;
        /// <summary>Who owns it; 0 if nobody does.</summary>
        public readonly ulong Owner;
        /// <summary>How many members it has.</summary>
        public readonly uint MemberCount;
        /// <summary>How many members it takes.</summary>
        public readonly uint MembersMax;

        internal RoomEnteredArgs(ulong roomId, ulong me, ulong owner, uint memberCount, uint membersMax)
        {
            RoomId = roomId;
            Me = me;
            Owner = owner;
            MemberCount = memberCount;
            MembersMax = membersMax;
        }
    }

    /// <summary>The user is not in the room any more.</summary>
    public readonly struct RoomExitedArgs
    {
        /// <summary>Which room it was.</summary>
        public readonly ulong RoomId;
        /// <summary>Why; <see cref="SternaResult.Ok"/> if the user left.</summary>
        public readonly SternaResult Status;
        /// <summary>What there is to say about it.</summary>
        public readonly string Reason;

        internal RoomExitedArgs(ulong roomId, SternaResult status, string reason)
        {
            RoomId = roomId;
            Status = status;
            Reason = reason;
        }
    }

    /// <summary>Somebody has joined.</summary>
    public readonly struct RoomMemberJoinedArgs
    {
        /// <summary>Their number.</summary>
        public readonly ulong Member;
        /// <summary>Their user id.</summary>
        public readonly string User;

        internal RoomMemberJoinedArgs(ulong member, string user)
        {
            Member = member;
            User = user;
        }
    }

    /// <summary>Somebody is gone.</summary>
    public readonly struct RoomMemberLeftArgs
    {
        /// <summary>Their number.</summary>
        public readonly ulong Member;
        /// <summary>Why; <see cref="SternaResult.Ok"/> if they left.</summary>
        public readonly SternaResult Status;
        /// <summary>Their user id.</summary>
        public readonly string User;

        internal RoomMemberLeftArgs(ulong member, SternaResult status, string user)
        {
            Member = member;
            Status = status;
            User = user;
        }
    }

    /// <summary>A message to the room.</summary>
    public readonly struct RoomMessageArgs
    {
        /// <summary>Who sent it; 0 for the server application.</summary>
        public readonly ulong Member;
        /// <summary>Their user id.</summary>
        public readonly string User;
        /// <summary>The application's version of the message format.</summary>
        public readonly byte Ver;
        /// <summary>The application's command.</summary>
        public readonly ushort Cmd;
        /// <summary>The message; valid until the handler returns.</summary>
        public readonly ArraySegment<byte> Payload;

        internal RoomMessageArgs(ulong member, string user, byte ver, ushort cmd, ArraySegment<byte> payload)
        {
            Member = member;
            User = user;
            Ver = ver;
            Cmd = cmd;
            Payload = payload;
        }
    }

    /// <summary>The room has another owner.</summary>
    public readonly struct RoomOwnerChangedArgs
    {
        /// <summary>Their number; 0 for nobody.</summary>
        public readonly ulong Owner;
        /// <summary>Their user id.</summary>
        public readonly string User;

        internal RoomOwnerChangedArgs(ulong owner, string user)
        {
            Owner = owner;
            User = user;
        }
    }

    /// <summary>A property has changed.</summary>
    public readonly struct RoomPropertyArgs
    {
        /// <summary>Its key.</summary>
        public readonly string Key;
        /// <summary>Its value; of kind <see cref="SternaValueKind.None"/> if it is deleted.</summary>
        public readonly SternaValue Value;
        /// <summary>Who changed it; 0 for the server application.</summary>
        public readonly ulong Member;

        internal RoomPropertyArgs(string key, SternaValue value, ulong member)
        {
            Key = key;
            Value = value;
            Member = member;
        }
    }

    /// <summary>A key of the synchronised state has another value.</summary>
    public readonly struct RoomSyncArgs
    {
        /// <summary>The key.</summary>
        public readonly string Key;
        /// <summary>The value, empty if it is removed; valid until the handler returns.</summary>
        public readonly ArraySegment<byte> Payload;
        /// <summary>Who set it.</summary>
        public readonly ulong Member;

        internal RoomSyncArgs(string key, ArraySegment<byte> payload, ulong member)
        {
            Key = key;
            Payload = payload;
            Member = member;
        }
    }

    /// <summary>A request about rooms has ended.</summary>
    public readonly struct RoomResultArgs
    {
        /// <summary>Its number.</summary>
        public readonly ulong RequestId;
        /// <summary>How it ended.</summary>
        public readonly SternaResult Status;
        /// <summary>Of a room that was made or joined, else 0.</summary>
        public readonly ulong RoomId;
        /// <summary>The property's value, if the request was about one.</summary>
        public readonly SternaValue Value;

        internal RoomResultArgs(ulong requestId, SternaResult status, ulong roomId, SternaValue value)
        {
            RequestId = requestId;
            Status = status;
            RoomId = roomId;
            Value = value;
        }
    }

    /// <summary>The room has moved to another node with everybody in it.</summary>
    public readonly struct RoomMigratedArgs
    {
        /// <summary>The room, as before.</summary>
        public readonly ulong RoomId;
        /// <summary>How often it has changed its owner.</summary>
        public readonly ulong Epoch;

        internal RoomMigratedArgs(ulong roomId, ulong epoch)
        {
            RoomId = roomId;
            Epoch = epoch;
        }
    }

    /// <summary>The room was restarted after a crash; what changed in it was told before.</summary>
    public readonly struct RoomRefreshedArgs
    {
        /// <summary>The room, as before.</summary>
        public readonly ulong RoomId;

        internal RoomRefreshedArgs(ulong roomId)
        {
            RoomId = roomId;
        }
    }
}
