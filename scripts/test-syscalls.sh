#!/usr/bin/env bash
# Traces both programs on both databases, and checks that the systemd unit of the package allows every system call that
# they make. Usage: scripts/test-syscalls.sh
set -euo pipefail
cd "$(dirname "$0")/.."

for program in strace systemd-analyze curl; do
    command -v "$program" >/dev/null 2>&1 ||
        { echo "$program is missing: install it first (Debian: apt-get install ${program/-analyze/})." >&2; exit 1; }
done
# This script runs itself with a PostgreSQL server.
[ -n "${STATS_TEST_POSTGRES:-}" ] || exec scripts/with-postgres.sh scripts/test-syscalls.sh

cargo build --quiet --locked --workspace --bins
programs="${CARGO_TARGET_DIR:-target}/debug"
folder=$(mktemp -d "${TMPDIR:-/tmp}/stats-syscalls.XXXXXX")
trap 'rm -rf "$folder"' EXIT
export STATS_CONFIG=/dev/null HOST=127.0.0.1 PORT=0 ADMIN_TOKEN=token-of-the-administrator-of-the-test
export LOG_PATH="$folder/stats.log"

# The programs run as the unit runs them, not as root.
as_user=()
cp "$programs"/stats-{server,admin} "$folder"
if [ "$(id -u)" = 0 ]; then
    chown -R 65534 "$folder"
    as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi

# Each process is traced into a file.
traced() {
    local program=$1
    shift
    "${as_user[@]}" strace -ff -qq -o "$(mktemp -u "$folder/trace.XXXXXX")" "$folder/$program" "$@"
}

# A request to an address of the service, with options of curl.
request() {
    local path=$1
    shift
    curl -sS --fail -o "$folder/answer" -H "X-API-KEY: $ADMIN_TOKEN" "$@" "$url$path"
}

# What a service does in its life.
live() {
    export DATABASE_URL=$1
    traced stats-admin db create
    traced stats-server --check >/dev/null || true
    traced stats-server 2>"$folder/err" &
    local server=$! url=
    for _ in $(seq 300); do
        url=$(sed -n 's|.*Listening on \(http://[0-9.:]*\).*|\1|p' "$LOG_PATH" 2>/dev/null | tail -n 1)
        [ -z "$url" ] || break
        kill -0 "$server" 2>/dev/null || { cat "$folder/err" "$LOG_PATH" >&2; exit 1; }
        sleep 0.1
    done
    local stat='[{"anr": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1", "type": "threat", "date": "'$(date +%F)'", "data": [
        {"uuid": "b402d4e0-4576-11e9-9173-0800277f0571", "count": 12, "maxRisk": 36, "averageRate": "2.82"}]}]'
    request /api/v1/stats/ -H 'Content-Type: application/json' -d "$stat"
    gzip -c <<<"$stat" | request /api/v1/stats/ -H 'Content-Type: application/json' -H 'Content-Encoding: gzip' \
        --data-binary @-
    for path in '/api/v1/stats/?type=threat' '/api/v1/stats/processed/?type=threat&processor=threat_average_on_date' \
        / /stats /map /evolution /cartography /compliance /about /chart/threats.svg /chart/threats.png /stats/threats.json /health /metrics; do
        request "$path" || echo "$path: no answer" >&2
    done
    traced stats-admin client list >/dev/null
    traced stats-admin db backup "$folder/backup-${DATABASE_URL%%:*}.db" >/dev/null
    traced stats-admin doctor >/dev/null || true
    local process
    process=$(pgrep -f "^$folder/stats-server")
    kill -HUP "$process"
    request /health
    kill -TERM "$process"
    wait "$server"
    rm "$LOG_PATH"
}

live "sqlite://$folder/stats.db"
live "$STATS_TEST_POSTGRES/stats_syscalls"

# The names of the calls in a group, and in the groups that it contains.
calls_of() {
    local name
    systemd-analyze syscall-filter --no-pager "$1" | sed -n 's/^    \([-@_a-z0-9]*\)$/\1/p' | while read -r name; do
        case $name in @*) calls_of "$name" ;; *) echo "$name" ;; esac
    done
}
for group in $(sed -n 's/^SystemCallFilter=\(@.*\)/\1/p' packaging/debian/stats-server.service); do
    calls_of "$group"
done | sort -u >"$folder/allowed"
for group in $(sed -n 's/^SystemCallFilter=~\(@.*\)/\1/p' packaging/debian/stats-server.service); do
    calls_of "$group"
done | sort -u | comm -23 "$folder/allowed" - >"$folder/filter"

# A trace has lines such as 'read(3, …) = 1'.
cat "$folder"/trace.* | sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' | sort -u >"$folder/made"
echo "System calls: $(paste -sd ' ' "$folder/made")"
denied=$(comm -23 "$folder/made" "$folder/filter")
[ -z "$denied" ] || { echo "The unit denies these calls: $denied" >&2; exit 1; }
