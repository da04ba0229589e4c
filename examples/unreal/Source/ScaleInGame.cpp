#include "ScaleInGame.h"

#include "SternaLog.h"
#include "SternaSubsystem.h"

// What the server's built-in application understands.
static const uint8 ScaleInVer = 2;
static const int32 ScaleInEcho = 1;

void UScaleInGame::Init()
{
	Super::Init(); // makes the subsystems
	USternaSubsystem* const Sterna = GetSterna();
	Sterna->OnConnected.AddDynamic(this, &UScaleInGame::HandleConnected);
	Sterna->OnConnectFailed.AddDynamic(this, &UScaleInGame::HandleConnectFailed);
	Sterna->OnPush.AddDynamic(this, &UScaleInGame::HandlePush);
	Sterna->OnMigrated.AddDynamic(this, &UScaleInGame::HandleMigrated);
	// A game that ships gets its token from its backend instead, and calls Connect.
	Sterna->ConnectForDevelopment(TEXT("player-1"));
}

void UScaleInGame::HandleConnected(const FSternaConnectedArgs& Args)
{
	UE_LOG(LogSterna, Display, TEXT("Counting on %s. To take it away: Sterna.SimulateScaleIn"), *Args.Node);
	SendCount();
}

void UScaleInGame::HandleConnectFailed(const FSternaConnectFailedArgs& Args)
{
	UE_LOG(LogSterna, Warning, TEXT("No game: %s"), *Args.Reason);
}

void UScaleInGame::HandlePush(const FSternaPushArgs& Args)
{
	if (Args.Cmd != ScaleInEcho || Args.Payload.Num() != 1)
	{
		return;
	}
	if (Args.Payload[0] != static_cast<uint8>(Count))
	{
		UE_LOG(LogSterna, Error, TEXT("%d came back where %d was due."), static_cast<int32>(Args.Payload[0]), Count);
	}
	Count++;
	SendCount();
}

void UScaleInGame::HandleMigrated(const FSternaMigratedArgs& Args)
{
	UE_LOG(LogSterna, Display, TEXT("At %d the game went on at %s."), Count, *Args.Node);
}

void UScaleInGame::SendCount()
{
	GetSterna()->RSend(ScaleInVer, ScaleInEcho, {static_cast<uint8>(Count)});
}

USternaSubsystem* UScaleInGame::GetSterna() const
{
	return GetSubsystem<USternaSubsystem>();
}
