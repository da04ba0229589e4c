#pragma once

#include "CoreMinimal.h"
#include "Kismet/BlueprintFunctionLibrary.h"
#include "SternaTypes.h"

#include "SternaFunctionLibrary.generated.h"

/** Small things that Blueprints need: values, payloads and what a result means. */
UCLASS()
class STERNA_API USternaFunctionLibrary : public UBlueprintFunctionLibrary
{
	GENERATED_BODY()

public:
	/** What a result means and what to do about it, in English. */
	UFUNCTION(BlueprintPure, Category = "Sterna")
	static FString GetResultText(ESternaResult Result);

	/** The library's version, like 0.1.0; empty if it is missing. */
	UFUNCTION(BlueprintPure, Category = "Sterna")
	static FString GetLibraryVersion();

	UFUNCTION(BlueprintPure, Category = "Sterna|Value")
	static FSternaValue MakeIntegerValue(int64 Integer) { return FSternaValue::OfInteger(Integer); }

	UFUNCTION(BlueprintPure, Category = "Sterna|Value")
	static FSternaValue MakeFloatValue(double Number) { return FSternaValue::OfFloat(Number); }

	UFUNCTION(BlueprintPure, Category = "Sterna|Value")
	static FSternaValue MakeTextValue(const FString& Text) { return FSternaValue::OfText(Text); }

	UFUNCTION(BlueprintPure, Category = "Sterna|Value")
	static FSternaValue MakeBytesValue(const TArray<uint8>& Bytes) { return FSternaValue::OfBytes(Bytes); }

	/** A text as a payload, in UTF-8. */
	UFUNCTION(BlueprintPure, Category = "Sterna|Payload")
	static TArray<uint8> TextToPayload(const FString& Text);

	/** A payload that is UTF-8 as a text. */
	UFUNCTION(BlueprintPure, Category = "Sterna|Payload")
	static FString PayloadToText(const TArray<uint8>& Payload);
};
