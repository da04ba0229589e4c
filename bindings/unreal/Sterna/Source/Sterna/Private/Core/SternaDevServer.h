// What to ask the operators' side of a server on this machine (`sterna serve --dev`), and what its answers mean: scaling
// in the node that the player is on, and a connect token without a backend. Sending it is the engine's part.

#pragma once

#include <cstdint>
#include <string>

namespace SternaCore
{

/** What to POST, as JSON. Nothing is to be sent if Problem is not empty. */
struct FDevRequest
{
	std::string Url;
	std::string Body;
	/** Why it cannot be asked. */
	std::string Problem;
};

/** What came of it. */
struct FDevAnswer
{
	/** The connect token; empty if none was asked for. */
	std::string Token;
	/** What is wrong and what to do about it; empty if it worked. */
	std::string Problem;
};

/** Takes the node away for good: it goes offline, its players move until the deadline, then it stops. */
FDevRequest ScaleInRequest(const std::string& Address, const std::string& Node, std::uint64_t DeadlineMs);

/** A connect token for this user. */
FDevRequest TokenRequest(const std::string& Address, const std::string& User);

/** The status of a request that a shipping build does not make. */
constexpr int NotAsked = -1;

/** Reads the answer to ScaleInRequest; Status is 0 if none came. */
FDevAnswer ReadScaleIn(const std::string& Address, int Status, const std::string& Body);

/** Reads the answer to TokenRequest; Status is 0 if none came. */
FDevAnswer ReadToken(const std::string& Address, int Status, const std::string& Body);

} // namespace SternaCore
