#pragma once

#include "Engine/World.h"
#include "Subsystems/GameInstanceSubsystem.h"

class UGameInstance : public UObject
{
public:
	/** In the engine this makes the subsystems; here StubInit has done so. */
	virtual void Init() {}
	virtual UWorld* GetWorld() const override { return StubWorld; }

	template <class T> T* GetSubsystem() const
	{
		for (UObject* const Subsystem : StubSubsystems)
		{
			if (T* const Found = Cast<T>(Subsystem))
			{
				return Found;
			}
		}
		return nullptr;
	}

	/** Init of the engine makes all subsystems that it finds. */
	template <class T> void StubInit(UWorld* World)
	{
		StubWorld = World;
		World->StubGameInstance = this;
		T* const Subsystem = NewObject<T>(this);
		StubSubsystems.push_back(Subsystem);
		FSubsystemCollectionBase Collection;
		Subsystem->Initialize(Collection);
	}

	/** What the end of a play-in-editor session does; the collection comes later. */
	void Shutdown()
	{
		for (UObject* const Subsystem : StubSubsystems)
		{
			static_cast<USubsystem*>(Subsystem)->Deinitialize();
		}
		StubSubsystems.clear();
		StubWorld->bStubGarbage = true;
		bStubGarbage = true;
	}

	UWorld* StubWorld = nullptr;
	std::vector<UObject*> StubSubsystems;
};
