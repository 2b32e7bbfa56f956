#!/usr/bin/env bash
# Tests pushes and pulls between this service and the Python Stats Service, in both directions, on SQLite and on a
# temporary PostgreSQL, and compares the stats that arrive. It takes some minutes; the first run downloads the Python
# service. Missing programs are installed on Debian as root; elsewhere it prints what to install.
# Usage: scripts/test-python-peer.sh [CASE…] (python-peer/check.py has the cases)
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
cargo build --quiet --locked --bin stats-server --bin stats-admin
programs=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)
export PYTHONDONTWRITEBYTECODE=1
exec scripts/with-postgres.sh "$python" scripts/python-peer/check.py --programs "$programs" "$@"
