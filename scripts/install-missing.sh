#!/usr/bin/env bash
# Installs missing programs on Debian as root; elsewhere prints the names of their packages and fails. Each line of
# standard input names a program, or a Python module as python3:MODULE, and its Debian package.
set -euo pipefail

has() {
    case $1 in
        python3:*) python3 -c "import ${1#*:}" >/dev/null 2>&1 ;;
        *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] ||
            ls /usr/lib/postgresql/*/bin/"$1" /usr/pgsql-*/bin/"$1" >/dev/null 2>&1 ;;
    esac
}

# Debian packages start their services unless policy-rc.d forbids it. An existing policy-rc.d is kept.
without_services() {
    local policy=/usr/sbin/policy-rc.d result=0
    if [ -e "$policy" ]; then "$@"; return; fi
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    "$@" || result=$?
    rm -f "$policy"
    return "$result"
}

missing=()
while read -r program package; do
    has "$program" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    printf '\n== Installing %s\n' "${missing[*]}"
    apt-get update -qq
    without_services env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
else
    echo "Missing Debian packages, or their equivalents: ${missing[*]}. Install them and try again." >&2
    exit 1
fi
