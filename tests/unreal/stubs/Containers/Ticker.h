#pragma once

#include "CoreMinimal.h"

DECLARE_DELEGATE_RetVal_OneParam(bool, FTickerDelegate, float);

/** Calls delegates once per frame of the engine, whatever worlds there are, for as long as they return true. */
class FTSTicker
{
public:
	struct FElement
	{
		FTickerDelegate Delegate;
		bool bIsRunning = false;
		bool bIsRemoved = false;
	};

	/** In the engine a TWeakPtr. */
	using FDelegateHandle = std::weak_ptr<FElement>;

	static FTSTicker& GetCoreTicker();
	FDelegateHandle AddTicker(const FTickerDelegate& InDelegate, float InDelay = 0.0f);
	static void RemoveTicker(FDelegateHandle Handle);
	void Tick(float DeltaTime);

	std::size_t StubCount() const { return Elements.size(); }

private:
	std::vector<std::shared_ptr<FElement>> Elements;
};
