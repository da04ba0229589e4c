// TArray, TMap and TFunction over the standard ones.

#pragma once

#include "Stub/Text.h"

#include <functional>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

template <class ElementType> class TArray
{
public:
	TArray() = default;
	TArray(std::initializer_list<ElementType> List) : Elements(List) {}
	int32 Num() const { return static_cast<int32>(Elements.size()); }
	ElementType* GetData() { return Elements.data(); }
	const ElementType* GetData() const { return Elements.data(); }
	int32 Add(const ElementType& Element)
	{
		Elements.push_back(Element);
		return Num() - 1;
	}
	void Append(const ElementType* Data, int32 Count) { Elements.insert(Elements.end(), Data, Data + Count); }
	/** Keeps the memory. */
	void Reset(int32 = 0) { Elements.clear(); }
	ElementType& operator[](int32 Index) { return Elements[static_cast<std::size_t>(Index)]; }
	const ElementType& operator[](int32 Index) const { return Elements[static_cast<std::size_t>(Index)]; }
	friend bool operator==(const TArray& Left, const TArray& Right) { return Left.Elements == Right.Elements; }

	typename std::vector<ElementType>::iterator begin() { return Elements.begin(); }
	typename std::vector<ElementType>::iterator end() { return Elements.end(); }
	typename std::vector<ElementType>::const_iterator begin() const { return Elements.begin(); }
	typename std::vector<ElementType>::const_iterator end() const { return Elements.end(); }

private:
	std::vector<ElementType> Elements;
};

template <class KeyType, class ValueType> struct TPair
{
	KeyType Key;
	ValueType Value;
};

template <class KeyType, class ValueType> class TMap
{
public:
	ValueType& Add(const KeyType& Key, const ValueType& Value)
	{
		Pairs.push_back({Key, Value});
		return Pairs.back().Value;
	}
	typename std::vector<TPair<KeyType, ValueType>>::const_iterator begin() const { return Pairs.begin(); }
	typename std::vector<TPair<KeyType, ValueType>>::const_iterator end() const { return Pairs.end(); }

private:
	std::vector<TPair<KeyType, ValueType>> Pairs;
};

template <class FunctionType> class TFunction;

template <class Result, class... ArgTypes> class TFunction<Result(ArgTypes...)>
{
public:
	TFunction() = default;
	TFunction(decltype(nullptr)) {}
	template <class Callable, class = std::enable_if_t<!std::is_same<std::decay_t<Callable>, TFunction>::value &&
													   std::is_invocable_r<Result, Callable, ArgTypes...>::value>>
	TFunction(Callable&& Target) : Function(std::forward<Callable>(Target))
	{
	}
	explicit operator bool() const { return static_cast<bool>(Function); }
	Result operator()(ArgTypes... Args) const { return Function(std::forward<ArgTypes>(Args)...); }

private:
	std::function<Result(ArgTypes...)> Function;
};
