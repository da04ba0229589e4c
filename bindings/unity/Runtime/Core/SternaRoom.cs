using System;
using System.Collections.Generic;

namespace Sterna
{
    /// <summary>
    /// The room that the user is in. It moves between nodes as a whole: its id, its members and their numbers stay the
    /// same, and nobody leaves or joins by that. Members hear everything in one order.
    /// </summary>
    /// <remarks>In a room do not answer OnOffline by <see cref="SternaClient.SendMigrate"/>: the room's owner may call
    /// <see cref="MigrateAsync"/>, or nobody anything, for the server moves the room in time.</remarks>
    public sealed unsafe partial class SternaRoom
    {
        private readonly SternaClient client;

        /// <summary>The user is in a room.</summary>
        public event Action<RoomEnteredArgs> OnRoomEntered;
        /// <summary>The user is not in the room any more.</summary>
        public event Action<RoomExitedArgs> OnRoomExited;
        /// <summary>Somebody has joined.</summary>
        public event Action<RoomMemberJoinedArgs> OnRoomMemberJoined;
        /// <summary>Somebody is gone.</summary>
        public event Action<RoomMemberLeftArgs> OnRoomMemberLeft;
        /// <summary>A message to the room.</summary>
        public event Action<RoomMessageArgs> OnRoomMessage;
        /// <summary>The room has another owner.</summary>
        public event Action<RoomOwnerChangedArgs> OnRoomOwnerChanged;
        /// <summary>A property has changed.</summary>
        public event Action<RoomPropertyArgs> OnRoomProperty;
        /// <summary>A key of the synchronised state has another value.</summary>
        public event Action<RoomSyncArgs> OnRoomSync;
        /// <summary>A request about rooms has ended; also one that is awaited.</summary>
        public event Action<RoomResultArgs> OnRoomResult;
        /// <summary>The room has moved with everybody in it; right after OnMigrated.</summary>
        public event Action<RoomMigratedArgs> OnRoomMigrated;
        /// <summary>The room was restarted after a crash; what changed in it was told before.</summary>
        public event Action<RoomRefreshedArgs> OnRoomRefreshed;

        internal SternaRoom(SternaClient client)
        {
            this.client = client;
        }

        // As of the latest event; 0 outside of a room.

        /// <summary>The room, the same on all nodes.</summary>
        public ulong Id
        {
            get { return NativeMethods.sterna_room_id(client.Native); }
        }

        /// <summary>The user's own number in it.</summary>
        public ulong Me
        {
            get { return NativeMethods.sterna_room_me(client.Native); }
        }

        /// <summary>Who owns it; 0 if nobody does.</summary>
        public ulong Owner
        {
            get { return NativeMethods.sterna_room_owner(client.Native); }
        }

        /// <summary>How many members it has.</summary>
        public uint MemberCount
        {
            get { return NativeMethods.sterna_room_member_count(client.Native); }
        }

        /// <summary>Whether the user is in a room and owns it.</summary>
        public bool IsOwner
        {
            get { return Id != 0 && Me == Owner; }
        }

        /// <summary>Fills the list with the members, in the order of their numbers. On the game's thread.</summary>
        public void GetMembers(List<SternaRoomMember> members)
        {
            members.Clear();
            uint capacity = MemberCount;
            if (capacity == 0)
            {
                return;
            }
            var native = new NativeRoomMember[capacity];
            fixed (NativeRoomMember* first = native)
            {
                uint count;
                if (NativeMethods.sterna_room_members(client.Native, first, capacity, &count) != SternaResult.Ok)
                {
                    return;
                }
                for (uint i = 0; i < Math.Min(count, capacity); i++)
                {
                    members.Add(new SternaRoomMember(first[i].member, client.CachedText(first[i].user)));
                }
            }
        }

        /// <summary>
        /// Sends a message to everybody in the room, the sender as well: all get all broadcasts in the same order.
        /// </summary>
        public SternaResult Broadcast(byte ver, ushort cmd, byte[] payload)
        {
            return Broadcast(ver, cmd, SternaClient.Segment(payload));
        }

        /// <summary>The same, with a piece of an array.</summary>
        public SternaResult Broadcast(byte ver, ushort cmd, ArraySegment<byte> payload)
        {
            fixed (byte* bytes = payload.Array)
            {
                return NativeMethods.sterna_room_broadcast(
                    client.Native, ver, cmd, bytes + payload.Offset, (uint)payload.Count);
            }
        }

        /// <summary>Sends a message to everybody else in the room, at once.</summary>
        public SternaResult Relay(byte ver, ushort cmd, byte[] payload)
        {
            return Relay(ver, cmd, SternaClient.Segment(payload));
        }

        /// <summary>The same, with a piece of an array.</summary>
        public SternaResult Relay(byte ver, ushort cmd, ArraySegment<byte> payload)
        {
            fixed (byte* bytes = payload.Array)
            {
                return NativeMethods.sterna_room_relay(
                    client.Native, ver, cmd, bytes + payload.Offset, (uint)payload.Count);
            }
        }

        /// <summary>Sends a message to these members, at once.</summary>
        public SternaResult SendTo(ulong[] members, byte ver, ushort cmd, byte[] payload)
        {
            return SendTo(members, ver, cmd, SternaClient.Segment(payload));
        }

        /// <summary>The same, with a piece of an array.</summary>
        public SternaResult SendTo(ulong[] members, byte ver, ushort cmd, ArraySegment<byte> payload)
        {
            fixed (ulong* numbers = members)
            fixed (byte* bytes = payload.Array)
            {
                return NativeMethods.sterna_room_send_to(
                    client.Native, numbers, members == null ? 0 : (uint)members.Length, ver, cmd,
                    bytes + payload.Offset, (uint)payload.Count);
            }
        }

        /// <summary>
        /// Sets a key of the room's synchronised state, such as a position: the last value wins; an empty one removes
        /// the key.
        /// </summary>
        public SternaResult Sync(string key, byte[] value)
        {
            return Sync(key, SternaClient.Segment(value));
        }

        /// <summary>The same, with a piece of an array.</summary>
        public SternaResult Sync(string key, ArraySegment<byte> value)
        {
            byte* text = stackalloc byte[NativeText.KeyBytesMax];
            if (!NativeText.WriteKey(key, text))
            {
                return SternaResult.InvalidArgument;
            }
            fixed (byte* bytes = value.Array)
            {
                return NativeMethods.sterna_room_sync(client.Native, text, bytes + value.Offset, (uint)value.Count);
            }
        }

        internal void Dispatch(NativeEvent* e)
        {
            switch (e->event_type)
            {
                case SternaEventType.RoomMessage:
                    if (OnRoomMessage != null)
                    {
                        OnRoomMessage(new RoomMessageArgs(
                            e->member, client.CachedText(e), e->ver, e->cmd, client.Payload(e)));
                    }
                    break;
                case SternaEventType.RoomSync:
                    if (OnRoomSync != null)
                    {
                        OnRoomSync(new RoomSyncArgs(client.CachedText(e), client.Payload(e), e->member));
                    }
                    break;
                case SternaEventType.RoomEntered:
                    Entered(new RoomEnteredArgs(e->room_id, e->member, e->owner, e->member_count, e->members_max));
                    break;
                case SternaEventType.RoomExited:
                    Exited(new RoomExitedArgs(e->room_id, e->status, NativeText.Read(e->text)));
                    break;
                case SternaEventType.RoomMemberJoined:
                    SternaClient.Raise(OnRoomMemberJoined, new RoomMemberJoinedArgs(e->member, client.CachedText(e)));
                    break;
                case SternaEventType.RoomMemberLeft:
                    SternaClient.Raise(
                        OnRoomMemberLeft, new RoomMemberLeftArgs(e->member, e->status, client.CachedText(e)));
                    break;
                case SternaEventType.RoomOwnerChanged:
                    SternaClient.Raise(OnRoomOwnerChanged, new RoomOwnerChangedArgs(e->owner, client.CachedText(e)));
                    break;
                case SternaEventType.RoomProperty:
                    if (OnRoomProperty != null)
                    {
                        OnRoomProperty(new RoomPropertyArgs(
                            client.CachedText(e), SternaValue.Read(e->value), e->member));
                    }
                    break;
                case SternaEventType.RoomResult:
                    Ended(new RoomResultArgs(e->request_id, e->status, e->room_id, SternaValue.Read(e->value)));
                    break;
                case SternaEventType.RoomMigrated:
                    SternaClient.Raise(OnRoomMigrated, new RoomMigratedArgs(e->room_id, e->epoch));
                    break;
                case SternaEventType.RoomRefreshed:
                    SternaClient.Raise(OnRoomRefreshed, new RoomRefreshedArgs(e->room_id));
                    break;
            }
        }
    }
}
