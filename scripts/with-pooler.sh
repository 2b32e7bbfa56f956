#!/usr/bin/env bash
# Runs a command with PgBouncer in front of the PostgreSQL server of STATS_TEST_POSTGRES, which then names PgBouncer. MODE is
# session or transaction. Usage: scripts/with-postgres.sh scripts/with-pooler.sh MODE COMMAND [ARGUMENT…]
# Example, all tests through it: scripts/with-postgres.sh scripts/with-pooler.sh transaction cargo test -p stats-db postgres
set -euo pipefail

die() { echo "with-pooler.sh: $*" >&2; exit 1; }

mode=${1:-}
case $mode in session | transaction) shift ;; *) die "usage: scripts/with-pooler.sh session|transaction COMMAND [ARGUMENT…]" ;; esac
command -v pgbouncer >/dev/null || die "pgbouncer is missing: install PgBouncer (Debian: apt-get install pgbouncer)"

# PgBouncer refuses to run as root.
as_owner() { "$@"; }
[ "$(id -u)" != 0 ] || as_owner() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/stats-pooler.XXXXXX")
chmod 755 "$folder"
bouncer=
stop() {
    if [ -n "$bouncer" ]; then kill "$bouncer" 2>/dev/null || true; wait "$bouncer" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# In session mode each connection of a test keeps one of the server.
case $mode in session) size=60 ;; transaction) size=4 ;; esac
# The port may be in use. Try up to five.
for try in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    cat >"$folder/pgbouncer.ini" <<EOF
[databases]
* = host=127.0.0.1 port=${STATS_TEST_POSTGRES##*:} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = $mode
default_pool_size = $size
max_client_conn = 2000
; A test may ask for a database before it creates it.
server_login_retry = 1
EOF
    as_owner pgbouncer --quiet "$folder/pgbouncer.ini" >"$folder/log" 2>&1 &
    bouncer=$!
    for _ in $(seq 50); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && kill -0 "$bouncer" 2>/dev/null; then break 2; fi
        kill -0 "$bouncer" 2>/dev/null || break
        sleep 0.1
    done
    [ "$try" != 5 ] || { cat "$folder/log" >&2; die "PgBouncer did not start"; }
done

export STATS_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port"
[ "$mode" != transaction ] || export STATS_TEST_POOL_MODE=transaction
"$@"
