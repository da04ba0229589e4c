#!/usr/bin/env bash
# Starts examples/cluster.sh as a person would, does what it says that one might do, and stops it by Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-target}"
sterna="${STERNA:-$target/debug/sterna}"
[ -x "$sterna" ] || { echo "missing: $sterna: cargo build --workspace"; exit 1; }
log="$(mktemp)"
# With it the script is a group of its own, and hears of Ctrl-C.
set -m
# Who is started in the background by a script ignores Ctrl-C, and cannot undo that.
STERNA="$sterna" ADMIN_PORT=0 env --default-signal=INT examples/cluster.sh >"$log" 2>&1 &
script=$!
finish() {
    kill -INT "$script" 2>/dev/null || true
    wait "$script" 2>/dev/null || true
    rm -f "$log"
}
trap finish EXIT
fail() {
    echo "$1; the script says:"
    cut -c 1-200 "$log"
    exit 1
}

# Waits until a command succeeds.
until_done() {
    local what="$1"
    shift
    for _ in $(seq 600); do
        if "$@"; then return; fi
        kill -0 "$script" 2>/dev/null || fail "$what: the script has ended"
        sleep 0.1
    done
    fail "$what: never"
}

until_done "it starts" grep --quiet 'Ctrl-C stops everything' "$log"
field() { sed --quiet "s|^$1.*: process \([0-9]*\).*|\1|p" "$log"; }
admin() { sed --quiet "s|^$1: .* admin \([0-9.:]*\),.*|\1|p" "$log"; }
state_is() { "$sterna" nodes --json --admin "$(admin "$1")" 2>/dev/null | tr -d ' \n' | grep --quiet "\"state\":\"$2\""; }
running() { kill -0 "$1" 2>/dev/null; }
ended() { ! running "$1"; }

everything=()
for name in red-1 green-1 blue-1; do
    everything+=("$(field "$name")")
    state_is "$name" online || fail "$name is not online"
done
everything+=("$(field nats)")
[ ${#everything[@]} = 4 ] || fail "four processes are expected, not ${everything[*]}"

token="$(sed --quiet 's/.*STERNA_TOKEN=sterna1\.\([^ ]*\)$/\1/p' "$log")"
named="$(python3 -c 'import base64, json, sys
text = sys.argv[1]
print(len(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))["tcp"]))' "$token")"
[ "$named" = 3 ] || fail "the token names $named nodes instead of three"

# The commands as they are printed, from somewhere else, as in another terminal.
printed() { sed --quiet "s|^    \(/.*/sterna $1 .*\)|\1|p" "$log"; }
sees_all() {
    local command
    command="$(printed status)"
    [ -n "$command" ] && [ "$(cd / && ${command/ --watch/} | grep --count -- '-1 *online')" = 3 ]
}
until_done "red shows all three" sees_all
dry_run="$(printed 'drain red-1 --dry-run')"
[ -n "$dry_run" ] || fail "it does not say how to try a drain"
(cd / && $dry_run >/dev/null) || fail "the dry run fails: $dry_run"

"$sterna" drain red-1 --admin "$(admin red-1)" >/dev/null || fail "red-1 cannot be drained"
until_done "red has ended" ended "${everything[0]}"
kill -9 "${everything[2]}"
until_done "blue has ended" ended "${everything[2]}"
state_is green-1 online || fail "green-1 is not online any more"

kill -INT "$script"
wait "$script" || fail "it ends with an error"
for process in "${everything[@]}"; do
    ended "$process" || fail "process $process is still there"
done
folder="$(sed --quiet 's|.* log \(.*\)/red.log$|\1|p' "$log")"
[ -n "$folder" ] && ! [ -e "$folder" ] || fail "it leaves $folder behind"
echo "three processes on NATS: a token for all, a drain, a crash, and Ctrl-C, which leaves nothing behind"
