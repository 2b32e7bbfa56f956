#!/usr/bin/env bash
# Runs a command with a temporary PostgreSQL server: on a free port, in a new directory, removed afterwards. The command
# gets its URL in STATS_TEST_POSTGRES. With --standby there is also a hot standby, whose URL is in STATS_TEST_STANDBY.
# STATS_TEST_POSTGRES_OPTIONS are further options of the servers, such as "-c fsync=on".
# Usage: scripts/with-postgres.sh [--standby] COMMAND [ARGUMENT…]
set -euo pipefail

die() { echo "with-postgres.sh: $*" >&2; exit 1; }

find_program() {
    local folder
    for folder in ${PG_BIN:-} $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -rV); do
        if [ -x "$folder/$1" ]; then echo "$folder/$1"; return; fi
    done
    command -v "$1" || die "$1 is missing: install PostgreSQL (Debian: apt-get install postgresql), or set PG_BIN"
}

has_standby=
if [ "${1:-}" = --standby ]; then has_standby=yes; shift; fi
[ $# -gt 0 ] || die "usage: scripts/with-postgres.sh [--standby] COMMAND [ARGUMENT…]"
initdb=$(find_program initdb)
pg_ctl=$(find_program pg_ctl)

# PostgreSQL refuses to run as root.
as_owner() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || die "the server needs a user 'postgres', since it does not run as root"
    as_owner() { setpriv --reuid postgres --regid postgres --clear-groups env -u LC_ALL HOME=/ "$@"; }
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/stats-postgres.XXXXXX")
chmod 755 "$folder"
mkdir "$folder/data" "$folder/socket"
[ "$(id -u)" != 0 ] || chown postgres "$folder/data" "$folder/socket" "$folder"

stop() {
    for data in standby data; do
        [ ! -d "$folder/$data" ] ||
            as_owner "$pg_ctl" --pgdata "$folder/$data" --mode immediate --silent stop >/dev/null 2>&1 || true
    done
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cd "$folder"
as_owner "$initdb" --pgdata data --username postgres --auth trust --encoding UTF8 --locale C --no-sync \
    >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; die "initdb failed"; }

# Starts the server with this data. Its port may be in use: try up to five, and leave it in $port.
start() {
    for try in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 20000))
        if as_owner "$pg_ctl" --pgdata "$1" --silent --wait --log "$folder/$1/server.log" start --options \
            "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder/socket -c max_connections=300 -c fsync=off \
${STATS_TEST_POSTGRES_OPTIONS:-}" \
            >/dev/null 2>&1; then return; fi
    done
    cat "$folder/$1/server.log" >&2
    die "the server did not start"
}

start data
export STATS_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port"
if [ -n "$has_standby" ]; then
    as_owner "$(find_program pg_basebackup)" --dbname "$STATS_TEST_POSTGRES" --pgdata "$folder/standby" \
        --write-recovery-conf --checkpoint fast --no-sync || die "pg_basebackup failed"
    start standby
    export STATS_TEST_STANDBY="postgres://postgres@127.0.0.1:$port"
fi

cd "$OLDPWD"
"$@"
