#!/usr/bin/env bash
# A cluster to play with: a server of NATS and three processes of `sterna serve`, red, green and blue, on this machine. Ctrl-C
# stops all of them, and what they have stored goes, too.
#
#     examples/cluster.sh
#
# STERNA=PROGRAM     a program that is built already, instead of building one
# ADMIN_PORT=7990    operators' port of the first process, the others have the next two; 0: any that is free
# The ports for players, between nodes and of NATS are any that are free.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-target}"
admin_port="${ADMIN_PORT:-7990}"
colours=(red green blue)

nats="$target/tools/nats/bin/nats-server"
if ! [ -x "$nats" ] && ! nats="$(command -v nats-server)"; then
    scripts/install-tools.sh --nats
    nats="$target/tools/nats/bin/nats-server"
fi
sterna="${STERNA:-}"
if [ -z "$sterna" ]; then
    echo "building sterna (the first time takes some minutes)"
    cargo build --quiet --release --locked --package sterna-server --bin sterna
    sterna="$target/release/sterna"
fi
# What is printed is for any terminal, wherever it stands.
sterna="$(command -v "$sterna")"
sterna="$(cd "$(dirname "$sterna")" && pwd)/$(basename "$sterna")"

folder="$(mktemp -d)"
nats_process=""
processes=()
any_running() {
    for process in ${processes[@]+"${processes[@]}"}; do
        if kill -0 "$process" 2>/dev/null; then return 0; fi
    done
    return 1
}
stop() {
    trap '' INT TERM
    trap - EXIT
    echo
    echo "stopping"
    # The first signal drains, for the minute that players may take; the second one makes haste. Nobody is left to go to.
    for process in ${processes[@]+"${processes[@]}"}; do kill -TERM "$process" 2>/dev/null || true; done
    for _ in $(seq 20); do
        any_running || break
        sleep 0.05
    done
    for process in ${processes[@]+"${processes[@]}"}; do kill -TERM "$process" 2>/dev/null || true; done
    for process in ${processes[@]+"${processes[@]}"}; do wait "$process" 2>/dev/null || true; done
    if [ -n "$nats_process" ]; then
        kill "$nats_process" 2>/dev/null || true
        wait "$nats_process" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 0' INT TERM
# A group of its own for each process: Ctrl-C is for this script, which stops them in the right order.
set -m

# Waits until a command prints something, or until the process has ended, whose log is shown then.
until_said() {
    local process="$1" log="$2" said=""
    shift 2
    for _ in $(seq 600); do
        said="$("$@" 2>/dev/null || true)"
        [ -z "$said" ] || break
        kill -0 "$process" 2>/dev/null || break
        sleep 0.05
    done
    if [ -z "$said" ]; then
        echo "it does not start:" >&2
        cat "$log" >&2
        return 1
    fi
    echo "$said"
}

ports() {
    tr -d '\n' <"$(echo "$folder"/*.ports)" | sed -n 's/.*"nats": *\[ *"\([^"]*\)".*/\1/p'
}

"$nats" --addr 127.0.0.1 --port -1 --ports_file_dir "$folder" --jetstream --store_dir "$folder/store" \
    2>"$folder/nats.log" &
nats_process=$!
url="$(until_said "$nats_process" "$folder/nats.log" ports)"

admins=()
for index in 0 1 2; do
    name="${colours[$index]}"
    port=0
    [ "$admin_port" = 0 ] || port=$((admin_port + index))
    # All of them have the same keys: the first one makes them.
    cat >"$folder/$name.toml" <<TOML
name = "$name"
state_dir = "$folder/keys"
tcp_port = 0
quic_port = 0
peer_port = 0
admin = "127.0.0.1:$port"
log = "warn"
[engine]
kind = "nats"
urls = ["$url"]
TOML
    "$sterna" serve --config "$folder/$name.toml" >"$folder/$name.out" 2>"$folder/$name.log" &
    process=$!
    processes+=("$process")
    admins+=("$(until_said "$process" "$folder/$name.log" \
        sed -n 's|^admin: http://||p' "$folder/$name.out")")
    echo "$name-1: process $process, admin ${admins[$index]}, log $folder/$name.log"
done
echo "nats: process $nats_process, $url"
echo

token="$("$sterna" token player-1 --admin "${admins[0]}" --life 24h)"
cat <<TEXT
A connect token that names all three, for player-1:

    export STERNA_TOKEN=$token

Play with it: README.md, "Sixty seconds of C" and of C++. More players:

    $sterna token player-2 --admin ${admins[0]}

Then, in another terminal:

    # All nodes, with states and sessions, as they change. (Ask a process that is still there.)
    $sterna status --watch --admin ${admins[0]}
    # Could red-1 go? Tries it with all its players; nobody notices.
    $sterna drain red-1 --dry-run --admin ${admins[0]}
    # red-1 goes: its players move to green-1 and blue-1.
    $sterna drain red-1 --admin ${admins[0]}
    # The same by signal, to green-1.
    kill ${processes[1]}
    # blue-1 crashes: after 15 s another takes over.
    kill -9 ${processes[2]}
    # NATS is away for 5 s: play goes on.
    kill -STOP $nats_process; sleep 5; kill -CONT $nats_process

Ctrl-C stops everything.
TEXT

# Until Ctrl-C; also when all of them have been stopped one by one.
for process in "${processes[@]}"; do wait "$process" || true; done
echo "all three have ended"
