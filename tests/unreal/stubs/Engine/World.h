#pragma once

#include "UObject/Object.h"

class UGameInstance;

class UWorld : public UObject
{
public:
	virtual UWorld* GetWorld() const override { return const_cast<UWorld*>(this); }
	UGameInstance* GetGameInstance() const { return StubGameInstance; }

	UGameInstance* StubGameInstance = nullptr;
};

enum class EGetWorldErrorMode
{
	ReturnNull,
	LogAndReturnNull,
	Assert
};

class UEngine : public UObject
{
public:
	UWorld* GetWorldFromContextObject(const UObject* Object, EGetWorldErrorMode) const
	{
		return Object != nullptr ? Object->GetWorld() : nullptr;
	}
};

extern UEngine* GEngine;
