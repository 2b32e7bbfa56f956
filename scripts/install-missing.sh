#!/usr/bin/env bash
# On Debian and as root, installs what is missing of the programs that a script needs; elsewhere says what to install.
# Reads lines of what is looked for (a program, or python3:MODULE) and the Debian package that brings it.
set -euo pipefail

has() {
    case $1 in
        python3:*) python3 -c "import ${1#*:}" >/dev/null 2>&1 ;;
        *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] ||
            ls /usr/lib/postgresql/*/bin/"$1" /usr/pgsql-*/bin/"$1" >/dev/null 2>&1 ;;
    esac
}

# Debian's packages start the services that they bring, which are only wanted as programs here. What Debian asks
# before is a file that says no; one that is there stays.
without_starting() {
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
    without_starting env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
else
    echo "Missing: ${missing[*]} (the names of Debian's packages). Please install them and try again." >&2
    exit 1
fi
