// What ticks without being an actor. TickObjects asks what the engine asks, in its order.

#pragma once

#include "CoreMinimal.h"

enum class ETickableTickType : uint8
{
	Conditional,
	Always,
	Never
};

class FTickableObjectBase
{
public:
	virtual ~FTickableObjectBase() = default;
	virtual void Tick(float DeltaTime) = 0;
	virtual ETickableTickType GetTickableTickType() const { return ETickableTickType::Conditional; }
	virtual bool IsTickable() const { return true; }
	virtual TStatId GetStatId() const = 0;
};

class FTickableGameObject : public FTickableObjectBase
{
public:
	FTickableGameObject();
	~FTickableGameObject() override;

	virtual bool IsTickableWhenPaused() const { return false; }
	virtual bool IsTickableInEditor() const { return false; }
	virtual UWorld* GetTickableGameObjectWorld() const { return nullptr; }

	/** In the engine called once for each world in each frame. */
	static void TickObjects(UWorld* World, int32 TickType, bool bIsPaused, float DeltaSeconds);
};
