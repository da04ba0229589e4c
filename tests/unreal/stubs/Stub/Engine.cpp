// What is behind the headers of this folder.

#include "Containers/Ticker.h"
#include "Engine/GameInstance.h"
#include "HAL/IConsoleManager.h"
#include "HAL/PlatformProcess.h"
#include "HttpModule.h"
#include "Interfaces/IPluginManager.h"
#include "Modules/ModuleManager.h"
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

FTSTicker& FTSTicker::GetCoreTicker()
{
	static FTSTicker Only;
	return Only;
}

FTSTicker::FDelegateHandle FTSTicker::AddTicker(const FTickerDelegate& InDelegate, float)
{
	Elements.push_back(std::make_shared<FElement>(FElement{InDelegate}));
	return Elements.back();
}

void FTSTicker::RemoveTicker(FDelegateHandle Handle)
{
	if (const std::shared_ptr<FElement> Element = Handle.lock())
	{
		// The engine waits until it is over, which a delegate that removes itself should not have to rely on.
		check(!Element->bIsRunning);
		Element->bIsRemoved = true;
	}
}

void FTSTicker::Tick(float DeltaTime)
{
	const std::vector<std::shared_ptr<FElement>> Now = Elements;
	for (const std::shared_ptr<FElement>& Element : Now)
	{
		if (Element->bIsRemoved)
		{
			continue;
		}
		Element->bIsRunning = true;
		Element->bIsRemoved = !Element->Delegate.IsBound() || !Element->Delegate.Execute(DeltaTime);
		Element->bIsRunning = false;
	}
	Elements.erase(std::remove_if(Elements.begin(), Elements.end(), [](const auto& Element) { return Element->bIsRemoved; }),
				   Elements.end());
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
