#pragma once

#include "CoreMinimal.h"

class IPlugin
{
public:
	explicit IPlugin(const FString& InBaseDir) : BaseDir(InBaseDir) {}
	const FString& GetBaseDir() const { return BaseDir; }

private:
	FString BaseDir;
};

class IPluginManager
{
public:
	static IPluginManager& Get();
	/** Its folder is what STERNA_STUB_PLUGIN says. */
	TSharedPtr<IPlugin> FindPlugin(const FString& Name);
};
