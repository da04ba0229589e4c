// A game that counts on a server that echoes, and goes on counting while the server is taken away.

#pragma once

#include "CoreMinimal.h"
#include "Engine/GameInstance.h"
#include "SternaEvents.h"

#include "ScaleInGame.generated.h"

class USternaSubsystem;

UCLASS()
class UScaleInGame : public UGameInstance
{
	GENERATED_BODY()

public:
	virtual void Init() override;

	/** How many numbers came back, each once and in order. */
	UPROPERTY(BlueprintReadOnly, Category = "Game")
	int32 Count = 0;

private:
	UFUNCTION()
	void HandleConnected(const FSternaConnectedArgs& Args);

	UFUNCTION()
	void HandleConnectFailed(const FSternaConnectFailedArgs& Args);

	UFUNCTION()
	void HandlePush(const FSternaPushArgs& Args);

	UFUNCTION()
	void HandleMigrated(const FSternaMigratedArgs& Args);

	void SendCount();

	USternaSubsystem* GetSterna() const;
};
