// The C header of the library, for the files of this module.
//
// Unreal's build tool defines STERNA_API for this module's own classes, and the header has a macro of the same name: left
// alone, a DLL's functions would be declared as if this module had them.

#pragma once

#pragma push_macro("STERNA_API")
#undef STERNA_API
#include <sterna.h>
#undef STERNA_API
#pragma pop_macro("STERNA_API")

#include <string>

namespace SternaCore
{

/** What to tell if the library could not be loaded from this path, or is of another release; empty if all is well. */
std::string LibraryProblem(bool bLoaded, const char* Path);

} // namespace SternaCore
