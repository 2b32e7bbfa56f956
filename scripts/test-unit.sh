#!/usr/bin/env bash
# Checks the systemd unit of the package: systemd understands it, and the exposure that systemd computes is below 2. It
# needs no running systemd. Usage: scripts/test-unit.sh
set -euo pipefail
cd "$(dirname "$0")/.."

unit=packaging/debian/stats-server.service
root=$(mktemp -d "${TMPDIR:-/tmp}/stats-unit.XXXXXX")
trap 'rm -rf "$root"' EXIT

# The programs and the targets that the unit names.
mkdir -p "$root"/{usr/bin,bin,etc,lib/systemd/system}
for program in usr/bin/stats-server bin/kill; do
    printf '#!/bin/sh\n' >"$root/$program"
    chmod 755 "$root/$program"
done
cp "$unit" "$root/lib/systemd/system/"
for target in sysinit basic shutdown multi-user network-online; do
    printf '[Unit]\nDescription=%s\n' "$target" >"$root/lib/systemd/system/$target.target"
done
problems=$(systemd-analyze verify --root="$root" --man=no stats-server.service 2>&1)
[ -z "$problems" ] || { echo "$problems" >&2; exit 1; }

exposure=$(systemd-analyze security --offline=true --no-pager "$unit" | sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p')
echo "Exposure: $exposure"
awk -v exposure="$exposure" 'BEGIN { exit !(exposure != "" && exposure < 2.0) }' ||
    { echo "The exposure of the unit is not below 2: $exposure" >&2; exit 1; }
