using System;
using System.Collections.Generic;
using System.Reflection;
using Sterna;
using Sterna.Editor;
using Sterna.Samples;
using UnityEditor;
using UnityEditor.Build.Reporting;
using UnityEngine;

/// <summary>
/// The layer for Unity, with this test in the place of the engine: it calls what Unity would call, by name.
/// </summary>
internal static class InTheEditor
{
    internal static void Run()
    {
        System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(typeof(SternaReload).TypeHandle);
        Application.isPlaying = true;
        var behaviour = new SternaBehaviour();
        behaviour.SetSimulator(5, 2, 0);
        Call(behaviour, "Awake");
        var inspector = new SternaBehaviourEditor { target = behaviour };
        EditorPrefs.SetString("Sterna.DevServer", "127.0.0.1:1");
        EditorPrefs.SetString("Sterna.User", "in the \"editor\"");
        Press(inspector, "Connect with a development token");
        Play.Check(Drawn(inspector).Contains("no server answers at 127.0.0.1:1"), "what is wrong is shown");

        EditorPrefs.SetString("Sterna.DevServer", Play.Admin);
        Press(inspector, "Connect with a development token");
        Frames(behaviour, () => behaviour.Client.Node.Length > 0, "connected by a button");
        string from = behaviour.Client.Node;
        Frames(behaviour, () => behaviour.Client.Stats.RttUs > 0, "a round trip");
        Play.Check(behaviour.Client.Stats.RttMinUs >= 2 * 5000, "the simulator delays, each way");
        Press(inspector, "Simulate scale-in");
        Frames(behaviour, () => behaviour.Client.Stats.Moves == 1, "moved at once");
        string drawn = Drawn(inspector);
        Play.Check(drawn.Contains("State: Connected") && drawn.Contains("Node: " + behaviour.Client.Node), drawn);
        Play.Check(drawn.Contains("Moves: 1 (0 failed)") && behaviour.Client.Node != from, drawn);
        Console.WriteLine(drawn);

        // A room, which its owner moves.
        var joined = behaviour.Client.Room.CreateAsync();
        Frames(behaviour, () => joined.IsCompleted, "a room");
        Press(inspector, "Simulate scale-in");
        bool whole = false;
        behaviour.Client.Room.OnRoomMigrated += args => whole = true;
        Frames(behaviour, () => whole, "the room is moved by its owner's behaviour");
        Play.Check(Drawn(inspector).Contains("Room: " + joined.Result.ToString("x16") + ", 1 members, owner"), "it is shown");

        SternaClient client = behaviour.Client;
        Call(behaviour, "OnDestroy");
        Play.Check(client.State == SternaState.Invalid && !behaviour.HasClient, "it ends with the object");
        Call(behaviour, "Update");
        Play.Check(behaviour.Client == client, "scripts that go later find the same client, to unsubscribe");
        var unused = new SternaBehaviour();
        Call(unused, "OnApplicationQuit");
        Play.Check(unused.Client.State == SternaState.Invalid, "nothing begins any more when all ends");
        var forgotten = new SternaClient();
        EditorApplication.Raise(PlayModeStateChange.EnteredEditMode);
        Play.Check(forgotten.State == SternaState.Invalid, "a forgotten one ends with play mode");

        Play.Check(Warnings(BuildTarget.StandaloneWindows64, false) == 0, "other systems ask for no permission");
        Play.Check(Warnings(BuildTarget.Android, true) == 0, "it has the permission");
        Play.Check(Warnings(BuildTarget.Android, false) == 1, "it may lack the permission");
    }

    /// <summary>Of building an app, with or without the permission to use the network.</summary>
    private static int Warnings(BuildTarget platform, bool internet)
    {
        PlayerSettings.Android.forceInternetPermission = internet;
        int before = Debug.Lines.Count;
        new AndroidInternetCheck().OnPreprocessBuild(
            new BuildReport { summary = new BuildSummary { platform = platform } });
        return Debug.Lines.Count - before;
    }

    /// <summary>The sample, as users import it.</summary>
    internal static void RunSample()
    {
        var behaviour = new SternaBehaviour();
        var player = new ScaleInPlayer();
        var both = new GameObject();
        behaviour.AddTo(both);
        player.AddTo(both);
        Set(player, "token", Play.Server.Token("sample"));
        Call(behaviour, "Awake");
        Call(player, "Awake");
        Call(player, "Start");
        string from = null;
        int heardBefore = 0;
        Play.Until(() =>
        {
            Call(behaviour, "Update");
            Call(player, "Update");
            if (from == null && player.Heard > 0)
            {
                from = behaviour.Client.Node;
                Play.Server.ScaleIn(from, TimeSpan.FromSeconds(30));
            }
            bool moved = from != null && behaviour.Client.Stats.Moves == 1;
            if (moved && heardBefore == 0)
            {
                heardBefore = player.Heard;
            }
            return moved && player.Heard > heardBefore + 1;
        }, "the sample plays on at another node");
        Call(player, "OnDestroy");
        Call(behaviour, "OnDestroy");
        Play.Check(Debug.Lines.Exists(line => line.Contains("play goes on at")), string.Join("\n", Debug.Lines));
        Play.Check(!Debug.Lines.Exists(line => line.StartsWith("error")), string.Join("\n", Debug.Lines));
        Console.WriteLine(string.Join("\n", Debug.Lines));
    }

    private static void Frames(SternaBehaviour behaviour, Func<bool> happened, string what)
    {
        Play.Until(() =>
        {
            Call(behaviour, "Update");
            return happened();
        }, what);
    }

    private static void Press(SternaBehaviourEditor inspector, string button)
    {
        GUILayout.Pressed = button;
        Drawn(inspector);
        Play.Check(GUILayout.Pressed == null, "there is a button: " + button);
    }

    private static string Drawn(SternaBehaviourEditor inspector)
    {
        List<string> lines = EditorGUILayout.Drawn;
        lines.Clear();
        inspector.OnInspectorGUI();
        return string.Join("\n", lines);
    }

    private static void Call(object script, string message)
    {
        MethodInfo method = script.GetType().GetMethod(message, BindingFlags.Instance | BindingFlags.NonPublic);
        Play.Check(method != null, script.GetType().Name + " has " + message);
        method.Invoke(script, null);
    }

    private static void Set(object script, string field, object value)
    {
        script.GetType().GetField(field, BindingFlags.Instance | BindingFlags.NonPublic).SetValue(script, value);
    }
}
