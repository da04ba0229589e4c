#pragma once

#include "Engine/GameInstance.h"

class UBlueprintAsyncActionBase : public UObject
{
public:
	virtual void Activate() {}
	/** Not destroyed until SetReadyToDestroy, or with the game instance. */
	void RegisterWithGameInstance(const UObject* WorldContextObject)
	{
		UWorld* const World = WorldContextObject != nullptr ? WorldContextObject->GetWorld() : nullptr;
		StubOuter = World != nullptr ? World->GetGameInstance() : nullptr;
	}
	virtual void SetReadyToDestroy() { bStubGarbage = true; }
};
