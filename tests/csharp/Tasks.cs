using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Sterna;

/// <summary>What can be awaited: where it goes on, how it fails, how it is cancelled.</summary>
internal static class Tasks
{
    /// <summary>Like Unity's: what is posted runs later, on the game's thread.</summary>
    private sealed class GameContext : SynchronizationContext
    {
        internal int Posted;

        public override void Post(SendOrPostCallback callback, object state)
        {
            Interlocked.Increment(ref Posted);
            base.Post(callback, state);
        }
    }

    internal static void Run()
    {
        GoesOnInsideUpdate(null);
        GoesOnInsideUpdate(new GameContext());
        Fails();
        IsCancelled();
        EndsWithTheClient();
        AHandlerThatThrows();
        ASecondConnectionInsideAnEvent();
        FromOtherThreads();
    }

    private static void GoesOnInsideUpdate(GameContext context)
    {
        SynchronizationContext.SetSynchronizationContext(context);
        int thread = Thread.CurrentThread.ManagedThreadId;
        var client = new SternaClient();
        var where = new List<string>();
        bool inside = false;
        Func<Task> play = async () =>
        {
            await client.ConnectAsync(Play.Server.Token("awaiter"));
            where.Add(inside && Thread.CurrentThread.ManagedThreadId == thread ? "inside" : "outside");
            SternaResponse answer = await client.RequestAsync(Play.Ver, Play.Echo, Encoding.UTF8.GetBytes("hello"));
            where.Add(inside && Encoding.UTF8.GetString(answer.Payload) == "hello" ? "inside" : "outside");
            await client.Room.CreateAsync();
            where.Add(inside && client.Room.Id != 0 && client.Room.IsOwner ? "inside" : "outside");
            await client.Room.LeaveAsync();
            where.Add(inside && client.Room.Id == 0 ? "inside" : "outside");
            await client.DisconnectAsync();
            where.Add(inside && client.State == SternaState.Disconnected ? "inside" : "outside");
        };
        Task all = play();
        Play.Until(() =>
        {
            inside = true;
            client.Update();
            inside = false;
            return all.IsCompleted;
        }, "the end of the play");
        all.GetAwaiter().GetResult();
        Play.Check(string.Join(" ", where) == "inside inside inside inside inside", "all goes on inside: " + string.Join(" ", where));
        Play.Check(context == null || context.Posted == 0, "nothing waits for another frame");
        SynchronizationContext.SetSynchronizationContext(null);
        client.Dispose();
        Console.WriteLine("tasks go on inside Update, {0}", context == null ? "without a context" : "with one like Unity's");
    }

    private static void Fails()
    {
        SternaClient client = Play.Connect("failing", SternaTransport.Tcp);
        SternaException bad = Play.Failure(client.RequestAsync(Play.Ver, 999, new byte[0]), "a bad request", client);
        Play.Check(bad.Status == SternaResult.RequestBad && bad.Message == "no such command", bad.ToString());
        SternaException unknown = Play.Failure(client.Room.JoinAsync(4711), "a room that is not there", client);
        Play.Check(unknown.Status == SternaResult.RoomUnknown, unknown.ToString());
        Play.Check(unknown.Message == SternaLibrary.Describe(SternaResult.RoomUnknown), unknown.Message);
        SternaException twice = Play.Failure(client.ConnectAsync(Play.Server.Token("failing")), "a second connection", client);
        Play.Check(twice.Status == SternaResult.AlreadyConnected, twice.ToString());
        // A token that is cancelled already, or later, is of the attempt that was refused, not of the session.
        Play.Check(client.ConnectAsync("", new CancellationToken(true)).IsCanceled, "it does not begin");
        var source = new CancellationTokenSource();
        Play.Failure(client.ConnectAsync(Play.Server.Token("failing"), source.Token), "a third connection", client);
        source.Cancel();
        Play.Await(client.RequestAsync(Play.Ver, Play.Echo, new byte[1]), "the session that was there goes on", client);
        SternaException online = Play.Failure(client.MigrateAsync(), "a move without a reason", client);
        Play.Check(online.Status == SternaResult.NotOffline, online.ToString());
        client.Dispose();
        Console.WriteLine("what fails says why");
    }

    private static void IsCancelled()
    {
        // A bad network, so that there is time to call it off.
        var slow = new SternaClient(new SternaConfig { SimulatorDelayMs = 300 });
        var source = new CancellationTokenSource();
        Task<ConnectedArgs> connecting = slow.ConnectAsync(Play.Server.Token("hesitant"), source.Token);
        slow.Update();
        Play.Check(!connecting.IsCompleted, "it takes time");
        source.Cancel();
        Play.Check(!connecting.IsCompleted, "it ends inside Update only");
        Play.Until(() => connecting.IsCanceled, "called off", slow);
        Play.Check(slow.State == SternaState.Disconnected, "not connected");

        // The same client can connect after that; and a request is cancelled without its answer.
        Play.Await(slow.ConnectAsync(Play.Server.Token("hesitant")), "connected at last", slow);
        source = new CancellationTokenSource();
        Task<SternaResponse> asked = slow.RequestAsync(Play.Ver, Play.Echo, new byte[1], source.Token);
        Task<ulong> joining = slow.Room.CreateAsync(null, source.Token);
        source.Cancel();
        Play.Check(!asked.IsCompleted && !joining.IsCompleted, "they end inside Update only");
        slow.Update();
        Play.Check(asked.IsCanceled && joining.IsCanceled, "both are cancelled");
        // The answers come all the same, and find nobody.
        int late = 0;
        slow.OnResponse += response => late++;
        slow.Room.OnRoomResult += result => late++;
        Play.Until(() => late == 2, "late answers", slow);
        slow.Dispose();
        Console.WriteLine("what is cancelled ends inside Update");
    }

    private static void EndsWithTheClient()
    {
        SternaClient client = Play.Connect("leaving", SternaTransport.Tcp);
        Task<SternaResponse> asked = client.RequestAsync(Play.Ver, Play.Echo, new byte[1]);
        Task<ulong> joining = client.Room.CreateAsync();
        client.Dispose();
        Play.Check(asked.IsCanceled && joining.IsCanceled, "nobody waits for a client that is gone");

        // Inside an event: no further one comes.
        SternaClient other = Play.Connect("leaving-2", SternaTransport.Tcp);
        int heard = 0;
        Task<SternaResponse> tooLate = null;
        other.OnPush += push =>
        {
            heard++;
            other.Dispose();
            Play.Check(push.Payload.Count == 3 && push.Payload.Array[push.Payload.Offset] == 9, "still valid");
            tooLate = other.RequestAsync(Play.Ver, Play.Echo, new byte[1]);
        };
        for (int i = 0; i < 50; i++)
        {
            Play.Check(other.RSend(Play.Ver, Play.Echo, new byte[] { 9, 9, 9 }) == SternaResult.Ok, "sent");
        }
        Play.Until(() => other.Update() == SternaResult.InvalidHandle, "the client is gone");
        Play.Check(heard == 1, "one event, then none, " + heard);
        Play.Check(tooLate.IsFaulted, "what is asked after the end fails, instead of waiting for ever");
        tooLate.Exception.Handle(error => ((SternaException)error).Status == SternaResult.InvalidHandle);
        Console.WriteLine("what is awaited ends with the client");
    }

    private static void AHandlerThatThrows()
    {
        SternaClient client = Play.Connect("thrower", SternaTransport.Tcp);
        int heard = 0, thrown = 0;
        client.OnPush += push =>
        {
            heard++;
            if (heard % 2 == 1)
            {
                throw new InvalidOperationException("a bug of the game");
            }
        };
        for (int i = 0; i < 10; i++)
        {
            client.RSend(Play.Ver, Play.Echo, new byte[1]);
        }
        Play.Until(() =>
        {
            try
            {
                client.Update();
            }
            catch (InvalidOperationException)
            {
                thrown++;
            }
            catch (AggregateException several)
            {
                Play.Check(several.InnerExceptions.Count > 1, several.ToString());
                thrown += several.InnerExceptions.Count;
            }
            return heard == 10;
        }, "all messages in spite of it");
        Play.Check(thrown == 5, "the game hears of its bug each time, " + thrown);
        client.Dispose();
        Console.WriteLine("a handler that throws costs no message");
    }

    private static void ASecondConnectionInsideAnEvent()
    {
        SternaClient client = Play.Connect("returning", SternaTransport.Tcp);
        string token = Play.Server.Token("returning");
        Task<ConnectedArgs> again = null;
        client.OnDisconnected += ended => again = again ?? client.ConnectAsync(token);
        EndedArgs first = Play.Await(client.DisconnectAsync(), "the first session's end", client);
        Play.Check(first.Status == SternaResult.Ok && again != null, "it ended as asked");
        Play.Await(again, "the second session", client);
        Play.Await(client.DisconnectAsync(), "the second session's end", client);
        client.Dispose();
        Console.WriteLine("an event may begin the next session");
    }

    private static void FromOtherThreads()
    {
        SternaClient client = Play.Connect("busy", SternaTransport.Tcp);
        var answers = new List<Task<SternaResponse>>();
        var threads = new List<Thread>();
        for (int number = 0; number < 4; number++)
        {
            var thread = new Thread(() =>
            {
                for (int i = 0; i < 200; i++)
                {
                    Task<SternaResponse> answer = client.RequestAsync(Play.Ver, Play.Echo, BitConverter.GetBytes(i));
                    lock (answers)
                    {
                        answers.Add(answer);
                    }
                }
            });
            threads.Add(thread);
            thread.Start();
        }
        // The answers race with the threads that ask.
        Play.Until(() => threads.TrueForAll(thread => !thread.IsAlive) && answers.TrueForAll(one => one.IsCompleted),
            "all answers", client);
        Play.Check(answers.Count == 800 && answers.TrueForAll(one => one.Result.Payload.Length == 4), "each its own");
        client.Dispose();
        Console.WriteLine("800 requests of four threads, all answered");
    }
}
