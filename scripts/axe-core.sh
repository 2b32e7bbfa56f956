#!/usr/bin/env bash
# Downloads axe-core, the checker of accessibility that the tests in a browser use, to the user's cache, unless it is
# there, and prints the path of its script. Needs npm.
set -euo pipefail

version=4.14.1
sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5

die() { echo "axe-core.sh: $*" >&2; exit 1; }

cache="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/monarc-stats-service"
script="$cache/axe-core-$version.min.js"
if [ ! -e "$script" ]; then
    command -v npm >/dev/null 2>&1 || die "npm is missing: install it first (Debian: apt-get install npm)"
    mkdir -p "$cache"
    # In the folder of the cache, so that the script appears there whole or not at all.
    work=$(mktemp -d "$cache/axe-core.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && npm pack --silent "axe-core@$version" >/dev/null) || die "npm cannot download axe-core $version"
    archive="$work/axe-core-$version.tgz"
    echo "$sha512  $archive" | sha512sum --check --status || die "axe-core $version from npm has another checksum"
    tar -xzf "$archive" -C "$work" package/axe.min.js
    mv "$work/package/axe.min.js" "$script"
fi
echo "$script"
