#!/usr/bin/env bash
# Tests the service against faults, as the checks do, but for longer: a hundred kills, outages of PostgreSQL ten times,
# upgrades from every schema with a million stats. It takes about half an hour and 2 GB of disk, and prints how
# long the migrations take. Missing programs are installed on Debian as root; elsewhere it prints what to install. Arguments
# are passed to the test program. Example: scripts/test-faults.sh an_upgrade
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null 2>&1 || { echo "cargo is missing: install Rust from https://rustup.rs first." >&2; exit 1; }
scripts/install-missing.sh <<'NEEDS'
cc gcc
faketime faketime
initdb postgresql
setpriv util-linux
NEEDS

export STATS_TEST_FAULTS=long
exec scripts/with-postgres.sh cargo test --locked --workspace --test faults -- --nocapture --test-threads=1 "$@"
