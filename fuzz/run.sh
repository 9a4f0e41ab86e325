#!/usr/bin/env bash
# Looks for inputs that break a promise: `fuzz/run.sh` for every target, `fuzz/run.sh markdown tokens` for some. FUZZ_SECONDS says
# how long for each (30). It begins with what is kept in fuzz/corpus and what earlier runs have found, and writes what it finds to the
# target folder; fuzz/keep.py takes over from there.
#
# Stable Rust is enough: without unsafe code of our own there is nothing that a sanitizer would see and a panic would not show.
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
