#!/usr/bin/env bash
# Assembles the packages for Unity and Unreal from what stands in for the libraries of all platforms, which only the
# release can build, and looks at what is in them.
set -euo pipefail
cd "$(dirname "$0")/.."

place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
files="linux-x86_64/libsterna.so linux-arm64/libsterna.so windows-x86_64/sterna.dll windows-x86_64/sterna.dll.lib
    macos-universal/libsterna.dylib ios-arm64/libsterna.a android-arm64/libsterna.so android-x86_64/libsterna.so"
for file in $files; do
    mkdir -p "$place/binaries/$(dirname "$file")"
    echo "$file" >"$place/binaries/$file"
done

scripts/assemble-packages.sh "$place/binaries" "$place/packages"
cd "$place"
mkdir unity-package unreal-plugin
tar --extract --file packages/*.tgz --directory unity-package
(cd unreal-plugin && cmake -E tar xf ../packages/*.zip)

# Each library is where it belongs, and is the one of its platform; Unity is told for which platform it is.
found() {
    [ "$(cat "$1")" = "$2" ] || { echo "$1 is not $2"; exit 1; }
    echo "$2: ${1#*/}"
}
plugins=unity-package/package/Runtime/Plugins
while read -r place_in_package built platform; do
    found "$plugins/$place_in_package" "$built"
    # The platform's entry, up to where it is enabled.
    grep --after-context 2 "^      $platform$" "$plugins/$place_in_package.meta" | grep --quiet 'enabled: 1' ||
        { echo "$place_in_package is not for $platform"; exit 1; }
done <<'END'
windows-x86_64/sterna.dll windows-x86_64/sterna.dll Standalone: Win64
macos/libsterna.dylib macos-universal/libsterna.dylib Standalone: OSXUniversal
linux-x86_64/libsterna.so linux-x86_64/libsterna.so Standalone: Linux64
android-arm64/libsterna.so android-arm64/libsterna.so Android: Android
android-x86_64/libsterna.so android-x86_64/libsterna.so Android: Android
ios/libsterna.a ios-arm64/libsterna.a iPhone: iOS
END
for file in package.json LICENSE-MIT LICENSE-APACHE Samples~/ScaleIn/ScaleInPlayer.cs; do
    [ -f "unity-package/package/$file" ] || { echo "the package for Unity lacks $file"; exit 1; }
done
for package in unity-package/package unreal-plugin/Sterna; do
    grep --quiet '^## ring ' "$package/Third Party Notices.md" || { echo "$package does not name what is linked"; exit 1; }
done
missing="$(find unity-package/package -mindepth 1 -name '*~' -prune -o -not -name '*.meta' -exec sh -c 'for file; do [ -e "$file.meta" ] || echo "$file"; done' sh {} +)"
[ -z "$missing" ] || { echo "without a .meta: $missing"; exit 1; }
doubled="$(find unity-package -name '*.meta' -exec sed --quiet 's/^guid: //p' {} + | sort | uniq -d)"
[ -z "$doubled" ] || { echo "the same guid twice: $doubled"; exit 1; }
library=unreal-plugin/Sterna/Source/ThirdParty/SternaLibrary
for file in Win64/sterna.dll Win64/sterna.dll.lib Mac/libsterna.dylib Linux/libsterna.so.0.1 LinuxArm64/libsterna.so.0.1 \
    Android/arm64-v8a/libsterna.so Android/x86_64/libsterna.so IOS/libsterna.a include/sterna.h include/sterna/sterna.hpp \
    SternaLibrary.Build.cs; do
    [ -f "$library/$file" ] || { echo "the plugin for Unreal lacks $file"; exit 1; }
done

# One platform less is an error that names it.
rm -r "$place/binaries/android-arm64"
cd - >/dev/null
said="$(scripts/assemble-packages.sh "$place/binaries" "$place/packages" || true)"
grep --quiet '^missing: .*android-arm64' <<<"$said" || { echo "nobody missed a platform: $said"; exit 1; }
