// The example game with stubs in the place of the engine, on a server that is taken away from under it.
//
//     example <address of the server's operators>

#include "ScaleInGame.h"

#include "HAL/IConsoleManager.h"
#include "HttpModule.h"
#include "Modules/ModuleManager.h"
#include "SternaSettings.h"
#include "SternaSubsystem.h"
#include "play.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    GetMutableDefault<USternaSettings>()->DevServerAddress = FString(UTF8_TO_TCHAR(argv[1]));
    Stub::Module().Loaded = Stub::Module().Make();
    Stub::Module().Loaded->StartupModule();
    UWorld *world = NewObject<UWorld>();
    UScaleInGame *game = NewObject<UScaleInGame>();
    game->StubInit<USternaSubsystem>(world);
    game->Init();
    const USternaSubsystem *sterna = game->GetSubsystem<USternaSubsystem>();
    const auto frame = [] {
        Stub::TickHttp();
        FTSTicker::GetCoreTicker().Tick(0.016f);
    };
    Until([&] { return game->Count > 50; }, "it counts", frame);
    CHECK(Stub::Console(TEXT("Sterna.SimulateScaleIn"), {}, world), "the command");
    Until([&] { return sterna->GetStats().Moves == 1; }, "it moves", frame);
    const int32 before = game->Count;
    Until([&] { return game->Count > before + 50; }, "it counts on", frame);
    for (const std::string &line : Stub::LogLines()) {
        CHECK(line.find("Error") == std::string::npos, line.c_str());
    }
    game->Shutdown();
    Stub::Collect();
    Stub::Module().Loaded->ShutdownModule();
    return 0;
}
