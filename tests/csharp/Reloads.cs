using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;
using Sterna;
using Sterna.Editor;
using UnityEditor;

/// <summary>
/// What an editor does when scripts have changed: the domain with a client in the middle of play is unloaded, and the
/// next one plays on, in the same process. Every other time the package's own hook runs before, as in the editor; else
/// the client is just forgotten.
/// </summary>
internal static class Reloads
{
    private const int Count = 5;

    internal static void Run()
    {
        for (int reload = 1; reload <= Count; reload++)
        {
            AppDomain domain = AppDomain.CreateDomain("play " + reload);
            var game = (Game)domain.CreateInstanceAndUnwrap(typeof(Game).Assembly.FullName, typeof(Game).FullName);
            game.Begin(Play.Admin);
            int heard = game.Frames(200);
            bool hooked = reload % 2 == 0;
            if (hooked)
            {
                game.BeforeAssemblyReload();
            }
            Stopwatch time = Stopwatch.StartNew();
            AppDomain.Unload(domain);
            Console.WriteLine("reload {0}: a client unloaded in the middle of play, {1} messages heard, {2}, in {3} ms", reload,
                heard, hooked ? "ended by the hook" : "forgotten", time.ElapsedMilliseconds);
        }
        // Also those that were forgotten are gone: with the last client goes the library's thread.
        Play.Until(() => !IsNetworkThreadThere(), "no client is left");
        // And here it goes on, with the user whom the others were.
        SternaClient client = Play.Connect(Game.User, SternaTransport.Tcp);
        SternaResponse answer = Play.Await(client.RequestAsync(Play.Ver, Play.Echo, new byte[5]), "an answer", client);
        Play.Check(answer.Payload.Length == 5, "the whole answer");
        client.Dispose();
        Play.Check(SternaLibrary.Shutdown() == SternaResult.Ok, "no call is stuck in the library");
        Console.WriteLine("{0} reloads survived", Count);
    }

    private static bool IsNetworkThreadThere()
    {
        foreach (string thread in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                if (File.ReadAllText(thread + "/comm").StartsWith("sterna"))
                {
                    return true;
                }
            }
            catch (IOException)
            {
                // it has ended meanwhile, whichever it was
            }
        }
        return false;
    }

    /// <summary>The game's side, in a domain of its own.</summary>
    public sealed class Game : MarshalByRefObject
    {
        internal const string User = "reloaded";

        private SternaClient client;
        private Task<SternaResponse> waiting;
        private int heard;

        public void Begin(string admin)
        {
            Play.Admin = admin;
            RuntimeHelpers.RunClassConstructor(typeof(SternaReload).TypeHandle); // [InitializeOnLoad]
            client = Play.Connect(User, SternaTransport.Tcp);
            client.OnPush += push => heard++;
            Play.Await(client.Room.CreateAsync(), "in a room", client);
        }

        /// <summary>Plays so many frames, and leaves messages and requests under way.</summary>
        public int Frames(int count)
        {
            int frames = 0;
            Play.Until(() =>
            {
                client.RSend(Play.Ver, Play.Echo, new byte[100]);
                waiting = client.RequestAsync(Play.Ver, Play.Echo, new byte[100]);
                return ++frames > count && heard > 0;
            }, "frames", client);
            Play.Check(!waiting.IsFaulted, "it is under way, or answered");
            return heard;
        }

        public void BeforeAssemblyReload()
        {
            AssemblyReloadEvents.Raise();
            Play.Check(client.Update() == SternaResult.InvalidHandle, "the hook has ended it");
        }
    }
}
