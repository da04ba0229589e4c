#!/usr/bin/env bash
# Runs what calls the C functions from many threads under ThreadSanitizer, which finds data races in all of it: the
# library, its dependencies and Rust's own library, which is built anew for that.
set -euo pipefail
cd "$(dirname "$0")/.."

toolchain="$(cat scripts/nightly)"
rustup component list --toolchain "$toolchain" --installed 2>/dev/null | grep --quiet rust-src ||
    { echo "missing: Rust $toolchain with rust-src, see scripts/install-tools.sh"; exit 1; }
place="$(realpath "${CARGO_TARGET_DIR:-target}")/threads"
mkdir -p "$place"
host="$(rustc "+$toolchain" -vV | sed --quiet 's/^host: //p')"

# Without backtraces: symbols of an instrumented build take a minute each.
RUST_BACKTRACE=0 RUSTFLAGS="-Zsanitizer=thread" TSAN_OPTIONS="halt_on_error=1" CARGO_TARGET_DIR="$place" \
    cargo "+$toolchain" test -Zbuild-std --target "$host" --locked --package sterna --features harness,testing \
    --lib --test threads --test panics -- --nocapture ffi:: client:: thread panic
