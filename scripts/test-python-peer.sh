#!/usr/bin/env bash
# Installs the Python Stats Service, which runs in the field today, and tests that ours and it push to and pull from each
# other, in both directions, on SQLite and on a PostgreSQL of its own: what arrived is compared stat by stat. It takes some
# minutes, and the network the first time. On Debian and as root it installs what is missing; elsewhere it says what to
# install. Usage: scripts/test-python-peer.sh [CASE…], where a case is one of those in python-peer/check.py.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null 2>&1 || { echo "There is no cargo: install Rust from https://rustup.rs first." >&2; exit 1; }
scripts/install-missing.sh <<'NEEDS'
cc gcc
initdb postgresql
setpriv util-linux
python3 python3
python3:ensurepip python3-venv
NEEDS

# What was installed from these requirements by this Python; the copy of them is written last, so that without it the
# installation came to no end.
requirements=scripts/python-peer/requirements.txt
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
venv="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/monarc-stats-service/python-peer-$version"
python="$venv/bin/python"
if ! cmp -s "$requirements" "$venv/requirements.txt" || ! "$python" -c 'import flask, gunicorn, psycopg2' 2>/dev/null; then
    echo "Installing the Python Stats Service in $venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
    cp "$requirements" "$venv/requirements.txt"
fi

cargo build --quiet --locked --bin stats-server --bin stats-admin
programs=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)
export PYTHONDONTWRITEBYTECODE=1
exec scripts/with-postgres.sh "$python" scripts/python-peer/check.py --programs "$programs" "$@"
