#include "SternaSettings.h"

FName USternaSettings::GetCategoryName() const
{
	return FName(TEXT("Plugins"));
}
