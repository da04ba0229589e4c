// Commands for the console of a game in development.

#include "CoreMinimal.h"

#if !UE_BUILD_SHIPPING

#include "Engine/GameInstance.h"
#include "Engine/World.h"
#include "HAL/IConsoleManager.h"
#include "SternaLog.h"
#include "SternaRoom.h"
#include "SternaSubsystem.h"

namespace SternaConsole
{

/** Of the game that the console belongs to: in a play-in-editor session each player has one. */
static USternaSubsystem* Find(const UWorld* World)
{
	UGameInstance* const GameInstance = World != nullptr ? World->GetGameInstance() : nullptr;
	USternaSubsystem* const Subsystem = GameInstance != nullptr ? GameInstance->GetSubsystem<USternaSubsystem>() : nullptr;
	if (Subsystem == nullptr)
	{
		UE_LOG(LogSterna, Warning, TEXT("No game is running here: press Play first."));
	}
	return Subsystem;
}

static void SimulateScaleIn(const TArray<FString>& Args, UWorld* World)
{
	if (USternaSubsystem* const Subsystem = Find(World))
	{
		Subsystem->SimulateScaleIn(Args.Num() > 0 ? FCString::Atof(*Args[0]) : 0.0f);
	}
}

static void Connect(const TArray<FString>& Args, UWorld* World)
{
	if (USternaSubsystem* const Subsystem = Find(World))
	{
		Subsystem->ConnectForDevelopment(Args.Num() > 0 ? Args[0] : FString(TEXT("player-1")));
	}
}

static void Status(const TArray<FString>&, UWorld* World)
{
	if (const USternaSubsystem* const Subsystem = Find(World))
	{
		const FSternaStats Stats = Subsystem->GetStats();
		UE_LOG(LogSterna, Display, TEXT("State %d, node %s, room %lld, round trip %lld us, %lld moves, %lld failed."),
			   static_cast<int32>(Subsystem->GetState()), *Subsystem->GetNode(),
			   static_cast<long long>(Subsystem->GetRoom()->GetRoomId()), static_cast<long long>(Stats.RttUs),
			   static_cast<long long>(Stats.Moves), static_cast<long long>(Stats.MovesFailed));
	}
}

static FAutoConsoleCommandWithWorldAndArgs SimulateScaleInCommand(
	TEXT("Sterna.SimulateScaleIn"),
	TEXT("Takes the node of this player's session away, for good, at `sterna serve --dev`: its players move. Argument: ")
	TEXT("seconds until it stops, otherwise as in the project settings."),
	FConsoleCommandWithWorldAndArgsDelegate::CreateStatic(&SimulateScaleIn));

static FAutoConsoleCommandWithWorldAndArgs ConnectCommand(
	TEXT("Sterna.Connect"),
	TEXT("Connects this player to `sterna serve --dev` without a backend. Argument: a user id, otherwise player-1."),
	FConsoleCommandWithWorldAndArgsDelegate::CreateStatic(&Connect));

static FAutoConsoleCommandWithWorldAndArgs StatusCommand(
	TEXT("Sterna.Status"), TEXT("Says where this player's session stands."),
	FConsoleCommandWithWorldAndArgsDelegate::CreateStatic(&Status));

} // namespace SternaConsole

#endif // !UE_BUILD_SHIPPING
