#!/usr/bin/env bash
# Runs fuzz targets one after the other, 60 seconds each: scripts/fuzz.sh [SECONDS] [TARGET…]
# Stops at the first input that breaks a rule, and prints how to run it again. `fuzz/README.md` tells more.
#
# With a nightly toolchain it uses AddressSanitizer. FUZZ_SANITIZER=none leaves it out, as it must on a stable one.
# FUZZ_TARGET_DIR is the folder for what is built (target/fuzz).
# FUZZ_MERGE=1 adds to fuzz/corpus those of the inputs it found that reach new code.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi

known=()
for source in fuzz/fuzz_targets/*.rs; do
    known+=("$(basename "$source" .rs)")
done
targets=("$@")
[ $# -gt 0 ] || targets=("${known[@]}")
for target in "${targets[@]}"; do
    [ -f "fuzz/fuzz_targets/$target.rs" ] || { echo "There is no target '$target', only ${known[*]}." >&2; exit 2; }
done

scripts/install-missing.sh <<'NEEDS'
cc gcc
c++ g++
make make
NEEDS
command -v cargo-fuzz >/dev/null 2>&1 || cargo install --locked cargo-fuzz

# Only a nightly compiler has sanitizers.
toolchain=()
sanitizer=${FUZZ_SANITIZER:-none}
if [ -z "${FUZZ_SANITIZER:-}" ] && cargo +nightly --version >/dev/null 2>&1; then
    sanitizer=address
fi
[ "$sanitizer" = none ] || toolchain=(+nightly)

# The versions of the workspace.
cp Cargo.lock fuzz/Cargo.lock
build=(--sanitizer "$sanitizer" --codegen-units 16 --target-dir "${FUZZ_TARGET_DIR:-target/fuzz}")
echo "Building with sanitizer '$sanitizer'. The first time this takes minutes."
for target in "${targets[@]}"; do
    cargo "${toolchain[@]}" fuzz build "${build[@]}" "$target"
done

limits=(-max_len=4096 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512)
for target in "${targets[@]}"; do
    printf '\n== %s\n' "$target"
    # libFuzzer writes to the first folder and also reads the second one.
    found="fuzz/found/$target"
    mkdir -p "$found" "fuzz/artifacts/$target"
    if ! cargo "${toolchain[@]}" fuzz run "${build[@]}" "$target" "$found" "fuzz/corpus/$target" -- \
        "${limits[@]}" "-max_total_time=$seconds" -print_final_stats=1 -verbosity=1; then
        input=$(find "fuzz/artifacts/$target" -type f -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
        cat >&2 <<END

$target fails with $input. To see it again without a fuzzer, and to keep the input for the tests:
  cp $input fuzz/corpus/$target/NAME
  cargo test -p stats-fuzz --test corpus $target
To shorten it first:
  cargo ${toolchain[*]} fuzz tmin ${build[*]} $target $input
END
        exit 1
    fi
    if [ "${FUZZ_MERGE:-}" = 1 ]; then
        cargo "${toolchain[@]}" fuzz run "${build[@]}" "$target" "fuzz/corpus/$target" "$found" -- \
            -merge=1 -max_len=1024
    fi
done
