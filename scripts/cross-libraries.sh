#!/usr/bin/env bash
# Builds the shared library for other platforms into target/cross, for the tests that run programs of those platforms
# here: Windows by Wine (tests/e2e_windows.rs), Linux on arm64 by qemu (tests/e2e_arm64.rs).
#
#     scripts/cross-libraries.sh              both
#     scripts/cross-libraries.sh PLATFORM...  only these
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-target}"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER="${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER:-aarch64-linux-gnu-gcc}"
if [ $# = 0 ]; then
    set -- x86_64-pc-windows-gnu aarch64-unknown-linux-gnu
fi
for platform in "$@"; do
    cmake -D OUT="$target/cross/$platform" -D TARGET="$platform" -D KINDS=shared -P bindings/cpp/cmake/build.cmake
    for file in "$target/cross/$platform"/*; do
        [ -L "$file" ] || echo "$platform: $(basename "$file"), $(stat --format=%s "$file") bytes"
    done
done

# What the DLL exports is what the header has, as for Linux.
dll="$target/cross/x86_64-pc-windows-gnu/sterna.dll"
if [ -e "$dll" ]; then
    exported="$(x86_64-w64-mingw32-objdump --private-headers "$dll" |
        sed --quiet '/^\[Ordinal\/Name Pointer\] Table/,/^$/s/^\t\[ *[0-9]*\].*[ \t]\([^ \t]*\)$/\1/p' | sort)"
    declared="$(tr '\n' ' ' <include/sterna.h | grep --only-matching 'STERNA_API [^;(]*(' |
        grep --only-matching 'sterna_[a-z_]*' | sort)"
    diff <(echo "$declared") <(echo "$exported") || { echo "< only in the header, > only in the DLL"; exit 1; }
    echo "the DLL exports the $(wc -l <<<"$declared") functions of the header and nothing else"
fi
