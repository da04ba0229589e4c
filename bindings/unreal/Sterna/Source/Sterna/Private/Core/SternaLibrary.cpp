#include "SternaLibrary.h"

namespace SternaCore
{

std::string LibraryProblem(bool bLoaded, const char* Path)
{
	if (!bLoaded)
	{
		return std::string("The native library is missing, or cannot be loaded: ") + Path +
			   ". Put the plugin of a release, which has it, into the project's Plugins folder; in a packaged game check "
			   "that the file was staged. Until then no client can connect.";
	}
	// The first thing to ask a library that was loaded at run time: nothing else may be called if it differs.
	const std::uint32_t Found = sterna_abi_version();
	if (Found != STERNA_ABI_VERSION)
	{
		return std::string("The native library at ") + Path + " has binary interface " + std::to_string(Found) +
			   ", this plugin needs " + std::to_string(STERNA_ABI_VERSION) +
			   ": take plugin and library from the same release.";
	}
	return std::string();
}

} // namespace SternaCore
