// The C# client against a running server, scene by scene:
//
//     scenes <scene> <address of the server's operators>

using System;
using System.Collections.Generic;
using System.Reflection;
using NUnit.Framework;

internal static class Program
{
    private static readonly Dictionary<string, Action> Scenes = new Dictionary<string, Action>
    {
        { "package-tests", PackageTests },
        { "messages", Messages.Run },
        { "tasks", Tasks.Run },
        { "rooms", Rooms.Run },
        { "reloads", Reloads.Run },
        { "behaviour", InTheEditor.Run },
        { "sample", InTheEditor.RunSample },
    };

    private static int Main(string[] arguments)
    {
        Action scene;
        if (arguments.Length < 1 || !Scenes.TryGetValue(arguments[0], out scene))
        {
            Console.Error.WriteLine("scenes: " + string.Join(" ", new List<string>(Scenes.Keys)));
            return 2;
        }
        Play.Admin = arguments.Length > 1 ? arguments[1] : string.Empty;
        try
        {
            scene();
        }
        catch (Exception error)
        {
            Console.Error.WriteLine(error);
            return 1;
        }
        return 0;
    }

    /// <summary>The tests that users run in Unity's test runner.</summary>
    private static void PackageTests()
    {
        int passed = 0;
        foreach (Type type in typeof(Sterna.Tests.LayoutTests).Assembly.GetExportedTypes())
        {
            foreach (MethodInfo method in type.GetMethods())
            {
                if (!method.IsDefined(typeof(TestAttribute), false))
                {
                    continue;
                }
                try
                {
                    method.Invoke(Activator.CreateInstance(type), null);
                }
                catch (TargetInvocationException error)
                {
                    throw new Exception(type.Name + "." + method.Name, error.InnerException);
                }
                passed++;
            }
        }
        Play.Check(passed >= 15, "there are tests, " + passed);
        Console.WriteLine(passed + " tests of the package passed");
    }
}
