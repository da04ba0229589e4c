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
    void OnRoomEntered(const sterna::RoomEnteredArgs &args) override { Base::OnRoomEntered(args); }
    void OnRoomExited(const sterna::RoomExitedArgs &args) override { Base::OnRoomExited(args); }
    void OnRoomMemberJoined(const sterna::RoomMemberJoinedArgs &args) override { Base::OnRoomMemberJoined(args); }
    void OnRoomMemberLeft(const sterna::RoomMemberLeftArgs &args) override { Base::OnRoomMemberLeft(args); }
    void OnRoomMessage(const sterna::RoomMessageArgs &args) override { Base::OnRoomMessage(args); }
    void OnRoomOwnerChanged(const sterna::RoomOwnerChangedArgs &args) override { Base::OnRoomOwnerChanged(args); }
    void OnRoomProperty(const sterna::RoomPropertyArgs &args) override { Base::OnRoomProperty(args); }
    void OnRoomSync(const sterna::RoomSyncArgs &args) override { Base::OnRoomSync(args); }
    void OnRoomResult(const sterna::RoomResultArgs &args) override { Base::OnRoomResult(args); }
    void OnRoomMigrated(const sterna::RoomMigratedArgs &args) override { Base::OnRoomMigrated(args); }
    void OnRoomRefreshed(const sterna::RoomRefreshedArgs &args) override { Base::OnRoomRefreshed(args); }

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

void TestRoomsWithoutConnection()
{
    const sterna::Result refused = STERNA_ERROR_NOT_CONNECTED;
    Game<sterna::UdpBase> game;
    std::uint64_t request = 7;
    const std::uint64_t members[] = {1, 2};
    const char *const users[] = {"ann"};
    sterna::RoomConfig config;
    CHECK(config.struct_size == sizeof(SternaRoomConfig) && config.members_max == 8);
    CHECK(game.CreateRoom() == refused && game.CreateRoom(config, &request, 100) == refused);
    CHECK(game.JoinRoom(1, &request) == refused && game.LeaveRoom() == refused);
    const SternaRoomCondition condition = {"level", STERNA_COMPARE_AT_LEAST, 0, sterna::Value::Integer(3)};
    CHECK(game.JoinRandomRoom(&condition, 1, &config) == refused);
    CHECK(game.BroadcastToRoom(2, 1, "text") == refused && game.RelayToRoom(2, 1, "text") == refused);
    CHECK(game.SendToMembers(members, 2, 2, 1, "text", 4) == refused && game.SyncInRoom("key", "1", 1) == refused);
    CHECK(game.SetRoomProperty("key", sterna::Value::Text("text")) == refused);
    CHECK(game.SetRoomProperty("key", sterna::Value()) == STERNA_ERROR_INVALID_ARGUMENT);
    const sterna::Value half = sterna::Value::Float(0.5);
    CHECK(game.CompareAndSetRoomProperty("key", nullptr, &half) == refused);
    CHECK(game.IncrementRoomProperty("key", half) == refused && game.GetRoomProperty("key") == refused);
    CHECK(game.RemoveRoomProperty("key") == refused && game.ReserveInRoom(users, 1) == refused);
    CHECK(game.CancelRoomReservation(users, 1) == refused && game.KickFromRoom(1) == refused);
    CHECK(game.CloseRoom() == refused && game.SendMigrateRoom() == refused && request == 7);
    SternaRoomMember member;
    CHECK(game.RoomId() == 0 && game.RoomMe() == 0 && game.RoomOwner() == 0);
    CHECK(game.RoomMemberCount() == 0 && game.RoomMembers(&member, 1) == 0);
#if SIZE_MAX > UINT32_MAX
    CHECK(game.RelayToRoom(2, 1, "", std::size_t(UINT32_MAX) + 1) == STERNA_ERROR_MESSAGE_TOO_LARGE);
    const sterna::Value huge = sterna::Value::Bytes("", std::size_t(UINT32_MAX) + 2);
    CHECK(game.SetRoomProperty("key", huge) == STERNA_ERROR_INVALID_ARGUMENT);
#endif
}

void TestValues()
{
    using sterna::Value;
    CHECK(Value().IsNone() && Value::Integer(-3).IsInteger() && Value::Integer(-3).integer == -3);
    CHECK(Value::Float(0.5).IsFloat() && Value::Float(0.5).number == 0.5);
    CHECK(Value::Text("text").IsText() && Value::Text("text").AsText() == "text");
    CHECK(Value::Bytes("\0x", 2).IsBytes() && Value::Bytes("\0x", 2).AsBytes().size() == 2);
}

} // namespace

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    TestMove(argv[1]);
    TestDeleteWithinACallback(argv[1]);
    TestFailedCreation();
    TestWithoutConnection();
    TestRoomsWithoutConnection();
    TestValues();
    CHECK(sterna_shutdown() == STERNA_OK);
    std::puts("ok");
    return 0;
}
