#!/usr/bin/env bash
# Runs the stages of `make check`, `make test` or `make soak`, one after the other, and stops at the first that fails.
#
#     scripts/stages.sh test              all stages
#     scripts/stages.sh test --list       their names
#     scripts/stages.sh test NAME...      only these
#
# Every test in tests/ and server/tests/ is a stage of `test` by itself, so that none can be forgotten.
set -uo pipefail
cd "$(dirname "$0")/.."

plan="${1:?which plan: check, test or soak}"
shift
target="${CARGO_TARGET_DIR:-target}"
export PATH="$target/tools/bin:$PATH"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"
# One set of features for all of it: another one would compile the library anew.
cargo_test="cargo test --locked --quiet --workspace --all-features"

names=()
commands=()
stage() {
    names+=("$1")
    commands+=("$2")
}

# Cargo's own rule: a test is a file, or a folder with a main.rs.
tests_in() {
    for path in "$1"/*.rs "$1"/*/main.rs; do
        [ -e "$path" ] || continue
        path="${path%/main.rs}"
        basename "$path" .rs
    done
}

quick_tests="--test docs --test tidy --test generated_files"

case "$plan" in
check)
    stage tools 'for tool in cargo rustc cc; do command -v $tool || { echo "missing: $tool"; exit 1; }; done
                 cargo fmt --version && cargo clippy --version'
    stage format "cargo fmt --all --check"
    stage lints "cargo clippy --quiet --workspace --all-targets --all-features --locked -- -D warnings"
    stage unit "$cargo_test --lib --bins"
    stage quick-tests "$cargo_test $quick_tests"
    ;;
test)
    stage tools scripts/install-tools.sh
    stage format "cargo fmt --all --check"
    stage lints "cargo clippy --quiet --workspace --all-targets --all-features --locked -- -D warnings"
    stage rustdoc "RUSTDOCFLAGS='-D warnings -A rustdoc::private-intra-doc-links' cargo doc --quiet --workspace --lib --all-features --no-deps --document-private-items --locked"
    stage dependencies "cargo deny --log-level error --locked --all-features check bans licenses sources"
    stage advisories scripts/advisories.sh
    # The library's tests need the server's program, too.
    stage build "cargo build --locked --quiet --workspace --all-features &&
                 cargo test --locked --quiet --workspace --all-features --no-run"
    # Other platforms' programs run here against the server of this one.
    stage cross-libraries scripts/cross-libraries.sh
    stage unit "$cargo_test --lib --bins"
    stage doc-tests "$cargo_test --doc"
    # Where every tool is there, no test may go without it.
    need="STERNA_NEED_VALGRIND=1 STERNA_NEED_CMAKE=1 STERNA_NEED_CROSS=1 STERNA_NEED_MONO=1 STERNA_NEED_LOVE=1 STERNA_NEED_NATS=1"
    for name in $(tests_in tests); do
        stage "library:$name" "$need $cargo_test --test $name"
    done
    # These wait for most of their time.
    threads="RUST_TEST_THREADS=$((2 * $(nproc)))"
    for name in $(tests_in server/tests); do
        [ "$name" = e2e ] && more="$threads" || more=""
        stage "server:$name" "$need $more $cargo_test --test $name"
    done
    # Once more, with NATS in the place of the engine of one process.
    stage "server:e2e-nats" "$threads scripts/with-nats.sh $cargo_test --test e2e"
    # Profiles of their own: optimised, with every assertion.
    stage simulation "cargo test --locked --quiet --profile sim --package sterna-sim &&
                      cargo run --locked --quiet --profile sim --package sterna-sim --bin sterna-sim -- --seeds 1000 --start 1"
    stage model "cargo test --locked --quiet --profile model --package sterna-model --features search --tests -- --test-threads 1 --nocapture"
    # Inputs, not seconds: the same on every machine. FUZZ_SECONDS is for `make fuzz`.
    stage fuzz "scripts/fuzz.sh runs 10000"
    stage miri "scripts/miri.sh short"
    stage windows "cargo check --locked --quiet --workspace --target x86_64-pc-windows-gnu"
    stage shipped-library scripts/shipped-library.sh
    stage conan scripts/conan.sh
    stage packages scripts/try-packages.sh
    stage workflows scripts/lint-workflows.sh
    stage manifests scripts/check-manifests.sh
    # What the manifests say, to a server of this repository; and the cluster that people play with.
    stage pod "scripts/with-nats.sh scripts/try-pod.sh"
    stage cluster scripts/try-cluster.sh
    stage fresh-clone scripts/fresh-clone.sh
    ;;
soak)
    rounds="${SOAK_ROUNDS:-10}"
    stage build "cargo build --locked --quiet --workspace --all-features && cargo build --locked --quiet --release --workspace"
    # What is too large for the stage of `make test`.
    stage model "cargo test --locked --quiet --profile model --package sterna-model --features search,soak --test ownership -- of_any_kind --nocapture"
    stage properties "PROPTEST_CASES=${PROPTEST_CASES:-5000} $cargo_test --lib"
    stage simulation "cargo run --locked --quiet --profile sim --package sterna-sim --bin sterna-sim -- --seeds ${SIM_SEEDS:-100000} --start 1001"
    stage memory "for round in \$(seq $rounds); do STERNA_NEED_VALGRIND=1 $cargo_test --test c_abi || exit 1; done"
    stage end-to-end "for round in \$(seq $rounds); do
            cargo test --locked --quiet --package sterna --package sterna-server --all-features --test '*' || exit 1
        done"
    # With leases as they are unless set, and faults that are longer accordingly.
    stage cluster "STERNA_REAL_TIMES=1 STERNA_NEED_NATS=1 $cargo_test --test cluster"
    stage fuzz "scripts/fuzz.sh seconds ${FUZZ_SECONDS:-600}"
    stage miri "scripts/miri.sh long"
    stage threads scripts/threads.sh
    # The figures of docs/OPERATIONS.md, "Sizing", as this machine has them.
    stage costs "python3 scripts/costs/node.py $target/release && python3 scripts/costs/store.py $target/tools/nats/bin/nats-server &&
                 python3 scripts/costs/nats.py $target/debug $target/tools/nats/bin/nats-server"
    stage players "$target/release/sterna demo --players 1000 --rate 5 --seconds ${SOAK_SECONDS:-600}"
    ;;
*)
    echo "there is no plan \`$plan\`: check, test or soak"
    exit 2
    ;;
esac

if [ "${1:-}" = --list ]; then
    printf '%s\n' "${names[@]}"
    exit
fi
for asked in "$@"; do
    printf '%s\n' "${names[@]}" | grep --quiet --line-regexp --fixed-strings -- "$asked" ||
        { echo "there is no stage \`$asked\`: scripts/stages.sh $plan --list"; exit 2; }
done

wanted() {
    [ $# = 1 ] && return 0
    local name="$1"
    shift
    for asked in "$@"; do [ "$asked" = "$name" ] && return 0; done
    return 1
}

table=()
not_run=()
passed=0
failed=""
began=$SECONDS
for index in "${!names[@]}"; do
    name="${names[$index]}"
    wanted "$name" "$@" || continue
    printf '\n=== %s (%d of %d)\n' "$name" $((index + 1)) ${#names[@]}
    stage_began=$SECONDS
    bash -euo pipefail -c "${commands[$index]}"
    status=$?
    took=$((SECONDS - stage_began))
    # 77: the stage could not be run here, and has said why. Only what needs somebody else's server may do so.
    case $status in
    0) outcome=passed; passed=$((passed + 1)) ;;
    77) outcome="NOT RUN"; not_run+=("$name") ;;
    *) outcome=FAILED; failed="$name" ;;
    esac
    table+=("$(printf '%-28s %8s %5d s' "$name" "$outcome" "$took")")
    [ -n "$failed" ] && break
done

printf '\n%s\n' "--- make $plan"
printf '%s\n' "${table[@]}"
printf '%-28s %8s %5d s\n' "in all" "" $((SECONDS - began))
if [ ${#not_run[@]} -gt 0 ]; then
    printf 'not run here, see above why: %s\n' "${not_run[*]}"
fi
if [ $# -gt 0 ]; then
    echo "only the stages that were asked for: $*"
fi
if [ -n "$failed" ]; then
    # Compilers and servers say that in many ways, and some of them not at all.
    free="$(df --output=avail --block-size=1M "$target" 2>/dev/null | tail -n 1)"
    [ "${free:-1024}" -ge 1024 ] || echo "the disk that holds \`$target\` is nearly full: ${free// /} MB are free"
    echo "the stage \`$failed\` failed; once more: scripts/stages.sh $plan $failed"
    echo "$passed passed, 1 failed"
    exit 1
fi
if [ "$plan" = test ] && [ $# = 0 ]; then
    printf '\n%s\n' "--- what that says of platforms and packages"
    scripts/claims.sh
    echo
fi
echo "$passed passed, 0 failed"
