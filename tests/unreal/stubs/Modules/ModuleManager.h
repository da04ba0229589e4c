#pragma once

#include "CoreMinimal.h"

class IModuleInterface
{
public:
	virtual ~IModuleInterface() = default;
	virtual void StartupModule() {}
	virtual void ShutdownModule() {}
};

namespace Stub
{

/** The one module of the test, and whether it is loaded. */
struct FModule
{
	std::u16string Name;
	IModuleInterface* (*Make)() = nullptr;
	IModuleInterface* Loaded = nullptr;
};

FModule& Module();

} // namespace Stub

class FModuleManager
{
public:
	template <class ModuleType> static ModuleType* GetModulePtr(const FName ModuleName)
	{
		return ModuleName == FName(Stub::Module().Name.c_str()) ? static_cast<ModuleType*>(Stub::Module().Loaded) : nullptr;
	}
};

#define IMPLEMENT_MODULE(ModuleImplClass, ModuleName)                                                                  \
	static const bool bStubModuleIsKnown = [] {                                                                        \
		Stub::Module().Name = TEXT(#ModuleName);                                                                       \
		Stub::Module().Make = [] { return static_cast<IModuleInterface*>(new ModuleImplClass()); };                    \
		return true;                                                                                                   \
	}();                                                                                                               \
	extern "C" bool Stub##ModuleName##IsKnown()                                                                        \
	{                                                                                                                  \
		return bStubModuleIsKnown;                                                                                     \
	}
