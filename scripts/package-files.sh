#!/usr/bin/env bash
# Writes the files that a package contains besides the programs: manual pages, completions for shells, settings with the
# paths of Debian, documents and changelogs. Usage: scripts/package-files.sh PROGRAMS FOLDER VERSION, where PROGRAMS is
# the folder of the programs
set -euo pipefail
cd "$(dirname "$0")/.."

programs=$1 folder=$2 version=$3
rm -rf "$folder"
mkdir -p "$folder"/{man,doc,completions/{bash,zsh,fish}}

"$programs/stats-server" --man >"$folder/man/stats-server.1"
"$programs/stats-admin" man "$folder/man"
gzip -9n "$folder"/man/*

for shell in bash zsh fish; do
    for program in stats-server stats-admin; do
        case $shell in
            bash) name=$program ;;
            zsh) name=_$program ;;
            fish) name=$program.fish ;;
        esac
        case $program in
            stats-server) "$programs/$program" --completions "$shell" ;;
            stats-admin) "$programs/$program" completions "$shell" ;;
        esac >"$folder/completions/$shell/$name"
    done
done

# The default is relative to the working directory.
"$programs/stats-server" --sample-settings >"$folder/stats.toml"
sed -i 's|^#DATABASE_URL = .*|DATABASE_URL = "sqlite:///var/lib/stats-server/stats.db"|' "$folder/stats.toml"
grep -q '^DATABASE_URL = ' "$folder/stats.toml" || { echo "The sample settings have no DATABASE_URL." >&2; exit 1; }

cp README.md "$folder/doc/"
gzip -9nc LICENSE >"$folder/doc/LICENSE.gz"
gzip -9nc CHANGELOG.md >"$folder/doc/changelog.gz"
gzip -9n >"$folder/doc/changelog.Debian.gz" <<END
monarc-stats-service ($version) stable; urgency=medium

  * See changelog.gz for the changes.

 -- MONARC project <info@monarc.lu>  $(date --utc --rfc-email --date "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}")
END
