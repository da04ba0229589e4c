#!/usr/bin/env bash
# Runs tests under Miri, which finds undefined behaviour: wrong accesses, data races, leaks.
#
#     scripts/miri.sh short     the C boundary, without sockets
#     scripts/miri.sh long      that with several orders of threads, and the protocol core
#
# Miri knows no assembly, and so neither TLS nor MACs: what opens a link does not run under it.
set -euo pipefail
cd "$(dirname "$0")/.."

toolchain="$(cat scripts/nightly)"
rustup run "$toolchain" cargo miri --version >/dev/null 2>&1 ||
    { echo "missing: Rust $toolchain with miri, see scripts/install-tools.sh"; exit 1; }
place="$(realpath "${CARGO_TARGET_DIR:-target}")/miri"
mkdir -p "$place"

# Without isolation, because the network thread asks the system for the time; with permissive provenance,
# because the locks of parking_lot keep their queues in numbers.
miri() {
    local flags="$1"
    shift
    MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-permissive-provenance $flags" CARGO_TARGET_DIR="$place" \
        cargo "+$toolchain" miri test --locked --package sterna --lib --features harness,testing -- "$@"
}

case "${1:?how: short or long}" in
short)
    miri "" ffi::
    ;;
long)
    miri "-Zmiri-many-seeds=0..16" ffi::handle
    miri "" ffi::
    PROPTEST_CASES=4 miri "" protocol::sequence protocol::tests::wire protocol::session protocol::lease \
        protocol::datagrams protocol::takeover
    ;;
*)
    echo "there is no \`$1\`: short or long"
    exit 2
    ;;
esac
