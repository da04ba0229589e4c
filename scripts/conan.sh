#!/usr/bin/env bash
# Makes the Conan package of the shared and of the static library from this repository, and has Conan build and run a
# program against each. Asks no remote: what is needed is here, and cargo has its crates.
set -euo pipefail
cd "$(dirname "$0")/.."

target="$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")"
conan="$target/tools/conan/bin/conan"
[ -x "$conan" ] || { echo "missing: Conan, see scripts/install-tools.sh"; exit 1; }
export CONAN_HOME="$target/conan" CARGO_TARGET_DIR="$target" CARGO_NET_OFFLINE=true
rm -rf "$CONAN_HOME"
"$conan" profile detect >/dev/null 2>&1
for shared in True False; do
    # What it builds is built in its own folders, not beside the recipe.
    "$conan" create packaging/conan --no-remote --build missing --options "sterna/*:shared=$shared" \
        --conf tools.cmake.cmake_layout:test_folder="$target/conan-test" \
        --conf tools.cmake.cmaketoolchain:user_presets= \
        >"$target/conan.log" 2>&1 || { tail -40 "$target/conan.log"; exit 1; }
    grep '^Sterna [0-9.]*$' "$target/conan.log" || { echo "the program of the test package did not run"; exit 1; }
    echo "the package with shared=$shared works"
done
