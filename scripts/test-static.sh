#!/usr/bin/env bash
# Builds static programs and runs them in an empty folder. With the musl target of Rust they need nothing of the system;
# without it, glibc is linked statically. Usage: scripts/test-static.sh [PROFILE] (default: dev)
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "test-static.sh: $*" >&2; exit 1; }

host=$(rustc -vV | sed -n 's/^host: //p')
musl=${host/-gnu/-musl}
if [ -d "$(rustc --print sysroot)/lib/rustlib/$musl" ]; then
    export STATS_TARGET=$musl
else
    echo "The target $musl is not installed: linking glibc statically."
    export STATS_STATIC=1
fi
programs=$(scripts/build-programs.sh "${1:-dev}")

root=$(mktemp -d "${TMPDIR:-/tmp}/stats-static.XXXXXX")
trap '[ -z "${server:-}" ] || kill "$server" 2>/dev/null; rm -rf "$root"' EXIT
for program in stats-server stats-admin; do
    libraries=$(ldd "$programs/$program" 2>&1 || true)
    case $libraries in *"statically linked"* | *"not a dynamic"*) ;; *) die "$program is not static: $libraries" ;; esac
    cp "$programs/$program" "$root/"
done
mkdir "$root/var" "$root/dev"
# With the devices, which every container has: glibc's static programs take random numbers from /dev/urandom.
# It replaces the shell, so that a signal reaches the program: call it in a subshell.
run() {
    exec unshare --map-root-user --mount sh -euc 'mount --rbind /dev "$1/dev"; exec chroot "$@"' sh "$root" "$@"
}
export DATABASE_URL=sqlite:///var/stats.db HOST=127.0.0.1 PORT=0
unset STATS_CONFIG
(run /stats-admin db init) >/dev/null
(run /stats-admin client create --name "Front office") >"$root/client"
run /stats-server >/dev/null 2>"$root/log" &
server=$!
url=
for _ in $(seq 100); do
    url=$(sed -n 's|.*Listening on \(http://[0-9.:]*\).*|\1|p' "$root/log")
    [ -z "$url" ] || break
    sleep 0.1
done
[ -n "$url" ] || { cat "$root/log" >&2; die "the server did not start"; }
curl --fail --silent --show-error -H "X-API-KEY: $(sed -n 's/^Token: *//p' "$root/client")" "$url/api/v1/client/me" |
    grep -q 'Front office' || die "the server does not know the client"
scripts/check-tls.sh "$programs"
echo "The programs are static."
