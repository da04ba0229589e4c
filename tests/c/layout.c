/* Sizes and offsets that programs were compiled with: they never change, structs only grow at their end. */

#include <sterna.h>

#define ASSERT_AT(line, condition) typedef char assert_##line[(condition) ? 1 : -1]
#define ASSERT_LINE(line, condition) ASSERT_AT(line, condition)
#define ASSERT(condition) ASSERT_LINE(__LINE__, condition)
#define FIELD(type, field, offset, size) \
    ASSERT(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size))

ASSERT(sizeof(SternaResult) == 4);
ASSERT(sizeof(SternaState) == 4);
ASSERT(sizeof(SternaEventType) == 4);
ASSERT(sizeof(SternaOfflineReason) == 4);
ASSERT(sizeof(SternaValueKind) == 4);
ASSERT(sizeof(SternaComparison) == 4);

ASSERT(sizeof(SternaClientConfig) == 72);
FIELD(SternaClientConfig, struct_size, 0, 4);
FIELD(SternaClientConfig, transport, 4, 4);
FIELD(SternaClientConfig, move_mode, 8, 4);
FIELD(SternaClientConfig, log_level, 12, 4);
FIELD(SternaClientConfig, connect_timeout_ms, 16, 4);
FIELD(SternaClientConfig, resume_timeout_ms, 20, 4);
FIELD(SternaClientConfig, request_timeout_ms, 24, 4);
FIELD(SternaClientConfig, ping_every_ms, 28, 4);
FIELD(SternaClientConfig, silence_max_ms, 32, 4);
FIELD(SternaClientConfig, send_bytes_max, 36, 4);
FIELD(SternaClientConfig, event_bytes_max, 40, 4);
FIELD(SternaClientConfig, message_bytes_max, 44, 4);
FIELD(SternaClientConfig, simulator_delay_ms, 48, 4);
FIELD(SternaClientConfig, simulator_jitter_ms, 52, 4);
FIELD(SternaClientConfig, simulator_loss_percent, 56, 4);
FIELD(SternaClientConfig, reserved, 60, 4);
FIELD(SternaClientConfig, simulator_seed, 64, 8);

ASSERT(sizeof(SternaStats) == 104);
FIELD(SternaStats, rtt_us, 0, 8);
FIELD(SternaStats, rtt_min_us, 8, 8);
FIELD(SternaStats, bytes_sent, 16, 8);
FIELD(SternaStats, bytes_received, 24, 8);
FIELD(SternaStats, messages_sent, 32, 8);
FIELD(SternaStats, messages_received, 40, 8);
FIELD(SternaStats, moves, 48, 8);
FIELD(SternaStats, moves_failed, 56, 8);
FIELD(SternaStats, reconnects, 64, 8);
FIELD(SternaStats, last_move_gap_us, 72, 8);
FIELD(SternaStats, send_queue_bytes, 80, 8);
FIELD(SternaStats, event_queue_bytes, 88, 8);
FIELD(SternaStats, epoch, 96, 8);

FIELD(SternaEvent, struct_size, 0, 4);
FIELD(SternaEvent, event_type, 4, 4);
FIELD(SternaEvent, status, 8, 4);
FIELD(SternaEvent, length, 12, 4);
FIELD(SternaEvent, data, 16, sizeof(void *));
FIELD(SternaEvent, text, 16 + sizeof(void *), sizeof(void *));
#define BEHIND (16 + 2 * sizeof(void *))
FIELD(SternaEvent, request_id, BEHIND, 8);
FIELD(SternaEvent, session_id, BEHIND + 8, 8);
FIELD(SternaEvent, epoch, BEHIND + 16, 8);
FIELD(SternaEvent, deadline_ms, BEHIND + 24, 8);
FIELD(SternaEvent, gap_us, BEHIND + 32, 8);
FIELD(SternaEvent, lost_from, BEHIND + 40, 8);
FIELD(SternaEvent, lost_to, BEHIND + 48, 8);
FIELD(SternaEvent, reason, BEHIND + 56, 4);
FIELD(SternaEvent, log_level, BEHIND + 60, 4);
FIELD(SternaEvent, cmd, BEHIND + 64, 2);
FIELD(SternaEvent, ver, BEHIND + 66, 1);
FIELD(SternaEvent, reliable, BEHIND + 67, 1);
FIELD(SternaEvent, in_room, BEHIND + 68, 1);
FIELD(SternaEvent, reserved, BEHIND + 69, 3);
FIELD(SternaEvent, room_id, BEHIND + 72, 8);
FIELD(SternaEvent, member, BEHIND + 80, 8);
FIELD(SternaEvent, owner, BEHIND + 88, 8);
FIELD(SternaEvent, member_count, BEHIND + 96, 4);
FIELD(SternaEvent, members_max, BEHIND + 100, 4);
FIELD(SternaEvent, value, BEHIND + 104, sizeof(SternaValue));
ASSERT(sizeof(SternaEvent) == BEHIND + 104 + sizeof(SternaValue));

/* Where a pointer is shorter than 8 bytes, what is behind it may be filled up. */
#define FILLED(size) (sizeof(void *) == 8 ? (size) : ((size) + 7) / 8 * 8)
#define SIZE(type, size) ASSERT(sizeof(type) == (size) || sizeof(type) == FILLED(size))

FIELD(SternaValue, kind, 0, 4);
FIELD(SternaValue, length, 4, 4);
FIELD(SternaValue, integer, 8, 8);
FIELD(SternaValue, number, 16, 8);
FIELD(SternaValue, data, 24, sizeof(void *));
SIZE(SternaValue, 24 + sizeof(void *));

FIELD(SternaRoomConfig, struct_size, 0, 4);
FIELD(SternaRoomConfig, members_max, 4, 4);
FIELD(SternaRoomConfig, interval_ms, 8, 4);
FIELD(SternaRoomConfig, allow_empty, 12, 4);
FIELD(SternaRoomConfig, listed, 16, 4);
FIELD(SternaRoomConfig, properties_count, 20, 4);
FIELD(SternaRoomConfig, ttl_ms, 24, 8);
FIELD(SternaRoomConfig, properties, 32, sizeof(void *));
SIZE(SternaRoomConfig, 32 + sizeof(void *));

FIELD(SternaRoomProperty, key, 0, sizeof(void *));
FIELD(SternaRoomCondition, key, 0, sizeof(void *));
FIELD(SternaRoomCondition, comparison, sizeof(void *), 4);
FIELD(SternaRoomCondition, reserved, sizeof(void *) + 4, 4);
FIELD(SternaRoomMember, member, 0, 8);
FIELD(SternaRoomMember, user, 8, sizeof(void *));
SIZE(SternaRoomMember, 8 + sizeof(void *));
#if UINTPTR_MAX == UINT64_MAX
FIELD(SternaRoomProperty, value, 8, 32);
ASSERT(sizeof(SternaRoomProperty) == 40);
FIELD(SternaRoomCondition, value, 16, 32);
ASSERT(sizeof(SternaRoomCondition) == 48);
#endif

int main(void)
{
    return 0;
}
