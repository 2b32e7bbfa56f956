#!/usr/bin/env bash
# Fails if the programs in a folder cannot speak TLS to PostgreSQL. Usage: scripts/check-tls.sh PROGRAMS
set -euo pipefail

for program in "$1/stats-server" "$1/stats-admin"; do
    arguments=()
    case $program in *stats-admin) arguments=(db create) ;; esac
    # A host that does not exist. A program without TLS refuses it before it looks for it.
    message=$(env -u STATS_CONFIG HOST=127.0.0.1 PORT=0 DATABASE_URL=postgres://user@db.invalid/stats \
        timeout 60 "$program" ${arguments[@]+"${arguments[@]}"} 2>&1) && { echo "$program works without a database" >&2; exit 1; }
    case $message in
        *"has no TLS"*) echo "$program has no TLS" >&2; exit 1 ;;
        *db.invalid*) ;;
        *) echo "$program: unexpected message: $message" >&2; exit 1 ;;
    esac
done
