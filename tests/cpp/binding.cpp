// The C++ classes: events come as virtual calls, objects can be moved, nothing throws. Needs no server: a token
// whose nodes do not run gives OnConnectFailed.
//
//     binding <token>

#include <sterna/diarkis.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <type_traits>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__, #condition,            \
                         sterna_last_error());                                                               \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (0)

namespace {

template <class Base> class Game : public Base {
public:
    using Base::Base;
    int failed = 0;

    // Whatever a game overrides can call what it overrides.
    void OnConnected(const sterna::ConnectedArgs &args) override { Base::OnConnected(args); }
    void OnConnectFailed(const sterna::ConnectFailedArgs &args) override
    {
        Base::OnConnectFailed(args);
        CHECK(!args.result && !args.reason.empty() && std::strlen(args.result.Text()) > 0);
        CHECK(this->Update() == STERNA_ERROR_BUSY);
        failed++;
    }
    void OnDisconnected(const sterna::DisconnectedArgs &args) override { Base::OnDisconnected(args); }
    void OnReconnecting(const sterna::ReconnectingArgs &args) override { Base::OnReconnecting(args); }
    void OnReconnected(const sterna::ReconnectedArgs &args) override { Base::OnReconnected(args); }
    void OnMigrating(const sterna::MigratingArgs &args) override { Base::OnMigrating(args); }
    void OnMigrated(const sterna::MigratedArgs &args) override { Base::OnMigrated(args); }
    void OnMigrateFailed(const sterna::MigrateFailedArgs &args) override { Base::OnMigrateFailed(args); }
    void OnTookOver(const sterna::TookOverArgs &args) override { Base::OnTookOver(args); }
    void OnResponse(const sterna::ResponseArgs &args) override { Base::OnResponse(args); }
    void OnPush(const sterna::PushArgs &args) override { Base::OnPush(args); }
    void OnLog(const sterna::LogArgs &args) override { Base::OnLog(args); }

    void UntilFailed(int times)
    {
        while (failed < times) {
            CHECK(this->Update());
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        CHECK(failed == times);
    }
};

using TcpGame = Game<sterna::TcpBase>;

static_assert(std::is_nothrow_move_constructible_v<TcpGame> && std::is_nothrow_move_assignable_v<TcpGame>);
static_assert(!std::is_copy_constructible_v<TcpGame> && !std::is_copy_assignable_v<TcpGame>);

void TestMove(const char *token)
{
    TcpGame first;
    CHECK(first.Connect(token));
    TcpGame second(std::move(first));
    second.UntilFailed(1);
    CHECK(first.Update() == STERNA_ERROR_NULL_ARGUMENT && first.State() == STERNA_STATE_INVALID); // NOLINT

    CHECK(second.Connect(token));
    TcpGame third;
    third = std::move(second);
    third.UntilFailed(2); // it took over the count of one
    CHECK(third.Connect("nonsense") == STERNA_ERROR_TOKEN_MALFORMED);
    CHECK(std::strlen(third.LastError()) > 0);
}

class Suicidal : public sterna::TcpBase {
public:
    static int calls;

protected:
    void OnConnectFailed(const sterna::ConnectFailedArgs &) override
    {
        calls++;
        delete this;
    }
};
int Suicidal::calls = 0;

void TestDeleteWithinACallback(const char *token)
{
    auto *game = new Suicidal;
    CHECK(game->Connect(token));
    SternaClient *handle = game->Handle();
    while (sterna_client_update(handle) == STERNA_OK) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    CHECK(Suicidal::calls == 1);
}

void TestFailedCreation()
{
    sterna::Config config;
    config.simulator_loss_percent = 100;
    TcpGame game(config);
    CHECK(game.Created() == STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(game.Connect("sterna1.") == STERNA_ERROR_INVALID_ARGUMENT);
    CHECK(std::strstr(game.LastError(), "simulator_loss_percent") != nullptr);
}

void TestWithoutConnection()
{
    Game<sterna::UdpBase> game;
    std::uint64_t request = 0;
    CHECK(game.State() == STERNA_STATE_IDLE && game.Stats().bytes_sent == 0);
    CHECK(game.Send(2, 1, "text") == STERNA_ERROR_NOT_CONNECTED);
    CHECK(game.RSend(2, 1, "text") == STERNA_ERROR_NOT_CONNECTED);
    CHECK(game.Request(2, 1, "text", &request) == STERNA_ERROR_NOT_CONNECTED);
    CHECK(game.SendMigrate() == STERNA_ERROR_NOT_CONNECTED);
    CHECK(game.Disconnect() == STERNA_ERROR_NOT_CONNECTED);
    CHECK(game.Flush());
#if SIZE_MAX > UINT32_MAX
    CHECK(game.Send(2, 1, "", std::size_t(UINT32_MAX) + 1) == STERNA_ERROR_MESSAGE_TOO_LARGE);
#endif
}

} // namespace

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    TestMove(argv[1]);
    TestDeleteWithinACallback(argv[1]);
    TestFailedCreation();
    TestWithoutConnection();
    CHECK(sterna_shutdown() == STERNA_OK);
    std::puts("ok");
    return 0;
}
