// A game loop in C++: sends numbered messages, 60 a second, to a server that echoes them, is moved from node to
// node meanwhile, and checks that every echo comes back, once and in order. It also keeps a score on the server,
// which the move must not change.
//
//     game [--udp] [--seconds N] [--until-migrated] [token]
//
// The token is what the game's backend would give; `sterna serve --dev` prints one. Without the argument it is
// taken from STERNA_TOKEN. Ends after N seconds (10 if not said) or, with --until-migrated, soon after the first
// move. Exits with 0 if nothing was lost, repeated, out of order or changed, otherwise with 1.

#include <sterna/sterna.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace {

// What the server's built-in application understands.
constexpr std::uint8_t kVer = 2;
constexpr std::uint16_t kEcho = 1;
constexpr std::uint16_t kGet = 2;
constexpr std::uint16_t kSet = 3;

constexpr std::string_view kScoreKey = "score";
constexpr std::uint8_t kInteger = 1;
constexpr std::uint64_t kScore = 0x0123456789abcdef; // more than a double can hold exactly

constexpr int kFramesPerSecond = 60;
constexpr int kFramesAfterMove = 60;
constexpr int kFramesToSettle = 10 * kFramesPerSecond;

using Number = std::array<std::uint8_t, 8>;

Number Encode(std::uint64_t number)
{
    Number bytes{};
    for (std::size_t i = 0; i < bytes.size(); i++) {
        bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
    }
    return bytes;
}

std::uint64_t Decode(const std::uint8_t *bytes)
{
    std::uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

unsigned long long Print(std::uint64_t number)
{
    return number;
}

// The same game over either transport.
template <class Base> class Game final : public Base {
public:
    using Base::Base;

    int Play(int seconds, bool until_migrated)
    {
        int frames = seconds * kFramesPerSecond;
        bool seen_move = false;
        for (int frame = 0; frame < frames && !over_; frame++) {
            if (connected_) {
                SendNumber();
            }
            Frame();
            if (until_migrated && migrated_ && !seen_move) {
                seen_move = true;
                frames = frame + kFramesAfterMove;
            }
        }
        if (this->Request(kVer, kGet, kScoreKey)) {
            waiting_for_score_ = true;
        }
        for (int i = 0; i < kFramesToSettle && !over_ && (received_ < sent_ || waiting_for_score_); i++) {
            Frame();
        }
        if (this->Disconnect()) {
            for (int i = 0; i < kFramesToSettle && !over_; i++) {
                Frame();
            }
        }
        std::printf("%llu sent, %llu came back, the score is %s\n", Print(sent_), Print(received_),
                    score_kept_ ? "unchanged" : "gone");
        if (until_migrated && !migrated_) {
            std::puts("there was no move");
            return 1;
        }
        return sent_ > 0 && received_ == sent_ && !broken_ && score_kept_ ? 0 : 1;
    }

protected:
    void OnConnected(const sterna::ConnectedArgs &args) override
    {
        std::printf("connected to %s\n", args.node.data());
        connected_ = true;
        std::array<std::uint8_t, 1 + kScoreKey.size() + 1 + 8> set{};
        auto *out = set.data();
        *out++ = static_cast<std::uint8_t>(kScoreKey.size());
        for (const char letter : kScoreKey) {
            *out++ = static_cast<std::uint8_t>(letter);
        }
        *out++ = kInteger;
        for (const std::uint8_t byte : Encode(kScore)) {
            *out++ = byte;
        }
        this->Request(kVer, kSet, set.data(), set.size());
    }

    void OnConnectFailed(const sterna::ConnectFailedArgs &args) override
    {
        std::printf("connecting failed: %s\n", args.reason.data());
        over_ = true;
    }

    void OnDisconnected(const sterna::DisconnectedArgs &args) override
    {
        std::printf("disconnected: %s\n", args.reason.data());
        connected_ = false;
        over_ = true;
    }

    void OnReconnecting(const sterna::ReconnectingArgs &args) override
    {
        std::printf("reconnecting: %s\n", args.reason.data());
    }

    void OnReconnected(const sterna::ReconnectedArgs &args) override
    {
        std::printf("reconnected to %s\n", args.node.data());
    }

    // The node will stop. A real game might wait for the end of the round before it answers.
    void OnOffline(const sterna::OfflineArgs &args) override
    {
        std::printf("the node goes offline, %llu ms left\n", Print(args.deadline_ms));
        if (const sterna::Result result = this->SendMigrate(); !result) {
            std::printf("  cannot migrate: %s\n", result.Text());
        }
    }

    void OnMigrating(const sterna::MigratingArgs &) override { std::puts("migrating"); }

    void OnMigrated(const sterna::MigratedArgs &args) override
    {
        std::printf("migrated to %s, gap %llu us\n", args.node.data(), Print(args.gap_us));
        migrated_ = true;
    }

    void OnMigrateFailed(const sterna::MigrateFailedArgs &args) override
    {
        std::printf("still where it was: %s\n", args.reason.data());
    }

    void OnTookOver(const sterna::TookOverArgs &args) override
    {
        std::printf("a node crashed, %s took over; messages %llu to before %llu are gone\n", args.node.data(),
                    Print(args.lost_from), Print(args.lost_to));
        broken_ = broken_ || args.lost_from != args.lost_to;
    }

    void OnPush(const sterna::PushArgs &args) override
    {
        if (args.ver != kVer || args.cmd != kEcho || args.payload.size() != 8) {
            return;
        }
        const std::uint64_t number = Decode(args.payload.data());
        if (number != received_) {
            std::printf("echo %llu came where %llu was due\n", Print(number), Print(received_));
            broken_ = true;
        }
        received_ = number + 1;
    }

    void OnResponse(const sterna::ResponseArgs &args) override
    {
        if (!args.result) {
            std::printf("request %u failed: %s\n", static_cast<unsigned>(args.cmd), args.result.Text());
        }
        if (args.cmd == kGet) {
            waiting_for_score_ = false;
            score_kept_ = args.result && args.payload.size() == 9 && args.payload.data()[0] == kInteger &&
                          Decode(args.payload.data() + 1) == kScore;
        }
    }

    void OnLog(const sterna::LogArgs &args) override { std::fprintf(stderr, "sterna: %s\n", args.text.data()); }

private:
    void SendNumber()
    {
        const Number payload = Encode(sent_);
        const sterna::Result result = this->RSend(kVer, kEcho, payload.data(), payload.size());
        if (result) {
            sent_++;
        } else if (result != STERNA_ERROR_QUEUE_FULL) { // then the next frame tries again
            std::printf("not sent: %s\n", result.Text());
        }
    }

    void Frame()
    {
        this->Update();
        std::this_thread::sleep_for(std::chrono::microseconds(1'000'000 / kFramesPerSecond));
    }

    std::uint64_t sent_ = 0;     // which is also the next one's number
    std::uint64_t received_ = 0; // which is also the number expected next
    bool connected_ = false;
    bool over_ = false;
    bool broken_ = false;
    bool migrated_ = false;
    bool waiting_for_score_ = false;
    bool score_kept_ = false;
};

template <class Base> int Run(const char *token, int seconds, bool until_migrated)
{
    Game<Base> game;
    if (const sterna::Result result = game.Connect(token); !result) {
        std::fprintf(stderr, "%s\n", game.LastError());
        return 2;
    }
    return game.Play(seconds, until_migrated);
}

} // namespace

int main(int argc, char **argv)
{
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    const char *token = std::getenv("STERNA_TOKEN");
    int seconds = 10;
    bool udp = false;
    bool until_migrated = false;
    for (int i = 1; i < argc; i++) {
        const std::string_view argument = argv[i];
        if (argument == "--udp") {
            udp = true;
        } else if (argument == "--until-migrated") {
            until_migrated = true;
            seconds = 60;
        } else if (argument == "--seconds" && i + 1 < argc) {
            seconds = std::atoi(argv[++i]);
        } else {
            token = argv[i];
        }
    }
    if (token == nullptr) {
        std::fputs("usage: game [--udp] [--seconds N] [--until-migrated] [token], or set STERNA_TOKEN\n", stderr);
        return 2;
    }
    return udp ? Run<sterna::UdpBase>(token, seconds, until_migrated)
               : Run<sterna::TcpBase>(token, seconds, until_migrated);
}
