#!/usr/bin/env bash
# Puts the library, as it was built for each platform, into the packages for Unity (a tarball for its package manager) and
# Unreal (a zip for a project's Plugins folder).
#
#     scripts/assemble-packages.sh <binaries> <where the packages go>
#
# <binaries> has a folder for each platform: linux-x86_64, linux-arm64, windows-x86_64, macos-universal, ios-arm64,
# android-arm64, android-x86_64. All must be there: a package that lacks one fails in somebody's game, on that platform.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# = 2 ] || { sed --quiet 's/^# \{0,1\}//; 4p' "$0"; exit 2; }
mkdir -p "$2"
binaries="$(realpath "$1")"
packages="$(realpath "$2")"
version="$(sed --quiet 's/^version = "\([0-9.]*\)"$/\1/p' Cargo.toml | head -n 1)"
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT

# Copies a library of a platform to a file, whose folders it makes.
take() {
    local from="$binaries/$1" to="$2"
    [ -f "$from" ] || { echo "missing: $from"; exit 1; }
    mkdir -p "$(dirname "$to")"
    cp --dereference "$from" "$to"
}

# A library for one of the platforms that scripts/unity-package.sh knows.
plugins=()
plugin() {
    local library="$binaries/$2"
    [ -f "$library" ] || { echo "missing: $library"; exit 1; }
    plugins+=("$1=$library")
}

plugin windows-x86_64 windows-x86_64/sterna.dll
plugin macos macos-universal/libsterna.dylib
plugin linux-x86_64 linux-x86_64/libsterna.so
plugin android-arm64 android-arm64/libsterna.so
plugin android-x86_64 android-x86_64/libsterna.so
plugin ios ios-arm64/libsterna.a
scripts/unity-package.sh "$place/package" "${plugins[@]}" >/dev/null
scripts/third-party-notices.sh >"$place/package/Third Party Notices.md"
scripts/unity-meta.sh "$place/package"

tar --create --gzip --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory "$place" \
    --file "$packages/com.sterna.client-$version.tgz" package

cp -R bindings/unreal/Sterna "$place/Sterna"
library="$place/Sterna/Source/ThirdParty/SternaLibrary"
mkdir -p "$library/include"
cp -R include/. bindings/cpp/include/. "$library/include/"
take windows-x86_64/sterna.dll "$library/Win64/sterna.dll"
take windows-x86_64/sterna.dll.lib "$library/Win64/sterna.dll.lib"
take macos-universal/libsterna.dylib "$library/Mac/libsterna.dylib"
# By the name that programs ask for, which is what a packaged game has beside it.
soversion="${version%.*}"
take linux-x86_64/libsterna.so "$library/Linux/libsterna.so.$soversion"
take linux-arm64/libsterna.so "$library/LinuxArm64/libsterna.so.$soversion"
take android-arm64/libsterna.so "$library/Android/arm64-v8a/libsterna.so"
take android-x86_64/libsterna.so "$library/Android/x86_64/libsterna.so"
take ios-arm64/libsterna.a "$library/IOS/libsterna.a"
cp LICENSE-MIT LICENSE-APACHE "$place/package/Third Party Notices.md" "$place/Sterna/"
rm -f "$packages/Sterna-$version-unreal.zip"
(cd "$place" && cmake -E tar cf "$packages/Sterna-$version-unreal.zip" --format=zip Sterna)
echo "com.sterna.client-$version.tgz and Sterna-$version-unreal.zip are in $packages"
