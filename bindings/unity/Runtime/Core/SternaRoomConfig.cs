using System.Collections.Generic;

namespace Sterna
{
    /// <summary>How a room is made. A new one has the library's initial values.</summary>
    public sealed unsafe class SternaRoomConfig
    {
        /// <summary>How many members the room takes: 2 to 1,000.</summary>
        public uint MembersMax;
        /// <summary>Broadcasts of so many milliseconds are sent together; 0: each at once.</summary>
        public uint IntervalMs;
        /// <summary>Whether the room stays when the last member has left.</summary>
        public bool AllowEmpty;
        /// <summary>Whether <see cref="SternaRoom.JoinRandomAsync"/> can find it.</summary>
        public bool Listed;
        /// <summary>With <see cref="AllowEmpty"/>: for how long an empty room stays; 0: until it is closed.</summary>
        public ulong TtlMs;
        /// <summary>The room's first properties.</summary>
        public readonly Dictionary<string, SternaValue> Properties = new Dictionary<string, SternaValue>();

        /// <summary>The library's initial values.</summary>
        public SternaRoomConfig()
        {
            SternaLibrary.Check();
            NativeRoomConfig native = Initial();
            MembersMax = native.members_max;
            IntervalMs = native.interval_ms;
            AllowEmpty = native.allow_empty != 0;
            Listed = native.listed != 0;
            TtlMs = native.ttl_ms;
        }

        internal NativeRoomConfig ToNative(NativeScope scope)
        {
            NativeRoomConfig native = Initial();
            native.members_max = MembersMax;
            native.interval_ms = IntervalMs;
            native.allow_empty = AllowEmpty ? 1u : 0u;
            native.listed = Listed ? 1u : 0u;
            native.ttl_ms = TtlMs;
            native.properties_count = (uint)Properties.Count;
            native.properties = scope.Properties(Properties);
            return native;
        }

        private static NativeRoomConfig Initial()
        {
            NativeRoomConfig native;
            SternaResult result = NativeMethods.sterna_room_config_init(&native, (uint)sizeof(NativeRoomConfig));
            if (result != SternaResult.Ok)
            {
                throw SternaException.Of(result, NativeText.LastError());
            }
            return native;
        }
    }

    /// <summary>A condition on a room's property.</summary>
    public readonly struct SternaRoomCondition
    {
        /// <summary>The property's key.</summary>
        public readonly string Key;
        /// <summary>How it is compared.</summary>
        public readonly SternaComparison Comparison;
        /// <summary>With what.</summary>
        public readonly SternaValue Value;

        /// <summary>A room fits if its property compares like this with the value.</summary>
        public SternaRoomCondition(string key, SternaComparison comparison, SternaValue value)
        {
            Key = key;
            Comparison = comparison;
            Value = value;
        }
    }

    /// <summary>Somebody in the room.</summary>
    public readonly struct SternaRoomMember
    {
        /// <summary>Their number, counted from 1 in the order of joining; never given twice in one room.</summary>
        public readonly ulong Member;
        /// <summary>Their user id.</summary>
        public readonly string User;

        internal SternaRoomMember(ulong member, string user)
        {
            Member = member;
            User = user;
        }
    }
}
