using System.Runtime.InteropServices;
using NUnit.Framework;

namespace Sterna.Tests
{
    /// <summary>Sizes and offsets that the library was compiled with: the same as in tests/c/layout.c.</summary>
    public unsafe class LayoutTests
    {
        private static readonly int Pointer = sizeof(void*);
        private static readonly int Behind = 16 + 2 * sizeof(void*);

        [Test]
        public void NativeClientConfig_is_laid_out_as_in_C()
        {
            Offset<NativeClientConfig>("struct_size", 0);
            Offset<NativeClientConfig>("transport", 4);
            Offset<NativeClientConfig>("move_mode", 8);
            Offset<NativeClientConfig>("log_level", 12);
            Offset<NativeClientConfig>("connect_timeout_ms", 16);
            Offset<NativeClientConfig>("resume_timeout_ms", 20);
            Offset<NativeClientConfig>("request_timeout_ms", 24);
            Offset<NativeClientConfig>("ping_every_ms", 28);
            Offset<NativeClientConfig>("silence_max_ms", 32);
            Offset<NativeClientConfig>("send_bytes_max", 36);
            Offset<NativeClientConfig>("event_bytes_max", 40);
            Offset<NativeClientConfig>("message_bytes_max", 44);
            Offset<NativeClientConfig>("simulator_delay_ms", 48);
            Offset<NativeClientConfig>("simulator_jitter_ms", 52);
            Offset<NativeClientConfig>("simulator_loss_percent", 56);
            Offset<NativeClientConfig>("reserved", 60);
            Offset<NativeClientConfig>("simulator_seed", 64);
            Size<NativeClientConfig>(sizeof(NativeClientConfig), 72);
        }

        [Test]
        public void NativeStats_is_laid_out_as_in_C()
        {
            Offset<NativeStats>("rtt_us", 0);
            Offset<NativeStats>("rtt_min_us", 8);
            Offset<NativeStats>("bytes_sent", 16);
            Offset<NativeStats>("bytes_received", 24);
            Offset<NativeStats>("messages_sent", 32);
            Offset<NativeStats>("messages_received", 40);
            Offset<NativeStats>("moves", 48);
            Offset<NativeStats>("moves_failed", 56);
            Offset<NativeStats>("reconnects", 64);
            Offset<NativeStats>("last_move_gap_us", 72);
            Offset<NativeStats>("send_queue_bytes", 80);
            Offset<NativeStats>("event_queue_bytes", 88);
            Offset<NativeStats>("epoch", 96);
            Size<NativeStats>(sizeof(NativeStats), 104);
        }

        [Test]
        public void NativeEvent_is_laid_out_as_in_C()
        {
            Offset<NativeEvent>("struct_size", 0);
            Offset<NativeEvent>("event_type", 4);
            Offset<NativeEvent>("status", 8);
            Offset<NativeEvent>("length", 12);
            Offset<NativeEvent>("data", 16);
            Offset<NativeEvent>("text", 16 + Pointer);
            Offset<NativeEvent>("request_id", Behind);
            Offset<NativeEvent>("session_id", Behind + 8);
            Offset<NativeEvent>("epoch", Behind + 16);
            Offset<NativeEvent>("deadline_ms", Behind + 24);
            Offset<NativeEvent>("gap_us", Behind + 32);
            Offset<NativeEvent>("lost_from", Behind + 40);
            Offset<NativeEvent>("lost_to", Behind + 48);
            Offset<NativeEvent>("reason", Behind + 56);
            Offset<NativeEvent>("log_level", Behind + 60);
            Offset<NativeEvent>("cmd", Behind + 64);
            Offset<NativeEvent>("ver", Behind + 66);
            Offset<NativeEvent>("reliable", Behind + 67);
            Offset<NativeEvent>("in_room", Behind + 68);
            Offset<NativeEvent>("reserved", Behind + 69);
            Offset<NativeEvent>("room_id", Behind + 72);
            Offset<NativeEvent>("member", Behind + 80);
            Offset<NativeEvent>("owner", Behind + 88);
            Offset<NativeEvent>("member_count", Behind + 96);
            Offset<NativeEvent>("members_max", Behind + 100);
            Offset<NativeEvent>("value", Behind + 104);
            Size<NativeEvent>(sizeof(NativeEvent), Behind + 104 + sizeof(NativeValue));
        }

        [Test]
        public void NativeValue_is_laid_out_as_in_C()
        {
            Offset<NativeValue>("kind", 0);
            Offset<NativeValue>("length", 4);
            Offset<NativeValue>("integer", 8);
            Offset<NativeValue>("number", 16);
            Offset<NativeValue>("data", 24);
            Size<NativeValue>(sizeof(NativeValue), Filled(24 + Pointer));
        }

        [Test]
        public void NativeRoomConfig_is_laid_out_as_in_C()
        {
            Offset<NativeRoomConfig>("struct_size", 0);
            Offset<NativeRoomConfig>("members_max", 4);
            Offset<NativeRoomConfig>("interval_ms", 8);
            Offset<NativeRoomConfig>("allow_empty", 12);
            Offset<NativeRoomConfig>("listed", 16);
            Offset<NativeRoomConfig>("properties_count", 20);
            Offset<NativeRoomConfig>("ttl_ms", 24);
            Offset<NativeRoomConfig>("properties", 32);
            Size<NativeRoomConfig>(sizeof(NativeRoomConfig), Filled(32 + Pointer));
        }

        [Test]
        public void NativeRoomProperty_is_laid_out_as_in_C()
        {
            Offset<NativeRoomProperty>("key", 0);
            if (Pointer == 8)
            {
                Offset<NativeRoomProperty>("value", 8);
                Size<NativeRoomProperty>(sizeof(NativeRoomProperty), 40);
            }
        }

        [Test]
        public void NativeRoomCondition_is_laid_out_as_in_C()
        {
            Offset<NativeRoomCondition>("key", 0);
            Offset<NativeRoomCondition>("comparison", Pointer);
            Offset<NativeRoomCondition>("reserved", Pointer + 4);
            if (Pointer == 8)
            {
                Offset<NativeRoomCondition>("value", 16);
                Size<NativeRoomCondition>(sizeof(NativeRoomCondition), 48);
            }
        }

        [Test]
        public void NativeRoomMember_is_laid_out_as_in_C()
        {
            Offset<NativeRoomMember>("member", 0);
            Offset<NativeRoomMember>("user", 8);
            Size<NativeRoomMember>(sizeof(NativeRoomMember), Filled(8 + Pointer));
        }

        private static void Offset<T>(string field, int expected)
        {
            Assert.AreEqual(expected, (int)Marshal.OffsetOf(typeof(T), field), typeof(T).Name + "." + field);
        }

        private static void Size<T>(int found, int expected)
        {
            Assert.AreEqual(expected, found, typeof(T).Name);
            Assert.AreEqual(expected, Marshal.SizeOf(typeof(T)), typeof(T).Name + ", marshalled");
        }

        /// <summary>Where a pointer is shorter than 8 bytes, what is behind it is filled up.</summary>
        private static int Filled(int size)
        {
            return (size + 7) / 8 * 8;
        }
    }
}
