#!/usr/bin/env bash
# Kills backups, restores and copies many times on their way, on both databases, and checks what they leave.
# Usage: scripts/test-kills.sh [TIMES]
set -euo pipefail

cd "$(dirname "$0")/.."
export STATS_TEST_KILLS=${1:-100}
scripts/with-postgres.sh cargo test --locked --workspace --test admin -- killed
