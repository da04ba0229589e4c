#pragma once

#include "Core/SternaSession.h"
#include "CoreMinimal.h"
#include "SternaEvents.h"

class USternaRoom;
class USternaSettings;
class USternaSubsystem;

/**
 * Between a session of Core and the delegates of the game. A delegate may end the game, and this object with it: behind a
 * broadcast only the subsystem is used, which the garbage collector takes later.
 */
class FSternaLink final : public SternaCore::IListener
{
public:
	FSternaLink(USternaSubsystem& InSubsystem, USternaRoom& InRoom);

	static SternaCore::FOptions OptionsOf(const USternaSettings& Settings);

	SternaCore::FSession Session;

private:
	virtual void OnConnected(const SternaCore::FConnected& Event) override;
	virtual void OnConnectFailed(const SternaCore::FEnded& Event) override;
	virtual void OnDisconnected(const SternaCore::FEnded& Event) override;
	virtual void OnReconnecting(const SternaCore::FEnded& Event) override;
	virtual void OnReconnected(const SternaCore::FReconnected& Event) override;
	virtual void OnOffline(const SternaCore::FOffline& Event) override;
	virtual void OnMigrating(const SternaCore::FMigrating& Event) override;
	virtual void OnMigrated(const SternaCore::FMigrated& Event) override;
	virtual void OnMigrateFailed(const SternaCore::FEnded& Event) override;
	virtual void OnTookOver(const SternaCore::FTookOver& Event) override;
	virtual void OnResponse(const SternaCore::FResponse& Event) override;
	virtual void OnPush(const SternaCore::FPush& Event) override;
	virtual void OnLog(const SternaCore::FLog& Event) override;
	virtual void OnRoomEntered(const SternaCore::FRoomEntered& Event) override;
	virtual void OnRoomExited(const SternaCore::FRoomExited& Event) override;
	virtual void OnRoomMemberJoined(const SternaCore::FRoomMemberJoined& Event) override;
	virtual void OnRoomMemberLeft(const SternaCore::FRoomMemberLeft& Event) override;
	virtual void OnRoomMessage(const SternaCore::FRoomMessage& Event) override;
	virtual void OnRoomOwnerChanged(const SternaCore::FRoomOwnerChanged& Event) override;
	virtual void OnRoomProperty(const SternaCore::FRoomProperty& Event) override;
	virtual void OnRoomSync(const SternaCore::FRoomSync& Event) override;
	virtual void OnRoomResult(const SternaCore::FRoomResult& Event) override;
	virtual void OnRoomMigrated(const SternaCore::FRoomMigrated& Event) override;
	virtual void OnRoomRefreshed(const SternaCore::FRoomRefreshed& Event) override;

	/** First to C++, then to Blueprint, unless the first has ended the game. */
	template <typename NativeType, typename DynamicType, typename ArgsType>
	void Tell(const NativeType& Native, const DynamicType& Dynamic, const ArgsType& Args);

	USternaSubsystem& Subsystem;
	USternaRoom& Room;
};

/** What a response brings, in memory that Out has already. */
void SternaFillResponse(const SternaCore::FResponse& Event, FSternaResponseArgs& Out);
