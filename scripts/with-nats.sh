#!/usr/bin/env bash
# Runs a command beside a server of NATS of its own, which ends with it: `STERNA_E2E_NATS` says where it is,
# `STERNA_E2E_KEYS` where clusters may keep their keys.
#
#     scripts/with-nats.sh cargo test --package sterna-server --test e2e
set -euo pipefail
cd "$(dirname "$0")/.."

program="${CARGO_TARGET_DIR:-target}/tools/nats/bin/nats-server"
[ -x "$program" ] || program="$(command -v nats-server)" || {
    echo "nats-server is not installed: scripts/install-tools.sh"
    exit 1
}
folder="$(mktemp -d)"
"$program" --addr 127.0.0.1 --port -1 --ports_file_dir "$folder" --jetstream --store_dir "$folder/store" \
    2>"$folder/log" &
server=$!
trap 'kill "$server"; wait "$server" || true; rm -rf "$folder"' EXIT

# It writes down its port when it serves.
for _ in $(seq 200); do
    ports="$(cat "$folder"/*.ports 2>/dev/null || true)"
    [ -z "$ports" ] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.05
done
STERNA_E2E_NATS="$(sed --quiet 's/.*"nats": *\[ *"\([^"]*\)".*/\1/p' <<<"$(tr -d '\n' <<<"$ports")")"
if [ -z "$STERNA_E2E_NATS" ]; then
    echo "nats-server does not start:"
    cat "$folder/log"
    exit 1
fi
export STERNA_E2E_NATS STERNA_E2E_KEYS="$folder/keys"
"$@"
