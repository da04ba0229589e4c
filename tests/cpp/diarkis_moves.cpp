// The two answers to OnOffline that games have had for years, as they stand, against a server that scales in:
// every number comes back once and in order, before the move and after it.
//
//     diarkis_moves tcp|udp <token>

#include <sterna/diarkis.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>

namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint16_t kEcho = 1;

/// Counts what comes back.
struct Judge {
    std::uint32_t next = 0;
    bool broken = false;
    bool migrated = false;
    bool ended = false;

    void OnPush(const sterna::PushArgs &push)
    {
        std::uint32_t number = 0;
        if (push.payload.size() != sizeof number) {
            broken = true;
            return;
        }
        std::memcpy(&number, push.payload.data(), sizeof number);
        broken = broken || number != next;
        next++;
    }
};

} // namespace

class DiarkisTcp : public DiarkisTcpBase {
public:
    Judge judge;

protected:
    void OnOffline() override;
    void OnPush(const sterna::PushArgs &push) override { judge.OnPush(push); }
    void OnMigrated(const sterna::MigratedArgs &) override { judge.migrated = true; }
    void OnDisconnected(const sterna::DisconnectedArgs &) override { judge.ended = true; }
};

class DiarkisUdp : public DiarkisUdpBase {
public:
    Judge judge;

protected:
    void OnOffline() override;
    void OnPush(const sterna::PushArgs &push) override { judge.OnPush(push); }
    void OnMigrated(const sterna::MigratedArgs &) override { judge.migrated = true; }
    void OnDisconnected(const sterna::DisconnectedArgs &) override { judge.ended = true; }
};

void DiarkisTcp::OnOffline()
{
    DiarkisTcpBase::OnOffline();
    this->SendMigrate();
}

void DiarkisUdp::OnOffline()
{
    DiarkisUdpBase::OnOffline();
    this->SendMigrate();
}

template <class Game> int Run(const char *token)
{
    Game game;
    if (!game.Connect(token).Ok()) {
        return 2;
    }
    std::uint32_t sent = 0;
    std::uint32_t after = 0;
    // 60 frames a second; a minute is far more than a scale-in every two seconds needs.
    for (int frame = 0; frame < 3600 && after < 60; frame++) {
        (void)game.Update();
        if (game.judge.broken || game.judge.ended) {
            std::fprintf(stderr, "lost: expected %u of %u\n", game.judge.next, sent);
            return 1;
        }
        if (game.RSend(kVersion, kEcho, &sent, sizeof sent).Ok()) {
            sent++;
        }
        after += game.judge.migrated ? 1 : 0;
        std::this_thread::sleep_for(std::chrono::milliseconds(16));
    }
    for (int frame = 0; frame < 600 && game.judge.next < sent; frame++) {
        (void)game.Update();
        std::this_thread::sleep_for(std::chrono::milliseconds(16));
    }
    std::printf("sent %u, back %u, migrated %d\n", sent, game.judge.next, game.judge.migrated ? 1 : 0);
    return game.judge.migrated && sent > 60 && game.judge.next == sent && !game.judge.broken ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    return std::strcmp(argv[1], "udp") == 0 ? Run<DiarkisUdp>(argv[2]) : Run<DiarkisTcp>(argv[2]);
}
