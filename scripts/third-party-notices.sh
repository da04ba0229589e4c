#!/usr/bin/env bash
# Writes the licences of what is linked into the library, which packages with the library must have with them.
#
#     scripts/third-party-notices.sh > "Third Party Notices.md"
#
# Who may choose between licences is told the one by MIT. Crates that have the same text stand above it together.
set -euo pipefail
cd "$(dirname "$0")/.."
crates="${CARGO_HOME:-$HOME/.cargo}/registry/src"

targets=()
for target in {x86_64,aarch64}-unknown-linux-gnu x86_64-pc-windows-msvc aarch64-{apple-darwin,apple-ios,linux-android}; do
    targets+=(--target "$target")
done

declare -A crates_of text_of
found() {
    local name="$1" text
    text="$(cat "$2")"
    local key
    key="$(md5sum <<<"$text")"
    crates_of["$key"]+="${crates_of["$key"]:+, }$name"
    text_of["$key"]="$text"
}

tree="$(cargo tree --locked --package sterna --edges normal,no-proc-macro "${targets[@]}" --prefix none --no-dedupe \
    --format '{p}|{l}' | sort -u | grep -v -e '^sterna ' -e '^$')"
while IFS='|' read -r crate licence; do
    name="${crate% v*}"
    version="${crate#* v}"
    shopt -s nullglob nocaseglob
    folder=("$crates"/*/"$name-$version")
    files=("${folder[0]:-}"/licen[cs]e-mit{,.txt,.md})
    [ ${#files[@]} -gt 0 ] || files=("${folder[0]:-}"/{licen[cs]e,copying,notice}*)
    shopt -u nullglob nocaseglob
    plain=()
    for file in "${files[@]}"; do
        [ ! -f "$file" ] || plain+=("$file")
    done
    [ ${#plain[@]} -gt 0 ] || { echo "$name $version ($licence) has no licence's text with it" >&2; exit 1; }
    for file in "${plain[@]}"; do
        found "$name $version" "$file"
    done
done <<<"$tree"

printf '# Third party notices\n\nThe library has in it, besides its own code, the standard library of Rust (MIT or Apache-2.0,\n'
printf 'https://www.rust-lang.org) and what follows.\n'
for key in "${!crates_of[@]}"; do
    printf '%s\t%s\n' "${crates_of["$key"]}" "$key"
done | sort | while IFS=$'\t' read -r names key; do
    printf '\n## %s\n\n```text\n%s\n```\n' "$names" "${text_of["$key"]}"
done
