#!/usr/bin/env bash
# Tests the Debian package in a Debian system of its own (debootstrap) with a network of its own: installs it, runs the
# commands of docs/deployment.md, rotates the log, upgrades, removes and purges. Nothing there runs systemd:
# test-package/systemctl stands in for it, and test-package/certbot for a public name. It takes two minutes besides the
# build; the first run downloads Debian. It needs root, cargo-deb and an x86-64 or ARM Debian.
# Usage: scripts/test-package.sh [--deb FILE] (default: a package of unoptimised programs)
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "test-package.sh: $*" >&2; exit 1; }
step() { printf '\n== %s\n' "$*"; }

[ "$(id -u)" = 0 ] || die "a Debian system can only be made as root"
deb=
case ${1:-} in
    --deb) deb=${2:?} ;;
    ?*) die "usage: scripts/test-package.sh [--deb FILE]" ;;
esac
scripts/install-missing.sh <<'NEEDS'
debootstrap debootstrap
lintian lintian
systemd-analyze systemd
unshare util-linux
man man-db
NEEDS

step "Package"
[ -n "$deb" ] || deb=$(scripts/build-deb.sh --profile dev)
deb=$(realpath "$deb")
ls -l "$deb"
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$deb"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/stats-package.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

step "Unit"
scripts/test-unit.sh

step "Debian system"
# What the commands of the documentation install, what the package depends on or recommends, and tools of the test.
base=$(scripts/debian-base.sh adduser bash-completion ca-certificates certbot cron curl fish logrotate man-db nginx-light \
    openssl procps python3-certbot-nginx socat sudo zsh)
root=$work/root
cp -a "$base" "$root"
install -m 755 scripts/test-package/systemctl "$root/usr/bin/systemctl"
install -m 755 scripts/test-package/certbot "$root/usr/local/bin/certbot"
mkdir -p "$root/test" "$root/run/systemd/system"
cp "$deb" "$root/test/"
cp scripts/test-package/inside.sh "$root/test/"
printf '127.0.0.1 localhost dashboard.example.org %s\n' "$(uname -n)" >"$root/etc/hosts"
# The commands of the documentation, each step in a file.
awk '/^## / { inside = /^## From nothing/ }
     inside && /^[0-9]+\. / { step++ }
     inside && /^ *```/ { shell = /```sh$/; next }
     inside && shell { sub(/^ +/, ""); print >> sprintf("%s/step-%02d", folder, step) }' \
    folder="$root/test" docs/deployment.md
[ "$(find "$root/test" -name 'step-*' | wc -l)" = 10 ] || die "docs/deployment.md does not have ten steps with commands"

# The next version, with other default settings.
mkdir "$work/next"
dpkg-deb -R "$deb" "$work/next"
sed -i 's/^Version: .*/&.1/' "$work/next/DEBIAN/control"
echo '# A new setting.' >>"$work/next/etc/stats-server/stats.toml"
dpkg-deb -Znone -b "$work/next" "$root/test/next.deb" >/dev/null

# With its own processes, which end with it, and its own network without a way out.
unshare --mount --pid --net --fork --kill-child bash -euc '
    ip link set lo up
    mount --rbind /dev "$1/dev"
    mount -t proc proc "$1/proc"
    exec chroot "$1" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive bash /test/inside.sh
' - "$root"

step "The package works"
