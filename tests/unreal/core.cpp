// Plays the part of the Unreal plugin that needs no engine against a real server.
//
//     core no-server | core <scene> tcp|udp <address of the server's operators>

#include "SternaDevServer.h"
#include "SternaSession.h"
#include "http.h"
#include "play.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace SternaCore;

namespace {

std::string admin;
SternaTransport transport = STERNA_TRANSPORT_TCP;

std::string Token(const std::string &user)
{
    const FDevRequest request = TokenRequest(admin, user);
    CHECK(request.Problem.empty(), request.Problem.c_str());
    const Answer answer = Post(request.Url, request.Body);
    const FDevAnswer token = ReadToken(admin, answer.status, answer.body);
    CHECK(token.Problem.empty(), token.Problem.c_str());
    return token.Token;
}

void ScaleIn(const std::string &node)
{
    const FDevRequest request = ScaleInRequest(admin, node, 60000);
    CHECK(request.Problem.empty(), request.Problem.c_str());
    const Answer answer = Post(request.Url, request.Body);
    const FDevAnswer said = ReadScaleIn(admin, answer.status, answer.body);
    CHECK(said.Problem.empty(), said.Problem.c_str());
}

FOptions Options()
{
    FOptions options;
    options.Transport = transport;
    return options;
}

/// A player: sends numbers, wants them back once and in order, and remembers what it is told.
class Player : public IListener {
public:
    explicit Player(const FOptions &options = Options())
        : session(std::make_unique<FSession>(*this, options))
    {
    }

    void Connect(const std::string &user)
    {
        const std::string token = Token(user);
        int told = 0;
        const SternaResult begun = session->Connect(token.c_str(), [&told, this](const FEnded &how, const char *node) {
            CHECK(how.Result == STERNA_OK && session->Node() == node, how.Reason);
            told++;
        });
        CHECK(begun == STERNA_OK, session->LastError());
        CHECK(session->State() == STERNA_STATE_CONNECTING, "connecting");
        CHECK(session->Connect(token.c_str()) == STERNA_ERROR_ALREADY_CONNECTED, "one connect at a time");
        Until([&] { return told > 0; }, "connected", [this] { Frame(); });
        CHECK(told == 1 && connected == 1 && session->State() == STERNA_STATE_CONNECTED, "told once");
    }

    void Frame()
    {
        if (session) {
            CHECK(session->Tick() == STERNA_OK, "tick");
        }
    }

    void SendNumber()
    {
        const Number number(sent);
        if (session->RSend(kVersion, kEcho, {number.bytes, 8}) == STERNA_OK) {
            sent++;
        }
    }

    void OnConnected(const FConnected &event) override
    {
        connected++;
        CHECK(event.SessionId != 0 && event.Node[0] != 0, "session and node");
        CHECK(session->Tick() == STERNA_ERROR_BUSY, "no tick inside a tick");
    }

    void OnConnectFailed(const FEnded &event) override
    {
        connect_failed++;
        reason = event.Reason;
    }

    void OnDisconnected(const FEnded &event) override
    {
        ended++;
        result = event.Result;
    }

    void OnOffline(const FOffline &event) override
    {
        offline++;
        CHECK(event.DeadlineMs > 0 && event.Reason == STERNA_OFFLINE_SCALE_IN, "how long and why");
        CHECK(session->IsOffline(), "the node is going");
    }

    void OnMigrating(const FMigrating &) override { CHECK(session->State() == STERNA_STATE_MIGRATING, "moving"); }

    void OnMigrated(const FMigrated &event) override
    {
        migrated++;
        CHECK(session->Node() == event.Node && !session->IsOffline(), "elsewhere, where nothing is going");
    }

    void OnPush(const FPush &push) override
    {
        if (push.Cmd == kEcho) {
            CHECK(push.Payload.Size == 8 && Number::Read(push.Payload.Data) == next, "once and in order");
            next++;
        }
    }

    void OnLog(const FLog &log) override { std::fprintf(stderr, "log %u: %s\n", log.Level, log.Text); }

    void OnRoomEntered(const FRoomEntered &event) override
    {
        room = event.RoomId;
        CHECK(session->RoomId() == room && session->RoomMe() == event.Me, "the room it says");
    }

    void OnRoomExited(const FRoomExited &event) override
    {
        CHECK(event.RoomId == room, "the room it was in");
        room = 0;
        result = event.Result;
    }

    void OnRoomMemberJoined(const FRoomMemberJoined &event) override { joined += std::string(event.User) + " "; }
    void OnRoomMemberLeft(const FRoomMemberLeft &event) override { left += std::string(event.User) + " "; }

    void OnRoomMessage(const FRoomMessage &message) override
    {
        said.append(reinterpret_cast<const char *>(message.Payload.Data), message.Payload.Size);
    }

    void OnRoomOwnerChanged(const FRoomOwnerChanged &event) override { CHECK(event.Owner == session->RoomOwner(), "owner"); }

    void OnRoomProperty(const FRoomProperty &event) override
    {
        properties += std::string(event.Key) + "=" + std::to_string(event.Value->integer) + " ";
    }

    void OnRoomSync(const FRoomSync &event) override
    {
        synced = std::string(event.Key) + "=" +
                 std::string(reinterpret_cast<const char *>(event.Value.Data), event.Value.Size);
    }

    void OnRoomMigrated(const FRoomMigrated &event) override
    {
        room_migrated++;
        CHECK(event.RoomId == room, "its id stays");
    }

    std::uint64_t sent = 0;
    std::uint64_t next = 0;
    int connected = 0, connect_failed = 0, ended = 0, offline = 0, migrated = 0, room_migrated = 0;
    SternaResult result = STERNA_OK;
    std::string reason, joined, left, said, properties, synced;
    std::uint64_t room = 0;
    // Last, so that it ends first: it speaks to the rest.
    std::unique_ptr<FSession> session;
};

/// Plays on until all came back, then ends the session.
void Settle(Player &player)
{
    Until([&] { return player.next == player.sent; }, "all came back", [&] { player.Frame(); });
    CHECK(player.session->Disconnect() == STERNA_OK, "disconnect");
    Until([&] { return player.ended == 1; }, "disconnected", [&] { player.Frame(); });
    CHECK(player.result == STERNA_OK && player.session->State() == STERNA_STATE_DISCONNECTED, "as asked for");
    CHECK(player.session->Node().empty(), "nobody serves");
}

void MovesAtOnce()
{
    Player player;
    player.Connect("at-once");
    const std::string before = player.session->Node();
    int answers = 0;
    std::uint64_t request = 0;
    Until([&] { return player.next >= 30; }, "30 numbers", [&] {
        player.SendNumber();
        player.Frame();
    });
    ScaleIn(before);
    std::uint64_t after = 0;
    int asked = 0;
    Until([&] { return after >= 60; }, "60 frames after the move", [&] {
        player.SendNumber();
        const Number number(static_cast<std::uint64_t>(asked));
        const SternaResult taken =
            player.session->Request(kVersion, kEcho, {number.bytes, 8}, 0, request, [&answers](const FResponse &response) {
                CHECK(response.Result == STERNA_OK && response.Payload.Size == 8, "an echo");
                CHECK(Number::Read(response.Payload.Data) == static_cast<std::uint64_t>(answers), "to its own request");
                answers++;
            });
        asked += taken == STERNA_OK ? 1 : 0;
        player.Frame();
        after += player.migrated > 0 ? 1 : 0;
    });
    CHECK(player.offline == 1 && player.migrated == 1, "told once of each");
    CHECK(player.session->Node() != before, "another node serves");
    CHECK(player.session->Stats().moves == 1 && player.session->Stats().moves_failed == 0, "one move");
    Until([&] { return player.session->Stats().rtt_us > 0; }, "a round trip to the new node", [&] { player.Frame(); });
    Until([&] { return answers == asked; }, "one answer to each request", [&] { player.Frame(); });
    Settle(player);
    std::printf("%llu numbers and %d requests through a move\n", static_cast<unsigned long long>(player.sent), asked);
}

void MovesWhenTheGameSays()
{
    FOptions options = Options();
    options.bMigrateAtOnce = false;
    Player player(options);
    player.Connect("by-hand");
    ScaleIn(player.session->Node());
    Until([&] { return player.offline == 1; }, "told to go", [&] { player.Frame(); });
    for (int frame = 0; frame < 100; frame++) {
        player.SendNumber();
        player.Frame();
    }
    Until([&] { return player.next == player.sent; }, "it goes on meanwhile", [&] { player.Frame(); });
    CHECK(player.migrated == 0 && player.session->IsOffline(), "it stays until the game says so");
    CHECK(player.session->Migrate() == STERNA_OK, player.session->LastError());
    Until([&] { return player.migrated == 1; }, "moved", [&] { player.Frame(); });
    CHECK(player.session->Migrate() == STERNA_ERROR_NOT_OFFLINE, "nothing to answer any more");
    Settle(player);
}

/// Waits for the one result of a request about rooms.
template <class Ask>
FRoomResult Result(std::vector<Player *> players, SternaResult expected, const char *what, Ask ask)
{
    int told = 0;
    FRoomResult found = FRoomResult();
    std::uint64_t request = 0;
    static SternaValue value;
    const SternaResult taken = ask(request, [&](const FRoomResult &result) {
        told++;
        found = result;
        value = *result.Value;
        found.Value = &value;
    });
    CHECK(taken == STERNA_OK, sterna_last_error());
    Until([&] { return told > 0; }, what, [&] {
        for (Player *player : players) {
            player->Frame();
        }
    });
    CHECK(told == 1 && found.RequestId == request, what);
    CHECK(found.Result == expected, sterna_result_string(found.Result));
    return found;
}

FValue Integer(std::int64_t integer)
{
    FValue value;
    value.Kind = STERNA_VALUE_INTEGER;
    value.Integer = integer;
    return value;
}

/// Two players in one process, as in an editor, in one room that moves.
void RoomsMove()
{
    Player first, second;
    first.Connect("first");
    second.Connect("second");
    const std::vector<Player *> both = {&first, &second};
    FSession &owner = *first.session, &guest = *second.session;
    FRoomConfig config;
    config.bListed = true;
    config.Properties.push_back({"level", Integer(7)});
    const std::uint64_t room = Result(both, STERNA_OK, "a room", [&](std::uint64_t &id, auto told) {
                                   return owner.CreateRoom(config, id, told);
                               }).RoomId;
    FRoomCondition condition;
    condition.Key = "level";
    condition.Comparison = STERNA_COMPARE_AT_LEAST;
    condition.Value = Integer(8);
    Result(both, STERNA_ERROR_ROOM_UNKNOWN, "no such room", [&](std::uint64_t &id, auto told) {
        return guest.JoinRandomRoom({condition}, nullptr, id, told);
    });
    condition.Value = Integer(7);
    const FRoomResult entered = Result(both, STERNA_OK, "the room", [&](std::uint64_t &id, auto told) {
        return guest.JoinRandomRoom({condition}, nullptr, id, told);
    });
    CHECK(entered.RoomId == room, "the one there is");
    Until([&] { return second.room == room && first.joined == "second "; }, "both in it", [&] {
        first.Frame();
        second.Frame();
    });
    const std::vector<FRoomMember> members = guest.RoomMembers();
    CHECK(members.size() == 2 && members[0].User == "first" && members[1].User == "second", "who is in it");
    CHECK(guest.Migrate() == STERNA_ERROR_IN_ROOM, "a member does not move alone");

    const FRoomResult sum = Result(both, STERNA_OK, "sum", [&](std::uint64_t &id, auto told) {
        return guest.IncrementProperty("score", Integer(1LL << 60), id, told);
    });
    CHECK(sum.Value->kind == STERNA_VALUE_INTEGER && sum.Value->integer == 1LL << 60, "the sum");
    Result(both, STERNA_OK, "it was not there", [&](std::uint64_t &id, auto told) {
        return guest.CompareAndSetProperty("host", FValue(), Integer(2), id, told);
    });
    Result(both, STERNA_ERROR_PROPERTY_DIFFERS, "it is there", [&](std::uint64_t &id, auto told) {
        return owner.CompareAndSetProperty("host", FValue(), Integer(1), id, told);
    });
    Result(both, STERNA_OK, "set", [&](std::uint64_t &id, auto told) { return owner.SetProperty("x", Integer(3), id, told); });
    Result(both, STERNA_OK, "removed", [&](std::uint64_t &id, auto told) { return owner.RemoveProperty("x", id, told); });
    Result(both, STERNA_OK, "reserved", [&](std::uint64_t &id, auto told) { return owner.Reserve({"a", "b"}, id, told); });
    Result(both, STERNA_OK, "free", [&](std::uint64_t &id, auto told) { return owner.CancelReservation({"a"}, id, told); });
    Result(both, STERNA_ERROR_NOT_ROOM_OWNER, "not his", [&](std::uint64_t &id, auto told) { return guest.Kick(1, id, told); });
    CHECK(owner.Sync("at", {reinterpret_cast<const std::uint8_t *>("3,4"), 3}) == STERNA_OK, "synchronised");

    // Broadcasts of both before, during and after the move; all hear the same.
    std::string expected;
    const std::string before = owner.Node();
    int frame = 0;
    Until([&] { return first.room_migrated == 1 && second.room_migrated == 1 && frame > 120; }, "the room moves", [&] {
        if (frame == 30) {
            ScaleIn(before);
        }
        const std::uint8_t letter = static_cast<std::uint8_t>('a' + frame % 26);
        if (frame % 4 == 0) {
            CHECK(owner.Broadcast(kVersion, kChat, {&letter, 1}) == STERNA_OK, "broadcast");
            expected += static_cast<char>(letter);
        }
        first.Frame();
        second.Frame();
        frame++;
    });
    const std::uint8_t end = '!';
    CHECK(guest.Relay(kVersion, kChat, {&end, 1}) == STERNA_OK, "relay");
    CHECK(guest.SendTo({1}, kVersion, kChat, {&end, 1}) == STERNA_OK, "to one");
    Until([&] { return first.said.size() == expected.size() + 2 && second.said.size() == expected.size(); }, "all heard", [&] {
        first.Frame();
        second.Frame();
    });
    CHECK(first.said == expected + "!!" && second.said == expected, "in one order");
    CHECK(owner.RoomId() == room && guest.RoomId() == room && owner.Node() == guest.Node(), "the same room elsewhere");
    CHECK(owner.Node() != before && first.left.empty() && second.left.empty(), "and nobody has left");
    CHECK(second.synced == "at=3,4", "the synchronised state");
    const FRoomResult score = Result(both, STERNA_OK, "score", [&](std::uint64_t &id, auto told) {
        return owner.GetProperty("score", id, told);
    });
    CHECK(score.Value->integer == 1LL << 60, "as it was");
    CHECK(second.properties.find("host=2 x=3 x=0 ") != std::string::npos, second.properties.c_str());
    Result(both, STERNA_OK, "left", [&](std::uint64_t &id, auto told) { return guest.LeaveRoom(id, told); });
    Until([&] { return second.room == 0 && first.left == "second "; }, "out", [&] {
        first.Frame();
        second.Frame();
    });
    Result(both, STERNA_OK, "closed", [&](std::uint64_t &id, auto told) { return owner.CloseRoom(id, told); });
    Until([&] { return first.room == 0; }, "closed", [&] { first.Frame(); });
    CHECK(first.result == STERNA_ERROR_ROOM_CLOSED, "why");
    Settle(first);
    Settle(second);
}

/// Ends its session in the function that it is told to.
class Quitter : public Player {
public:
    explicit Quitter(std::string when) : when_(std::move(when)) {}

    void OnPush(const FPush &push) override
    {
        Player::OnPush(push);
        if (when_ == "push") {
            const std::uint64_t before = Number::Read(push.Payload.Data);
            session.reset();
            CHECK(Number::Read(push.Payload.Data) == before, "the event lives on until its function returns");
        }
        CHECK(when_ != "gone", "nothing is told any more");
        when_ = session ? when_ : "gone";
    }

    void OnResponse(const FResponse &) override
    {
        if (when_ == "response") {
            session.reset();
        }
    }

    void OnOffline(const FOffline &event) override
    {
        Player::OnOffline(event);
        if (when_ == "offline") {
            session.reset();
        }
    }

private:
    std::string when_;
};

void EndsInsideItsOwnEvents()
{
    Player stays;
    stays.Connect("stays");
    for (const char *when : {"push", "response", "callback"}) {
        Quitter quitter(when);
        quitter.Connect(std::string("quits-in-") + when);
        std::uint64_t request = 0;
        bool called = false;
        CHECK(quitter.session->Request(kVersion, kEcho, {}, 0, request, [&](const FResponse &) {
            called = true;
            quitter.session.reset();
        }) == STERNA_OK, "request");
        for (int i = 0; i < 20; i++) {
            quitter.SendNumber();
        }
        Until([&] { return !quitter.session; }, when, [&] {
            quitter.Frame();
            stays.SendNumber();
            stays.Frame();
        });
        CHECK(called == !std::strcmp(when, "callback") || !std::strcmp(when, "push"), "no callback after the end");
        for (int frame = 0; frame < 20; frame++) {
            quitter.Frame();
        }
    }
    Quitter quitter("offline");
    quitter.Connect("quits-in-offline");
    ScaleIn(quitter.session->Node());
    Until([&] { return !quitter.session; }, "offline", [&] {
        quitter.Frame();
        stays.SendNumber();
        stays.Frame();
    });
    Settle(stays);
}

/// Few events in a frame, however many wait, and none is lost.
void WorksBoundedPerFrame()
{
    FOptions options = Options();
    options.EventsPerTickMax = 3;
    Player player(options);
    player.Connect("bounded");
    for (int i = 0; i < 200; i++) {
        player.SendNumber();
    }
    CHECK(player.sent == 200, "the queue takes them");
    std::uint64_t most = 0;
    Until([&] { return player.next == player.sent; }, "all came back", [&] {
        const std::uint64_t before = player.next;
        player.Frame();
        most = player.next - before > most ? player.next - before : most;
    });
    CHECK(most == 3, "three at most, and as many if they wait");
    // What is set while it plays holds for the next session, and a connect in between is refused.
    options.EventsPerTickMax = 0;
    options.Transport = transport == STERNA_TRANSPORT_TCP ? STERNA_TRANSPORT_UDP : STERNA_TRANSPORT_TCP;
    player.session->SetOptions(options);
    player.SendNumber();
    Settle(player);
    player.connected = player.ended = 0;
    player.Connect("bounded");
    player.SendNumber();
    Settle(player);
    CHECK(player.session->Stats().messages_sent == 1, "another client");
    options.bMigrateAtOnce = false;
    player.session->SetOptions(options);
    player.connected = player.ended = 0;
    player.Connect("bounded");
    player.SendNumber();
    Settle(player);
    CHECK(player.session->Stats().messages_sent == 2, "the same client, whose figures go on");
}

/// Connects again in the function that tells of the end.
class Returner : public Player {
public:
    void OnDisconnected(const FEnded &event) override
    {
        Player::OnDisconnected(event);
        if (ended == 1) {
            FOptions other = Options();
            other.ConnectTimeoutMs = 20000;
            session->SetOptions(other); // so that it is a new client
            CHECK(session->Connect(Token("returner").c_str()) == STERNA_OK, session->LastError());
        }
    }
};

void ConnectsAgainInsideItsLastEvent()
{
    Returner player;
    player.Connect("returner");
    CHECK(player.session->Disconnect() == STERNA_OK, "disconnect");
    Until([&] { return player.connected == 2; }, "connected again", [&] { player.Frame(); });
    player.SendNumber();
    Until([&] { return player.next == 1; }, "it plays", [&] { player.Frame(); });
}

void WithoutAServer(const char *dead_token)
{
    CHECK(LibraryProblem(true, "here").empty(), "the library fits");
    const std::string missing = LibraryProblem(false, "Plugins/Sterna/sterna.dll");
    CHECK(missing.find("missing") != std::string::npos && missing.find("Plugins/Sterna/sterna.dll") != std::string::npos,
          missing.c_str());

    Player player;
    CHECK(player.session->State() == STERNA_STATE_IDLE && player.session->Tick() == STERNA_OK, "idle");
    std::uint64_t request = 1;
    CHECK(player.session->RSend(kVersion, kEcho, {}) == STERNA_ERROR_NOT_CONNECTED, "send");
    CHECK(player.session->Request(kVersion, kEcho, {}, 0, request) == STERNA_ERROR_NOT_CONNECTED && request == 0, "request");
    CHECK(player.session->JoinRoom(7, request) == STERNA_ERROR_NOT_CONNECTED, "join");
    CHECK(player.session->Migrate() == STERNA_ERROR_NOT_CONNECTED, "migrate");
    CHECK(player.session->RoomMembers().empty() && player.session->RoomId() == 0, "no room");
    CHECK(player.session->Connect("nonsense") == STERNA_ERROR_TOKEN_MALFORMED, "nonsense");
    CHECK(player.session->LastError()[0] != 0, "and why");
    CHECK(player.session->State() == STERNA_STATE_IDLE, "nothing has begun");
    int told = 0;
    CHECK(player.session->Connect(dead_token, [&](const FEnded &ended, const char *node) {
        told++;
        CHECK(ended.Result == STERNA_ERROR_UNREACHABLE && node[0] == 0, ended.Reason);
    }) == STERNA_OK, player.session->LastError());
    Until([&] { return told > 0; }, "told", [&] { player.Frame(); });
    CHECK(told == 1 && player.connect_failed == 1 && player.session->State() == STERNA_STATE_DISCONNECTED, "once");
    CHECK(player.session->Connect(dead_token) == STERNA_OK, "it may be tried again");

    CHECK(!ScaleInRequest("127.0.0.1:7990", "", 1).Problem.empty(), "no node, nothing to scale in");
    for (const char *address : {"", ":1", "host", "host:", "host:1x", "a@b:1", "a/b:1", "host:1/x:2", "a b:1"}) {
        CHECK(!TokenRequest(address, "user").Problem.empty(), address);
    }
    const FDevRequest token = TokenRequest("127.0.0.1:7990", "a\"b\\\n");
    CHECK(token.Body.find("\"a\\\"b\\\\\\u000a\"") != std::string::npos, token.Body.c_str());
    const FDevRequest drain = ScaleInRequest("127.0.0.1:7990", "node 1/2", 5);
    CHECK(drain.Url == "http://127.0.0.1:7990/v1/admin/nodes/node%201%2f2/drain", drain.Url.c_str());
    CHECK(ReadScaleIn("here", 0, "").Problem.find("sterna serve") != std::string::npos, "nobody answers");
    CHECK(ReadScaleIn("here", NotAsked, "").Problem.find("shipping") != std::string::npos, "not asked");
    CHECK(ReadToken("here", 404, "why").Problem.find("why") != std::string::npos, "refused");
    CHECK(!ReadToken("here", 200, "{}").Problem.empty(), "no token in it");
    CHECK(ReadToken("here", 200, "{\"token\":\"sterna1.x\"}").Token == "sterna1.x", "the token");
}

} // namespace

int main(int argc, char **argv)
{
    const std::string scene = argc > 1 ? argv[1] : "";
    if (scene == "no-server" && argc == 3) {
        WithoutAServer(argv[2]);
        return 0;
    }
    if (argc != 4) {
        return 2;
    }
    transport = std::strcmp(argv[2], "udp") == 0 ? STERNA_TRANSPORT_UDP : STERNA_TRANSPORT_TCP;
    admin = argv[3];
    if (scene == "at-once") {
        MovesAtOnce();
    } else if (scene == "by-hand") {
        MovesWhenTheGameSays();
    } else if (scene == "rooms") {
        RoomsMove();
    } else if (scene == "ends-inside") {
        EndsInsideItsOwnEvents();
    } else if (scene == "bounded") {
        WorksBoundedPerFrame();
    } else if (scene == "again") {
        ConnectsAgainInsideItsLastEvent();
    } else {
        return 2;
    }
    std::printf("%s over %s: as it should be\n", scene.c_str(), argv[2]);
    return 0;
}
