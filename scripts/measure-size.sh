#!/usr/bin/env bash
# Measures the service with more and more stats in a temporary PostgreSQL, and prints a Markdown table. Ten million
# stats with two objects in each list take about half an hour and 32 GB of disk in TMPDIR. Missing programs are installed on Debian as root; elsewhere
# it prints what to install. Usage: scripts/measure-size.sh [--objects N] STATS… (scripts/measure-size.sh --help)
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null 2>&1 || { echo "cargo is missing: install Rust from https://rustup.rs first." >&2; exit 1; }
scripts/install-missing.sh <<'NEEDS'
cc gcc
initdb postgresql
setpriv util-linux
python3 python3
python3:ensurepip python3-venv
NEEDS

python=$(scripts/python-peer/install.sh)
cargo build --quiet --locked --release --bin stats-server --bin stats-admin
cargo build --quiet --locked --release -p stats-sample --example batches
programs=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
export PYTHONDONTWRITEBYTECODE=1
export STATS_TEST_POSTGRES_OPTIONS="-c fsync=on -c shared_buffers=3GB -c max_wal_size=2GB -c checkpoint_timeout=15min"
exec scripts/with-postgres.sh "$python" scripts/size/size.py --programs "$programs" "$@"
