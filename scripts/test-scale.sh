#!/usr/bin/env bash
# Tests two servers behind HAProxy, on a PostgreSQL with two standbys, without and with PgBouncer: they are restarted, killed
# and upgraded, and the primary fails, while front offices report and visitors read. The configurations are those of
# examples/scale. It takes about ten minutes. Missing programs are installed on Debian as root; elsewhere it prints what
# to install. Other arguments are names of tests.
# Usage: scripts/test-scale.sh [--old STATS_SERVER] [FILTER…]
# With --old, that program of an earlier version runs first and is replaced, one server after the other.
set -euo pipefail

if [ "${1:-}" = --old ]; then
    [ -x "${2:-}" ] || { echo "test-scale.sh: --old needs a stats-server of an earlier version" >&2; exit 1; }
    STATS_TEST_SCALE_OLD=$(realpath "$2")
    export STATS_TEST_SCALE_OLD
    shift 2
fi
cd "$(dirname "$0")/.."

command -v cargo >/dev/null 2>&1 || { echo "cargo is missing: install Rust from https://rustup.rs first." >&2; exit 1; }
scripts/install-missing.sh <<'NEEDS'
cc gcc
initdb postgresql
psql postgresql-client
haproxy haproxy
pgbouncer pgbouncer
nginx nginx-light
pgrep procps
NEEDS

export STATS_TEST_SCALE=1 STATS_TEST_POSTGRES=none
exec cargo test --locked --workspace --test faults -- --nocapture --test-threads=1 "${@:-scale::}"
