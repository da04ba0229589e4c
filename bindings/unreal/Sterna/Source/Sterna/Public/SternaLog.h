#pragma once

#include "CoreMinimal.h"

/** Everything that the plugin and the library say. More of it: `Log LogSterna Verbose` in the console. */
STERNA_API DECLARE_LOG_CATEGORY_EXTERN(LogSterna, Log, All);
