#!/usr/bin/env bash
# Fuzzes the decoders and the state machines (fuzz/, docs/CORRECTNESS.md).
#
#     scripts/fuzz.sh runs N [TARGET...]       N inputs for each target, after its corpus
#     scripts/fuzz.sh seconds N [TARGET...]    each target for so long, from where it was left last time
#     scripts/fuzz.sh keep [TARGET...]         takes what was found into the corpus, and makes that minimal
#
# New inputs go to the target folder; only `keep` changes fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."

how="${1:?how: runs, seconds or keep}"
shift
amount=0
if [ "$how" != keep ]; then
    amount="${1:?how many $how}"
    shift
fi
toolchain="$(cat scripts/nightly)"
place="$(realpath "${CARGO_TARGET_DIR:-target}")"
export PATH="$place/tools/bin:$PATH"
if [ $# -gt 0 ]; then
    targets=("$@")
else
    mapfile -t targets < <(basename --suffix .rs --multiple fuzz/fuzz_targets/*.rs)
fi

rustup run "$toolchain" cargo --version >/dev/null 2>&1 ||
    { echo "missing: Rust $toolchain, see scripts/install-tools.sh"; exit 1; }
command -v cargo-fuzz >/dev/null || { echo "missing: cargo-fuzz, see scripts/install-tools.sh"; exit 1; }

# What no input may cost, however long the lengths in it are.
limits="-rss_limit_mb=1024 -malloc_limit_mb=64 -timeout=10"

(cd fuzz && cargo "+$toolchain" fuzz build --features server --target-dir "$place/fuzz")
host="$(rustc "+$toolchain" -vV | sed --quiet 's/^host: //p')"

for target in "${targets[@]}"; do
    program="$place/fuzz/$host/release/$target"
    found="$place/fuzz/corpus/$target"
    corpus="fuzz/corpus/$target"
    broken="$place/fuzz/artifacts/$target"
    mkdir -p "$found" "$corpus" "$broken"
    log="$place/fuzz/$target.log"
    case "$how" in
    runs) arguments=("-runs=$amount" -seed=1 "$(mktemp -d --tmpdir="$place/fuzz")" "$corpus") ;;
    seconds) arguments=("-max_total_time=$amount" "$found" "$corpus") ;;
    keep)
        fresh="$(mktemp -d --tmpdir="$place/fuzz")"
        "$program" -set_cover_merge=1 -use_counters=0 -max_len=400 "$fresh" "$corpus" "$found" >"$log" 2>&1 ||
            { tail -n 30 "$log"; exit 1; }
        rm -rf "$corpus"
        mv "$fresh" "$corpus"
        chmod 755 "$corpus"
        echo "$target: $(find "$corpus" -type f | wc -l) inputs, $(cat "$corpus"/* | wc -c) bytes"
        continue
        ;;
    *)
        echo "there is no \`$how\`: runs, seconds or keep"
        exit 2
        ;;
    esac
    # shellcheck disable=SC2086 # words of their own
    if ! "$program" $limits -print_final_stats=1 "-artifact_prefix=$broken/" "${arguments[@]}" >"$log" 2>&1; then
        grep --after-context=12 panicked "$log" || tail -n 40 "$log"
        echo "$target FAILED: all of it is in $log. Fix it, and keep the input, under a name that says what it is,"
        echo "in fuzz/found/$target: tests/corpora.rs replays what is there."
        exit 1
    fi
    if [ "$how" = runs ]; then
        rm -rf "${arguments[2]}"
    fi
    runs="$(sed --quiet 's/^stat::number_of_executed_units: *//p' "$log")"
    rate="$(sed --quiet 's/^stat::average_exec_per_sec: *//p' "$log")"
    coverage="$(grep --only-matching 'cov: [0-9]*' "$log" | tail -n 1)"
    printf '%-22s %9d inputs, %6d a second, %s\n' "$target" "$runs" "$rate" "$coverage"
done
