#!/usr/bin/env bash
# Generates a Python client from the OpenAPI document of a running service and uses it: posts a stat, lists it, runs a
# processor and reads the public statistics. The first run downloads openapi-python-client.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$(scripts/python-tool.sh openapi-python-client 0.29.1):$PATH"
folder=$(mktemp -d "${TMPDIR:-/tmp}/stats-openapi.XXXXXX")
trap 'rm -rf "$folder"' EXIT
run() {
    openapi-python-client generate --url "$STATS_URL/api/v1/openapi.json" --output-path "$1/client" --meta none \
        --fail-on-warning >"$1/log" 2>&1 || { cat "$1/log" >&2; return 1; }
    PYTHONPATH="$1" python3 scripts/openapi-client.py
}
export -f run
scripts/with-server.sh -- bash -c 'run "$@"' run "$folder"
