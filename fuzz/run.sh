#!/usr/bin/env bash
# Searches for inputs that break a property: `fuzz/run.sh` for all targets, `fuzz/run.sh markdown tokens` for some. FUZZ_SECONDS is
# the time for each (30). It starts with the inputs in fuzz/corpus and those of earlier runs, and writes new ones to the target
# folder, from which fuzz/keep.py selects.
#
# Stable Rust is enough: we have no unsafe code, so a sanitizer would find nothing that a panic does not show.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/broadsheet-target}/fuzz"

targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
cargo fuzz build --release --sanitizer none
for target in "${targets[@]}"; do
    echo "== $target"
    found="$CARGO_TARGET_DIR/corpus/$target"
    mkdir -p "$found"
    cargo fuzz run --release --sanitizer none "$target" "$found" "fuzz/corpus/$target" -- \
        -max_total_time="${FUZZ_SECONDS:-30}" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0
done
