#!/usr/bin/env bash
# Says of each platform and package how far it got: run, built, assembled or written. The README's table is where that is
# kept; tests/docs.rs holds it to its words.
set -euo pipefail
cd "$(dirname "$0")/.."

sed --quiet '/^## Platforms/,/^## Run/p' README.md | grep '^|' | tail --lines +3 | while IFS='|' read -r _ what how by _; do
    # Of a link only its text.
    by="$(sed --regexp-extended 's/\[([^]]*)\]\([^)]*\)/\1/g; s/`//g; s/^ *//; s/ *$//' <<<"$by")"
    printf '%s\n    %s%s\n' "$(sed 's/`//g; s/^ *//; s/ *$//' <<<"$what")" "$(sed 's/^ *//; s/ *$//' <<<"$how")" "${by:+ ($by)}"
done
