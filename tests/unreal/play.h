// What the scenes have in common: frames, something to wait for, numbered messages.

#ifndef STERNA_TEST_PLAY_H
#define STERNA_TEST_PLAY_H

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

inline constexpr std::uint8_t kVersion = 2;
inline constexpr std::uint16_t kEcho = 1;
inline constexpr std::uint16_t kChat = 7;

#define CHECK(condition, what) Check((condition), what, __FILE__, __LINE__)

inline void Check(bool condition, const char *what, const char *file, int line)
{
    if (!condition) {
        std::fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
        std::exit(1);
    }
}

/// Frames of the game, until what is waited for has happened.
template <class Happened, class Frame> void Until(Happened happened, const char *what, Frame frame)
{
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (!happened()) {
        frame();
        CHECK(std::chrono::steady_clock::now() < patience, what);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

struct Number {
    std::uint8_t bytes[8];

    explicit Number(std::uint64_t number) : bytes()
    {
        for (int i = 0; i < 8; i++) {
            bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
        }
    }

    static std::uint64_t Read(const std::uint8_t *bytes)
    {
        std::uint64_t number = 0;
        for (int i = 0; i < 8; i++) {
            number = number << 8 | bytes[i];
        }
        return number;
    }
};

#endif // STERNA_TEST_PLAY_H
