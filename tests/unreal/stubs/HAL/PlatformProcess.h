#pragma once

#include "CoreMinimal.h"

struct FPlatformProcess
{
	/** Of Windows, in a test on Linux: not null if there is such a file. */
	static void* GetDllHandle(const TCHAR* Filename);
	static void FreeDllHandle(void* DllHandle);
};
