// Stands in for Unreal's build tool: makes the rules of both modules for each platform, and prints which files they name.
//
//     mono rules.exe <folder of the plugin>

using System;
using System.Collections.Generic;
using System.IO;

namespace UnrealBuildTool
{
    public class BuildException : Exception
    {
        public BuildException(string message) : base(message)
        {
        }
    }

    public struct UnrealTargetPlatform
    {
        public static readonly UnrealTargetPlatform Win64 = new UnrealTargetPlatform("Win64");
        public static readonly UnrealTargetPlatform Mac = new UnrealTargetPlatform("Mac");
        public static readonly UnrealTargetPlatform Linux = new UnrealTargetPlatform("Linux");
        public static readonly UnrealTargetPlatform LinuxArm64 = new UnrealTargetPlatform("LinuxArm64");
        public static readonly UnrealTargetPlatform Android = new UnrealTargetPlatform("Android");
        public static readonly UnrealTargetPlatform IOS = new UnrealTargetPlatform("IOS");
        public static readonly UnrealTargetPlatform TVOS = new UnrealTargetPlatform("TVOS");

        private readonly string name;

        private UnrealTargetPlatform(string name)
        {
            this.name = name;
        }

        public static bool operator ==(UnrealTargetPlatform left, UnrealTargetPlatform right)
        {
            return left.name == right.name;
        }

        public static bool operator !=(UnrealTargetPlatform left, UnrealTargetPlatform right)
        {
            return left.name != right.name;
        }

        public override bool Equals(object other)
        {
            return other is UnrealTargetPlatform && this == (UnrealTargetPlatform)other;
        }

        public override int GetHashCode()
        {
            return name.GetHashCode();
        }

        public override string ToString()
        {
            return name;
        }
    }

    public class ReadOnlyTargetRules
    {
        public UnrealTargetPlatform Platform;
    }

    public class RuntimeDependencyList
    {
        public readonly List<string> Paths = new List<string>();

        public void Add(string path)
        {
            Paths.Add(path);
        }
    }

    public class ReceiptPropertyList
    {
        public readonly List<string> Entries = new List<string>();

        public void Add(string name, string value)
        {
            Entries.Add(name + " " + value);
        }
    }

    public class ModuleRules
    {
        public enum ModuleType
        {
            CPlusPlus,
            External,
        }

        public enum PCHUsageMode
        {
            Default,
            UseExplicitOrSharedPCHs,
        }

        /// <summary>Where the module that is being made lies.</summary>
        public static string StubDirectory;

        public ModuleType Type = ModuleType.CPlusPlus;
        public PCHUsageMode PCHUsage = PCHUsageMode.Default;
        public readonly List<string> PublicDependencyModuleNames = new List<string>();
        public readonly List<string> PrivateDependencyModuleNames = new List<string>();
        public readonly List<string> PublicSystemIncludePaths = new List<string>();
        public readonly List<string> PublicAdditionalLibraries = new List<string>();
        public readonly List<string> PublicDelayLoadDLLs = new List<string>();
        public readonly RuntimeDependencyList RuntimeDependencies = new RuntimeDependencyList();
        public readonly ReceiptPropertyList AdditionalPropertiesForReceipt = new ReceiptPropertyList();

        public ModuleRules(ReadOnlyTargetRules target)
        {
        }

        protected string ModuleDirectory
        {
            get { return StubDirectory; }
        }
    }
}

internal static class BuildTool
{
    private static void Say(UnrealBuildTool.UnrealTargetPlatform platform, string what, IEnumerable<string> values)
    {
        foreach (string value in values)
        {
            Console.WriteLine(platform + " " + what + " " + value.Replace(UnrealBuildTool.ModuleRules.StubDirectory + "/", ""));
        }
    }

    private static void Main(string[] arguments)
    {
        UnrealBuildTool.ModuleRules.StubDirectory = Path.Combine(arguments[0], "Source/ThirdParty/SternaLibrary");
        foreach (UnrealBuildTool.UnrealTargetPlatform platform in new[]
        {
            UnrealBuildTool.UnrealTargetPlatform.Win64, UnrealBuildTool.UnrealTargetPlatform.Mac,
            UnrealBuildTool.UnrealTargetPlatform.Linux, UnrealBuildTool.UnrealTargetPlatform.LinuxArm64,
            UnrealBuildTool.UnrealTargetPlatform.Android, UnrealBuildTool.UnrealTargetPlatform.IOS,
            UnrealBuildTool.UnrealTargetPlatform.TVOS,
        })
        {
            var target = new UnrealBuildTool.ReadOnlyTargetRules { Platform = platform };
            try
            {
                var library = new SternaLibrary(target);
                Say(platform, "type", new[] { library.Type.ToString() });
                Say(platform, "include", library.PublicSystemIncludePaths);
                Say(platform, "link", library.PublicAdditionalLibraries);
                Say(platform, "delay", library.PublicDelayLoadDLLs);
                Say(platform, "runtime", library.RuntimeDependencies.Paths);
                Say(platform, "receipt", library.AdditionalPropertiesForReceipt.Entries);
            }
            catch (UnrealBuildTool.BuildException error)
            {
                Say(platform, "refused", new[] { error.Message });
            }
            var module = new Sterna(target);
            Say(platform, "depends", module.PublicDependencyModuleNames);
            Say(platform, "depends", module.PrivateDependencyModuleNames);
        }
    }
}
