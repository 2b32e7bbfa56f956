#!/usr/bin/env bash
# Builds stats-server and stats-admin as they are released: with TLS to PostgreSQL, from an OpenSSL built from source.
# Prints the folder of the programs. It needs a C compiler, make and Perl. STATS_TARGET is another target triple, such as
# x86_64-unknown-linux-musl. STATS_STATIC=1 links glibc statically, where musl is not available.
# Usage: scripts/build-programs.sh [PROFILE]
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-release}
target=${STATS_TARGET:-}
[ -z "${STATS_STATIC:-}" ] || export RUSTC_WORKSPACE_WRAPPER="$PWD/scripts/rustc-static.sh"
cargo build --quiet --locked --profile "$profile" ${target:+--target "$target"} --bin stats-server --bin stats-admin \
    --features stats-server/vendored-openssl,stats-admin/vendored-openssl >&2
cd "${CARGO_TARGET_DIR:-target}/${target:+$target/}${profile/#dev/debug}"
pwd
