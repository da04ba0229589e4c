#pragma once

#include "UObject/Object.h"

class UGameInstance;

class FSubsystemCollectionBase
{
};

class USubsystem : public UObject
{
public:
	virtual bool ShouldCreateSubsystem(UObject*) const { return true; }
	virtual void Initialize(FSubsystemCollectionBase&) {}
	virtual void Deinitialize() {}
};

/** Its outer is the game instance. */
class UGameInstanceSubsystem : public USubsystem
{
public:
	static UClass* StaticClass()
	{
		static UClass Class = {"UGameInstanceSubsystem", UObject::StaticClass()};
		return &Class;
	}
	UGameInstance* GetGameInstance() const;
};
