// Two players in a room under the names that games have known for years, against a server that scales in: the owner
// moves the room, every number comes once and in order at both, and nobody seems to leave.
//
//     diarkis_room <token> <token>

#include <sterna/diarkis.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>

namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint16_t kNumber = 1;

} // namespace

class DiarkisRoom : public DiarkisRoomBase {
public:
    using DiarkisRoomBase::DiarkisRoomBase;

    std::uint64_t created = 0;
    std::uint64_t joined = 0;
    int joins = 0;
    int leaves = 0;
    int moves = 0;
    bool left = false;
    bool broken = false;
    std::uint32_t next[3] = {0, 0, 0}; // by member
    std::uint32_t sent = 0;

    void SendNumber()
    {
        if (SendBroadcastToRoom(kVersion, kNumber, &sent, sizeof sent).Ok()) {
            sent++;
        }
    }

protected:
    void OnRoomCreation(const sterna::diarkis::DiarkisRoomArgs &args) override
    {
        broken = broken || !args.result || GetRoomID() != args.room_id;
        created = args.room_id;
    }

    void OnRoomJoin(const sterna::diarkis::DiarkisRoomArgs &args) override
    {
        broken = broken || !args.result || GetRoomID() != args.room_id;
        joined = args.room_id;
    }

    void OnRoomMemberJoin(const sterna::RoomMemberJoinedArgs &) override { joins++; }
    void OnRoomMemberLeave(const sterna::RoomMemberLeftArgs &) override { leaves++; }
    void OnRoomMigrate(const sterna::diarkis::DiarkisRoomArgs &args) override { moves += args.result.Ok() ? 1 : 0; }
    void OnRoomLeave(const sterna::RoomExitedArgs &args) override { left = args.result.Ok(); }

    void OnRoomMemberBroadcast(const sterna::RoomMessageArgs &message) override
    {
        std::uint32_t number = 0;
        if (message.payload.size() != sizeof number || message.member > 2) {
            broken = true;
            return;
        }
        std::memcpy(&number, message.payload.data(), sizeof number);
        broken = broken || number != next[message.member];
        next[message.member]++;
    }
};

class DiarkisTcp : public DiarkisTcpBase {
public:
    bool connected = false;
    bool ended = false;
    DiarkisRoom *room = nullptr;

protected:
    void OnConnected(const sterna::ConnectedArgs &) override { connected = true; }
    void OnDisconnected(const sterna::DisconnectedArgs &) override { ended = true; }

    void OnOffline() override
    {
        DiarkisTcpBase::OnOffline();
        if (!Offline().in_room) {
            this->SendMigrate();
        } else if (room->GetRoomOwnerID() == RoomMe()) {
            room->SendMigrateRoom();
        }
    }
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    DiarkisTcp ann;
    DiarkisTcp bob;
    DiarkisRoom of_ann(ann);
    DiarkisRoom of_bob(bob);
    ann.room = &of_ann;
    bob.room = &of_bob;
    // 60 frames a second; a minute is far more than a scale-in every two seconds needs.
    int frames = 0;
    const auto until = [&](auto is_so) {
        while (!is_so() && frames++ < 3600 && !ann.ended && !bob.ended) {
            (void)ann.Update();
            (void)bob.Update();
            std::this_thread::sleep_for(std::chrono::milliseconds(16));
        }
        return is_so();
    };
    bool works = ann.Connect(argv[1]).Ok() && bob.Connect(argv[2]).Ok();
    works = works && until([&] { return ann.connected && bob.connected; });
    works = works && of_ann.SendCreateRoom(2, false, true, 0, 0).Ok();
    works = works && until([&] { return of_ann.created != 0; });
    works = works && of_bob.SendJoinRoom(of_ann.created).Ok();
    works = works && until([&] { return of_bob.joined == of_ann.created && of_ann.joins == 1; });
    works = works && until([&] {
        of_ann.SendNumber();
        of_bob.SendNumber();
        return of_ann.moves > 0 && of_bob.moves > 0;
    });
    works = works && until([&] {
        return of_ann.next[1] == of_ann.sent && of_bob.next[1] == of_ann.sent && of_ann.next[2] == of_bob.sent &&
               of_bob.next[2] == of_bob.sent;
    });
    works = works && of_ann.leaves == 0 && of_bob.leaves == 0 && of_ann.GetRoomMembers(nullptr, 0) == 2;
    works = works && of_bob.SendLeaveRoom().Ok() && until([&] { return of_bob.left && of_ann.leaves == 1; });
    std::printf("moves %d and %d, said %u and %u\n", of_ann.moves, of_bob.moves, of_ann.sent, of_bob.sent);
    return works && !of_ann.broken && !of_bob.broken ? 0 : 1;
}
