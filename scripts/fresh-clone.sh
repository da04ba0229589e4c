#!/usr/bin/env bash
# What a newcomer does: clones what is committed, and runs `cargo demo`, with cargo and a C compiler and nothing else.
# Downloaded crates are shared with this machine's cargo; what they compile to is not.
set -euo pipefail
cd "$(dirname "$0")/.."

place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
if [ -n "$(git status --porcelain)" ]; then
    echo "not committed, and so not tried here:"
    git status --short
fi
git clone --quiet --no-local . "$place/sterna"

# cargo and rustc may be rustup's, which look at the name they are called by.
mkdir -p "$place/bin" "$place/home"
for tool in cargo rustc cc gcc as ld ar; do
    ln -s "$(command -v $tool)" "$place/bin/$tool"
done
cd "$place/sterna"
env -i PATH="$place/bin" HOME="$place/home" TERM="${TERM:-dumb}" \
    CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
    "$place/bin/cargo" demo "$@"
[ -z "$("$(command -v git)" status --porcelain)" ] || { echo "the demonstration changed files of the clone"; exit 1; }
