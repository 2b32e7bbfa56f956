#!/usr/bin/env bash
# Everything that has to hold before a change is merged: format, lints, tests on SQLite and on a PostgreSQL of its own,
# documentation. On Debian and as root it installs what is missing; elsewhere it says what to install.
# Arguments are passed on to `cargo test`, for example: scripts/test.sh -p stats-db
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

command -v cargo >/dev/null 2>&1 || { echo "There is no cargo: install Rust from https://rustup.rs first." >&2; exit 1; }
scripts/install-missing.sh <<'NEEDS'
cc gcc
make make
initdb postgresql
setpriv util-linux
nginx nginx-light
apache2 apache2
NEEDS

# Continuous integration may keep what was built between its runs.
if [ -n "${CI:-}" ] && [ -z "${CARGO_TARGET_DIR:-}" ]; then
    export CARGO_TARGET_DIR="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/monarc-stats-service/target"
fi

for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
done

step "Format"
cargo fmt --all --check

step "Lints"
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

# Where it is installed; building it takes longer than all the rest.
if command -v cargo-deny >/dev/null 2>&1; then
    step "Dependencies"
    cargo deny --offline --log-level error check bans licenses sources
fi

step "Tests, on SQLite and PostgreSQL"
scripts/with-postgres.sh cargo test --workspace --locked --no-fail-fast "$@"

step "Documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

step "All is well"
