#pragma once
#include "HttpModule.h"
