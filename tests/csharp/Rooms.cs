using System;
using System.Collections.Generic;
using System.Text;
using System.Threading.Tasks;
using Sterna;

/// <summary>Three players in one room that moves with all of them, and what can be done in a room.</summary>
internal static class Rooms
{
    private const int Players = 3;

    private static SternaClient[] clients;

    internal static void Run()
    {
        foreach (SternaTransport transport in new[] { SternaTransport.Tcp, SternaTransport.Udp })
        {
            clients = new SternaClient[Players];
            for (int i = 0; i < Players; i++)
            {
                clients[i] = Play.Connect(User(i, transport), transport);
            }
            ulong room = Gather(transport);
            Properties();
            ThroughAScaleIn(transport, room);
            Leave();
            foreach (SternaClient client in clients)
            {
                client.Dispose();
            }
        }
    }

    private static string User(int number, SternaTransport transport)
    {
        return "member-" + number + "-" + transport;
    }

    private static ulong Gather(SternaTransport transport)
    {
        var config = new SternaRoomConfig { MembersMax = Players + 2, Listed = true };
        config.Properties["map"] = SternaValue.Of("castle-" + transport);
        config.Properties["level"] = SternaValue.Of(7);
        int joined = 0;
        clients[0].Room.OnRoomMemberJoined += args =>
        {
            joined++;
            Play.Check(args.User == User((int)args.Member - 1, transport), "who has joined, " + args.User);
        };
        ulong room = Play.Await(clients[0].Room.CreateAsync(config), "a room", clients);
        Play.Check(clients[0].Room.Id == room && clients[0].Room.IsOwner, "its owner");
        Play.Check(Play.Await(clients[1].Room.JoinAsync(room), "joined by id", clients) == room, "this room");
        Task<ulong> random = clients[2].Room.JoinRandomAsync(new[]
        {
            new SternaRoomCondition("map", SternaComparison.Equal, SternaValue.Of("castle-" + transport)),
            new SternaRoomCondition("level", SternaComparison.AtLeast, SternaValue.Of(7)),
        }, null);
        Play.Check(Play.Await(random, "joined by its properties", clients) == room, "this room");
        Play.Until(() => joined == 2, "the owner hears of both", clients);
        var members = new List<SternaRoomMember>();
        clients[2].Room.GetMembers(members);
        Play.Check(members.Count == Players, "all are in it");
        for (int i = 0; i < Players; i++)
        {
            Play.Check(members[i].Member == (ulong)i + 1 && members[i].User == User(i, transport), members[i].User);
        }
        return room;
    }

    private static void Properties()
    {
        SternaRoom room = clients[1].Room;
        var told = new List<string>();
        clients[2].Room.OnRoomProperty += args => told.Add(args.Key + "=" + args.Value);
        Play.Await(room.SetAsync("text", SternaValue.Of("Grüße")), "set", clients);
        Play.Check(Play.Await(room.GetAsync("text"), "got", clients).Text == "Grüße", "text comes as it was");
        Play.Await(room.SetAsync("bytes", SternaValue.Of(new byte[] { 1, 0, 255 })), "set", clients);
        byte[] bytes = Play.Await(room.GetAsync("bytes"), "got", clients).Bytes;
        Play.Check(bytes.Length == 3 && bytes[2] == 255, "bytes come as they were");
        Play.Await(room.SetAsync("pace", SternaValue.Of(0.5)), "set", clients);
        Play.Check(Play.Await(room.GetAsync("pace"), "got", clients).Number == 0.5, "floats come as they were");
        SternaValue sum = Play.Await(room.IncrementAsync("level", SternaValue.Of(3)), "added", clients);
        Play.Check(sum.Kind == SternaValueKind.Integer && sum.Integer == 10, "the sum");
        Task<bool> first = room.CompareAndSetAsync("winner", SternaValue.None, SternaValue.Of("me"));
        Task<bool> second = clients[0].Room.CompareAndSetAsync("winner", SternaValue.None, SternaValue.Of("you"));
        Play.Check(Play.Await(first, "tried", clients) != Play.Await(second, "tried", clients), "one wins");
        Play.Await(room.RemoveAsync("pace"), "removed", clients);
        Play.Check(Play.Await(room.GetAsync("pace"), "got", clients).IsNone, "it is gone");
        SternaException type = Play.Failure(
            room.IncrementAsync("text", SternaValue.Of(1)), "adding to a text", clients);
        Play.Check(type.Status == SternaResult.PropertyType, type.ToString());
        SternaException owner = Play.Failure(room.ReserveAsync(new[] { "friend" }), "a guest reserves", clients);
        Play.Check(owner.Status == SternaResult.NotRoomOwner, owner.ToString());
        Play.Await(clients[0].Room.ReserveAsync(new[] { "friend", "foe" }), "reserved", clients);
        Play.Await(clients[0].Room.CancelReservationAsync(new[] { "friend", "foe" }), "let go", clients);
        Play.Until(() => told.Count == 6, "everybody hears of it", clients);
        Play.Check(told[0] == "text=Grüße" && told[1] == "bytes=3 bytes" && told[2] == "pace=0.5" &&
                   told[3] == "level=10" && told[5] == "pace=none", string.Join(" ", told));
    }

    private static void ThroughAScaleIn(SternaTransport transport, ulong room)
    {
        var heard = new ulong[Players, Players];
        var sent = new ulong[Players];
        int migrated = 0, left = 0, syncs = 0;
        bool inOrder = true;
        Task moving = null;
        for (int i = 0; i < Players; i++)
        {
            int listener = i;
            SternaClient client = clients[i];
            client.Room.OnRoomMessage += said =>
            {
                int speaker = (int)said.Member - 1;
                inOrder &= said.User == User(speaker, transport) && said.Cmd == Play.Chat &&
                           Play.ReadNumber(said.Payload) == heard[listener, speaker];
                heard[listener, speaker]++;
            };
            client.Room.OnRoomSync += synced => syncs += synced.Key == "position" && synced.Payload.Count == 8 ? 1 : 0;
            client.Room.OnRoomMemberLeft += args => left++;
            client.Room.OnRoomExited += args => left++;
            client.Room.OnRoomMigrated += args => migrated += args.RoomId == room ? 1 : 0;
            client.OnOffline += offline =>
            {
                Play.Check(offline.InRoom && client.SendMigrate() == SternaResult.InRoom, "the room moves as a whole");
                if (client.Room.IsOwner)
                {
                    moving = client.Room.MigrateAsync();
                }
            };
        }
        string from = clients[0].Node;
        var message = new byte[8];
        int frames = 0;
        Play.Until(() =>
        {
            if (frames++ == 100)
            {
                Play.Server.ScaleIn(from, TimeSpan.FromSeconds(30));
            }
            bool enough = migrated == Players && moving != null && moving.IsCompleted;
            for (int i = 0; i < Players && !enough; i++)
            {
                Play.WriteNumber(message, sent[i]);
                if (clients[i].Room.Broadcast(Play.Ver, Play.Chat, message) == SternaResult.Ok)
                {
                    sent[i]++;
                }
            }
            if (frames % 10 == 0 && !enough)
            {
                Play.Check(clients[0].Room.Sync("position", message) == SternaResult.Ok, "synchronised");
            }
            return enough && All(heard, sent);
        }, "the room moves, and everybody hears everything", clients);
        moving.GetAwaiter().GetResult();
        Play.Check(inOrder, "every message of everybody, once and in order");
        Play.Check(left == 0, "nobody is told to have left");
        Play.Check(syncs > 0, "the state is synchronised");
        foreach (SternaClient client in clients)
        {
            Play.Check(client.Node != from && client.Room.Id == room && client.Room.MemberCount == Players, "same room");
        }
        Console.WriteLine("{0}: {1} players, {2} broadcasts, the room moved from {3} to {4} with all of them", transport,
            Players, sent[0] + sent[1] + sent[2], from, clients[0].Node);
    }

    private static bool All(ulong[,] heard, ulong[] sent)
    {
        for (int listener = 0; listener < Players; listener++)
        {
            for (int speaker = 0; speaker < Players; speaker++)
            {
                if (heard[listener, speaker] != sent[speaker])
                {
                    return false;
                }
            }
        }
        return true;
    }

    private static void Leave()
    {
        var exits = new List<SternaResult>();
        foreach (SternaClient client in clients)
        {
            client.Room.OnRoomExited += args => exits.Add(args.Status);
        }
        ulong kicked = clients[1].Room.Me;
        string said = null;
        clients[2].Room.OnRoomMessage += args => said = Encoding.UTF8.GetString(
            args.Payload.Array, args.Payload.Offset, args.Payload.Count);
        clients[0].Room.SendTo(new[] { clients[2].Room.Me }, Play.Ver, Play.Chat, Encoding.UTF8.GetBytes("for you alone"));
        Play.Until(() => said == "for you alone", "a message to one", clients);
        Play.Await(clients[0].Room.KickAsync(kicked), "kicked", clients);
        Play.Until(() => exits.Count == 1, "the kicked one hears of it", clients);
        Play.Check(exits[0] == SternaResult.Kicked && clients[1].Room.Id == 0, "why");
        Play.Await(clients[0].Room.LeaveAsync(), "left", clients);
        Play.Check(clients[0].Room.Id == 0 && exits[1] == SternaResult.Ok, "left for good");
        Play.Until(() => clients[2].Room.IsOwner, "the last one owns it", clients);
        Play.Await(clients[2].Room.CloseAsync(), "closed", clients);
        Play.Until(() => exits.Count == 3, "it is closed", clients);
        Play.Check(exits[2] == SternaResult.RoomClosed, "why");
    }
}
