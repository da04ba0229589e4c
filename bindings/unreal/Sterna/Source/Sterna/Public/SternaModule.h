#pragma once

#include "CoreMinimal.h"
#include "Modules/ModuleManager.h"

/** Loads the native library with the plugin, and ends its thread with the editor or game. */
class STERNA_API FSternaModule : public IModuleInterface
{
public:
	virtual void StartupModule() override;
	virtual void ShutdownModule() override;

	/** Why no client can connect: the native library is missing, or of another release. Empty if all is well. */
	const FString& GetProblem() const { return Problem; }

	/** Null while the module is not loaded. */
	static FSternaModule* Get() { return FModuleManager::GetModulePtr<FSternaModule>(TEXT("Sterna")); }

private:
	void* LibraryHandle = nullptr;
	FString Problem;
};
