#include "SternaSubsystem.h"

#include "Core/SternaDevServer.h"
#include "HttpModule.h"
#include "Interfaces/IHttpRequest.h"
#include "Interfaces/IHttpResponse.h"
#include "SternaConvert.h"
#include "SternaLink.h"
#include "SternaLog.h"
#include "SternaModule.h"
#include "SternaRoom.h"
#include "SternaSettings.h"

using SternaConvert::BytesOf;
using SternaConvert::IsCmd;
using SternaConvert::ToResult;
using SternaConvert::ToText;
using SternaConvert::ToUtf8;

void USternaSubsystem::Initialize(FSubsystemCollectionBase& Collection)
{
	Super::Initialize(Collection);
	Room = NewObject<USternaRoom>(this);
	const FSternaModule* const Module = FSternaModule::Get();
	if (Module != nullptr && Module->GetProblem().IsEmpty())
	{
		Link = MakeShared<FSternaLink>(*this, *Room);
		// Not a tickable object: that would tick with a world, of which there is none while a level loads.
		Ticker = FTSTicker::GetCoreTicker().AddTicker(FTickerDelegate::CreateUObject(this, &USternaSubsystem::Tick));
	}
}

void USternaSubsystem::Deinitialize()
{
	// The end of a play-in-editor session, too: from here on nobody is told anything, not even in a Tick that is under way.
	const bool bTicking = Link.IsValid() && !bInTick;
	Link.Reset();
	if (bTicking)
	{
		FTSTicker::GetCoreTicker().RemoveTicker(Ticker);
	}
	Super::Deinitialize();
}

bool USternaSubsystem::Tick(float)
{
	if (!Link.IsValid())
	{
		return false;
	}
	bInTick = true;
	const SternaResult Result = Link->Session.Tick();
	bInTick = false;
	// A delegate may have ended the game.
	if (Result != STERNA_OK && Link.IsValid() && !bBroken)
	{
		bBroken = true;
		UE_LOG(LogSterna, Error, TEXT("The session cannot go on: %s"), *ToText(Link->Session.LastError()));
	}
	return Link.IsValid();
}

FSternaLink* USternaSubsystem::FindLink(ESternaResult& OutProblem) const
{
	if (Link.IsValid())
	{
		return Link.Get();
	}
	const FSternaModule* const Module = FSternaModule::Get();
	const bool bMissing = Module == nullptr || !Module->GetProblem().IsEmpty();
	OutProblem = bMissing ? ESternaResult::LibraryMissing : ESternaResult::ShutDown;
	return nullptr;
}

ESternaResult USternaSubsystem::Connect(const FString& Token)
{
	return Connect(Token, TFunction<void(ESternaResult, const FString&)>());
}

ESternaResult USternaSubsystem::Connect(const FString& Token, TFunction<void(ESternaResult, const FString&)> Callback)
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	if (Found == nullptr)
	{
		return Problem;
	}
	SternaCore::FOnConnect OnConnect;
	if (Callback)
	{
		OnConnect = [Callback](const SternaCore::FEnded& Ended, const char* Node)
		{
			Callback(ToResult(Ended.Result), ToText(Ended.Result == STERNA_OK ? Node : Ended.Reason));
		};
	}
	bBroken = false;
	Found->Session.SetOptions(FSternaLink::OptionsOf(*GetDefault<USternaSettings>()));
	return ToResult(Found->Session.Connect(ToUtf8(Token).c_str(), OnConnect));
}

ESternaResult USternaSubsystem::Disconnect()
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return Found == nullptr ? Problem : ToResult(Found->Session.Disconnect());
}

ESternaResult USternaSubsystem::Send(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload)
{
	ESternaResult Problem = ESternaResult::InvalidArgument;
	FSternaLink* const Found = IsCmd(Cmd) ? FindLink(Problem) : nullptr;
	return Found == nullptr
			   ? Problem
			   : ToResult(Found->Session.Send(Ver, static_cast<uint16>(Cmd), BytesOf(Payload)));
}

ESternaResult USternaSubsystem::RSend(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload)
{
	ESternaResult Problem = ESternaResult::InvalidArgument;
	FSternaLink* const Found = IsCmd(Cmd) ? FindLink(Problem) : nullptr;
	return Found == nullptr
			   ? Problem
			   : ToResult(Found->Session.RSend(Ver, static_cast<uint16>(Cmd), BytesOf(Payload)));
}

ESternaResult USternaSubsystem::Request(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload, int32 TimeoutMs, int64& RequestId)
{
	RequestId = 0;
	ESternaResult Problem = ESternaResult::InvalidArgument;
	FSternaLink* const Found = IsCmd(Cmd) ? FindLink(Problem) : nullptr;
	if (Found == nullptr)
	{
		return Problem;
	}
	std::uint64_t Id = 0;
	const SternaResult Result = Found->Session.Request(Ver, static_cast<uint16>(Cmd), BytesOf(Payload),
													   SternaConvert::Unsigned(TimeoutMs), Id);
	RequestId = static_cast<int64>(Id);
	return ToResult(Result);
}

ESternaResult USternaSubsystem::Request(uint8 Ver, int32 Cmd, const TArray<uint8>& Payload,
										TFunction<void(const FSternaResponseArgs&)> Callback, int32 TimeoutMs)
{
	ESternaResult Problem = ESternaResult::InvalidArgument;
	FSternaLink* const Found = IsCmd(Cmd) ? FindLink(Problem) : nullptr;
	if (Found == nullptr)
	{
		return Problem;
	}
	SternaCore::FOnResponse OnAnswer;
	if (Callback)
	{
		OnAnswer = [Callback](const SternaCore::FResponse& Response)
		{
			FSternaResponseArgs Args;
			SternaFillResponse(Response, Args);
			Callback(Args);
		};
	}
	std::uint64_t Id = 0;
	return ToResult(Found->Session.Request(Ver, static_cast<uint16>(Cmd), BytesOf(Payload),
										   SternaConvert::Unsigned(TimeoutMs), Id, OnAnswer));
}

ESternaResult USternaSubsystem::SendMigrate()
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return Found == nullptr ? Problem : ToResult(Found->Session.Migrate());
}

ESternaResult USternaSubsystem::Flush()
{
	ESternaResult Problem = ESternaResult::Ok;
	FSternaLink* const Found = FindLink(Problem);
	return Found == nullptr ? Problem : ToResult(Found->Session.Flush());
}

ESternaState USternaSubsystem::GetState() const
{
	return Link.IsValid() ? static_cast<ESternaState>(Link->Session.State()) : ESternaState::Invalid;
}

FString USternaSubsystem::GetNode() const
{
	return Link.IsValid() ? ToText(Link->Session.Node().c_str()) : FString();
}

bool USternaSubsystem::IsOffline() const
{
	return Link.IsValid() && Link->Session.IsOffline();
}

FSternaStats USternaSubsystem::GetStats() const
{
	FSternaStats Stats;
	if (!Link.IsValid())
	{
		return Stats;
	}
	const SternaStats Native = Link->Session.Stats();
	Stats.RttUs = static_cast<int64>(Native.rtt_us);
	Stats.RttMinUs = static_cast<int64>(Native.rtt_min_us);
	Stats.BytesSent = static_cast<int64>(Native.bytes_sent);
	Stats.BytesReceived = static_cast<int64>(Native.bytes_received);
	Stats.MessagesSent = static_cast<int64>(Native.messages_sent);
	Stats.MessagesReceived = static_cast<int64>(Native.messages_received);
	Stats.Moves = static_cast<int64>(Native.moves);
	Stats.MovesFailed = static_cast<int64>(Native.moves_failed);
	Stats.Reconnects = static_cast<int64>(Native.reconnects);
	Stats.LastMoveGapUs = static_cast<int64>(Native.last_move_gap_us);
	Stats.SendQueueBytes = static_cast<int64>(Native.send_queue_bytes);
	Stats.EventQueueBytes = static_cast<int64>(Native.event_queue_bytes);
	Stats.Epoch = static_cast<int64>(Native.epoch);
	return Stats;
}

FString USternaSubsystem::GetLastError() const
{
	if (Link.IsValid())
	{
		return ToText(Link->Session.LastError());
	}
	const FSternaModule* const Module = FSternaModule::Get();
	return Module != nullptr ? Module->GetProblem() : FString(TEXT("The module Sterna is not loaded."));
}

void USternaSubsystem::AskDevServer(const FString& Url, const FString& Body, TFunction<void(int32, const FString&)> Callback)
{
#if UE_BUILD_SHIPPING
	(void)Url;
	(void)Body;
	Callback(SternaCore::NotAsked, FString());
#else
	const TSharedRef<IHttpRequest, ESPMode::ThreadSafe> Request = FHttpModule::Get().CreateRequest();
	Request->SetURL(Url);
	Request->SetVerb(TEXT("POST"));
	Request->SetHeader(TEXT("Content-Type"), TEXT("application/json"));
	Request->SetContentAsString(Body);
	// On the game thread, and not at all if the game has ended meanwhile.
	Request->OnProcessRequestComplete().BindWeakLambda(
		this, [this, Callback](FHttpRequestPtr, FHttpResponsePtr Response, bool bConnected)
		{
			if (!Link.IsValid())
			{
				return;
			}
			const bool bAnswered = bConnected && Response.IsValid();
			Callback(bAnswered ? Response->GetResponseCode() : 0, bAnswered ? Response->GetContentAsString() : FString());
		});
	Request->ProcessRequest();
#endif
}

void USternaSubsystem::ConnectForDevelopment(const FString& User)
{
	const FString Address = GetDefault<USternaSettings>()->DevServerAddress;
	const auto Failed = [this](ESternaResult Result, const FString& Reason)
	{
		UE_LOG(LogSterna, Warning, TEXT("Connecting for development: %s"), *Reason);
		FSternaConnectFailedArgs Args;
		Args.Result = Result;
		Args.Reason = Reason;
		OnConnectFailedNative.Broadcast(Args);
		OnConnectFailed.Broadcast(Args);
	};
	ESternaResult Problem = ESternaResult::Ok;
	if (FindLink(Problem) == nullptr)
	{
		Failed(Problem, GetLastError());
		return;
	}
	const SternaCore::FDevRequest Asked = SternaCore::TokenRequest(ToUtf8(Address), ToUtf8(User));
	if (!Asked.Problem.empty())
	{
		Failed(ESternaResult::InvalidArgument, ToText(Asked.Problem.c_str()));
		return;
	}
	AskDevServer(ToText(Asked.Url.c_str()), ToText(Asked.Body.c_str()),
				 [this, Address, Failed](int32 Status, const FString& Body)
				 {
					 const SternaCore::FDevAnswer Answer = SternaCore::ReadToken(ToUtf8(Address), Status, ToUtf8(Body));
					 if (!Answer.Problem.empty())
					 {
						 Failed(ESternaResult::Unreachable, ToText(Answer.Problem.c_str()));
						 return;
					 }
					 const ESternaResult Result = Connect(ToText(Answer.Token.c_str()));
					 if (Result != ESternaResult::Ok)
					 {
						 Failed(Result, GetLastError());
					 }
				 });
}

void USternaSubsystem::SimulateScaleIn(float DeadlineSeconds)
{
	const USternaSettings* const Settings = GetDefault<USternaSettings>();
	const FString Address = Settings->DevServerAddress;
	const FString Node = GetNode();
	const float Seconds = DeadlineSeconds > 0.0f ? DeadlineSeconds : Settings->ScaleInDeadlineSeconds;
	const SternaCore::FDevRequest Asked =
		SternaCore::ScaleInRequest(ToUtf8(Address), ToUtf8(Node), static_cast<std::uint64_t>(Seconds * 1000.0f));
	if (!Asked.Problem.empty())
	{
		UE_LOG(LogSterna, Warning, TEXT("Scale-in: %s"), *ToText(Asked.Problem.c_str()));
		return;
	}
	AskDevServer(ToText(Asked.Url.c_str()), ToText(Asked.Body.c_str()),
				 [Address, Node](int32 Status, const FString& Body)
				 {
					 const SternaCore::FDevAnswer Answer = SternaCore::ReadScaleIn(ToUtf8(Address), Status, ToUtf8(Body));
					 if (Answer.Problem.empty())
					 {
						 UE_LOG(LogSterna, Display, TEXT("Scale-in: %s goes away."), *Node);
					 }
					 else
					 {
						 UE_LOG(LogSterna, Warning, TEXT("Scale-in: %s"), *ToText(Answer.Problem.c_str()));
					 }
				 });
}
