#!/usr/bin/env bash
# Writes the .meta files that a folder of Unity assets lacks. The guids are made of the paths, so that they are the same
# wherever that is done.
#
#     scripts/unity-meta.sh               for bindings/unity
#     scripts/unity-meta.sh FOLDER        for another one, which is taken for the same package
set -euo pipefail
folder="${1:-$(dirname "$0")/../bindings/unity}"
cd "$folder"

importer() {
    if [ -d "$1" ]; then
        printf 'folderAsset: yes\nDefaultImporter:\n  externalObjects: {}\n'
        return
    fi
    case "$1" in
    *.cs) printf 'MonoImporter:\n  externalObjects: {}\n  serializedVersion: 2\n  defaultReferences: []\n  executionOrder: 0\n  icon: {instanceID: 0}\n' ;;
    *.asmdef) printf 'AssemblyDefinitionImporter:\n  externalObjects: {}\n' ;;
    package.json) printf 'PackageManifestImporter:\n  externalObjects: {}\n' ;;
    *.md) printf 'TextScriptImporter:\n  externalObjects: {}\n' ;;
    *) printf 'DefaultImporter:\n  externalObjects: {}\n' ;;
    esac
}

# Unity passes over folders whose names end in ~, and over hidden ones.
find . -mindepth 1 \( -name '.*' -o -name '*~' \) -prune -o ! -name '*.meta' -print | sed 's|^\./||' | sort |
    while read -r asset; do
        [ -e "$asset.meta" ] && continue
        guid="$(printf 'com.sterna.client/%s' "$asset" | md5sum | cut -c1-32)"
        {
            printf 'fileFormatVersion: 2\nguid: %s\n' "$guid"
            importer "$asset"
            printf '  userData: \n  assetBundleName: \n  assetBundleVariant: \n'
        } >"$asset.meta"
    done
