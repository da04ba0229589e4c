// A game that was written for Diarkis answers OnOffline as it always did.

#include <sterna/diarkis.hpp>

#include <utility>

class DiarkisTcp : public DiarkisTcpBase {
protected:
    void OnOffline() override;
};

class DiarkisUdp : public DiarkisUdpBase {
protected:
    void OnOffline() override;
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

class DiarkisRoom : public DiarkisRoomBase {
public:
    using DiarkisRoomBase::DiarkisRoomBase;

protected:
    void OnRoomCreation(const sterna::diarkis::DiarkisRoomArgs &args) override
    {
        DiarkisRoomBase::OnRoomCreation(args);
    }
    void OnRoomJoin(const sterna::diarkis::DiarkisRoomArgs &args) override { DiarkisRoomBase::OnRoomJoin(args); }
    void OnRoomMigrate(const sterna::diarkis::DiarkisRoomArgs &args) override { DiarkisRoomBase::OnRoomMigrate(args); }
    void OnRoomLeave(const sterna::RoomExitedArgs &args) override { DiarkisRoomBase::OnRoomLeave(args); }
    void OnRoomMemberJoin(const sterna::RoomMemberJoinedArgs &args) override
    {
        DiarkisRoomBase::OnRoomMemberJoin(args);
    }
    void OnRoomMemberLeave(const sterna::RoomMemberLeftArgs &args) override
    {
        DiarkisRoomBase::OnRoomMemberLeave(args);
    }
    void OnRoomMemberBroadcast(const sterna::RoomMessageArgs &args) override
    {
        DiarkisRoomBase::OnRoomMemberBroadcast(args);
    }
    void OnRoomOwnerChange(const sterna::RoomOwnerChangedArgs &args) override
    {
        DiarkisRoomBase::OnRoomOwnerChange(args);
    }
    void OnRoomPropertyUpdate(const sterna::RoomPropertyArgs &args) override
    {
        DiarkisRoomBase::OnRoomPropertyUpdate(args);
    }
};

/// Whether each function of the room answers so.
static bool Answers(DiarkisRoom &room, SternaResult expected)
{
    return room.SendCreateRoom(4, false, true, 0, 0) == expected && room.SendJoinRoom(1) == expected &&
           room.SendRandomJoinRoom(4, 0, 0) == expected && room.SendJoinRandomRoom(4, 0, 0) == expected &&
           room.SendLeaveRoom() == expected && room.SendBroadcastToRoom(2, 1, "text", 4) == expected &&
           room.SendRelayToRoom(2, 1, "text", 4) == expected && room.SendMigrateRoom() == expected &&
           room.GetRoomID() == 0 && room.GetRoomOwnerID() == 0 && room.GetRoomMembers(nullptr, 0) == 0;
}

/// A room belongs to a client, wherever that is moved, and does without it when it is gone.
static bool TestRoom()
{
    DiarkisTcp first;
    DiarkisRoom room(first);
    bool works = Answers(room, STERNA_ERROR_NOT_CONNECTED);
    works = works && room.SendCreateRoom(4, false, false, 0, 0) == STERNA_ERROR_INVALID_ARGUMENT;
    {
        DiarkisTcp second(std::move(first));
        works = works && Answers(room, STERNA_ERROR_NOT_CONNECTED);
        DiarkisRoom other(second);
        works = works && Answers(room, STERNA_ERROR_NULL_ARGUMENT) && Answers(other, STERNA_ERROR_NOT_CONNECTED);
    }
    {
        DiarkisTcp third;
        DiarkisTcp fourth;
        DiarkisRoom of_third(third);
        DiarkisRoom of_fourth(fourth);
        fourth = std::move(third);
        works = works && Answers(of_third, STERNA_ERROR_NOT_CONNECTED);
        works = works && Answers(of_fourth, STERNA_ERROR_NULL_ARGUMENT);
    }
    return works;
}

int main()
{
    DiarkisTcp tcp;
    DiarkisUdp udp;
    const bool works = tcp.Update().Ok() && udp.Update().Ok() && !tcp.IsOffline() && !udp.IsOffline() &&
                       tcp.SendMigrate() == STERNA_ERROR_NOT_CONNECTED && udp.Offline().deadline_ms == 0;
    return works && TestRoom() ? 0 : 1;
}
