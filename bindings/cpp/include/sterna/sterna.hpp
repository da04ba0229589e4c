// Sterna for C++17: inherit from sterna::TcpBase or sterna::UdpBase and override what the game wants to know.
//
//     class Game : public sterna::TcpBase {
//         void OnPush(const sterna::PushArgs &push) override { ... }
//         void OnOffline(const sterna::OfflineArgs &) override { SendMigrate(); }
//     };
//
//     Game game;
//     game.Connect(token);              // from the game's backend
//     while (playing) game.Update();    // once per frame; calls the On... functions on this thread
//
// What a client can do in rooms stands in sterna/room.hpp.
//
// Header-only over the C functions of sterna.h, whose comments say when each event fires and what it means.
// Throws nothing and needs neither exceptions nor RTTI. No exception may leave an On... function: the program
// would end.

#ifndef STERNA_HPP
#define STERNA_HPP

#include <sterna/room.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace sterna {

/// The configuration of sterna.h, with its initial values.
struct Config : SternaClientConfig {
    Config() noexcept : SternaClientConfig()
    {
        if (sterna_abi_version() == STERNA_ABI_VERSION) {
            sterna_client_config_init(this, sizeof(SternaClientConfig));
        }
    }
};

// What the On... functions are told. Texts end in a NUL and are valid, like payloads, until they return.

struct ConnectedArgs {
    std::uint64_t session_id;
    std::string_view node;
};

struct ConnectFailedArgs {
    Result result;
    std::string_view reason;
};

struct DisconnectedArgs {
    Result result; // STERNA_OK if the game asked for it
    std::string_view reason;
};

struct ReconnectingArgs {
    Result result;
    std::string_view reason;
};

struct ReconnectedArgs {
    std::uint64_t epoch;
    std::string_view node;
};

struct OfflineArgs {
    std::uint64_t epoch = 0;
    std::uint64_t deadline_ms = 0; // then the session is moved without asking
    SternaOfflineReason reason = STERNA_OFFLINE_NONE;
    bool in_room = false; // the room moves as a whole: no answer is needed
};

struct MigratingArgs {
    std::uint64_t epoch;
};

struct MigratedArgs {
    std::uint64_t epoch;
    std::uint64_t gap_us; // between the last message from the old node and the first from the new one
    std::string_view node;
};

struct MigrateFailedArgs {
    Result result;
    std::string_view reason;
};

struct TookOverArgs {
    std::uint64_t epoch;
    std::uint64_t lost_from; // first message to the server that is gone ...
    std::uint64_t lost_to;   // ... and the first that is not gone any more
    std::string_view node;
};

struct ResponseArgs {
    std::uint64_t request_id;
    Result result;
    std::uint8_t ver;
    std::uint16_t cmd;
    Bytes payload;
};

struct PushArgs {
    std::uint8_t ver;
    std::uint16_t cmd;
    bool reliable;
    Bytes payload;
};

struct LogArgs {
    SternaLogLevel level;
    std::string_view text;
};

/// What TcpBase and UdpBase have in common. Owns one client; can be moved, not copied.
///
/// Update belongs to one thread at a time; the other functions may be called from any thread, also inside
/// an On... function. Do not move or destroy an object while another thread is using it.
class ClientBase : public RoomBase {
public:
    ClientBase(const ClientBase &) = delete;
    ClientBase &operator=(const ClientBase &) = delete;

    /// The other object is left without a client; its functions then return STERNA_ERROR_NULL_ARGUMENT.
    ClientBase(ClientBase &&other) noexcept
        : RoomBase(std::exchange(other.client_, nullptr)), created_(other.created_)
    {
        Register();
    }

    ClientBase &operator=(ClientBase &&other) noexcept
    {
        if (this != &other) {
            sterna_client_destroy(client_);
            client_ = std::exchange(other.client_, nullptr);
            created_ = other.created_;
            Register();
        }
        return *this;
    }

    /// Ends the session. Inside an On... function no further one is called.
    ~ClientBase() override { sterna_client_destroy(client_); }

    /// Begins to connect, with a token from the game's backend; OnConnected or OnConnectFailed follows.
    Result Connect(const char *token) noexcept
    {
        return created_.Ok() ? Result(sterna_client_connect(client_, token)) : created_;
    }

    /// Ends the session; OnDisconnected follows.
    Result Disconnect() noexcept { return sterna_client_disconnect(client_); }

    /// Calls the On... functions for what has happened, and sends what is queued. Once per frame.
    Result Update() noexcept { return sterna_client_update(client_); }

    /// Sends a message: unreliably over UDP, reliably over TCP. `ver` is 2 or above.
    Result Send(std::uint8_t ver, std::uint16_t cmd, const void *payload, std::size_t size) noexcept
    {
        if (size > UINT32_MAX) {
            return STERNA_ERROR_MESSAGE_TOO_LARGE;
        }
        return sterna_client_send(client_, ver, cmd, static_cast<const std::uint8_t *>(payload),
                                  static_cast<std::uint32_t>(size));
    }

    Result Send(std::uint8_t ver, std::uint16_t cmd, std::string_view payload) noexcept
    {
        return Send(ver, cmd, payload.data(), payload.size());
    }

    /// Sends a message reliably: exactly once and in order, across moves and broken links.
    Result RSend(std::uint8_t ver, std::uint16_t cmd, const void *payload, std::size_t size) noexcept
    {
        if (size > UINT32_MAX) {
            return STERNA_ERROR_MESSAGE_TOO_LARGE;
        }
        return sterna_client_rsend(client_, ver, cmd, static_cast<const std::uint8_t *>(payload),
                                   static_cast<std::uint32_t>(size));
    }

    Result RSend(std::uint8_t ver, std::uint16_t cmd, std::string_view payload) noexcept
    {
        return RSend(ver, cmd, payload.data(), payload.size());
    }

    /// Sends a message that is answered by one OnResponse with the number written to `out_request_id`, at the
    /// latest after `timeout_ms`; 0 stands for the configuration's value.
    Result Request(std::uint8_t ver, std::uint16_t cmd, const void *payload, std::size_t size,
                   std::uint64_t *out_request_id = nullptr, std::uint32_t timeout_ms = 0) noexcept
    {
        if (size > UINT32_MAX) {
            return STERNA_ERROR_MESSAGE_TOO_LARGE;
        }
        return sterna_client_request(client_, ver, cmd, static_cast<const std::uint8_t *>(payload),
                                     static_cast<std::uint32_t>(size), timeout_ms, out_request_id);
    }

    Result Request(std::uint8_t ver, std::uint16_t cmd, std::string_view payload,
                   std::uint64_t *out_request_id = nullptr, std::uint32_t timeout_ms = 0) noexcept
    {
        return Request(ver, cmd, payload.data(), payload.size(), out_request_id, timeout_ms);
    }

    /// Agrees to be moved to another node: the answer to OnOffline, in it or later. OnMigrated or
    /// OnMigrateFailed follows.
    Result SendMigrate() noexcept { return sterna_client_send_migrate(client_); }

    /// Sends what is queued at once.
    Result Flush() noexcept { return sterna_client_flush(client_); }

    /// The client's figures; all 0 if there is none.
    SternaStats Stats() const noexcept
    {
        SternaStats stats = SternaStats();
        sterna_client_stats(client_, &stats, sizeof stats);
        return stats;
    }

    /// Where the client stands now.
    SternaState State() const noexcept { return sterna_client_state(client_); }

    /// What the last call of this thread that failed has to say.
    const char *LastError() const noexcept
    {
        return client_ != nullptr ? sterna_client_last_error(client_) : sterna_last_error();
    }

    /// Whether the client could be created; Connect returns it as well.
    Result Created() const noexcept { return created_; }

    /// For functions of sterna.h that have no counterpart here. Stays this object's own.
    SternaClient *Handle() const noexcept { return client_; }

protected:
    ClientBase(SternaTransport transport, const SternaClientConfig &config) noexcept
    {
        // The first thing to ask a library that was loaded at run time; nothing else may be called if not.
        if (sterna_abi_version() != STERNA_ABI_VERSION) {
            created_ = STERNA_ERROR_ABI_MISMATCH;
            return;
        }
        SternaClientConfig with_transport = config;
        with_transport.transport = static_cast<std::uint32_t>(transport);
        created_ = sterna_client_create(&with_transport, &client_);
        Register();
    }

    /// The session has begun.
    virtual void OnConnected(const ConnectedArgs &) {}
    /// Connect failed, and may be called again.
    virtual void OnConnectFailed(const ConnectFailedArgs &) {}
    /// The session has ended; Connect begins a new one.
    virtual void OnDisconnected(const DisconnectedArgs &) {}
    /// The link broke; it is restored without the game's doing.
    virtual void OnReconnecting(const ReconnectingArgs &) {}
    /// The link is restored; no reliable message was lost.
    virtual void OnReconnected(const ReconnectedArgs &) {}
    /// Another node is prepared; play goes on.
    virtual void OnMigrating(const MigratingArgs &) {}
    /// Another node serves the session now; nothing was lost.
    virtual void OnMigrated(const MigratedArgs &) {}
    /// The move failed; play goes on where it was.
    virtual void OnMigrateFailed(const MigrateFailedArgs &) {}
    /// The node crashed, and another one went on from a snapshot: messages may be gone.
    virtual void OnTookOver(const TookOverArgs &) {}
    /// A request was answered, or will not be.
    virtual void OnResponse(const ResponseArgs &) {}
    /// The server sent a message.
    virtual void OnPush(const PushArgs &) {}
    /// The library has something to say.
    virtual void OnLog(const LogArgs &) {}

    /// Leads to OnOffline, whose arguments are the business of the classes below.
    virtual void DispatchOffline(const OfflineArgs &) = 0;

private:
    void Register() noexcept
    {
        if (client_ == nullptr) {
            return;
        }
        sterna_client_on_connected(client_, &ClientBase::Trampoline, this);
        sterna_client_on_connect_failed(client_, &ClientBase::Trampoline, this);
        sterna_client_on_disconnected(client_, &ClientBase::Trampoline, this);
        sterna_client_on_reconnecting(client_, &ClientBase::Trampoline, this);
        sterna_client_on_reconnected(client_, &ClientBase::Trampoline, this);
        sterna_client_on_offline(client_, &ClientBase::Trampoline, this);
        sterna_client_on_migrating(client_, &ClientBase::Trampoline, this);
        sterna_client_on_migrated(client_, &ClientBase::Trampoline, this);
        sterna_client_on_migrate_failed(client_, &ClientBase::Trampoline, this);
        sterna_client_on_took_over(client_, &ClientBase::Trampoline, this);
        sterna_client_on_response(client_, &ClientBase::Trampoline, this);
        sterna_client_on_push(client_, &ClientBase::Trampoline, this);
        sterna_client_on_log(client_, &ClientBase::Trampoline, this);
        RegisterRoom(&ClientBase::Trampoline, this);
    }

    static void Trampoline(SternaClient *, const SternaEvent *event, void *self) noexcept
    {
        static_cast<ClientBase *>(self)->Dispatch(*event);
    }

    void Dispatch(const SternaEvent &e)
    {
        switch (e.event_type) {
        case STERNA_EVENT_CONNECTED:
            return OnConnected({e.session_id, e.text});
        case STERNA_EVENT_CONNECT_FAILED:
            return OnConnectFailed({e.status, e.text});
        case STERNA_EVENT_DISCONNECTED:
            return OnDisconnected({e.status, e.text});
        case STERNA_EVENT_RECONNECTING:
            return OnReconnecting({e.status, e.text});
        case STERNA_EVENT_RECONNECTED:
            return OnReconnected({e.epoch, e.text});
        case STERNA_EVENT_OFFLINE:
            return DispatchOffline({e.epoch, e.deadline_ms, e.reason, e.in_room != 0});
        case STERNA_EVENT_MIGRATING:
            return OnMigrating({e.epoch});
        case STERNA_EVENT_MIGRATED:
            return OnMigrated({e.epoch, e.gap_us, e.text});
        case STERNA_EVENT_MIGRATE_FAILED:
            return OnMigrateFailed({e.status, e.text});
        case STERNA_EVENT_TOOK_OVER:
            return OnTookOver({e.epoch, e.lost_from, e.lost_to, e.text});
        case STERNA_EVENT_RESPONSE:
            return OnResponse({e.request_id, e.status, e.ver, e.cmd, {e.data, e.length}});
        case STERNA_EVENT_PUSH:
            return OnPush({e.ver, e.cmd, e.reliable != 0, {e.data, e.length}});
        case STERNA_EVENT_LOG:
            return OnLog({static_cast<SternaLogLevel>(e.log_level), e.text});
        case STERNA_EVENT_ROOM_ENTERED:
        case STERNA_EVENT_ROOM_EXITED:
        case STERNA_EVENT_ROOM_MEMBER_JOINED:
        case STERNA_EVENT_ROOM_MEMBER_LEFT:
        case STERNA_EVENT_ROOM_MESSAGE:
        case STERNA_EVENT_ROOM_OWNER_CHANGED:
        case STERNA_EVENT_ROOM_PROPERTY:
        case STERNA_EVENT_ROOM_SYNC:
        case STERNA_EVENT_ROOM_RESULT:
        case STERNA_EVENT_ROOM_MIGRATED:
        case STERNA_EVENT_ROOM_REFRESHED:
            return DispatchRoom(e);
        }
    }

    Result created_ = STERNA_OK;
};

/// A client over TCP with TLS. Every message is reliable and ordered.
class TcpBase : public ClientBase {
public:
    explicit TcpBase(const Config &config = Config()) noexcept : ClientBase(STERNA_TRANSPORT_TCP, config) {}

protected:
    /// The node goes offline: call SendMigrate, here or at a moment that suits the game.
    virtual void OnOffline(const OfflineArgs &) {}

private:
    void DispatchOffline(const OfflineArgs &args) final { OnOffline(args); }
};

/// A client over UDP, by QUIC: Send is unreliable, RSend reliable.
class UdpBase : public ClientBase {
public:
    explicit UdpBase(const Config &config = Config()) noexcept : ClientBase(STERNA_TRANSPORT_UDP, config) {}

protected:
    /// The node goes offline: call SendMigrate, here or at a moment that suits the game.
    virtual void OnOffline(const OfflineArgs &) {}

private:
    void DispatchOffline(const OfflineArgs &args) final { OnOffline(args); }
};

} // namespace sterna

#endif // STERNA_HPP
