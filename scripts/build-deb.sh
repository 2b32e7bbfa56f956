#!/usr/bin/env bash
# Builds the Debian package in target/debian and prints its path. The programs speak TLS to PostgreSQL, with an OpenSSL
# built from source. It needs cargo-deb (cargo install --locked cargo-deb), a C compiler, make and Perl.
# Usage: scripts/build-deb.sh [--profile PROFILE] [--version VERSION]
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "build-deb.sh: $*" >&2; exit 1; }

profile=release
version=$(scripts/version.sh)
version=${version/-/\~}-1
while [ $# -gt 0 ]; do
    case $1 in
        --profile) profile=$2 ;;
        --version) version=$2 ;;
        *) die "usage: scripts/build-deb.sh [--profile PROFILE] [--version VERSION]" ;;
    esac
    shift 2
done
cargo deb --version >/dev/null 2>&1 || die "cargo-deb is missing: cargo install --locked cargo-deb"

programs=$(scripts/build-programs.sh "$profile")
# Files have the time of the commit. Not before the build, because a change of this variable builds OpenSSL anew.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
scripts/package-files.sh "$programs" "$programs/package" "$version"
fast=()
[ "$profile" = release ] || fast=(--fast)
cargo deb --quiet ${fast[@]+"${fast[@]}"} --package stats-server --no-build --profile "$profile" --deb-version "$version"
