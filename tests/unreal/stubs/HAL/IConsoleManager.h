#pragma once

#include "CoreMinimal.h"

enum EConsoleVariableFlags
{
	ECVF_Default = 0x0
};

DECLARE_DELEGATE_TwoParams(FConsoleCommandWithWorldAndArgsDelegate, const TArray<FString>&, UWorld*);

class FAutoConsoleCommandWithWorldAndArgs
{
public:
	FAutoConsoleCommandWithWorldAndArgs(const TCHAR* Name, const TCHAR* Help,
										const FConsoleCommandWithWorldAndArgsDelegate& Command, uint32 Flags = ECVF_Default);
};

namespace Stub
{

/** As if typed into the console of this world; whether there is such a command. */
bool Console(const FString& Name, const TArray<FString>& Args, UWorld* World);

} // namespace Stub
