// The native library and its headers. They are not in the repository: scripts/assemble-packages.sh puts them here, and a
// release has them.

using System.IO;
using UnrealBuildTool;

public class SternaLibrary : ModuleRules
{
	public SternaLibrary(ReadOnlyTargetRules Target) : base(Target)
	{
		Type = ModuleType.External;
		PublicSystemIncludePaths.Add(Path.Combine(ModuleDirectory, "include"));

		if (Target.Platform == UnrealTargetPlatform.Win64)
		{
			PublicAdditionalLibraries.Add(Find("Win64", "sterna.dll.lib"));
			// Loaded by the module Sterna from where it lies, which is not where Windows would look.
			PublicDelayLoadDLLs.Add("sterna.dll");
			RuntimeDependencies.Add(Find("Win64", "sterna.dll"));
		}
		else if (Target.Platform == UnrealTargetPlatform.Mac)
		{
			string Library = Find("Mac", "libsterna.dylib");
			PublicDelayLoadDLLs.Add(Library);
			RuntimeDependencies.Add(Library);
		}
		else if (Target.Platform == UnrealTargetPlatform.Linux || Target.Platform == UnrealTargetPlatform.LinuxArm64)
		{
			// By the name that programs ask for; the linker is told where it lies, and so is the program.
			string Library = Find(Target.Platform.ToString(), "libsterna.so.0.1");
			PublicAdditionalLibraries.Add(Library);
			RuntimeDependencies.Add(Library);
		}
		else if (Target.Platform == UnrealTargetPlatform.Android)
		{
			// The build tool takes for each architecture the library in the folder of its name.
			PublicAdditionalLibraries.Add(Find("Android/arm64-v8a", "libsterna.so"));
			PublicAdditionalLibraries.Add(Find("Android/x86_64", "libsterna.so"));
			AdditionalPropertiesForReceipt.Add("AndroidPlugin", Find("", "SternaLibrary_UPL.xml"));
		}
		else if (Target.Platform == UnrealTargetPlatform.IOS)
		{
			PublicAdditionalLibraries.Add(Find("IOS", "libsterna.a"));
		}
		else
		{
			throw new BuildException("Sterna has no library for " + Target.Platform.ToString() + ".");
		}
	}

	/// The path of a file of this module. Without it neither compiler nor linker would say what is wrong.
	private string Find(string Folder, string Name)
	{
		string Found = Path.Combine(ModuleDirectory, Folder, Name);
		if (!File.Exists(Found))
		{
			throw new BuildException(
				"Sterna: " + Found + " is missing. Take the plugin of a release, or put the library there: see docs/UNREAL.md.");
		}
		return Found;
	}
}
