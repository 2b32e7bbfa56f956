#!/usr/bin/env bash
# Installs a PyPI package in a virtual environment in the user's cache, unless it is there, and prints the directory of
# its programs. Usage: scripts/python-tool.sh PACKAGE VERSION [REQUIREMENT…]
set -euo pipefail

python3 -c 'import venv, ensurepip' 2>/dev/null || {
    echo "python-tool.sh: python3 has no venv (Debian: apt-get install python3-venv)" >&2
    exit 1
}
venv="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/monarc-stats-service/$1-$2"
contents="$(python3 --version), $*"
# The file `contents` is written last: without it the installation is incomplete.
if [ "$(cat "$venv/contents" 2>/dev/null)" != "$contents" ]; then
    echo "Installing $1 $2 in $venv" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$1==$2" "${@:3}" >&2
    echo "$contents" >"$venv/contents"
fi
echo "$venv/bin"
