#include "SternaDevServer.h"

#include <cstddef>

namespace SternaCore
{

namespace DevServer
{

static const std::uint64_t TokenLifeS = 8 * 60 * 60;
static const char* const HexDigits = "0123456789abcdef";

/** In a JSON string. */
static std::string Quoted(const std::string& Text)
{
	std::string Quoted = "\"";
	for (const char Letter : Text)
	{
		const unsigned char Byte = static_cast<unsigned char>(Letter);
		if (Letter == '"' || Letter == '\\')
		{
			Quoted += '\\';
			Quoted += Letter;
		}
		else if (Byte < 0x20)
		{
			Quoted += "\\u00";
			Quoted += HexDigits[Byte >> 4];
			Quoted += HexDigits[Byte & 15];
		}
		else
		{
			Quoted += Letter;
		}
	}
	return Quoted + "\"";
}

/** In the path of an address. */
static std::string Escaped(const std::string& Text)
{
	std::string Escaped;
	for (const char Letter : Text)
	{
		const unsigned char Byte = static_cast<unsigned char>(Letter);
		const bool bPlain = (Letter >= '0' && Letter <= '9') || (Letter >= 'a' && Letter <= 'z') ||
							(Letter >= 'A' && Letter <= 'Z') || Letter == '-' || Letter == '_' || Letter == '.';
		if (bPlain)
		{
			Escaped += Letter;
		}
		else
		{
			Escaped += '%';
			Escaped += HexDigits[Byte >> 4];
			Escaped += HexDigits[Byte & 15];
		}
	}
	return Escaped;
}

/** A host and a port, and nothing that would lead elsewhere. */
static bool IsAddress(const std::string& Address)
{
	const std::size_t Colon = Address.rfind(':');
	if (Colon == std::string::npos || Colon == 0 || Colon + 1 == Address.size())
	{
		return false;
	}
	for (const char Letter : Address.substr(Colon + 1))
	{
		if (Letter < '0' || Letter > '9')
		{
			return false;
		}
	}
	return Address.find_first_of("/@?# ") == std::string::npos;
}

static FDevRequest Post(const std::string& Address, const std::string& Path, const std::string& Body)
{
	FDevRequest Request;
	if (!IsAddress(Address))
	{
		Request.Problem = "`" + Address + "` is no address like 127.0.0.1:7990: see Dev Server Address in the project settings";
		return Request;
	}
	Request.Url = "http://" + Address + Path;
	Request.Body = Body;
	return Request;
}

static std::string Problem(const std::string& Address, int Status, const std::string& Body)
{
	if (Status == NotAsked)
	{
		return "a shipping build asks no development server";
	}
	if (Status == 0)
	{
		return "no server answers at " + Address + ": start `sterna serve --nodes 3 --dev`";
	}
	if (Status < 200 || Status >= 300)
	{
		return "the server at " + Address + " refuses (" + std::to_string(Status) + "): " + Body;
	}
	return std::string();
}

} // namespace DevServer

FDevRequest ScaleInRequest(const std::string& Address, const std::string& Node, std::uint64_t DeadlineMs)
{
	if (Node.empty())
	{
		FDevRequest Request;
		Request.Problem = "not connected, so there is no node to scale in";
		return Request;
	}
	return DevServer::Post(Address, "/v1/admin/nodes/" + DevServer::Escaped(Node) + "/drain",
						   "{\"deadline_ms\":" + std::to_string(DeadlineMs) + ",\"reason\":\"scale_in\"}");
}

FDevRequest TokenRequest(const std::string& Address, const std::string& User)
{
	return DevServer::Post(Address, "/v1/admin/token",
						   "{\"user\":" + DevServer::Quoted(User) + ",\"life_s\":" + std::to_string(DevServer::TokenLifeS) + "}");
}

FDevAnswer ReadScaleIn(const std::string& Address, int Status, const std::string& Body)
{
	FDevAnswer Answer;
	Answer.Problem = DevServer::Problem(Address, Status, Body);
	return Answer;
}

FDevAnswer ReadToken(const std::string& Address, int Status, const std::string& Body)
{
	FDevAnswer Answer;
	Answer.Problem = DevServer::Problem(Address, Status, Body);
	if (!Answer.Problem.empty())
	{
		return Answer;
	}
	// Tokens consist of letters, digits, points, hyphens and underscores: nothing in one is escaped.
	const std::string Before = "\"token\":\"";
	const std::size_t Begin = Body.find(Before);
	const std::size_t End = Begin == std::string::npos ? Begin : Body.find('"', Begin + Before.size());
	if (End == std::string::npos)
	{
		Answer.Problem = "the server at " + Address + " gives no token: " + Body;
		return Answer;
	}
	Answer.Token = Body.substr(Begin + Before.size(), End - Begin - Before.size());
	return Answer;
}

} // namespace SternaCore
