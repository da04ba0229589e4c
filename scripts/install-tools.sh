#!/usr/bin/env bash
# Installs what `make test` needs and this machine lacks. Says first what that is. Packages of the system need root
# (or sudo without a password); cargo-deny goes into the target folder.
#
#     scripts/install-tools.sh            install
#     scripts/install-tools.sh --check    only say what is missing, and fail if anything is
set -euo pipefail
cd "$(dirname "$0")/.."

windows=x86_64-pc-windows-gnu
tools="${CARGO_TARGET_DIR:-target}/tools"
export PATH="$tools/bin:$PATH"

# program:package that has it on Debian and Ubuntu
wanted="cc:build-essential c++:build-essential clang:clang cmake:cmake valgrind:valgrind
    pkg-config:pkg-config git:git nm:binutils strip:binutils
    x86_64-w64-mingw32-gcc:gcc-mingw-w64-x86-64 x86_64-w64-mingw32-g++:g++-mingw-w64-x86-64"

packages=()
for entry in $wanted; do
    if ! command -v "${entry%%:*}" >/dev/null; then
        echo "missing: ${entry%%:*} (package ${entry#*:})"
        packages+=("${entry#*:}")
    fi
done
target_missing=no
if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$windows/lib" ]; then
    echo "missing: Rust's standard library for $windows"
    target_missing=yes
fi
deny_missing=no
if ! command -v cargo-deny >/dev/null; then
    echo "missing: cargo-deny"
    deny_missing=yes
fi

if [ "${1:-}" = --check ]; then
    [ ${#packages[@]} = 0 ] && [ $target_missing = no ] && [ $deny_missing = no ]
    exit
fi

if [ ${#packages[@]} -gt 0 ]; then
    mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
    install="apt-get install --yes --no-install-recommends ${packages[*]}"
    if ! command -v apt-get >/dev/null; then
        echo "this system has no apt-get: install these by its own means: ${packages[*]}"
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root=""
    elif sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        echo "installing packages needs root: run this line, then \`make test\` again"
        echo "    sudo apt-get update && sudo $install"
        exit 1
    fi
    echo "installing: ${packages[*]}"
    $as_root apt-get update --quiet --quiet || echo "the package lists could not be refreshed: going on with those that are there"
    DEBIAN_FRONTEND=noninteractive $as_root $install >/dev/null
fi

if [ $target_missing = yes ]; then
    if ! command -v rustup >/dev/null; then
        echo "no rustup: install Rust's standard library for $windows by your system's means"
        exit 1
    fi
    echo "installing: Rust's standard library for $windows"
    rustup target add $windows
fi

if [ $deny_missing = yes ]; then
    # Hardly optimised: it runs for a second, and so it builds in two minutes instead of ten.
    echo "installing: cargo-deny, into $tools (takes some minutes)"
    cargo install --quiet --locked --root "$tools" --target-dir "$tools/build" \
        --config 'profile.release.lto="off"' --config profile.release.codegen-units=16 \
        --config profile.release.opt-level=1 \
        cargo-deny --version 0.20.2
    rm -rf "$tools/build"
fi
echo "all tools are there"
