#include "SternaCoreEvents.h"

namespace SternaCore
{

void Dispatch(const SternaEvent& E, IListener& Listener)
{
	// An event that a newer library has and this plugin does not know is passed over.
	switch (E.event_type)
	{
	case STERNA_EVENT_CONNECTED:
		return Listener.OnConnected({E.session_id, E.text});
	case STERNA_EVENT_CONNECT_FAILED:
		return Listener.OnConnectFailed({E.status, E.text});
	case STERNA_EVENT_DISCONNECTED:
		return Listener.OnDisconnected({E.status, E.text});
	case STERNA_EVENT_RECONNECTING:
		return Listener.OnReconnecting({E.status, E.text});
	case STERNA_EVENT_RECONNECTED:
		return Listener.OnReconnected({E.epoch, E.text});
	case STERNA_EVENT_OFFLINE:
		return Listener.OnOffline({E.epoch, E.deadline_ms, E.reason, E.in_room != 0});
	case STERNA_EVENT_MIGRATING:
		return Listener.OnMigrating({E.epoch});
	case STERNA_EVENT_MIGRATED:
		return Listener.OnMigrated({E.epoch, E.gap_us, E.text});
	case STERNA_EVENT_MIGRATE_FAILED:
		return Listener.OnMigrateFailed({E.status, E.text});
	case STERNA_EVENT_TOOK_OVER:
		return Listener.OnTookOver({E.epoch, E.lost_from, E.lost_to, E.text});
	case STERNA_EVENT_RESPONSE:
		return Listener.OnResponse({E.request_id, E.status, E.ver, E.cmd, {E.data, E.length}});
	case STERNA_EVENT_PUSH:
		return Listener.OnPush({E.ver, E.cmd, E.reliable != 0, {E.data, E.length}});
	case STERNA_EVENT_LOG:
		return Listener.OnLog({E.log_level, E.text});
	case STERNA_EVENT_ROOM_ENTERED:
		return Listener.OnRoomEntered({E.room_id, E.member, E.owner, E.member_count, E.members_max});
	case STERNA_EVENT_ROOM_EXITED:
		return Listener.OnRoomExited({E.room_id, E.status, E.text});
	case STERNA_EVENT_ROOM_MEMBER_JOINED:
		return Listener.OnRoomMemberJoined({E.member, E.text});
	case STERNA_EVENT_ROOM_MEMBER_LEFT:
		return Listener.OnRoomMemberLeft({E.member, E.status, E.text});
	case STERNA_EVENT_ROOM_MESSAGE:
		return Listener.OnRoomMessage({E.member, E.text, E.ver, E.cmd, {E.data, E.length}});
	case STERNA_EVENT_ROOM_OWNER_CHANGED:
		return Listener.OnRoomOwnerChanged({E.owner, E.text});
	case STERNA_EVENT_ROOM_PROPERTY:
		return Listener.OnRoomProperty({E.text, &E.value, E.member});
	case STERNA_EVENT_ROOM_SYNC:
		return Listener.OnRoomSync({E.text, {E.data, E.length}, E.member});
	case STERNA_EVENT_ROOM_RESULT:
		return Listener.OnRoomResult({E.request_id, E.status, E.room_id, &E.value});
	case STERNA_EVENT_ROOM_MIGRATED:
		return Listener.OnRoomMigrated({E.room_id, E.epoch});
	case STERNA_EVENT_ROOM_REFRESHED:
		return Listener.OnRoomRefreshed({E.room_id});
	}
}

} // namespace SternaCore
