#!/usr/bin/env bash
# Builds the image of the Dockerfile with Buildah, which needs no engine, and tests it in the environment of the Python
# service's container, on PostgreSQL and on SQLite. The programs are built before, and the base image is made with
# debootstrap: the first stage of the Dockerfile and the base image of Docker Hub are not tested. It needs root and Debian.
# Usage: scripts/test-container.sh [PROFILE] (default: dev)
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "test-container.sh: $*" >&2; exit 1; }
step() { printf '\n== %s\n' "$*"; }

[ "$(id -u)" = 0 ] || die "Buildah needs root to build in a chroot"
scripts/install-missing.sh <<'NEEDS'
buildah buildah
debootstrap debootstrap
curl curl
initdb postgresql
setpriv util-linux
NEEDS

if [ -z "${STATS_TEST_POSTGRES:-}" ]; then exec scripts/with-postgres.sh "$0" "$@"; fi

programs=$(scripts/build-programs.sh "${1:-dev}")
work=$(mktemp -d "${TMPDIR:-/var/tmp}/stats-container.XXXXXX")
container= process=
buildah() { command buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs "$@"; }
clean_up() {
    [ -z "$process" ] || kill -- "-$process" 2>/dev/null || true
    [ -z "$container" ] || buildah rm "$container" >/dev/null 2>&1 || true
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT

step "Image"
mkdir -p "$work/context/programs"
git ls-files -z packaging Dockerfile | xargs -0 cp --parents -t "$work/context"
for program in stats-server stats-admin; do strip -o "$work/context/programs/$program" "$programs/$program"; done
# Without the first stage, and with the base image from above.
container=$(buildah from scratch)
base=$(scripts/debian-base.sh ca-certificates)
buildah add --quiet "$container" "$base" / >/dev/null
buildah commit --quiet "$container" docker.io/library/debian:bookworm-slim >/dev/null
buildah rm "$container" >/dev/null
sed -i -e '/^FROM .*rust/,/^FROM .*debian/{/^FROM .*debian/!d}' "$work/context/Dockerfile"
sed -i -e 's|^FROM .*debian|FROM scratch AS build\nCOPY programs /src/target/release\n\n&|' "$work/context/Dockerfile"
buildah bud --quiet --pull-never --isolation chroot --format docker --tag stats "$work/context" >/dev/null
container=$(buildah from stats)
config() { buildah inspect --format "{{$1}}" "$container"; }
[ "$(config .OCIv1.Config.Entrypoint)" = "[entrypoint]" ] || die "the entrypoint is $(config .OCIv1.Config.Entrypoint)"
[ "$(config .OCIv1.Config.Cmd)" = "[stats-server]" ] || die "the command is $(config .OCIv1.Config.Cmd)"
[ "$(config .Docker.Config.Healthcheck.Test)" = "[CMD healthy]" ] || die "the image has no health check"

port=$((20000 + RANDOM % 20000))
database=${STATS_TEST_POSTGRES##*:}
# run ENVIRONMENT COMMAND…: runs a command in the container with more variables, named by an array.
run() {
    local -n more=$1
    local options=()
    for variable in "${more[@]}"; do options+=(--env "$variable"); done
    buildah run --isolation chroot "${options[@]}" "$container" -- "${@:2}"
}
# start ENVIRONMENT: starts the server and waits until it is healthy.
start() {
    set -m
    run "$1" entrypoint stats-server >"$work/log" 2>&1 &
    process=$!
    set +m
    for _ in $(seq 150); do
        ! run "$1" healthy >/dev/null 2>&1 || return 0
        kill -0 "$process" 2>/dev/null || break
        sleep 0.2
    done
    cat "$work/log" >&2
    die "the container is not healthy"
}
stop() {
    kill -- "-$process"
    wait "$process" 2>/dev/null || true
    process=
}
get() { curl --fail-with-body --silent --show-error "http://127.0.0.1:$port$1" -H "X-API-KEY: $token"; }
token=token-of-the-administrator-in-the-container

step "Environment of the Python container"
# shellcheck disable=SC2034 # run and start read it.
python=("HOST=0.0.0.0" "PORT=$port" "DEBUG=0" "TESTING=0" "INSTANCE_URL=http://localhost:$port" "FIX_PROXY=0"
    "ADMIN_EMAIL=info@example.org" "ADMIN_URL=https://www.example.org" "ADMIN_TOKEN=$token"
    "REMOTE_STATS_SERVER=https://dashboard.example.org" "REMOTE_STATS_TOKEN=" "CLIENT_REGISTRATION_OPEN=1"
    "DB_HOSTNAME=127.0.0.1" "DB_PORT=$database" "DB_NAME=statsservice" "DB_USERNAME=postgres" "DB_PASSWORD=password"
    "SQLALCHEMY_TRACK_MODIFICATIONS=0" "SECRET_KEY=secret" "LOG_PATH=./var/stats.log" "MOSP_URL=https://objects.example.org"
    "FLASK_APP=runserver.py" "STATS_CONFIG=docker.py")
if run python healthy 2>/dev/null; then die "the container is healthy before it starts"; fi
start python
get /api/v1/client/me | grep -q '"ADMIN"' || die "ADMIN_TOKEN is not the token of an administrator"
[ "$(ps -o uid= -p "$(pgrep -nx stats-server)" | xargs)" = 10001 ] || die "the server runs as another user"
run python cat var/stats.log | grep Listening >/dev/null || die "LOG_PATH has no effect"
stop

step "SQLite, with the address of Heroku"
# shellcheck disable=SC2034 # run and start read it.
sqlite=("PORT=$port" "DATABASE_URL=sqlite://var/stats.db" "ADMIN_TOKEN=$token")
start sqlite
get /api/v1/client/me | grep -q '"ADMIN"' || die "ADMIN_TOKEN is not the token of an administrator"
clients=$(run sqlite stats-admin client list 2>&1) || die "stats-admin failed in the container: $clients"
[[ $clients == *ADMIN* ]] || die "stats-admin does not know the administrator: $clients"
run sqlite test -s /app/var/stats.db || die "the database is not in the volume"
grep -q "Listening on http://0.0.0.0:$port" "$work/log" || die "the server does not listen on all addresses"
stop

step "A database server that starts late"
# shellcheck disable=SC2034 # run reads it.
absent=("PORT=$port" "DB_HOSTNAME=127.0.0.1" "DB_PORT=1")
set -m
run absent entrypoint stats-server >"$work/log" 2>&1 &
process=$!
set +m
tries() { grep -c '^stats-admin: ' "$work/log" || true; }
for _ in $(seq 300); do
    [ "$(tries)" -lt 2 ] || break
    kill -0 "$process" 2>/dev/null || break
    sleep 0.2
done
[ "$(tries)" = 2 ] || { cat "$work/log" >&2; die "the container does not wait for its database"; }
stop

step "The container works"
