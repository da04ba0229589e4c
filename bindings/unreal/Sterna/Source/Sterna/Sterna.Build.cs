using UnrealBuildTool;

public class Sterna : ModuleRules
{
	public Sterna(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;

		PublicDependencyModuleNames.AddRange(new string[] { "Core", "CoreUObject", "Engine", "DeveloperSettings" });
		// HTTP only asks a development server.
		PrivateDependencyModuleNames.AddRange(new string[] { "HTTP", "Projects", "SternaLibrary" });
	}
}
