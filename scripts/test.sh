#!/usr/bin/env bash
# Runs all checks that a change must pass: format, lints, tests on SQLite and on a temporary PostgreSQL, documentation.
# Missing programs are installed on Debian as root; elsewhere it prints what to install. Arguments are passed to
# `cargo test`. Example: scripts/test.sh -p stats-db
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

command -v cargo >/dev/null 2>&1 || { echo "cargo is missing: install Rust from https://rustup.rs first." >&2; exit 1; }
scripts/install-missing.sh <<'NEEDS'
cc gcc
make make
curl curl
initdb postgresql
pgbouncer pgbouncer
setpriv util-linux
nginx nginx-light
apache2 apache2
chromium chromium
chromedriver chromium-driver
npm npm
NEEDS

# Continuous integration may keep the user's cache between runs.
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

# cargo-deny is optional: building it takes longer than all other steps.
if command -v cargo-deny >/dev/null 2>&1; then
    step "Dependencies"
    scripts/deny.sh
fi

step "Packages"
# The crates that other programs may use. The release builds them too.
cargo package --quiet --locked --no-verify --allow-dirty -p stats-core -p stats-processors
if command -v systemd-analyze >/dev/null 2>&1; then scripts/test-unit.sh; fi

step "Tests on SQLite and PostgreSQL"
scripts/with-postgres.sh cargo test --workspace --locked --no-fail-fast "$@"

step "Documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

step "All checks passed"
