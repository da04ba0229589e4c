#include "SternaRoom.h"

#include "SternaConvert.h"
#include "SternaLink.h"
#include "SternaSubsystem.h"

using SternaConvert::BytesOf;
using SternaConvert::FromValue;
using SternaConvert::IsCmd;
using SternaConvert::ToResult;
using SternaConvert::ToUtf8;

namespace SternaRoom
{

static std::vector<std::string> Names(const TArray<FString>& Users)
{
	std::vector<std::string> Names;
	for (const FString& User : Users)
	{
		Names.push_back(ToUtf8(User));
	}
	return Names;
}

static std::vector<SternaCore::FRoomCondition> FromConditions(const TArray<FSternaRoomCondition>& Conditions)
{
	std::vector<SternaCore::FRoomCondition> Converted;
	for (const FSternaRoomCondition& Condition : Conditions)
	{
		SternaCore::FRoomCondition One;
		One.Key = ToUtf8(Condition.Key);
		One.Comparison = static_cast<SternaComparison>(Condition.Comparison);
		One.Value = FromValue(Condition.Value);
		Converted.push_back(One);
	}
	return Converted;
}

static SternaCore::FOnRoomResult Wrap(const FSternaRoomCallback& Callback)
{
	if (!Callback)
	{
		return nullptr;
	}
	return [Callback](const SternaCore::FRoomResult& Result)
	{
		FSternaRoomResultArgs Args;
		Args.RequestId = static_cast<int64>(Result.RequestId);
		Args.Result = ToResult(Result.Result);
		Args.Value = SternaConvert::ToValue(*Result.Value);
		Args.RoomId = static_cast<int64>(Result.RoomId);
		Callback(Args);
	};
}

/** Calls Begin with the session, if there is one, and gives the number of the request, or 0. */
template <typename BeginType>
static ESternaResult Ask(FSternaLink* Link, ESternaResult Problem, int64& RequestId, BeginType Begin)
{
	std::uint64_t Id = 0;
	const ESternaResult Result = Link == nullptr ? Problem : ToResult(Begin(Link->Session, Id));
	RequestId = static_cast<int64>(Id);
	return Result;
}

} // namespace SternaRoom

USternaSubsystem* USternaRoom::GetSubsystem() const
{
	return Cast<USternaSubsystem>(GetOuter());
}

FSternaLink* USternaRoom::FindLink(ESternaResult& OutProblem) const
{
	const USternaSubsystem* const Subsystem = GetSubsystem();
	OutProblem = ESternaResult::ShutDown;
	return Subsystem != nullptr ? Subsystem->FindLink(OutProblem) : nullptr;
}

ESternaResult USternaRoom::CreateRoom(const FSternaRoomConfig& Config, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.CreateRoom(SternaConvert::FromConfig(Config), Id);
	});
}

ESternaResult USternaRoom::CreateRoom(const FSternaRoomConfig& Config, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.CreateRoom(SternaConvert::FromConfig(Config), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::JoinRoom(int64 RoomId, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.JoinRoom(static_cast<uint64>(RoomId), Id);
	});
}

ESternaResult USternaRoom::JoinRoom(int64 RoomId, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.JoinRoom(static_cast<uint64>(RoomId), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::LeaveRoom(int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.LeaveRoom(Id);
	});
}

ESternaResult USternaRoom::LeaveRoom(FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.LeaveRoom(Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::SetProperty(const FString& Key, const FSternaValue& Value, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.SetProperty(ToUtf8(Key).c_str(), FromValue(Value), Id);
	});
}

ESternaResult USternaRoom::SetProperty(const FString& Key, const FSternaValue& Value, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.SetProperty(ToUtf8(Key).c_str(), FromValue(Value), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::RemoveProperty(const FString& Key, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.RemoveProperty(ToUtf8(Key).c_str(), Id);
	});
}

ESternaResult USternaRoom::RemoveProperty(const FString& Key, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.RemoveProperty(ToUtf8(Key).c_str(), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::CompareAndSetProperty(const FString& Key, const FSternaValue& Expected,
												 const FSternaValue& Value, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.CompareAndSetProperty(ToUtf8(Key).c_str(), FromValue(Expected), FromValue(Value), Id);
	});
}

ESternaResult USternaRoom::CompareAndSetProperty(const FString& Key, const FSternaValue& Expected,
												 const FSternaValue& Value, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.CompareAndSetProperty(ToUtf8(Key).c_str(), FromValue(Expected), FromValue(Value), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::IncrementProperty(const FString& Key, const FSternaValue& By, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.IncrementProperty(ToUtf8(Key).c_str(), FromValue(By), Id);
	});
}

ESternaResult USternaRoom::IncrementProperty(const FString& Key, const FSternaValue& By, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.IncrementProperty(ToUtf8(Key).c_str(), FromValue(By), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::GetProperty(const FString& Key, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.GetProperty(ToUtf8(Key).c_str(), Id);
	});
}

ESternaResult USternaRoom::GetProperty(const FString& Key, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.GetProperty(ToUtf8(Key).c_str(), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::Reserve(const TArray<FString>& Users, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.Reserve(SternaRoom::Names(Users), Id);
	});
}

ESternaResult USternaRoom::Reserve(const TArray<FString>& Users, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.Reserve(SternaRoom::Names(Users), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::CancelReservation(const TArray<FString>& Users, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.CancelReservation(SternaRoom::Names(Users), Id);
	});
}

ESternaResult USternaRoom::CancelReservation(const TArray<FString>& Users, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.CancelReservation(SternaRoom::Names(Users), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::Kick(int64 Member, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.Kick(static_cast<uint64>(Member), Id);
	});
}

ESternaResult USternaRoom::Kick(int64 Member, FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.Kick(static_cast<uint64>(Member), Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::CloseRoom(int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.CloseRoom(Id);
	});
}

ESternaResult USternaRoom::CloseRoom(FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.CloseRoom(Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::SendMigrateRoom(int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.MigrateRoom(Id);
	});
}

ESternaResult USternaRoom::SendMigrateRoom(FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		return Session.MigrateRoom(Id, SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::JoinRandomRoom(const TArray<FSternaRoomCondition>& Conditions, bool bCreate,
										  const FSternaRoomConfig& Config, int64& RequestId)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		const SternaCore::FRoomConfig NewRoom = SternaConvert::FromConfig(Config);
		return Session.JoinRandomRoom(SternaRoom::FromConditions(Conditions), bCreate ? &NewRoom : nullptr, Id);
	});
}

ESternaResult USternaRoom::JoinRandomRoom(const TArray<FSternaRoomCondition>& Conditions, const FSternaRoomConfig* Config,
										  FSternaRoomCallback Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	int64 RequestId = 0;
	return SternaRoom::Ask(Found, Problem, RequestId, [&](SternaCore::FSession& Session, std::uint64_t& Id)
	{
		const SternaCore::FRoomConfig NewRoom =
			Config != nullptr ? SternaConvert::FromConfig(*Config) : SternaCore::FRoomConfig();
		return Session.JoinRandomRoom(SternaRoom::FromConditions(Conditions), Config != nullptr ? &NewRoom : nullptr, Id,
									  SternaRoom::Wrap(Callback));
	});
}

ESternaResult USternaRoom::Broadcast(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	if (Found == nullptr || !IsCmd(Cmd))
	{
		return Found == nullptr ? Problem : ESternaResult::InvalidArgument;
	}
	return ToResult(Found->Session.Broadcast(Ver, static_cast<uint16>(Cmd), BytesOf(Payload)));
}

ESternaResult USternaRoom::Relay(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	if (Found == nullptr || !IsCmd(Cmd))
	{
		return Found == nullptr ? Problem : ESternaResult::InvalidArgument;
	}
	return ToResult(Found->Session.Relay(Ver, static_cast<uint16>(Cmd), BytesOf(Payload)));
}

ESternaResult USternaRoom::SendTo(const TArray<int64>& Members, uint8 Ver, int32 Cmd, const TArray<uint8>& Payload)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	if (Found == nullptr || !IsCmd(Cmd))
	{
		return Found == nullptr ? Problem : ESternaResult::InvalidArgument;
	}
	std::vector<std::uint64_t> Numbers;
	for (const int64 Member : Members)
	{
		Numbers.push_back(static_cast<std::uint64_t>(Member));
	}
	return ToResult(Found->Session.SendTo(Numbers, Ver, static_cast<uint16>(Cmd), BytesOf(Payload)));
}

ESternaResult USternaRoom::Sync(const FString& Key, const TArray<uint8>& Value)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return Found == nullptr ? Problem : ToResult(Found->Session.Sync(ToUtf8(Key).c_str(), BytesOf(Value)));
}

int64 USternaRoom::GetRoomId() const
{
	ESternaResult Problem = ESternaResult::Ok;
	const FSternaLink* const Found = FindLink(Problem);
	return Found == nullptr ? 0 : static_cast<int64>(Found->Session.RoomId());
}

int64 USternaRoom::GetMe() const
{
	ESternaResult Problem = ESternaResult::Ok;
	const FSternaLink* const Found = FindLink(Problem);
	return Found == nullptr ? 0 : static_cast<int64>(Found->Session.RoomMe());
}

int64 USternaRoom::GetOwner() const
{
	ESternaResult Problem = ESternaResult::Ok;
	const FSternaLink* const Found = FindLink(Problem);
	return Found == nullptr ? 0 : static_cast<int64>(Found->Session.RoomOwner());
}

TArray<FSternaRoomMember> USternaRoom::GetMembers() const
{
	ESternaResult Problem = ESternaResult::Ok;
	const FSternaLink* const Found = FindLink(Problem);
	TArray<FSternaRoomMember> Members;
	if (Found == nullptr)
	{
		return Members;
	}
	for (const SternaCore::FRoomMember& Member : Found->Session.RoomMembers())
	{
		FSternaRoomMember Converted;
		Converted.Member = static_cast<int64>(Member.Member);
		Converted.User = SternaConvert::ToText(Member.User.c_str());
		Members.Add(Converted);
	}
	return Members;
}
