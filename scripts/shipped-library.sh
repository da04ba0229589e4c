#!/usr/bin/env bash
# Builds the libraries as they are shipped, into target/shipped, and checks their size, what they export, and that other
# projects find them once they are installed.
set -euo pipefail
cd "$(dirname "$0")/.."

target="$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")"
shipped="$target/shipped"
bytes_max=$((3 * 1024 * 1024))

cmake -D OUT="$shipped" -P bindings/cpp/cmake/build.cmake

# What makes nodes fail on purpose is in nothing that is shipped.
features="$(cargo tree --locked --package sterna-server --edges normal --depth 0 --format '{f}')"
case ",$features," in
*,failpoints,*) echo "the server would be shipped with failpoints"; exit 1 ;;
esac

bytes=$(stat --dereference --format=%s "$shipped/libsterna.so")
echo "libsterna.so, stripped: $bytes bytes (at most $bytes_max)"
[ "$bytes" -lt $bytes_max ] || { echo "the shared library is too large"; exit 1; }
readelf --sections --wide "$shipped/libsterna.so" | grep --quiet ' [.]symtab ' && { echo "it is not stripped"; exit 1; }

nm --dynamic --defined-only "$shipped/libsterna.so" | awk '{ print $NF }' | sort >"$shipped/exported"
tr '\n' ' ' <include/sterna.h | grep --only-matching 'STERNA_API [^;(]*(' | grep --only-matching 'sterna_[a-z_]*' |
    sort >"$shipped/declared"
diff "$shipped/declared" "$shipped/exported" || { echo "< only in the header, > only in the library"; exit 1; }
echo "exports the $(wc -l <"$shipped/declared") functions of the header and nothing else"

# A program against each of the two, and the promise for an update with nothing to do.
for standard in shared static; do
    if [ $standard = shared ]; then
        libraries="-L$shipped -lsterna -Wl,-rpath,$shipped"
    else
        libraries="$shipped/libsterna.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
    fi
    cc -std=c99 -Wall -Wextra -Werror -Iinclude tests/c/arguments.c -o "$shipped/arguments-$standard" -pthread $libraries
    "$shipped/arguments-$standard"
    echo "a program with the $standard library works"
done
shipped_test() {
    STERNA_NEED_CMAKE=1 STERNA_RELEASE_LIBRARY="$shipped" CARGO_TARGET_DIR="$target" \
        cargo test --locked --quiet --all-features --workspace --test "$@" -- --nocapture
}
shipped_test c_abi an_update_with_nothing_to_do_is_cheap
shipped_test packaging
