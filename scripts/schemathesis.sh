#!/usr/bin/env bash
# Tests a running service against its OpenAPI document with schemathesis, which sends valid and invalid requests to every
# route. It takes a minute or two; the first run downloads schemathesis. Arguments are passed to `schemathesis run`.
# Example: scripts/schemathesis.sh --include-path /health
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$(scripts/python-tool.sh schemathesis 4.32.5):$PATH"
run() {
    status=0
    schemathesis --config-file scripts/schemathesis.toml run "$STATS_URL/api/v1/openapi.json" \
        --header "X-API-KEY: $STATS_TOKEN" --checks all --max-examples 50 --max-time 150 --request-timeout 10 "$@" || status=$?
    # Broken connections and duplicate stats are errors of the client.
    if grep ' ERROR ' "$STATS_LOG" | grep -vE ' actix_http::| Duplicate stats' >&2; then
        echo "The service logged errors." >&2
        status=1
    fi
    return "$status"
}
export -f run
scripts/with-server.sh -- bash -c 'run "$@"' run "$@"
