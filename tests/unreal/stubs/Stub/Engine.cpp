// What is behind the headers of this folder.

#include "Engine/GameInstance.h"
#include "HAL/IConsoleManager.h"
#include "HAL/PlatformProcess.h"
#include "HttpModule.h"
#include "Interfaces/IPluginManager.h"
#include "Modules/ModuleManager.h"
#include "Tickable.h"
#include "http.h"

#include <algorithm>
#include <cstdio>
#include <map>

UEngine* GEngine = nullptr;

UObject::UObject() : StubAlive(std::make_shared<bool>(true)) {}

UObject::~UObject()
{
	*StubAlive = false;
}

UGameInstance* UGameInstanceSubsystem::GetGameInstance() const
{
	return static_cast<UGameInstance*>(GetOuter());
}

namespace Stub
{

std::vector<UObject*>& Objects()
{
	static std::vector<UObject*> All;
	return All;
}

static bool IsGarbage(const UObject* Object)
{
	for (; Object != nullptr; Object = Object->StubOuter)
	{
		if (Object->bStubGarbage)
		{
			return true;
		}
	}
	return false;
}

void Collect()
{
	std::vector<UObject*> Taken;
	std::vector<UObject*>& All = Objects();
	std::copy_if(All.begin(), All.end(), std::back_inserter(Taken), IsGarbage);
	All.erase(std::remove_if(All.begin(), All.end(), IsGarbage), All.end());
	for (UObject* const Object : Taken)
	{
		delete Object;
	}
}

static std::vector<FTickableGameObject*>& Tickables()
{
	static std::vector<FTickableGameObject*> All;
	return All;
}

FModule& Module()
{
	static FModule Only;
	return Only;
}

static std::map<std::u16string, FConsoleCommandWithWorldAndArgsDelegate>& Commands()
{
	static std::map<std::u16string, FConsoleCommandWithWorldAndArgsDelegate> All;
	return All;
}

bool Console(const FString& Name, const TArray<FString>& Args, UWorld* World)
{
	const auto Found = Commands().find(Name.Text);
	if (Found == Commands().end())
	{
		return false;
	}
	Found->second.ExecuteIfBound(Args, World);
	return true;
}

class FResponse final : public IHttpResponse
{
public:
	explicit FResponse(Answer InAnswer) : Said(std::move(InAnswer)) {}
	int32 GetResponseCode() const override { return Said.status; }
	FString GetContentAsString() const override { return FString(UTF8_TO_TCHAR(Said.body.c_str())); }

private:
	Answer Said;
};

struct FRequestState
{
	FString Verb, Url, Content;
	FHttpRequestCompleteDelegate Complete;
};

static std::vector<std::shared_ptr<FRequestState>>& Requests()
{
	static std::vector<std::shared_ptr<FRequestState>> All;
	return All;
}

class FRequest final : public IHttpRequest
{
public:
	void SetVerb(const FString& Verb) override { State->Verb = Verb; }
	void SetURL(const FString& Url) override { State->Url = Url; }
	void SetHeader(const FString&, const FString&) override {}
	void SetContentAsString(const FString& Content) override { State->Content = Content; }
	FHttpRequestCompleteDelegate& OnProcessRequestComplete() override { return State->Complete; }
	bool ProcessRequest() override
	{
		Requests().push_back(State);
		return true;
	}

private:
	std::shared_ptr<FRequestState> State = std::make_shared<FRequestState>();
};

void TickHttp()
{
	const std::vector<std::shared_ptr<FRequestState>> Now = std::move(Requests());
	Requests().clear();
	for (const std::shared_ptr<FRequestState>& Request : Now)
	{
		check(Request->Verb == FString(TEXT("POST")));
		const Answer Said = Post(ToUtf8(Request->Url.Text), ToUtf8(Request->Content.Text));
		FHttpResponsePtr Response;
		if (Said.status != 0)
		{
			Response = TSharedRef<IHttpResponse>(std::make_shared<FResponse>(Said));
		}
		Request->Complete.ExecuteIfBound(FHttpRequestPtr(), Response, Said.status != 0);
	}
}

} // namespace Stub

FTickableGameObject::FTickableGameObject()
{
	Stub::Tickables().push_back(this);
}

FTickableGameObject::~FTickableGameObject()
{
	std::vector<FTickableGameObject*>& All = Stub::Tickables();
	All.erase(std::remove(All.begin(), All.end(), this), All.end());
}

void FTickableGameObject::TickObjects(UWorld* World, int32, bool bIsPaused, float DeltaSeconds)
{
	const std::vector<FTickableGameObject*> Now = Stub::Tickables();
	for (FTickableGameObject* const Object : Now)
	{
		const std::vector<FTickableGameObject*>& All = Stub::Tickables();
		if (std::find(All.begin(), All.end(), Object) == All.end())
		{
			continue;
		}
		const ETickableTickType Type = Object->GetTickableTickType();
		const bool bWanted = Type == ETickableTickType::Always || (Type == ETickableTickType::Conditional && Object->IsTickable());
		if (bWanted && Object->GetTickableGameObjectWorld() == World && (!bIsPaused || Object->IsTickableWhenPaused()))
		{
			Object->Tick(DeltaSeconds);
		}
	}
}

FAutoConsoleCommandWithWorldAndArgs::FAutoConsoleCommandWithWorldAndArgs(const TCHAR* Name, const TCHAR*,
																		 const FConsoleCommandWithWorldAndArgsDelegate& Command, uint32)
{
	Stub::Commands()[Name] = Command;
}

void* FPlatformProcess::GetDllHandle(const TCHAR* Filename)
{
	return std::fopen(Stub::ToUtf8(Filename).c_str(), "rb");
}

void FPlatformProcess::FreeDllHandle(void* DllHandle)
{
	std::fclose(static_cast<std::FILE*>(DllHandle));
}

IPluginManager& IPluginManager::Get()
{
	static IPluginManager Only;
	return Only;
}

TSharedPtr<IPlugin> IPluginManager::FindPlugin(const FString& Name)
{
	const char* const Folder = std::getenv("STERNA_STUB_PLUGIN");
	if (Folder == nullptr || Name != FString(TEXT("Sterna")))
	{
		return TSharedPtr<IPlugin>();
	}
	return MakeShared<IPlugin>(FString(UTF8_TO_TCHAR(Folder)));
}

FHttpModule& FHttpModule::Get()
{
	static FHttpModule Only;
	return Only;
}

TSharedRef<IHttpRequest, ESPMode::ThreadSafe> FHttpModule::CreateRequest()
{
	return TSharedRef<IHttpRequest, ESPMode::ThreadSafe>(std::make_shared<Stub::FRequest>());
}
