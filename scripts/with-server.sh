#!/usr/bin/env bash
# Runs a command with a temporary stats-server: on a free port, with a new SQLite database, removed afterwards. The
# command gets its URL in STATS_URL, the token of an administrator in STATS_TOKEN and the path of its log in STATS_LOG.
# Arguments before '--' are passed to stats-server. STATS_PROFILE is the profile that Cargo builds it with, such as
# release. Usage: scripts/with-server.sh [--demo] -- COMMAND [ARGUMENT…]
set -euo pipefail

die() { echo "with-server.sh: $*" >&2; exit 1; }

options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
[ $# -gt 1 ] || die "usage: scripts/with-server.sh [--demo] -- COMMAND [ARGUMENT…]"
shift

root=$(cd "$(dirname "$0")/.." && pwd)
profile=${STATS_PROFILE:-dev}
cargo build --quiet --locked --profile "$profile" --manifest-path "$root/Cargo.toml" --bin stats-server
program="${CARGO_TARGET_DIR:-$root/target}/${profile/#dev/debug}/stats-server"

folder=$(mktemp -d "${TMPDIR:-/tmp}/stats-server.XXXXXX")
server=
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export STATS_LOG="$folder/log" STATS_TOKEN=token-of-the-administrator
touch "$STATS_LOG"
STATS_CONFIG=/dev/null HOST=127.0.0.1 PORT=0 DATABASE_URL="sqlite://$folder/stats.db" ADMIN_TOKEN=$STATS_TOKEN \
    "$program" ${options[@]+"${options[@]}"} >"$folder/out" 2>"$STATS_LOG" &
server=$!
STATS_URL=
for _ in $(seq 300); do
    # The operating system chose the port.
    STATS_URL=$(sed -n 's|.*Listening on \(http://[0-9.:]*\).*|\1|p' "$STATS_LOG")
    [ -z "$STATS_URL" ] || break
    kill -0 "$server" 2>/dev/null || { cat "$STATS_LOG" >&2; die "the server stopped"; }
    sleep 0.1
done
[ -n "$STATS_URL" ] || die "the server did not start in 30 s"
export STATS_URL
# The demo creates its own administrator and prints the token.
demo_token=$(sed -n 's/^  ADMIN *//p' "$folder/out")
[ -z "$demo_token" ] || STATS_TOKEN=$demo_token

"$@"
