// Stands in for the engine's header of this name, as far as the plugin uses it. Names and signatures in this folder are those
// of Unreal Engine 5.3 by its public reference (https://dev.epicgames.com/documentation/en-us/unreal-engine/API) and by how
// published plugins use them; what is behind them is our own and only good enough for tests.
//
// TCHAR is char16_t, as on Linux, so that a char where a TCHAR belongs does not compile.

#pragma once

#include "Stub/Containers.h"
#include "Stub/Delegates.h"
#include "Stub/Log.h"
#include "Stub/Text.h"

#include <functional>
#include <memory>
#include <utility>

// Macros that have broken many a third-party header: they are here to break ours if they can.
#define check(expression) ((expression) ? (void)0 : std::abort())
#define verify(expression) ((expression) ? (void)0 : std::abort())
#define ensure(expression) (!!(expression))
#define PI (3.1415926535897932f)
#define FORCEINLINE inline
#define PLATFORM_ANDROID 0
#define PLATFORM_IOS 0
#ifndef PLATFORM_WINDOWS
#define PLATFORM_WINDOWS 0
#endif
#ifndef PLATFORM_MAC
#define PLATFORM_MAC 0
#endif
#define PLATFORM_LINUX (!PLATFORM_WINDOWS && !PLATFORM_MAC)
#ifndef UE_BUILD_SHIPPING
#define UE_BUILD_SHIPPING 0
#endif
#define WITH_EDITOR (!UE_BUILD_SHIPPING)

class UObject;
class UWorld;

// Templates/SharedPointer.h
enum class ESPMode : uint8
{
	NotThreadSafe = 0,
	ThreadSafe = 1
};

template <class ObjectType, ESPMode Mode = ESPMode::ThreadSafe> class TSharedRef
{
public:
	explicit TSharedRef(std::shared_ptr<ObjectType> InObject) : Object(std::move(InObject)) {}
	ObjectType* operator->() const { return Object.get(); }
	ObjectType& operator*() const { return *Object; }
	ObjectType& Get() const { return *Object; }

	std::shared_ptr<ObjectType> Object;
};

template <class ObjectType, ESPMode Mode = ESPMode::ThreadSafe> class TSharedPtr
{
public:
	TSharedPtr() = default;
	TSharedPtr(const TSharedRef<ObjectType, Mode>& Ref) : Object(Ref.Object) {}
	bool IsValid() const { return Object != nullptr; }
	ObjectType* Get() const { return Object.get(); }
	ObjectType* operator->() const { return Object.get(); }
	ObjectType& operator*() const { return *Object; }
	void Reset()
	{
		// The object must not be seen any more while it is destroyed.
		const std::shared_ptr<ObjectType> Last = std::move(Object);
		Object = nullptr;
	}

private:
	std::shared_ptr<ObjectType> Object;
};

template <class ObjectType, ESPMode Mode = ESPMode::ThreadSafe, class... ArgTypes> TSharedRef<ObjectType, Mode> MakeShared(ArgTypes&&... Args)
{
	return TSharedRef<ObjectType, Mode>(std::make_shared<ObjectType>(std::forward<ArgTypes>(Args)...));
}

template <class T> std::remove_reference_t<T>&& MoveTemp(T&& Value)
{
	static_assert(std::is_lvalue_reference<T>::value, "MoveTemp is for what has a name");
	return static_cast<std::remove_reference_t<T>&&>(Value);
}
