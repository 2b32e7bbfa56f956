#!/usr/bin/env bash
# Races this service, on SQLite and on a temporary PostgreSQL, against the Python Stats Service with the same made-up
# stats, and prints a Markdown table of medians. It takes less than 10 minutes; the first run downloads the Python
# service. Missing programs are installed on Debian as root; elsewhere it prints what to install.
# Usage: scripts/race.sh [OPTION…] (scripts/race.sh --help)
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null 2>&1 || { echo "cargo is missing: install Rust from https://rustup.rs first." >&2; exit 1; }
scripts/install-missing.sh <<'NEEDS'
cc gcc
initdb postgresql
setpriv util-linux
python3 python3
python3:ensurepip python3-venv
wrk wrk
NEEDS

python=$(scripts/python-peer/install.sh)
case " $* " in *" --help "* | *" -h "*) exec "$python" scripts/race/race.py --programs . --help ;; esac

case " $* " in *" --binary"*) ;; *) cargo build --quiet --locked --release --bin stats-server ;; esac
cargo build --quiet --locked --release -p stats-sample --example batches
programs=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
export PYTHONDONTWRITEBYTECODE=1
exec scripts/with-postgres.sh "$python" scripts/race/race.py --programs "$programs" "$@"
