#include "SternaModule.h"

#include "Core/SternaLibrary.h"
#include "HAL/PlatformProcess.h"
#include "Interfaces/IPluginManager.h"
#include "Misc/Paths.h"
#include "SternaConvert.h"
#include "SternaLog.h"

DEFINE_LOG_CATEGORY(LogSterna);

IMPLEMENT_MODULE(FSternaModule, Sterna)

namespace SternaModule
{

/** Where the library lies that is to be loaded before its first function is called; empty where the system has done so. */
static FString LibraryPath()
{
#if PLATFORM_WINDOWS || PLATFORM_MAC
	const TSharedPtr<IPlugin> Plugin = IPluginManager::Get().FindPlugin(TEXT("Sterna"));
	const FString Base = Plugin.IsValid() ? Plugin->GetBaseDir() : FString();
#if PLATFORM_WINDOWS
	return FPaths::Combine(Base, TEXT("Source/ThirdParty/SternaLibrary/Win64/sterna.dll"));
#else
	return FPaths::Combine(Base, TEXT("Source/ThirdParty/SternaLibrary/Mac/libsterna.dylib"));
#endif
#else
	return FString();
#endif
}

} // namespace SternaModule

void FSternaModule::StartupModule()
{
	const FString Path = SternaModule::LibraryPath();
	if (!Path.IsEmpty())
	{
		LibraryHandle = FPlatformProcess::GetDllHandle(*Path);
	}
	const bool bLoaded = Path.IsEmpty() || LibraryHandle != nullptr;
	Problem = SternaConvert::ToText(SternaCore::LibraryProblem(bLoaded, SternaConvert::ToUtf8(Path).c_str()).c_str());
	if (!Problem.IsEmpty())
	{
		UE_LOG(LogSterna, Error, TEXT("%s"), *Problem);
	}
}

void FSternaModule::ShutdownModule()
{
	if (Problem.IsEmpty())
	{
		// Game instances have ended theirs; this ends the library's thread, so that it can be unloaded.
		sterna_shutdown();
	}
	if (LibraryHandle != nullptr)
	{
		FPlatformProcess::FreeDllHandle(LibraryHandle);
		LibraryHandle = nullptr;
	}
}
