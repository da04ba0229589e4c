#!/usr/bin/env bash
# Installs what `make test` needs and this machine lacks. Says first what that is. Packages of the system need root
# (or sudo without a password); cargo-deny and cargo-fuzz go into the target folder.
#
#     scripts/install-tools.sh            install
#     scripts/install-tools.sh --check    only say what is missing, and fail if anything is
set -euo pipefail
cd "$(dirname "$0")/.."

windows=x86_64-pc-windows-gnu
# For fuzzing, Miri and ThreadSanitizer only; pinned there, because a nightly of another day may do otherwise.
nightly="$(cat scripts/nightly)"
tools="${CARGO_TARGET_DIR:-target}/tools"
export PATH="$tools/bin:$PATH"

# program:package that has it on Debian and Ubuntu
wanted="cc:build-essential c++:build-essential clang:clang cmake:cmake valgrind:valgrind
    pkg-config:pkg-config git:git nm:binutils strip:binutils
    mcs:mono-mcs mono:mono-runtime
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
nightly_missing=no
nightly_has() {
    rustup component list --toolchain "$nightly" --installed 2>/dev/null | grep --quiet "^$1"
}
if ! { command -v rustup >/dev/null && nightly_has miri && nightly_has rust-src; }; then
    echo "missing: Rust $nightly with miri and rust-src"
    nightly_missing=yes
fi
crates=()
for crate in cargo-deny:0.20.2 cargo-fuzz:0.13.2; do
    if ! command -v "${crate%%:*}" >/dev/null; then
        echo "missing: ${crate%%:*}"
        crates+=("$crate")
    fi
done

if [ "${1:-}" = --check ]; then
    [ ${#packages[@]} = 0 ] && [ $target_missing = no ] && [ $nightly_missing = no ] && [ ${#crates[@]} = 0 ]
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

if [ $nightly_missing = yes ]; then
    if ! command -v rustup >/dev/null; then
        echo "no rustup: install it from https://rustup.rs, it gets Rust $nightly"
        exit 1
    fi
    echo "installing: Rust $nightly with miri and rust-src (700 MiB)"
    rustup toolchain install "$nightly" --profile minimal --component miri --component rust-src
fi

for crate in "${crates[@]}"; do
    # Hardly optimised: they run for a second, and so they build in two minutes instead of ten.
    echo "installing: ${crate%%:*}, into $tools (takes some minutes)"
    cargo install --quiet --locked --root "$tools" --target-dir "$tools/build" \
        --config 'profile.release.lto="off"' --config profile.release.codegen-units=16 \
        --config profile.release.opt-level=1 \
        "${crate%%:*}" --version "${crate#*:}"
    rm -rf "$tools/build"
done
echo "all tools are there"
