// What the scenes have in common: a server to ask, clients to update, something to wait for.

using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using Sterna;
using Sterna.Editor;

internal static class Play
{
    internal const byte Ver = 2;
    internal const ushort Echo = 1;
    internal const ushort Chat = 7;

    private const int PatienceMs = 90000;

    /// <summary>Where the server's operators are.</summary>
    internal static string Admin;

    internal static DevServer Server
    {
        get { return new DevServer(Admin); }
    }

    internal static void Check(bool condition, string what)
    {
        if (!condition)
        {
            throw new Exception("not so: " + what);
        }
    }

    /// <summary>Frames of the game, until what is waited for has happened.</summary>
    internal static void Until(Func<bool> happened, string what, params SternaClient[] clients)
    {
        Stopwatch time = Stopwatch.StartNew();
        while (!happened())
        {
            foreach (SternaClient client in clients)
            {
                SternaResult result = client.Update();
                Check(result == SternaResult.Ok, "update gives " + result);
            }
            Check(time.ElapsedMilliseconds < PatienceMs, what);
            Thread.Sleep(1);
        }
    }

    internal static T Await<T>(Task<T> task, string what, params SternaClient[] clients)
    {
        Until(() => task.IsCompleted, what, clients);
        return task.GetAwaiter().GetResult();
    }

    internal static void Await(Task task, string what, params SternaClient[] clients)
    {
        Until(() => task.IsCompleted, what, clients);
        task.GetAwaiter().GetResult();
    }

    internal static SternaException Failure(Task task, string what, params SternaClient[] clients)
    {
        Until(() => task.IsCompleted, what, clients);
        Check(task.IsFaulted, what + ", which fails");
        return (SternaException)task.Exception.InnerException;
    }

    internal static SternaClient Connect(string user, SternaTransport transport)
    {
        var client = new SternaClient(new SternaConfig { Transport = transport });
        ConnectedArgs connected = Await(client.ConnectAsync(Server.Token(user)), "connected", client);
        Check(connected.Node.Length > 0 && connected.Node == client.Node, "the node has a name");
        return client;
    }

    internal static void WriteNumber(byte[] bytes, ulong number)
    {
        for (int i = 0; i < 8; i++)
        {
            bytes[i] = (byte)(number >> (56 - 8 * i));
        }
    }

    internal static ulong ReadNumber(ArraySegment<byte> bytes)
    {
        ulong number = 0;
        for (int i = 0; i < 8; i++)
        {
            number = number << 8 | bytes.Array[bytes.Offset + i];
        }
        return number;
    }
}
