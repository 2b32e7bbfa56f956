#!/usr/bin/env bash
# Lets slowhttptest hold connections to a server of its own in every slow way it knows, 20 seconds each, while another
# client measures how long it waits. All of it stays on this machine. Usage: scripts/test-slow-clients.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-20}
# What an ordinary request may take meanwhile, in seconds.
patience=2

for program in slowhttptest curl cargo; do
    command -v "$program" >/dev/null 2>&1 ||
        { echo "There is no $program: install it first (Debian: apt-get install $program)." >&2; exit 1; }
done

cargo build --quiet --bin stats-server
target=${CARGO_TARGET_DIR:-target}
folder=$(mktemp -d "${TMPDIR:-/tmp}/stats-slow.XXXXXX")
server=
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT

PORT=0 "$target/debug/stats-server" --demo >"$folder/out" 2>"$folder/log" &
server=$!
for _ in $(seq 300); do
    base=$(sed -n 's/.*Listening on //p' "$folder/log")
    [ -z "$base" ] || break
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done
[ -n "$base" ] || { echo "The server does not start." >&2; exit 1; }
token=$(sed -n 's/^  ADMIN *//p' "$folder/out")

# attack NAME OPTION…: fails if anybody else waits too long, or if connections outlive the limits.
attack() {
    local name=$1 worst=0 count=0 took
    shift
    printf '%-10s' "$name"
    # More connections than a service keeps idle, fewer than it accepts at once.
    slowhttptest "$@" -c 300 -r 100 -l "$seconds" -p 3 >"$folder/$name.log" 2>&1 &
    local attacker=$!
    while kill -0 "$attacker" 2>/dev/null; do
        took=$(curl -sS -o "$folder/answer" --max-time 30 -w '%{time_total}' -H "X-API-KEY: $token" "$base/api/v1/client/me") ||
            { echo "  no answer" >&2; exit 1; }
        grep -q '"name"' "$folder/answer" || { echo "  a wrong answer: $(cat "$folder/answer")" >&2; exit 1; }
        worst=$(printf '%s\n%s\n' "$worst" "$took" | sort -g | tail -1)
        count=$((count + 1))
        sleep 0.2
    done
    # It fails where it lost all its connections, which is what is wanted.
    wait "$attacker" || true
    printf '  %d requests of another client, the slowest %s s\n' "$count" "$worst"
    awk -v worst="$worst" -v patience="$patience" 'BEGIN { exit !(worst <= patience) }' ||
        { echo "Somebody else waited longer than $patience s." >&2; exit 1; }
    [ "$count" -gt 5 ] || { echo "The attack was over at once: $(tail -20 "$folder/$name.log")" >&2; exit 1; }
}

attack headers -H -i 2 -u "$base/health"
# It has no option for headers; the value of one that it has may bring another.
key=$'\r\n'"X-API-KEY: $token"
attack body -B -i 2 -s 100000 -t POST -f "application/json$key" -u "$base/api/v1/stats/"
attack read -X -n 2 -w 128 -y 256 -z 16 -k 3 -j "a=b$key" -u "$base/api/v1/stats/"
metrics=$(curl -sS "$base/metrics")
grep -q 'route="/api/v1/stats",method="GET",status="200"' <<<"$metrics" ||
    { echo "The lists were not asked for with the token: the attack was none." >&2; exit 1; }
echo "Nobody was held up."
