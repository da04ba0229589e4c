// What all parts of the C++ classes use: results, and bytes that belong to the library.

#ifndef STERNA_TYPES_HPP
#define STERNA_TYPES_HPP

#include <sterna.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sterna {

/// How a call or an event ended.
class Result {
public:
    constexpr Result(SternaResult code) noexcept : code_(code) {}

    constexpr bool Ok() const noexcept { return code_ == STERNA_OK; }
    constexpr explicit operator bool() const noexcept { return Ok(); }

    /// One of the STERNA_ERROR_ constants, or STERNA_OK.
    constexpr SternaResult Code() const noexcept { return code_; }

    /// What it means and what to do about it.
    const char *Text() const noexcept { return sterna_result_string(static_cast<std::uint32_t>(code_)); }

    friend constexpr bool operator==(Result a, Result b) noexcept { return a.code_ == b.code_; }
    friend constexpr bool operator!=(Result a, Result b) noexcept { return a.code_ != b.code_; }

private:
    SternaResult code_;
};

/// Bytes that belong to the library, valid until the On... function returns.
class Bytes {
public:
    constexpr Bytes(const std::uint8_t *data, std::size_t size) noexcept : data_(data), size_(size) {}

    constexpr const std::uint8_t *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr const std::uint8_t *begin() const noexcept { return data_; }
    constexpr const std::uint8_t *end() const noexcept { return data_ + size_; }
    std::string_view AsText() const noexcept { return {reinterpret_cast<const char *>(data_), size_}; }

private:
    const std::uint8_t *data_;
    std::size_t size_;
};

} // namespace sterna

#endif // STERNA_TYPES_HPP
