#!/usr/bin/env bash
# Packs the Unity package with native libraries into a folder, which Unity takes from disk or, as an archive, from anywhere.
#
#     scripts/unity-package.sh FOLDER PLATFORM=LIBRARY...
#
# Platforms: linux-x86_64, windows-x86_64, macos (a universal .dylib), android-arm64, android-armv7, android-x86_64, ios
# (a static .a). The libraries are built for them beforehand; each is ticked for its platform and no other.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
[ $# -ge 1 ] || { sed -n 2,7p "$0"; exit 2; }
package="$1"
shift
[ ! -e "$package" ] || { echo "$package is there already: name a new folder"; exit 2; }

mkdir -p "$package"
cp -r "$here/bindings/unity/." "$package"
cp "$here/LICENSE-MIT" "$here/LICENSE-APACHE" "$package"

# enabled <platform's group> <platform> <key: value>...
enabled() {
    printf '  - first:\n      %s: %s\n    second:\n      enabled: 1\n      settings:\n' "$1" "$2"
    shift 2
    printf '        %s\n' "$@"
}

platform_data() {
    case "$1" in
    linux-x86_64)
        enabled Editor Editor "CPU: x86_64" "DefaultValueInitialized: true" "OS: Linux"
        enabled Standalone Linux64 "CPU: x86_64" ;;
    windows-x86_64)
        enabled Editor Editor "CPU: x86_64" "DefaultValueInitialized: true" "OS: Windows"
        enabled Standalone Win64 "CPU: x86_64" ;;
    macos)
        enabled Editor Editor "CPU: AnyCPU" "DefaultValueInitialized: true" "OS: OSX"
        enabled Standalone OSXUniversal "CPU: AnyCPU" ;;
    android-arm64) enabled Android Android "CPU: ARM64" ;;
    android-armv7) enabled Android Android "CPU: ARMv7" ;;
    android-x86_64) enabled Android Android "CPU: X86_64" ;;
    ios) enabled iPhone iOS "AddToEmbeddedBinaries: false" "CPU: ARM64" \
        "FrameworkDependencies: CoreFoundation;Security;" ;;
    esac
}

file_name() {
    case "$1" in
    linux-x86_64 | android-arm64 | android-armv7 | android-x86_64) echo libsterna.so ;;
    windows-x86_64) echo sterna.dll ;;
    macos) echo libsterna.dylib ;;
    ios) echo libsterna.a ;;
    *) echo "there is no platform \`$1\`: see the head of $0" >&2; exit 2 ;;
    esac
}

for argument in "$@"; do
    platform="${argument%%=*}"
    name="$(file_name "$platform")"
    plugin="Runtime/Plugins/$platform/$name"
    mkdir -p "$package/Runtime/Plugins/$platform"
    cp "${argument#*=}" "$package/$plugin"
    {
        printf 'fileFormatVersion: 2\nguid: %s\n' "$(printf 'com.sterna.client/%s' "$plugin" | md5sum | cut -c1-32)"
        printf 'PluginImporter:\n  externalObjects: {}\n  serializedVersion: 2\n  iconMap: {}\n  executionOrder: {}\n'
        printf '  defineConstraints: []\n  isPreloaded: 0\n  isOverridable: 0\n  isExplicitlyReferenced: 0\n'
        printf '  validateReferences: 1\n  platformData:\n'
        printf '  - first:\n      Any: \n    second:\n      enabled: 0\n      settings: {}\n'
        platform_data "$platform"
        printf '  userData: \n  assetBundleName: \n  assetBundleVariant: \n'
    } >"$package/$plugin.meta"
done
"$here/scripts/unity-meta.sh" "$package"
echo "packed $package: Window > Package Manager > + > Add package from disk > package.json"
