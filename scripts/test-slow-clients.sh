#!/usr/bin/env bash
# Attacks a demo service with the slow requests of slowhttptest, 20 seconds for each kind, while another client measures
# the duration of its requests. Usage: scripts/test-slow-clients.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

for program in slowhttptest curl cargo; do
    command -v "$program" >/dev/null 2>&1 ||
        { echo "$program is missing: install it first (Debian: apt-get install $program)." >&2; exit 1; }
done

# Seconds that a request of the other client may take.
export MAX_SECONDS=2
ATTACK_SECONDS=${1:-20}
folder=$(mktemp -d "${TMPDIR:-/tmp}/stats-slow.XXXXXX")
trap 'rm -rf "$folder"' EXIT
export ATTACK_SECONDS folder

# attack NAME OPTION…: fails if a request of the other client fails or takes too long.
attack() {
    local name=$1 slowest=0 count=0 seconds
    shift
    printf '%-10s' "$name"
    # The service accepts 2000 connections: the other client must still get one.
    slowhttptest "$@" -c 1000 -r 500 -l "$ATTACK_SECONDS" -p 3 >"$folder/$name.log" 2>&1 &
    local attacker=$!
    while kill -0 "$attacker" 2>/dev/null; do
        seconds=$(curl -sS -o "$folder/answer" --max-time 30 -w '%{time_total}' -H "X-API-KEY: $STATS_TOKEN" \
            "$STATS_URL/api/v1/client/me") || { echo "  no answer" >&2; exit 1; }
        grep -q '"name"' "$folder/answer" || { echo "  unexpected answer: $(cat "$folder/answer")" >&2; exit 1; }
        slowest=$(printf '%s\n%s\n' "$slowest" "$seconds" | sort -g | tail -1)
        count=$((count + 1))
        sleep 0.2
    done
    # slowhttptest fails if the service closes all its connections.
    wait "$attacker" || true
    printf '  %d requests of another client, the slowest took %s s\n' "$count" "$slowest"
    awk -v slowest="$slowest" -v limit="$MAX_SECONDS" 'BEGIN { exit !(slowest <= limit) }' ||
        { echo "A request took longer than $MAX_SECONDS s." >&2; exit 1; }
    [ "$count" -gt 5 ] || { echo "The attack ended early: $(tail -20 "$folder/$name.log")" >&2; exit 1; }
}

run() {
    set -euo pipefail
    attack headers -H -i 2 -u "$STATS_URL/health"
    # slowhttptest has no option for headers. A line break in the value of -f or -j adds one.
    local key=$'\r\n'"X-API-KEY: $STATS_TOKEN"
    attack body -B -i 2 -s 100000 -t POST -f "application/json$key" -u "$STATS_URL/api/v1/stats/"
    attack read -X -n 2 -w 128 -y 256 -z 16 -k 3 -j "a=b$key" -u "$STATS_URL/api/v1/stats/"
    attack page -X -n 2 -w 128 -y 256 -z 16 -k 3 -u "$STATS_URL/api/v1/browser/swagger-ui-bundle.js"
    # Without -q, since curl fails if grep ends early.
    curl -sS "$STATS_URL/metrics" | grep 'route="/api/v1/stats",method="GET",status="200"' >/dev/null ||
        { echo "The service did not accept the token in the requests for lists." >&2; exit 1; }
    echo "No request of another client took longer than $MAX_SECONDS s."
}
export -f attack run
scripts/with-server.sh --demo -- bash -c run
