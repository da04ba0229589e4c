// Plays the whole Unreal plugin, with stubs in the place of the engine, against a real server, as an editor would with two
// players: each has a world, a game instance and a subsystem.
//
//     game editor|nodes|ends-inside|missing tcp|udp <address of the server's operators>

#include "Core/SternaDevServer.h"
#include "Engine/GameInstance.h"
#include "HAL/IConsoleManager.h"
#include "HttpModule.h"
#include "Modules/ModuleManager.h"
#include "SternaActions.h"
#include "SternaFunctionLibrary.h"
#include "SternaModule.h"
#include "SternaRoom.h"
#include "SternaSettings.h"
#include "SternaSubsystem.h"
#include "http.h"
#include "play.h"

#include <cstring>

#ifndef STERNA_API
#error "the plugin has to leave the macro of its module alone"
#endif

namespace {

std::string admin;

FString Text(const std::string &utf8) { return FString(UTF8_TO_TCHAR(utf8.c_str())); }

TArray<uint8> Payload(std::uint64_t number)
{
    TArray<uint8> bytes;
    bytes.Append(Number(number).bytes, 8);
    return bytes;
}

bool Logged(const char *what)
{
    for (const std::string &line : Stub::LogLines()) {
        if (line.find(what) != std::string::npos) {
            return true;
        }
    }
    return false;
}

/// What a game's own objects do: functions that Blueprint could call, bound to dynamic delegates.
class UWitness : public UObject {
public:
    void HandleConnected(const FSternaConnectedArgs &args)
    {
        connected++;
        node = args.Node;
    }
    void HandleConnectFailed(const FSternaConnectFailedArgs &args)
    {
        failed++;
        reason = args.Reason;
        result = args.Result;
    }
    void HandleDisconnected(const FSternaDisconnectedArgs &args)
    {
        ended++;
        result = args.Result;
    }
    void HandleReconnecting(const FSternaReconnectingArgs &) {}
    void HandleReconnected(const FSternaReconnectedArgs &) {}
    void HandleOffline(const FSternaOfflineArgs &args)
    {
        offline++;
        CHECK(args.Reason == ESternaOfflineReason::ScaleIn && args.DeadlineMs > 0, "why and how long");
    }
    void HandleMigrating(const FSternaMigratingArgs &) { migrating++; }
    void HandleMigrated(const FSternaMigratedArgs &args)
    {
        migrated++;
        CHECK(args.Node != node, "another node");
        node = args.Node;
    }
    void HandleMigrateFailed(const FSternaMigrateFailedArgs &) {}
    void HandleTookOver(const FSternaTookOverArgs &) {}
    void HandleResponse(const FSternaResponseArgs &) { responses++; }
    void HandlePush(const FSternaPushArgs &args)
    {
        if (args.Cmd != kEcho) {
            return;
        }
        CHECK(args.Payload.Num() == 8 && Number::Read(args.Payload.GetData()) == next, "once and in order");
        next++;
        CHECK(native_pushes == next, "C++ is told before Blueprint");
    }
    void HandleLog(const FSternaLogArgs &args) { std::printf("log: %s\n", Stub::ToUtf8(args.Text.Text).c_str()); }
    void HandleRoomEntered(const FSternaRoomEnteredArgs &args) { room = args.RoomId; }
    void HandleRoomExited(const FSternaRoomExitedArgs &args)
    {
        CHECK(args.RoomId == room, "that room");
        room = 0;
    }
    void HandleRoomMemberJoined(const FSternaRoomMemberJoinedArgs &args) { joined = args.User; }
    void HandleRoomMemberLeft(const FSternaRoomMemberLeftArgs &) { left++; }
    void HandleRoomMessage(const FSternaRoomMessageArgs &args)
    {
        said = said + args.User + FString(TEXT(": ")) + USternaFunctionLibrary::PayloadToText(args.Payload) + FString(TEXT("; "));
    }
    void HandleRoomOwnerChanged(const FSternaRoomOwnerChangedArgs &) { owners++; }
    void HandleRoomProperty(const FSternaRoomPropertyArgs &args)
    {
        if (args.Key == FString(TEXT("text"))) {
            property = args.Value;
        }
    }
    void HandleRoomSync(const FSternaRoomSyncArgs &args) { synced = args.Key; }
    void HandleRoomResult(const FSternaRoomResultArgs &) { results++; }
    void HandleRoomMigrated(const FSternaRoomMigratedArgs &args)
    {
        room_migrated++;
        CHECK(args.RoomId == room, "its id stays");
    }
    void HandleRoomRefreshed(const FSternaRoomRefreshedArgs &) {}

    void HandleConnectOutput(ESternaResult how, const FString &)
    {
        outputs++;
        output = how;
    }
    void HandleRequestOutput(ESternaResult how, const TArray<uint8> &payload)
    {
        outputs++;
        output = how;
        answer = payload;
    }
    void HandleRoomOutput(ESternaResult how, int64 in_room)
    {
        outputs++;
        output = how;
        output_room = in_room;
    }

    void Bind(USternaSubsystem *sterna);

    int connected = 0, failed = 0, ended = 0, offline = 0, migrating = 0, migrated = 0, responses = 0, left = 0, owners = 0,
        results = 0, room_migrated = 0, outputs = 0;
    std::uint64_t next = 0, native_pushes = 0, sent = 0;
    ESternaResult result = ESternaResult::Ok, output = ESternaResult::Unknown;
    FString node, reason, joined, said, synced;
    FSternaValue property;
    TArray<uint8> answer;
    int64 room = 0, output_room = 0;
};

void UWitness::Bind(USternaSubsystem *sterna)
{
    sterna->OnPushNative.AddLambda([this](const FSternaPushArgs &) { native_pushes++; });
    sterna->OnConnected.AddDynamic(this, &UWitness::HandleConnected);
    sterna->OnConnectFailed.AddDynamic(this, &UWitness::HandleConnectFailed);
    sterna->OnDisconnected.AddDynamic(this, &UWitness::HandleDisconnected);
    sterna->OnReconnecting.AddDynamic(this, &UWitness::HandleReconnecting);
    sterna->OnReconnected.AddDynamic(this, &UWitness::HandleReconnected);
    sterna->OnOffline.AddDynamic(this, &UWitness::HandleOffline);
    sterna->OnMigrating.AddDynamic(this, &UWitness::HandleMigrating);
    sterna->OnMigrated.AddDynamic(this, &UWitness::HandleMigrated);
    sterna->OnMigrateFailed.AddDynamic(this, &UWitness::HandleMigrateFailed);
    sterna->OnTookOver.AddDynamic(this, &UWitness::HandleTookOver);
    sterna->OnResponse.AddDynamic(this, &UWitness::HandleResponse);
    sterna->OnPush.AddDynamic(this, &UWitness::HandlePush);
    sterna->OnLog.AddDynamic(this, &UWitness::HandleLog);
    USternaRoom *in = sterna->GetRoom();
    in->OnRoomEntered.AddDynamic(this, &UWitness::HandleRoomEntered);
    in->OnRoomExited.AddDynamic(this, &UWitness::HandleRoomExited);
    in->OnRoomMemberJoined.AddDynamic(this, &UWitness::HandleRoomMemberJoined);
    in->OnRoomMemberLeft.AddDynamic(this, &UWitness::HandleRoomMemberLeft);
    in->OnRoomMessage.AddDynamic(this, &UWitness::HandleRoomMessage);
    in->OnRoomOwnerChanged.AddDynamic(this, &UWitness::HandleRoomOwnerChanged);
    in->OnRoomProperty.AddDynamic(this, &UWitness::HandleRoomProperty);
    in->OnRoomSync.AddDynamic(this, &UWitness::HandleRoomSync);
    in->OnRoomResult.AddDynamic(this, &UWitness::HandleRoomResult);
    in->OnRoomMigrated.AddDynamic(this, &UWitness::HandleRoomMigrated);
    in->OnRoomRefreshed.AddDynamic(this, &UWitness::HandleRoomRefreshed);
}

/// One player of the editor.
struct Player {
    UWorld *world = NewObject<UWorld>();
    UGameInstance *game = NewObject<UGameInstance>();
    UWitness *witness = NewObject<UWitness>(game);
    USternaSubsystem *sterna;

    Player()
    {
        game->StubInit<USternaSubsystem>(world);
        sterna = game->GetSubsystem<USternaSubsystem>();
        witness->Bind(sterna);
    }

    bool Console(const TCHAR *command, const TArray<FString> &arguments = {})
    {
        return Stub::Console(command, arguments, world);
    }

    void SendNumber()
    {
        if (sterna->RSend(kVersion, kEcho, Payload(witness->sent)) == ESternaResult::Ok) {
            witness->sent++;
        }
    }
};

/// Frames of the engine, until what is waited for has happened.
template <class Happened> void Until(Happened happened, const char *what)
{
    ::Until(happened, what, [] {
        Stub::TickHttp();
        FTSTicker::GetCoreTicker().Tick(0.016f);
    });
}

/// How many subsystems tick.
std::size_t Tickers() { return FTSTicker::GetCoreTicker().StubCount(); }

std::string Token(const std::string &user)
{
    const SternaCore::FDevRequest request = SternaCore::TokenRequest(admin, user);
    const Answer answer = Post(request.Url, request.Body);
    return SternaCore::ReadToken(admin, answer.status, answer.body).Token;
}

void Editor()
{
    CHECK(GetMutableDefault<USternaSubsystem>()->IsTemplate() && Tickers() == 0, "the default object does nothing");
    Player first, second;
    CHECK(Tickers() == 2, "both tick");
    CHECK(first.sterna->GetState() == ESternaState::Idle, "idle");
    CHECK(first.sterna->RSend(kVersion, kEcho, Payload(0)) == ESternaResult::NotConnected, "not yet");
    CHECK(first.sterna->RSend(kVersion, 65536, Payload(0)) == ESternaResult::InvalidArgument, "no such command");
    CHECK(first.Console(TEXT("Sterna.SimulateScaleIn")) && Logged("not connected"), "nothing to scale in");
    CHECK(first.Console(TEXT("Sterna.Connect"), {FString(TEXT("first"))}), "connect");
    CHECK(second.Console(TEXT("Sterna.Connect"), {FString(TEXT("second"))}), "connect");
    Until([&] { return first.witness->connected && second.witness->connected; }, "both connected");
    CHECK(first.sterna->GetNode() == first.witness->node && first.sterna->GetState() == ESternaState::Connected, "state");

    int answers = 0, asked = 0, after = 0;
    Until([&] {
        first.SendNumber();
        second.SendNumber();
        return first.witness->next > 30;
    }, "numbers");
    CHECK(first.Console(TEXT("Sterna.SimulateScaleIn"), {FString(TEXT("30"))}), "scale-in");
    Until([&] {
        first.SendNumber();
        second.SendNumber();
        const ESternaResult taken =
            first.sterna->Request(kVersion, kEcho, Payload(first.witness->sent), [&](const FSternaResponseArgs &response) {
                CHECK(response.Result == ESternaResult::Ok && response.Payload.Num() == 8, "answered");
                answers++;
            });
        asked += taken == ESternaResult::Ok ? 1 : 0;
        after += first.witness->migrated;
        return after > 60;
    }, "moved");
    CHECK(Logged("Scale-in: ") && Logged("goes away") && Logged("Migrated to "), "in the log");
    CHECK(first.witness->offline == 1 && first.witness->migrated == 1 && first.witness->migrating == 1, "told once of each");
    CHECK(!first.sterna->IsOffline() && first.sterna->GetStats().Moves == 1, "its figures");
    Until([&] { return first.witness->next == first.witness->sent && answers == asked; }, "nothing lost");
    CHECK(first.witness->responses == asked, "answers are events as well");
    CHECK(first.Console(TEXT("Sterna.Status")) && Logged("1 moves, 0 failed"), "status");

    // Play ends for one of them, with a request under way that then is not told.
    const int failed_before = first.witness->failed;
    first.sterna->ConnectForDevelopment(TEXT("first"));
    first.game->Shutdown();
    CHECK(first.sterna->GetState() == ESternaState::Invalid, "over");
    CHECK(first.sterna->Connect(TEXT("token")) == ESternaResult::ShutDown, "no way back");
    const std::uint64_t next = first.witness->next;
    Until([&, frames = 0]() mutable {
        second.SendNumber();
        return ++frames > 20;
    }, "frames");
    CHECK(first.witness->next == next && first.witness->failed == failed_before, "nothing is told after the end");
    CHECK(Tickers() == 1, "it does not tick any more");
    Stub::Collect();
    Until([&] {
        second.SendNumber();
        return second.witness->next > 60;
    }, "the other plays on");
    Until([&] { return second.witness->next == second.witness->sent; }, "all came back");
    CHECK(second.sterna->Disconnect() == ESternaResult::Ok, "disconnect");
    Until([&] { return second.witness->ended == 1; }, "disconnected");
    CHECK(second.witness->result == ESternaResult::Ok && second.sterna->GetNode().IsEmpty(), "as asked for");

    GetMutableDefault<USternaSettings>()->DevServerAddress = TEXT("127.0.0.1:1");
    second.sterna->ConnectForDevelopment(TEXT("second"));
    Until([&] { return second.witness->failed == 1; }, "nobody there");
    CHECK(second.witness->reason.Contains(TEXT("sterna serve")), "and what to do");
    second.game->Shutdown();
    Stub::Collect();
}

void Nodes()
{
    Player first, second;
    for (Player *player : {&first, &second}) {
        USternaConnectAction *failing = USternaConnectAction::ConnectToSterna(player->world, TEXT("nonsense"));
        failing->OnFailed.AddDynamic(player->witness, &UWitness::HandleConnectOutput);
        failing->Activate();
        CHECK(player->witness->outputs == 1 && player->witness->output == ESternaResult::TokenMalformed, "fails at once");
        USternaConnectAction *connect =
            USternaConnectAction::ConnectToSterna(player->world, Text(Token(player == &first ? "Zoë" : "second")));
        connect->OnConnected.AddDynamic(player->witness, &UWitness::HandleConnectOutput);
        connect->Activate();
        Until([&] { return player->witness->outputs == 2; }, "connected");
        CHECK(player->witness->output == ESternaResult::Ok, "connected");
    }
    Stub::Collect(); // takes the nodes that are done
    USternaRequestAction *request = USternaRequestAction::RequestFromSterna(first.world, kVersion, kEcho, Payload(77), 0);
    request->OnAnswered.AddDynamic(first.witness, &UWitness::HandleRequestOutput);
    request->Activate();
    Until([&] { return first.witness->outputs == 3; }, "answered");
    CHECK(first.witness->answer == Payload(77), "the answer");
    USternaRequestAction *reserved = USternaRequestAction::RequestFromSterna(first.world, 1, kEcho, Payload(1), 0);
    reserved->OnFailed.AddDynamic(first.witness, &UWitness::HandleRequestOutput);
    reserved->Activate();
    CHECK(first.witness->outputs == 4 && first.witness->output == ESternaResult::ReservedVersion, "refused at once");

    FSternaRoomConfig config;
    config.bListed = true;
    config.Properties.Add(TEXT("map"), FSternaValue::OfText(TEXT("castle")));
    USternaRoomAction *create = USternaRoomAction::CreateSternaRoom(first.world, config);
    create->OnEntered.AddDynamic(first.witness, &UWitness::HandleRoomOutput);
    create->Activate();
    Until([&] { return first.witness->outputs == 5; }, "a room");
    const int64 room = first.witness->output_room;
    USternaRoomAction *unknown = USternaRoomAction::JoinSternaRoom(second.world, room + 1);
    unknown->OnFailed.AddDynamic(second.witness, &UWitness::HandleRoomOutput);
    unknown->Activate();
    Until([&] { return second.witness->outputs == 3; }, "no such room");
    CHECK(second.witness->output == ESternaResult::RoomUnknown, "no such room");
    FSternaRoomCondition condition;
    condition.Key = TEXT("map");
    condition.Value = USternaFunctionLibrary::MakeTextValue(TEXT("castle"));
    USternaRoomAction *join = USternaRoomAction::JoinRandomSternaRoom(second.world, {condition}, false, config);
    join->OnEntered.AddDynamic(second.witness, &UWitness::HandleRoomOutput);
    join->Activate();
    Until([&] { return second.witness->outputs == 4 && second.witness->room == room && !first.witness->joined.IsEmpty(); },
          "joined");

    USternaRoom *mine = first.sterna->GetRoom(), *theirs = second.sterna->GetRoom();
    CHECK(mine->IsInRoom() && mine->IsOwner() && !theirs->IsOwner() && theirs->GetRoomId() == room, "whose it is");
    const TArray<FSternaRoomMember> members = theirs->GetMembers();
    CHECK(members.Num() == 2 && members[0].User == FString(TEXT("Zoë")) && members[1].Member == theirs->GetMe(), "who is in it");
    int told = 0;
    CHECK(theirs->SetProperty(TEXT("text"), FSternaValue::OfText(TEXT("Grüße \U0001F680")), [&](const FSternaRoomResultArgs &set) {
        CHECK(set.Result == ESternaResult::Ok, "set");
        told++;
    }) == ESternaResult::Ok, "set");
    CHECK(theirs->IncrementProperty(TEXT("score"), FSternaValue::OfInteger(5), [&](const FSternaRoomResultArgs &sum) {
        CHECK(sum.Value.Kind == ESternaValueKind::Integer && sum.Value.Integer == 5, "the sum");
        told++;
    }) == ESternaResult::Ok, "increment");
    CHECK(theirs->SetProperty(TEXT("raw"), FSternaValue::OfBytes({0, 1, 255}), FSternaRoomCallback()) == ESternaResult::Ok, "raw");
    CHECK(mine->GetProperty(TEXT("raw"), [&](const FSternaRoomResultArgs &got) {
        told += got.Value.Kind == ESternaValueKind::None || got.Value.Bytes == TArray<uint8>({0, 1, 255}) ? 1 : 100;
    }) == ESternaResult::Ok, "get");
    int64 id = 0;
    CHECK(theirs->Kick(1, id) == ESternaResult::Ok && id != 0, "a request has a number");
    CHECK(mine->Sync(TEXT("at"), {1, 2}) == ESternaResult::Ok, "sync");
    Until([&] { return told == 3 && second.witness->results >= 6 && !second.witness->synced.IsEmpty(); }, "told");
    CHECK(first.witness->property.Text == FString(TEXT("Grüße \U0001F680")), "as it was");

    CHECK(mine->Broadcast(kVersion, kChat, USternaFunctionLibrary::TextToPayload(TEXT("before"))) == ESternaResult::Ok, "say");
    first.sterna->SimulateScaleIn(30.0f);
    Until([&] { return first.witness->room_migrated == 1 && second.witness->room_migrated == 1; }, "it moves");
    CHECK(theirs->Relay(kVersion, kChat, USternaFunctionLibrary::TextToPayload(TEXT("after"))) == ESternaResult::Ok, "say");
    CHECK(theirs->SendTo({1}, kVersion, kChat, USternaFunctionLibrary::TextToPayload(TEXT("you"))) == ESternaResult::Ok, "say");
    Until([&] { return first.witness->said.Contains(TEXT("you")) && second.witness->said.Contains(TEXT("before")); }, "all said");
    CHECK(first.witness->said == FString(TEXT("Zoë: before; second: after; second: you; ")), "in order");
    CHECK(first.witness->left == 0 && second.witness->left == 0 && mine->GetRoomId() == room, "nobody has left");
    CHECK(theirs->LeaveRoom(id) == ESternaResult::Ok, "leave");
    Until([&] { return second.witness->room == 0 && first.witness->left == 1; }, "left");
    CHECK(!theirs->IsInRoom() && theirs->GetMembers().Num() == 0, "in no room");
    for (Player *player : {&first, &second}) {
        player->game->Shutdown();
    }
    Stub::Collect();
}

/// Ends the game in one of its events; Blueprint, which would be next, is not told any more.
void EndsInside()
{
    Player other;
    CHECK(other.sterna->Connect(Text(Token("other"))) == ESternaResult::Ok, "connect");
    for (int when = 0; when < 4; when++) {
        Player *player = new Player();
        bool over = false;
        const auto end = [player, &over] {
            over = true;
            player->game->Shutdown();
        };
        if (when == 0) {
            player->sterna->OnConnectedNative.AddLambda([end](const FSternaConnectedArgs &) { end(); });
        } else if (when == 1) {
            player->sterna->OnPushNative.AddLambda([end](const FSternaPushArgs &args) {
                const int32 size = args.Payload.Num();
                end();
                CHECK(args.Payload.Num() == size, "it is there until the function returns");
            });
        } else if (when == 2) {
            player->sterna->OnOfflineNative.AddLambda([end](const FSternaOfflineArgs &) { end(); });
        }
        CHECK(player->sterna->Connect(Text(Token("ends-" + std::to_string(when))), [when, end](ESternaResult, const FString &) {
            if (when == 3) {
                end();
            }
        }) == ESternaResult::Ok, "connect");
        bool asked = false;
        Until([&] {
            if (!over && player->witness->connected == 1) {
                player->SendNumber();
                player->SendNumber();
                if (when == 2 && !asked) {
                    asked = true;
                    player->sterna->SimulateScaleIn(0.0f);
                }
            }
            other.SendNumber();
            return over;
        }, "the end");
        CHECK(player->witness->connected == (when == 0 ? 0 : 1), "Blueprint is not told any more");
        CHECK(when != 1 || player->witness->next == 0, "nor of this");
        Until([&, frames = 0]() mutable { return ++frames > 5; }, "frames");
        CHECK(Tickers() == 1, "only the other one ticks");
        Stub::Collect();
        delete player;
    }
    Until([&] { return other.witness->next == other.witness->sent; }, "the other plays on");
    other.game->Shutdown();
    Stub::Collect();
}

void Missing()
{
    Player player;
    const FString problem = FSternaModule::Get()->GetProblem();
    CHECK(problem.Contains(TEXT("missing")), "the module says so");
    CHECK(player.sterna->Connect(TEXT("token")) == ESternaResult::LibraryMissing, "connect");
    CHECK(player.sterna->GetLastError() == problem, "and why");
    CHECK(USternaFunctionLibrary::GetResultText(ESternaResult::LibraryMissing) == problem, "as a text");
    CHECK(USternaFunctionLibrary::GetLibraryVersion().IsEmpty(), "no version");
    CHECK(player.sterna->GetRoom()->IsInRoom() == false && player.sterna->GetStats().Moves == 0, "no figures");
    int64 id = 1;
    CHECK(player.sterna->GetRoom()->JoinRoom(1, id) == ESternaResult::LibraryMissing && id == 0, "join");
    player.sterna->ConnectForDevelopment(TEXT("player"));
    CHECK(player.witness->failed == 1 && player.witness->result == ESternaResult::LibraryMissing, "connect for development");
    USternaConnectAction *node = USternaConnectAction::ConnectToSterna(player.world, TEXT("token"));
    node->OnFailed.AddDynamic(player.witness, &UWitness::HandleConnectOutput);
    node->Activate();
    CHECK(player.witness->outputs == 1 && player.witness->output == ESternaResult::LibraryMissing, "the node");
    CHECK(Tickers() == 0 && player.Console(TEXT("Sterna.SimulateScaleIn")), "nothing to do");
    player.game->Shutdown();
    Stub::Collect();
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    const std::string scene = argv[1];
    admin = argv[3];
    GEngine = new UEngine();
    USternaSettings *settings = GetMutableDefault<USternaSettings>();
    settings->Transport = std::strcmp(argv[2], "udp") == 0 ? ESternaTransport::Udp : ESternaTransport::Tcp;
    settings->DevServerAddress = Text(admin);
    CHECK(settings->GetCategoryName() == FName(TEXT("Plugins")), "where the settings are");
    Stub::Module().Loaded = Stub::Module().Make();
    Stub::Module().Loaded->StartupModule();
    if (scene == "missing") {
        Missing();
    } else {
        CHECK(FSternaModule::Get()->GetProblem().IsEmpty(), "the library is there");
        CHECK(USternaFunctionLibrary::GetLibraryVersion() == FString(TEXT("0.1.0")), "and has a version");
        if (scene == "editor") {
            Editor();
        } else if (scene == "nodes") {
            Nodes();
        } else if (scene == "ends-inside") {
            EndsInside();
        } else {
            return 2;
        }
    }
    Stub::Module().Loaded->ShutdownModule();
    std::printf("%s over %s: as it should be\n", argv[1], argv[2]);
    return 0;
}
