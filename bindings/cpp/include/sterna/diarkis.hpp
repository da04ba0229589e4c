// For games that were written for Diarkis: base classes under the names they know, so that
//
//     void DiarkisTcp::OnOffline()
//     {
//         DiarkisTcpBase::OnOffline();
//         this->SendMigrate();
//     }
//
// compiles and does what it did. They differ from sterna::TcpBase and sterna::UdpBase only in OnOffline, which
// takes no argument; Offline() tells the details. Define STERNA_NO_GLOBAL_NAMES to keep them in their namespace.

#ifndef STERNA_DIARKIS_HPP
#define STERNA_DIARKIS_HPP

#include <sterna/sterna.hpp>

namespace sterna {
namespace diarkis {

/// What both transports have in common.
class DiarkisBase : public ClientBase {
public:
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

private:
    void DispatchOffline(const OfflineArgs &args) final
    {
        offline_ = args;
        OnOffline();
    }

    OfflineArgs offline_;
};

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
using sterna::diarkis::DiarkisTcpBase;
using sterna::diarkis::DiarkisUdpBase;
#endif

#endif // STERNA_DIARKIS_HPP
