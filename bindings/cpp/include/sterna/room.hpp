// Rooms for C++17: what every client of sterna.hpp can do in a room, and hears of it.
//
//     class Game : public sterna::TcpBase {
//         void OnConnected(const sterna::ConnectedArgs &) override { JoinRandomRoom(nullptr, 0, &config); }
//         void OnRoomMessage(const sterna::RoomMessageArgs &message) override { ... }
//         void OnOffline(const sterna::OfflineArgs &offline) override
//         {
//             if (!offline.in_room) SendMigrate(); // a room moves as a whole, by itself or by SendMigrateRoom
//         }
//     };

#ifndef STERNA_ROOM_HPP
#define STERNA_ROOM_HPP

#include <sterna/types.hpp>

namespace sterna {

/// A value of a room's property. Texts and bytes are not copied: they must live as long as it is used.
struct Value : SternaValue {
    Value() noexcept : SternaValue() {}
    explicit Value(const SternaValue &value) noexcept : SternaValue(value) {}

    static Value Integer(std::int64_t integer) noexcept
    {
        Value value;
        value.kind = STERNA_VALUE_INTEGER;
        value.integer = integer;
        return value;
    }

    static Value Float(double number) noexcept
    {
        Value value;
        value.kind = STERNA_VALUE_FLOAT;
        value.number = number;
        return value;
    }

    static Value Text(std::string_view text) noexcept
    {
        return OfBytes(STERNA_VALUE_TEXT, text.data(), text.size());
    }

    static Value Bytes(const void *data, std::size_t size) noexcept
    {
        return OfBytes(STERNA_VALUE_BYTES, data, size);
    }

    bool IsNone() const noexcept { return kind == STERNA_VALUE_NONE; }
    bool IsInteger() const noexcept { return kind == STERNA_VALUE_INTEGER; }
    bool IsFloat() const noexcept { return kind == STERNA_VALUE_FLOAT; }
    bool IsText() const noexcept { return kind == STERNA_VALUE_TEXT; }
    bool IsBytes() const noexcept { return kind == STERNA_VALUE_BYTES; }

    /// The text, or the bytes; empty for a number.
    sterna::Bytes AsBytes() const noexcept { return {data, length}; }
    std::string_view AsText() const noexcept { return AsBytes().AsText(); }

private:
    static Value OfBytes(SternaValueKind kind, const void *data, std::size_t size) noexcept
    {
        Value value;
        // One that is too long is no kind of value, and is refused as such.
        value.kind = size > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(kind);
        value.length = static_cast<std::uint32_t>(size);
        value.data = static_cast<const std::uint8_t *>(data);
        return value;
    }
};

/// The configuration of a room of sterna.h, with its initial values.
struct RoomConfig : SternaRoomConfig {
    RoomConfig() noexcept : SternaRoomConfig()
    {
        if (sterna_abi_version() == STERNA_ABI_VERSION) {
            sterna_room_config_init(this, sizeof(SternaRoomConfig));
        }
    }
};

// What the On... functions are told, valid until they return. Members are told by their numbers in the room.

struct RoomEnteredArgs {
    std::uint64_t room_id;
    std::uint64_t me;
    std::uint64_t owner;
    std::uint32_t member_count;
    std::uint32_t members_max;
};

struct RoomExitedArgs {
    std::uint64_t room_id;
    Result result; // STERNA_OK if the user left
    std::string_view reason;
};

struct RoomMemberJoinedArgs {
    std::uint64_t member;
    std::string_view user;
};

struct RoomMemberLeftArgs {
    std::uint64_t member;
    Result result; // STERNA_OK if they left
    std::string_view user;
};

struct RoomMessageArgs {
    std::uint64_t member; // 0: the server application
    std::string_view user;
    std::uint8_t ver;
    std::uint16_t cmd;
    Bytes payload;
};

struct RoomOwnerChangedArgs {
    std::uint64_t owner; // 0: nobody
    std::string_view user;
};

struct RoomPropertyArgs {
    std::string_view key;
    Value value;          // IsNone(): it is deleted
    std::uint64_t member; // 0: the server application
};

struct RoomSyncArgs {
    std::string_view key;
    Bytes value; // empty: it is removed
    std::uint64_t member;
};

struct RoomResultArgs {
    std::uint64_t request_id;
    Result result;
    std::uint64_t room_id; // of a room that was made or joined, else 0
    Value value;
};

struct RoomMigratedArgs {
    std::uint64_t room_id; // as before
    std::uint64_t epoch;
};

struct RoomRefreshedArgs {
    std::uint64_t room_id;
};

/// What a client can do in rooms. The comments of sterna.h say more at each sterna_room_ function.
///
/// Requests give their number by `out_request_id` and end in one OnRoomResult, at the latest after `timeout_ms`; 0
/// stands for the configuration's request_timeout_ms, and for 30 s at the least where a room is made, joined or moved.
class RoomBase {
public:
    RoomBase(const RoomBase &) = delete;
    RoomBase &operator=(const RoomBase &) = delete;

    /// Makes a room and joins it; OnRoomEntered follows if it works.
    Result CreateRoom(const SternaRoomConfig &config = RoomConfig(), std::uint64_t *out_request_id = nullptr,
                      std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_create(client_, &config, timeout_ms, out_request_id);
    }

    /// Joins this room, wherever it is; OnRoomEntered follows if it works.
    Result JoinRoom(std::uint64_t room_id, std::uint64_t *out_request_id = nullptr,
                    std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_join(client_, room_id, timeout_ms, out_request_id);
    }

    /// Joins any listed room that fits all conditions, or makes one by `config` if that is not null.
    Result JoinRandomRoom(const SternaRoomCondition *conditions, std::uint32_t count, const SternaRoomConfig *config,
                          std::uint64_t *out_request_id = nullptr, std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_join_random(client_, conditions, count, config, timeout_ms, out_request_id);
    }

    /// Leaves the room; OnRoomExited follows.
    Result LeaveRoom(std::uint64_t *out_request_id = nullptr, std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_leave(client_, timeout_ms, out_request_id);
    }

    /// Sends a message to everybody in the room, this client as well.
    Result BroadcastToRoom(std::uint8_t ver, std::uint16_t cmd, const void *payload, std::size_t size) noexcept
    {
        return size > UINT32_MAX ? Result(STERNA_ERROR_MESSAGE_TOO_LARGE)
                                 : sterna_room_broadcast(client_, ver, cmd, Data(payload), Size(size));
    }

    Result BroadcastToRoom(std::uint8_t ver, std::uint16_t cmd, std::string_view payload) noexcept
    {
        return BroadcastToRoom(ver, cmd, payload.data(), payload.size());
    }

    /// Sends a message to everybody else in the room, at once.
    Result RelayToRoom(std::uint8_t ver, std::uint16_t cmd, const void *payload, std::size_t size) noexcept
    {
        return size > UINT32_MAX ? Result(STERNA_ERROR_MESSAGE_TOO_LARGE)
                                 : sterna_room_relay(client_, ver, cmd, Data(payload), Size(size));
    }

    Result RelayToRoom(std::uint8_t ver, std::uint16_t cmd, std::string_view payload) noexcept
    {
        return RelayToRoom(ver, cmd, payload.data(), payload.size());
    }

    /// Sends a message to these members, at once.
    Result SendToMembers(const std::uint64_t *members, std::uint32_t count, std::uint8_t ver, std::uint16_t cmd,
                         const void *payload, std::size_t size) noexcept
    {
        return size > UINT32_MAX
                   ? Result(STERNA_ERROR_MESSAGE_TOO_LARGE)
                   : sterna_room_send_to(client_, members, count, ver, cmd, Data(payload), Size(size));
    }

    /// Sets a key of the room's synchronised state: the last value wins.
    Result SyncInRoom(const char *key, const void *value, std::size_t size) noexcept
    {
        return size > UINT32_MAX ? Result(STERNA_ERROR_MESSAGE_TOO_LARGE)
                                 : sterna_room_sync(client_, key, Data(value), Size(size));
    }

    /// Sets a property; everybody gets OnRoomProperty.
    Result SetRoomProperty(const char *key, const SternaValue &value, std::uint64_t *out_request_id = nullptr,
                           std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_set(client_, key, &value, timeout_ms, out_request_id);
    }

    /// Deletes a property.
    Result RemoveRoomProperty(const char *key, std::uint64_t *out_request_id = nullptr,
                              std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_remove(client_, key, timeout_ms, out_request_id);
    }

    /// Sets a property, or deletes it if `value` is null, if it is as expected; null: if it is not there.
    Result CompareAndSetRoomProperty(const char *key, const SternaValue *expected, const SternaValue *value,
                                     std::uint64_t *out_request_id = nullptr, std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_compare_and_set(client_, key, expected, value, timeout_ms, out_request_id);
    }

    /// Adds to a number; the result has the sum.
    Result IncrementRoomProperty(const char *key, const SternaValue &by, std::uint64_t *out_request_id = nullptr,
                                 std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_increment(client_, key, &by, timeout_ms, out_request_id);
    }

    /// Asks for a property; the result has it.
    Result GetRoomProperty(const char *key, std::uint64_t *out_request_id = nullptr,
                           std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_get(client_, key, timeout_ms, out_request_id);
    }

    /// Keeps places for these users; the owner only.
    Result ReserveInRoom(const char *const *users, std::uint32_t count, std::uint64_t *out_request_id = nullptr,
                         std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_reserve(client_, users, count, timeout_ms, out_request_id);
    }

    /// Keeps places for these users no longer; the owner only.
    Result CancelRoomReservation(const char *const *users, std::uint32_t count,
                                 std::uint64_t *out_request_id = nullptr, std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_cancel_reservation(client_, users, count, timeout_ms, out_request_id);
    }

    /// Removes a member; the owner only.
    Result KickFromRoom(std::uint64_t member, std::uint64_t *out_request_id = nullptr,
                        std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_kick(client_, member, timeout_ms, out_request_id);
    }

    /// Closes the room; the owner only.
    Result CloseRoom(std::uint64_t *out_request_id = nullptr, std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_close(client_, timeout_ms, out_request_id);
    }

    /// Moves the room to another node, with everybody in it; the owner only. OnRoomMigrated follows at every member.
    Result SendMigrateRoom(std::uint64_t *out_request_id = nullptr, std::uint32_t timeout_ms = 0) noexcept
    {
        return sterna_room_send_migrate(client_, timeout_ms, out_request_id);
    }

    // As of the latest event that was handed out; 0 outside of a room.

    std::uint64_t RoomId() const noexcept { return sterna_room_id(client_); }
    std::uint64_t RoomMe() const noexcept { return sterna_room_me(client_); }
    std::uint64_t RoomOwner() const noexcept { return sterna_room_owner(client_); }
    std::uint32_t RoomMemberCount() const noexcept { return sterna_room_member_count(client_); }

    /// Fills up to `capacity` members, and says how many that were. Names are valid until the next Update.
    std::uint32_t RoomMembers(SternaRoomMember *members, std::uint32_t capacity) const noexcept
    {
        std::uint32_t count = 0;
        sterna_room_members(client_, members, capacity, &count);
        return count < capacity ? count : capacity;
    }

protected:
    explicit RoomBase(SternaClient *client = nullptr) noexcept : client_(client) {}
    virtual ~RoomBase() = default;

    /// The user is in a room.
    virtual void OnRoomEntered(const RoomEnteredArgs &) {}
    /// The user is not in the room any more.
    virtual void OnRoomExited(const RoomExitedArgs &) {}
    /// Somebody has joined.
    virtual void OnRoomMemberJoined(const RoomMemberJoinedArgs &) {}
    /// Somebody is gone.
    virtual void OnRoomMemberLeft(const RoomMemberLeftArgs &) {}
    /// A message to the room.
    virtual void OnRoomMessage(const RoomMessageArgs &) {}
    /// The room has another owner.
    virtual void OnRoomOwnerChanged(const RoomOwnerChangedArgs &) {}
    /// A property has changed.
    virtual void OnRoomProperty(const RoomPropertyArgs &) {}
    /// A key of the synchronised state has another value.
    virtual void OnRoomSync(const RoomSyncArgs &) {}
    /// A request about rooms has ended.
    virtual void OnRoomResult(const RoomResultArgs &) {}
    /// The room has moved with everybody in it; right after OnMigrated.
    virtual void OnRoomMigrated(const RoomMigratedArgs &) {}
    /// The room was restarted after a crash; what changed in it was told before.
    virtual void OnRoomRefreshed(const RoomRefreshedArgs &) {}

    void RegisterRoom(SternaEventCallback callback, void *self) noexcept
    {
        sterna_client_on_room_entered(client_, callback, self);
        sterna_client_on_room_exited(client_, callback, self);
        sterna_client_on_room_member_joined(client_, callback, self);
        sterna_client_on_room_member_left(client_, callback, self);
        sterna_client_on_room_message(client_, callback, self);
        sterna_client_on_room_owner_changed(client_, callback, self);
        sterna_client_on_room_property(client_, callback, self);
        sterna_client_on_room_sync(client_, callback, self);
        sterna_client_on_room_result(client_, callback, self);
        sterna_client_on_room_migrated(client_, callback, self);
        sterna_client_on_room_refreshed(client_, callback, self);
    }

    void DispatchRoom(const SternaEvent &e)
    {
        if (e.event_type == STERNA_EVENT_ROOM_ENTERED) {
            OnRoomEntered({e.room_id, e.member, e.owner, e.member_count, e.members_max});
        } else if (e.event_type == STERNA_EVENT_ROOM_EXITED) {
            OnRoomExited({e.room_id, e.status, e.text});
        } else if (e.event_type == STERNA_EVENT_ROOM_MEMBER_JOINED) {
            OnRoomMemberJoined({e.member, e.text});
        } else if (e.event_type == STERNA_EVENT_ROOM_MEMBER_LEFT) {
            OnRoomMemberLeft({e.member, e.status, e.text});
        } else if (e.event_type == STERNA_EVENT_ROOM_MESSAGE) {
            OnRoomMessage({e.member, e.text, e.ver, e.cmd, {e.data, e.length}});
        } else if (e.event_type == STERNA_EVENT_ROOM_OWNER_CHANGED) {
            OnRoomOwnerChanged({e.owner, e.text});
        } else if (e.event_type == STERNA_EVENT_ROOM_PROPERTY) {
            OnRoomProperty({e.text, Value(e.value), e.member});
        } else if (e.event_type == STERNA_EVENT_ROOM_SYNC) {
            OnRoomSync({e.text, {e.data, e.length}, e.member});
        } else if (e.event_type == STERNA_EVENT_ROOM_RESULT) {
            OnRoomResult({e.request_id, e.status, e.room_id, Value(e.value)});
        } else if (e.event_type == STERNA_EVENT_ROOM_MIGRATED) {
            OnRoomMigrated({e.room_id, e.epoch});
        } else if (e.event_type == STERNA_EVENT_ROOM_REFRESHED) {
            OnRoomRefreshed({e.room_id});
        }
    }

    SternaClient *client_;

private:
    static const std::uint8_t *Data(const void *data) noexcept { return static_cast<const std::uint8_t *>(data); }
    static std::uint32_t Size(std::size_t size) noexcept { return static_cast<std::uint32_t>(size); }
};

} // namespace sterna

#endif // STERNA_ROOM_HPP
