// UObject, its macros, and pointers to it. Objects live until Stub::Collect, which stands in for the garbage collector.

#pragma once

#include "CoreMinimal.h"

// UObject/ObjectMacros.h
#define UCLASS(...)
#define USTRUCT(...)
#define UENUM(...)
#define UPROPERTY(...)
#define UFUNCTION(...)
#define UMETA(...)
#define BODY_MACRO_COMBINE_INNER(A, B, C, D) A##B##C##D
#define BODY_MACRO_COMBINE(A, B, C, D) BODY_MACRO_COMBINE_INNER(A, B, C, D)
// As in the engine: leads to what X.generated.h has for this line of X.h.
#define GENERATED_BODY(...) BODY_MACRO_COMBINE(CURRENT_FILE_ID, _, __LINE__, _GENERATED_BODY)

/** What is known of a class at run time. */
struct UClass
{
	const char* Name;
	const UClass* SuperClass;
};

class UObject
{
public:
	UObject();
	virtual ~UObject();

	UObject(const UObject&) = delete;
	UObject& operator=(const UObject&) = delete;

	static UClass* StaticClass()
	{
		static UClass Class = {"UObject", nullptr};
		return &Class;
	}
	virtual UClass* GetClass() const { return StaticClass(); }
	UObject* GetOuter() const { return StubOuter; }
	virtual UWorld* GetWorld() const { return StubOuter != nullptr ? StubOuter->GetWorld() : nullptr; }
	bool IsTemplate() const { return bStubIsDefault; }
	bool IsA(const UClass* Class) const
	{
		for (const UClass* At = GetClass(); At != nullptr; At = At->SuperClass)
		{
			if (At == Class)
			{
				return true;
			}
		}
		return false;
	}

	UObject* StubOuter = nullptr;
	bool bStubIsDefault = false;
	/** The next collection may take it. */
	bool bStubGarbage = false;
	Stub::FAlive StubAlive;
};

namespace Stub
{

/** All objects but the default ones. */
std::vector<UObject*>& Objects();

/** Deletes what is garbage, or lies in what is. */
void Collect();

} // namespace Stub

template <class T> T* NewObject(UObject* Outer = nullptr)
{
	T* const Object = new T();
	Object->StubOuter = Outer;
	Stub::Objects().push_back(Object);
	return Object;
}

/** The class's default object, with what the project settings say. */
template <class T> T* GetMutableDefault()
{
	static T* const Default = [] {
		T* const Made = new T();
		Made->bStubIsDefault = true;
		return Made;
	}();
	return Default;
}

template <class T> const T* GetDefault()
{
	return GetMutableDefault<T>();
}

template <class To> To* Cast(UObject* From)
{
	return From != nullptr && From->IsA(To::StaticClass()) ? static_cast<To*>(From) : nullptr;
}

// UObject/ObjectPtr.h
template <class T> class TObjectPtr
{
public:
	TObjectPtr() = default;
	TObjectPtr(T* InObject) : Object(InObject) {}
	operator T*() const { return Object; }
	T* operator->() const { return Object; }
	T& operator*() const { return *Object; }
	T* Get() const { return Object; }

private:
	T* Object = nullptr;
};

// UObject/WeakObjectPtrTemplates.h
template <class T> class TWeakObjectPtr
{
public:
	TWeakObjectPtr() = default;
	TWeakObjectPtr(T* InObject) : Object(InObject), Alive(InObject != nullptr ? InObject->StubAlive : nullptr) {}
	T* Get() const { return Alive && *Alive ? Object : nullptr; }
	bool IsValid() const { return Get() != nullptr; }

private:
	T* Object = nullptr;
	Stub::FAlive Alive;
};
