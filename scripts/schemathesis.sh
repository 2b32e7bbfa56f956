#!/usr/bin/env bash
# Lets schemathesis hold the running service against its own specification: made-up requests, good and bad ones, on every
# route. It takes a minute or two; the exit status tells whether it found something.
# Arguments are passed on to `schemathesis run`, for example: scripts/schemathesis.sh --include-path /health
set -euo pipefail
cd "$(dirname "$0")/.."

version=4.32.5
token=schemathesis-admin-token

python3 -m venv --help >/dev/null 2>&1 || {
    echo "schemathesis.sh: there is no python3 with venv (Debian: apt-get install python3-venv)" >&2
    exit 1
}
venv="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/monarc-stats-service/schemathesis-$version"
if [ ! -x "$venv/bin/schemathesis" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet "schemathesis==$version"
fi

cargo build --quiet --locked --bin stats-server
program="${CARGO_TARGET_DIR:-target}/debug/stats-server"

folder=$(mktemp -d "${TMPDIR:-/tmp}/stats-schemathesis.XXXXXX")
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Port 0 is a free one; the log tells which.
HOST=127.0.0.1 PORT=0 DATABASE_URL="sqlite://$folder/stats.db" ADMIN_TOKEN=$token "$program" 2>"$folder/log" &
server=$!
address=
for _ in $(seq 100); do
    address=$(sed -n 's|.*Listening on \(http://[0-9.:]*\).*|\1|p' "$folder/log")
    [ -z "$address" ] || break
    sleep 0.1
done
[ -n "$address" ] || { cat "$folder/log" >&2; exit 1; }

status=0
"$venv/bin/schemathesis" --config-file scripts/schemathesis.toml run "$address/api/v1/openapi.json" \
    --header "X-API-KEY: $token" --checks all --max-examples 50 --max-time 150 --request-timeout 10 "$@" || status=$?
# Requests that are no HTTP, stats that are sent twice and documents that processors cannot read are part of the game.
if grep -E ' (ERROR|WARN) ' "$folder/log" | grep -vE ' actix_http::| Duplicate stats| could not read ' >"$folder/problems"; then
    echo "The service wrote to its log:" >&2
    head -n 20 "$folder/problems" >&2
    status=1
fi
exit "$status"
