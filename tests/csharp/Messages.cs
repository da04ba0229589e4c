using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using Sterna;

/// <summary>
/// 10,000 numbered messages and their echoes while the garbage collector runs all the time and the node is scaled in;
/// then what messages cost in garbage.
/// </summary>
internal static class Messages
{
    private const ulong Count = 10000;
    private const int Measured = 10000;

    internal static void Run()
    {
        foreach (SternaTransport transport in new[] { SternaTransport.Tcp, SternaTransport.Udp })
        {
            WhileGarbageIsCollected(transport);
        }
        Measure();
    }

    private static void WhileGarbageIsCollected(SternaTransport transport)
    {
        SternaClient client = Play.Connect("collector-" + transport, transport);
        ulong sent = 0, heard = 0;
        bool inOrder = true;
        client.OnPush += push =>
        {
            inOrder &= push.Reliable && push.Ver == Play.Ver && push.Cmd == Play.Echo && push.Payload.Count == 8 &&
                       Play.ReadNumber(push.Payload) == heard;
            heard++;
        };
        string from = client.Node;
        Task<MigratedArgs> moving = null;
        client.OnOffline += offline =>
        {
            Play.Check(!offline.InRoom && offline.Reason == SternaOfflineReason.ScaleIn, "it is scaled in");
            moving = client.MigrateAsync();
        };

        int collections = 0;
        bool over = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref over))
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                Interlocked.Increment(ref collections);
            }
        });
        collector.Start();
        Stopwatch time = Stopwatch.StartNew();
        try
        {
            Play.Until(() =>
            {
                // A new array each time: garbage, and a place that moves.
                for (int i = 0; i < 20 && sent < Count; i++)
                {
                    var message = new byte[8];
                    Play.WriteNumber(message, sent);
                    if (client.RSend(Play.Ver, Play.Echo, message) != SternaResult.Ok)
                    {
                        break; // the queue is full: in the next frame
                    }
                    sent++;
                    if (sent == Count / 2)
                    {
                        Play.Server.ScaleIn(from, TimeSpan.FromSeconds(30));
                    }
                }
                return heard >= Count && moving != null && moving.IsCompleted;
            }, "all echoes, and the move", client);
        }
        finally
        {
            Volatile.Write(ref over, true);
            collector.Join();
        }
        Play.Check(inOrder && heard == Count, "every message once and in order");
        Play.Check(moving.Result.Node == client.Node && client.Node != from && !client.IsOffline, "on another node");
        Play.Check(client.Stats.Moves == 1 && client.Stats.MovesFailed == 0, "one move");
        Play.Check(collections > 100, "the collector has run, " + collections + " times");
        Console.WriteLine("{0}: {1} messages and their echoes in {2} ms, {3} forced collections, moved from {4} to {5}, gap {6} us",
            transport, Count, time.ElapsedMilliseconds, collections, from, client.Node, client.Stats.LastMoveGapUs);
        Play.Await(client.DisconnectAsync(), "disconnected", client);
        client.Dispose();
    }

    /// <summary>Bytes allocated by this thread for a message sent, and one received.</summary>
    private static void Measure()
    {
        SternaClient client = Play.Connect("frugal", SternaTransport.Tcp);
        Play.Await(client.Room.CreateAsync(), "in a room", client);
        var message = new byte[64];
        int heard = 0;
        client.OnPush += push => heard += push.Payload.Count == message.Length ? 1 : 0;
        client.Room.OnRoomMessage += said => heard += said.User == "frugal" ? 1 : 0;
        client.Room.OnRoomSync += synced => heard += synced.Key == "position" ? 1 : 0;
        client.OnResponse += response => heard += response.Status == SternaResult.Ok ? 1 : 0;
        ulong request;
        Measure("a message and its echo", client, () => heard,
            () => client.RSend(Play.Ver, Play.Echo, message));
        Measure("a broadcast to oneself", client, () => heard,
            () => client.Room.Broadcast(Play.Ver, Play.Chat, message));
        Measure("a synchronised value", client, () => heard,
            () => client.Room.Sync("position", message), anySuffices: true);
        Measure("a request by number", client, () => heard,
            () => client.Request(Play.Ver, Play.Echo, new ArraySegment<byte>(message), out request));
        client.Dispose();
    }

    /// <param name="anySuffices">Of values that are set in haste some are never told.</param>
    private static void Measure(string what, SternaClient client, Func<int> heard, Func<SternaResult> send,
        bool anySuffices = false)
    {
        Exchange(client, heard, send, 500, anySuffices); // until all is compiled, and buffers have grown
        long before = GC.GetAllocatedBytesForCurrentThread();
        Exchange(client, heard, send, Measured, anySuffices);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Console.WriteLine("{0}: {1} bytes of garbage for {2} of them", what, allocated, Measured);
        // The runtime allocates something now and then by itself, such as a lock's record: that is once, not per message.
        Play.Check(allocated < Measured / 50, what + " costs no garbage");
    }

    /// <summary>Like Until, but without garbage of its own.</summary>
    private static void Exchange(SternaClient client, Func<int> heard, Func<SternaResult> send, int count,
        bool anySuffices)
    {
        int due = heard() + (anySuffices ? 1 : count);
        int sent = 0;
        for (int frame = 0; sent < count || heard() < due; frame++)
        {
            for (int i = 0; i < 50 && sent < count && send() == SternaResult.Ok; i++)
            {
                sent++;
            }
            client.Update();
            Play.Check(frame < 200000, "all answers come");
            Thread.Sleep(1);
        }
    }
}
