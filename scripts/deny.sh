#!/usr/bin/env bash
# Checks licences, sources and versions of the dependencies (deny.toml) with cargo-deny, and security advisories if their
# database can be fetched or was fetched earlier. Usage: scripts/deny.sh
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo-deny >/dev/null 2>&1 || { echo "cargo-deny is missing: cargo install --locked cargo-deny" >&2; exit 1; }
checks=(bans licenses sources)
if timeout 60 cargo deny --log-level off fetch db >/dev/null 2>&1 ||
    compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/" >/dev/null; then
    checks+=(advisories)
else
    echo "Advisories are not checked: their database cannot be fetched."
fi
cargo deny --offline --log-level error check "${checks[@]}"
