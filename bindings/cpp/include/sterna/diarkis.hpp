// For games that were written for Diarkis: base classes under the names they know, so that
//
//     void DiarkisTcp::OnOffline()
//     {
//         DiarkisTcpBase::OnOffline();
//         this->SendMigrate();
//     }
//
// compiles and does what it did. They differ from sterna::TcpBase and sterna::UdpBase only in OnOffline, which
// takes no argument; Offline() tells the details. Rooms have a class of their own, DiarkisRoomBase, which is made for
// one of these clients. Define STERNA_NO_GLOBAL_NAMES to keep the names in their namespace.

#ifndef STERNA_DIARKIS_HPP
#define STERNA_DIARKIS_HPP

#include <sterna/sterna.hpp>

namespace sterna {
namespace diarkis {

class DiarkisRoomBase;

/// What both transports have in common.
class DiarkisBase : public ClientBase {
public:
    DiarkisBase(DiarkisBase &&other) noexcept
        : ClientBase(std::move(other)), offline_(other.offline_), room_(std::exchange(other.room_, nullptr))
    {
        Attach();
    }

    DiarkisBase &operator=(DiarkisBase &&other) noexcept
    {
        if (this != &other) {
            Detach();
            ClientBase::operator=(std::move(other));
            offline_ = other.offline_;
            room_ = std::exchange(other.room_, nullptr);
            Attach();
        }
        return *this;
    }

    ~DiarkisBase() override { Detach(); }

    /// What the last OnOffline was about.
    const OfflineArgs &Offline() const noexcept { return offline_; }

    /// Whether the node goes offline. False again once another node serves the session.
    bool IsOffline() const noexcept
    {
        return offline_.reason != STERNA_OFFLINE_NONE && Stats().epoch == offline_.epoch;
    }

protected:
    using ClientBase::ClientBase;

    /// The node goes offline: call SendMigrate, here or at a moment that suits the game.
    virtual void OnOffline() {}

    // These lead to the functions of DiarkisRoomBase: whoever overrides one calls it.

    inline void OnRoomEntered(const RoomEnteredArgs &args) override;
    inline void OnRoomExited(const RoomExitedArgs &args) override;
    inline void OnRoomMemberJoined(const RoomMemberJoinedArgs &args) override;
    inline void OnRoomMemberLeft(const RoomMemberLeftArgs &args) override;
    inline void OnRoomMessage(const RoomMessageArgs &args) override;
    inline void OnRoomOwnerChanged(const RoomOwnerChangedArgs &args) override;
    inline void OnRoomProperty(const RoomPropertyArgs &args) override;
    inline void OnRoomResult(const RoomResultArgs &args) override;
    inline void OnRoomMigrated(const RoomMigratedArgs &args) override;

private:
    void DispatchOffline(const OfflineArgs &args) final
    {
        offline_ = args;
        OnOffline();
    }

    friend class DiarkisRoomBase;

    inline void Attach() noexcept;
    inline void Detach() noexcept;

    OfflineArgs offline_;
    DiarkisRoomBase *room_ = nullptr;
};

/// How a room was made or joined, or a room's move ended. `room_id` does not change by a move.
struct DiarkisRoomArgs {
    Result result;
    std::uint64_t room_id;
};

/// The room of a client. Make one for a client, override what the game wants to know, and keep it as long as the
/// client, or shorter; a client has one at a time.
class DiarkisRoomBase {
public:
    explicit DiarkisRoomBase(DiarkisBase &client) noexcept : client_(&client)
    {
        client.Detach();
        client.room_ = this;
        client.Attach();
    }

    DiarkisRoomBase(const DiarkisRoomBase &) = delete;
    DiarkisRoomBase &operator=(const DiarkisRoomBase &) = delete;

    virtual ~DiarkisRoomBase()
    {
        if (client_ != nullptr) {
            client_->room_ = nullptr;
        }
    }

    /// Makes a room and joins it; OnRoomCreation follows. Who makes a room is in it: `join` must be true. An empty
    /// room stays for `ttl_seconds` if `allow_empty`; broadcasts of `interval_ms` are sent together.
    Result SendCreateRoom(std::uint16_t max_members, bool allow_empty, bool join, std::uint16_t ttl_seconds,
                          std::uint16_t interval_ms) noexcept
    {
        if (!join) {
            return STERNA_ERROR_INVALID_ARGUMENT;
        }
        RoomConfig config = Config(max_members, ttl_seconds, interval_ms);
        config.allow_empty = allow_empty ? 1 : 0;
        return Begin(Pending::kCreation, sterna_room_create(Handle(), &config, 0, &join_id_));
    }

    /// Joins a room; OnRoomJoin follows.
    Result SendJoinRoom(std::uint64_t room_id) noexcept
    {
        return Begin(Pending::kJoin, sterna_room_join(Handle(), room_id, 0, &join_id_));
    }

    /// Joins any room, or makes one if there is none with a place; OnRoomJoin follows.
    Result SendRandomJoinRoom(std::uint16_t max_members, std::uint16_t ttl_seconds, std::uint16_t interval_ms) noexcept
    {
        const RoomConfig config = Config(max_members, ttl_seconds, interval_ms);
        return Begin(Pending::kJoin, sterna_room_join_random(Handle(), nullptr, 0, &config, 0, &join_id_));
    }

    Result SendJoinRandomRoom(std::uint16_t max_members, std::uint16_t ttl_seconds, std::uint16_t interval_ms) noexcept
    {
        return SendRandomJoinRoom(max_members, ttl_seconds, interval_ms);
    }

    /// Leaves the room; OnRoomLeave follows.
    Result SendLeaveRoom() noexcept { return sterna_room_leave(Handle(), 0, nullptr); }

    /// Sends a message to everybody in the room, this client as well; OnRoomMemberBroadcast is called at each.
    Result SendBroadcastToRoom(std::uint8_t ver, std::uint16_t cmd, const void *payload, std::size_t size) noexcept
    {
        return client_ == nullptr ? Result(STERNA_ERROR_NULL_ARGUMENT)
                                  : client_->BroadcastToRoom(ver, cmd, payload, size);
    }

    /// Sends a message to everybody else in the room, at once.
    Result SendRelayToRoom(std::uint8_t ver, std::uint16_t cmd, const void *payload, std::size_t size) noexcept
    {
        return client_ == nullptr ? Result(STERNA_ERROR_NULL_ARGUMENT)
                                  : client_->RelayToRoom(ver, cmd, payload, size);
    }

    /// Moves the room to another node, with everybody in it; the owner only, and never SendMigrate of a client in a
    /// room. OnRoomMigrate follows, at all members if it works. Without it the server moves the room in time.
    Result SendMigrateRoom() noexcept { return sterna_room_send_migrate(Handle(), kMigrateMs, &migrate_id_); }

    /// The room; 0 if the client is in none. It stays the same when the room moves.
    std::uint64_t GetRoomID() const noexcept { return sterna_room_id(Handle()); }

    /// The number of the room's owner; 0 if nobody owns it.
    std::uint64_t GetRoomOwnerID() const noexcept { return sterna_room_owner(Handle()); }

    /// Fills up to `capacity` members, and says how many the room has.
    std::uint32_t GetRoomMembers(SternaRoomMember *members, std::uint32_t capacity) const noexcept
    {
        std::uint32_t count = 0;
        sterna_room_members(Handle(), members, capacity, &count);
        return count;
    }

protected:
    /// The room was made, and the client is in it; or not, see the result.
    virtual void OnRoomCreation(const DiarkisRoomArgs &) {}
    /// The client is in the room; or not, see the result.
    virtual void OnRoomJoin(const DiarkisRoomArgs &) {}
    /// The client is not in the room any more.
    virtual void OnRoomLeave(const RoomExitedArgs &) {}
    /// Somebody has joined; never because the room has moved.
    virtual void OnRoomMemberJoin(const RoomMemberJoinedArgs &) {}
    /// Somebody is gone; never because the room has moved.
    virtual void OnRoomMemberLeave(const RoomMemberLeftArgs &) {}
    /// A message to the room.
    virtual void OnRoomMemberBroadcast(const RoomMessageArgs &) {}
    /// The room has another owner.
    virtual void OnRoomOwnerChange(const RoomOwnerChangedArgs &) {}
    /// A property has changed.
    virtual void OnRoomPropertyUpdate(const RoomPropertyArgs &) {}
    /// The room has moved, and nothing needs to be done; or not, see the result.
    virtual void OnRoomMigrate(const DiarkisRoomArgs &) {}

private:
    friend class DiarkisBase;

    enum class Pending { kNothing, kCreation, kJoin };

    /// A room's move takes as long as its slowest client.
    static constexpr std::uint32_t kMigrateMs = 30000;

    static RoomConfig Config(std::uint16_t max_members, std::uint16_t ttl_seconds, std::uint16_t interval_ms) noexcept
    {
        RoomConfig config;
        config.members_max = max_members;
        config.ttl_ms = std::uint64_t(ttl_seconds) * 1000;
        config.interval_ms = interval_ms;
        config.listed = 1;
        return config;
    }

    SternaClient *Handle() const noexcept { return client_ != nullptr ? client_->Handle() : nullptr; }

    Result Begin(Pending pending, Result result) noexcept
    {
        if (result.Ok()) {
            pending_ = pending;
        }
        return result;
    }

    void End(const DiarkisRoomArgs &args)
    {
        if (std::exchange(pending_, Pending::kNothing) == Pending::kCreation) {
            OnRoomCreation(args);
        } else {
            OnRoomJoin(args);
        }
    }

    void Ended(const RoomResultArgs &args)
    {
        if (args.request_id == migrate_id_) {
            migrate_id_ = 0;
            if (!args.result.Ok()) {
                OnRoomMigrate({args.result, GetRoomID()});
            }
        } else if (!args.result.Ok() && pending_ != Pending::kNothing && args.request_id == join_id_) {
            End({args.result, 0});
        }
    }

    DiarkisBase *client_;
    Pending pending_ = Pending::kNothing;
    std::uint64_t join_id_ = 0;
    std::uint64_t migrate_id_ = 0;
};

inline void DiarkisBase::Attach() noexcept
{
    if (room_ != nullptr) {
        room_->client_ = this;
    }
}

inline void DiarkisBase::Detach() noexcept
{
    if (room_ != nullptr) {
        room_->client_ = nullptr;
        room_ = nullptr;
    }
}

inline void DiarkisBase::OnRoomEntered(const RoomEnteredArgs &args)
{
    if (room_ != nullptr) {
        room_->End({STERNA_OK, args.room_id});
    }
}

inline void DiarkisBase::OnRoomExited(const RoomExitedArgs &args)
{
    if (room_ != nullptr) {
        room_->OnRoomLeave(args);
    }
}

inline void DiarkisBase::OnRoomMemberJoined(const RoomMemberJoinedArgs &args)
{
    if (room_ != nullptr) {
        room_->OnRoomMemberJoin(args);
    }
}

inline void DiarkisBase::OnRoomMemberLeft(const RoomMemberLeftArgs &args)
{
    if (room_ != nullptr) {
        room_->OnRoomMemberLeave(args);
    }
}

inline void DiarkisBase::OnRoomMessage(const RoomMessageArgs &args)
{
    if (room_ != nullptr) {
        room_->OnRoomMemberBroadcast(args);
    }
}

inline void DiarkisBase::OnRoomOwnerChanged(const RoomOwnerChangedArgs &args)
{
    if (room_ != nullptr) {
        room_->OnRoomOwnerChange(args);
    }
}

inline void DiarkisBase::OnRoomProperty(const RoomPropertyArgs &args)
{
    if (room_ != nullptr) {
        room_->OnRoomPropertyUpdate(args);
    }
}

inline void DiarkisBase::OnRoomResult(const RoomResultArgs &args)
{
    if (room_ != nullptr) {
        room_->Ended(args);
    }
}

inline void DiarkisBase::OnRoomMigrated(const RoomMigratedArgs &args)
{
    if (room_ != nullptr) {
        room_->OnRoomMigrate({STERNA_OK, args.room_id});
    }
}

/// A client over TCP.
class DiarkisTcpBase : public DiarkisBase {
public:
    explicit DiarkisTcpBase(const Config &config = Config()) noexcept
        : DiarkisBase(STERNA_TRANSPORT_TCP, config)
    {
    }
};

/// A client over UDP.
class DiarkisUdpBase : public DiarkisBase {
public:
    explicit DiarkisUdpBase(const Config &config = Config()) noexcept
        : DiarkisBase(STERNA_TRANSPORT_UDP, config)
    {
    }
};

} // namespace diarkis
} // namespace sterna

#ifndef STERNA_NO_GLOBAL_NAMES
using sterna::diarkis::DiarkisRoomBase;
using sterna::diarkis::DiarkisTcpBase;
using sterna::diarkis::DiarkisUdpBase;
#endif

#endif // STERNA_DIARKIS_HPP
