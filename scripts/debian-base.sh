#!/usr/bin/env bash
# Makes a Debian system with packages by debootstrap in the user's cache, unless it is there, and prints its folder.
# It needs root. DEBIAN_MIRROR is another mirror. Usage: scripts/debian-base.sh PACKAGE…
set -euo pipefail

die() { echo "debian-base.sh: $*" >&2; exit 1; }

cache="${XDG_CACHE_HOME:-$HOME/.cache}/monarc-stats-service"
base="$cache/debian-bookworm-$(printf '%s\n' "$@" | cksum | cut -d' ' -f1)"
if [ ! -e "$base" ]; then
    echo "Installing Debian in $base" >&2
    mkdir -p "$cache"
    rm -rf --one-file-system "$base.new"
    debootstrap --variant=minbase bookworm "$base.new" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$base.log" 2>&1 ||
        { tail -20 "$base.log" >&2; die "debootstrap failed"; }
    # Packages do not start services there.
    printf '#!/bin/sh\nexit 101\n' >"$base.new/usr/sbin/policy-rc.d"
    chmod 755 "$base.new/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$base.new/etc/resolv.conf"
    chroot "$base.new" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "$@" >>"$base.log" 2>&1 </dev/null ||
        { tail -20 "$base.log" >&2; die "apt-get failed"; }
    rm -f "$base.new/usr/sbin/policy-rc.d" "$base.new"/var/cache/apt/archives/*.deb "$base.log"
    # The folder gets its name when it is complete.
    mv "$base.new" "$base"
fi
echo "$base"
