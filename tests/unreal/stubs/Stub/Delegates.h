// Delegates/DelegateCombinations.h: those that the plugin declares, and those that it binds to.

#pragma once

#include "Stub/Containers.h"

#include <memory>

namespace Stub
{

/** Whether an object still is there; copied by all who hold it weakly. */
using FAlive = std::shared_ptr<bool>;

} // namespace Stub

template <class... ParamTypes> class TMulticastDelegate
{
public:
	template <class Callable> void AddLambda(Callable&& Function) { Functions.push_back(std::forward<Callable>(Function)); }

	template <class UserClass> void AddUObject(UserClass* Object, void (UserClass::*Method)(ParamTypes...))
	{
		AddLambda([Object, Method, Alive = Object->StubAlive](ParamTypes... Params) {
			if (*Alive)
			{
				(Object->*Method)(Params...);
			}
		});
	}

	void Broadcast(ParamTypes... Params) const
	{
		// Whoever is told may bind others.
		const auto Now = Functions;
		for (const auto& Function : Now)
		{
			Function(Params...);
		}
	}

	bool IsBound() const { return !Functions.empty(); }

private:
	std::vector<std::function<void(ParamTypes...)>> Functions;
};

template <class... ParamTypes> class TStubDynamicMulticastDelegate
{
public:
	template <class UserClass>
	void __Internal_AddDynamic(UserClass* Object, void (UserClass::*Method)(ParamTypes...), const TCHAR*)
	{
		Delegate.AddUObject(Object, Method);
	}

	bool IsBound() const { return Delegate.IsBound(); }
	void Broadcast(ParamTypes... Params) const { Delegate.Broadcast(Params...); }

private:
	TMulticastDelegate<ParamTypes...> Delegate;
};

#define AddDynamic(UserObject, FuncName) __Internal_AddDynamic(UserObject, FuncName, TEXT(#FuncName))

template <class... ParamTypes> class TDelegate
{
public:
	template <class Callable> static TDelegate CreateStatic(Callable* Function)
	{
		TDelegate Delegate;
		Delegate.Function = Function;
		return Delegate;
	}

	template <class UserClass, class Callable> void BindWeakLambda(UserClass* Object, Callable&& Target)
	{
		Function = [Alive = Object->StubAlive, Target](ParamTypes... Params) {
			if (*Alive)
			{
				Target(Params...);
			}
		};
	}

	void ExecuteIfBound(ParamTypes... Params) const
	{
		if (Function)
		{
			Function(Params...);
		}
	}

private:
	std::function<void(ParamTypes...)> Function;
};

/** One that returns something. */
template <class Result, class... ParamTypes> class TStubRetValDelegate
{
public:
	template <class UserClass> static TStubRetValDelegate CreateUObject(UserClass* Object, Result (UserClass::*Method)(ParamTypes...))
	{
		TStubRetValDelegate Delegate;
		Delegate.Alive = Object->StubAlive;
		Delegate.Function = [Object, Method](ParamTypes... Params) { return (Object->*Method)(Params...); };
		return Delegate;
	}

	bool IsBound() const { return Alive && *Alive; }
	Result Execute(ParamTypes... Params) const { return Function(Params...); }

private:
	Stub::FAlive Alive;
	std::function<Result(ParamTypes...)> Function;
};

#define DECLARE_DELEGATE_RetVal_OneParam(ReturnValueType, Name, Param1Type)                                            \
	using Name = TStubRetValDelegate<ReturnValueType, Param1Type>
#define DECLARE_MULTICAST_DELEGATE_OneParam(Name, Param1Type) using Name = TMulticastDelegate<Param1Type>
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(Name, Param1Type, Param1Name)                                      \
	class Name : public TStubDynamicMulticastDelegate<Param1Type>                                                      \
	{                                                                                                                  \
	}
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(Name, Param1Type, Param1Name, Param2Type, Param2Name)             \
	class Name : public TStubDynamicMulticastDelegate<Param1Type, Param2Type>                                          \
	{                                                                                                                  \
	}
#define DECLARE_DELEGATE_TwoParams(Name, Param1Type, Param2Type) using Name = TDelegate<Param1Type, Param2Type>
#define DECLARE_DELEGATE_ThreeParams(Name, Param1Type, Param2Type, Param3Type)                                         \
	using Name = TDelegate<Param1Type, Param2Type, Param3Type>
