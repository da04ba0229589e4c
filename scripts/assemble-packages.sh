#!/usr/bin/env bash
# Puts the library, as it was built for each platform, into the packages for Unity (a tarball for its package manager) and
# Unreal (a zip for a project's Plugins folder).
#
#     scripts/assemble-packages.sh <binaries> <where the packages go>
#
# <binaries> has a folder for each platform: linux-x86_64, linux-arm64, windows-x86_64, macos-universal, ios-arm64,
# android-arm64, android-x86_64. All must be there: a package that lacks one fails in somebody's game, on that platform.
# UNITY and UNREAL name other folders than bindings/unity and bindings/unreal/Sterna.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# = 2 ] || { sed --quiet 's/^# \{0,1\}//; 4p' "$0"; exit 2; }
mkdir -p "$2"
binaries="$(realpath "$1")"
packages="$(realpath "$2")"
unity="${UNITY:-bindings/unity}"
unreal="${UNREAL:-bindings/unreal/Sterna}"
for folder in "$unity" "$unreal"; do
    [ -d "$folder" ] || { echo "missing: $folder"; exit 1; }
done
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

# Unity knows a file by a number in its .meta: the same in each release, or references to it break.
guid() {
    printf 'com.sterna.client/%s' "$1" | md5sum | cut -c 1-32
}

folder_meta() {
    printf 'fileFormatVersion: 2\nguid: %s\nfolderAsset: yes\nDefaultImporter:\n  externalObjects: {}\n' "$(guid "$1")" \
        >"$place/package/$1.meta"
}

# A library of the package, for one platform of players (`Standalone: Win64`) and, if it has one, of the editor.
plugin() {
    local file="Runtime/Plugins/$2" player="$3" cpu="$4" editor="${5:-}" folder
    take "$1" "$place/package/$file"
    folder="$(dirname "$file")"
    while [ "$folder" != Runtime ]; do
        folder_meta "$folder"
        folder="$(dirname "$folder")"
    done
    {
        printf 'fileFormatVersion: 2\nguid: %s\nPluginImporter:\n  externalObjects: {}\n' "$(guid "$file")"
        printf '  serializedVersion: 2\n  isPreloaded: 0\n  isOverridable: 0\n  platformData:\n'
        printf '  - first:\n      Any: \n    second:\n      enabled: 0\n      settings: {}\n'
        printf '  - first:\n      Editor: Editor\n    second:\n      enabled: %d\n      settings:\n' "$([ -n "$editor" ] && echo 1 || echo 0)"
        printf '        CPU: %s\n        DefaultValueInitialized: true\n        OS: %s\n' "$cpu" "${editor:-AnyOS}"
        printf '  - first:\n      %s\n    second:\n      enabled: 1\n      settings:\n        CPU: %s\n' "$player" "$cpu"
    } >"$place/package/$file.meta"
}

cp -R "$unity" "$place/package"
plugin windows-x86_64/sterna.dll Windows/x86_64/sterna.dll "Standalone: Win64" x86_64 Windows
plugin macos-universal/libsterna.dylib macOS/libsterna.dylib "Standalone: OSXUniversal" AnyCPU OSX
plugin linux-x86_64/libsterna.so Linux/x86_64/libsterna.so "Standalone: Linux64" x86_64 Linux
plugin android-arm64/libsterna.so Android/arm64-v8a/libsterna.so "Android: Android" ARM64
plugin android-x86_64/libsterna.so Android/x86_64/libsterna.so "Android: Android" X86_64
plugin ios-arm64/libsterna.a iOS/libsterna.a "iPhone: iOS" AnyCPU

tar --create --gzip --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory "$place" \
    --file "$packages/com.sterna.client-$version.tgz" package

cp -R "$unreal" "$place/Sterna"
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
cp LICENSE-MIT LICENSE-APACHE "$place/Sterna/"
rm -f "$packages/Sterna-$version-unreal.zip"
(cd "$place" && cmake -E tar cf "$packages/Sterna-$version-unreal.zip" --format=zip Sterna)
echo "com.sterna.client-$version.tgz and Sterna-$version-unreal.zip are in $packages"
