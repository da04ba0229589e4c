#pragma once

#include "CoreMinimal.h"

class FPaths
{
public:
	template <class... PathTypes> static FString Combine(const FString& First, PathTypes&&... Others)
	{
		FString Path = First;
		(void)std::initializer_list<int>{(Path = Path + FString(TEXT("/")) + FString(Others), 0)...};
		return Path;
	}
};
