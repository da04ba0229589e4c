#!/usr/bin/env bash
# Checks examples/kubernetes: schemas, the Dockerfile, and what has to agree. No cluster, no Helm, no Docker is needed. Where
# there is a kubectl, what is made of the overlay here is compared with what kustomize makes of it.
# With --bless it writes anew what is made of other files: Prometheus' rules for its operator.
set -euo pipefail
cd "$(dirname "$0")/.."

python="${CARGO_TARGET_DIR:-target}/tools/manifests/bin/python"
[ -x "$python" ] || { echo "missing: kubernetes-validate and hadolint, see scripts/install-tools.sh"; exit 1; }
PYTHONDONTWRITEBYTECODE=1 "$python" scripts/manifests/check.py "$@"
