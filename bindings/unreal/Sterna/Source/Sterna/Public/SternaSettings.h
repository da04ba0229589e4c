#pragma once

#include "CoreMinimal.h"
#include "Engine/DeveloperSettings.h"
#include "SternaEnums.h"

#include "SternaSettings.generated.h"

/** Project Settings > Plugins > Sterna. They hold for each client that connects from then on. */
UCLASS(Config = Game, DefaultConfig, meta = (DisplayName = "Sterna"))
class STERNA_API USternaSettings : public UDeveloperSettings
{
	GENERATED_BODY()

public:
	/** TCP with TLS, or QUIC over UDP with unreliable messages. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Connection")
	ESternaTransport Transport = ESternaTransport::Tcp;

	/** Seamless: the next node is attached before the present one is left. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Connection")
	ESternaMoveMode MoveMode = ESternaMoveMode::Seamless;

	/** Answers when a node goes offline, at once. Switch it off to choose the moment: Send Migrate. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Connection")
	bool bMigrateAtOnce = true;

	/** What of the library's log goes to the output log. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Connection")
	ESternaLogLevel LogLevel = ESternaLogLevel::Warn;

	/** Milliseconds that connecting may take, over all addresses of the token. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Limits", meta = (ClampMin = "1"))
	int32 ConnectTimeoutMs = 10000;

	/** Milliseconds that a broken link may take to be restored; the server's own limit holds as well. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Limits", meta = (ClampMin = "1"))
	int32 ResumeTimeoutMs = 60000;

	/** Milliseconds that a request waits for its reply unless it says otherwise. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Limits", meta = (ClampMin = "1"))
	int32 RequestTimeoutMs = 5000;

	/** Largest payload of a reliable message. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Limits", meta = (ClampMin = "1"))
	int32 MessageBytesMax = 65536;

	/** Events that one frame hands out; what is left waits for the next frame, and nothing is dropped. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Limits", meta = (ClampMin = "1"))
	int32 EventsPerFrameMax = 1000;

	/** A bad network, to try the game under: milliseconds added to every packet, each way. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Development", meta = (ClampMin = "0", ClampMax = "1000"))
	int32 SimulatorDelayMs = 0;

	/** Up to so many milliseconds more, at random. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Development", meta = (ClampMin = "0", ClampMax = "500"))
	int32 SimulatorJitterMs = 0;

	/** Out of 100 packets, how many are lost. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Development", meta = (ClampMin = "0", ClampMax = "50"))
	int32 SimulatorLossPercent = 0;

	/** Where `sterna serve --dev` listens for operators on this machine. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Development")
	FString DevServerAddress = TEXT("127.0.0.1:7990");

	/** Seconds that Sterna.SimulateScaleIn leaves a node to become empty. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Development", meta = (ClampMin = "1"))
	float ScaleInDeadlineSeconds = 60.0f;

	virtual FName GetCategoryName() const override;
};
