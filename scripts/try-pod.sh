#!/usr/bin/env bash
# Runs a server with the arguments, the configuration and the variables of the pod in examples/kubernetes, with and without the
# component public-address.
#
#     scripts/with-nats.sh scripts/try-pod.sh
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-target}"
python="$target/tools/manifests/bin/python"
sterna="${STERNA:-$target/debug/sterna}"
[ -x "$python" ] || { echo "missing: kubernetes-validate and hadolint, see scripts/install-tools.sh"; exit 1; }
[ -x "$sterna" ] || { echo "missing: $sterna: cargo build --workspace"; exit 1; }
PYTHONDONTWRITEBYTECODE=1 "$python" scripts/manifests/pod.py "$sterna"
