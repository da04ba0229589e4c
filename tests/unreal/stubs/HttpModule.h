// The HTTP module, over a socket. Requests are made and told in Stub::TickHttp, as the engine tells them in its tick.

#pragma once

#include "CoreMinimal.h"

class IHttpRequest;

class IHttpResponse
{
public:
	virtual ~IHttpResponse() = default;
	virtual int32 GetResponseCode() const = 0;
	virtual FString GetContentAsString() const = 0;
};

using FHttpRequestPtr = TSharedPtr<IHttpRequest, ESPMode::ThreadSafe>;
using FHttpResponsePtr = TSharedPtr<IHttpResponse, ESPMode::ThreadSafe>;

DECLARE_DELEGATE_ThreeParams(FHttpRequestCompleteDelegate, FHttpRequestPtr, FHttpResponsePtr, bool);

class IHttpRequest
{
public:
	virtual ~IHttpRequest() = default;
	virtual void SetVerb(const FString& Verb) = 0;
	virtual void SetURL(const FString& URL) = 0;
	virtual void SetHeader(const FString& HeaderName, const FString& HeaderValue) = 0;
	virtual void SetContentAsString(const FString& ContentString) = 0;
	virtual FHttpRequestCompleteDelegate& OnProcessRequestComplete() = 0;
	virtual bool ProcessRequest() = 0;
};

class FHttpModule
{
public:
	static FHttpModule& Get();
	TSharedRef<IHttpRequest, ESPMode::ThreadSafe> CreateRequest();
};

namespace Stub
{

void TickHttp();

} // namespace Stub
