#!/usr/bin/env bash
# Looks for inputs that break a promise: `fuzz/run.sh` for every target, `fuzz/run.sh markdown tokens` for some. FUZZ_SECONDS says
# how long for each (30). It begins with the kept corpus and leaves that alone; `fuzz/run.sh --keep …` adds to it, without fuzzing,
# what earlier runs have found to reach something new.
#
# Stable Rust is enough: without unsafe code of our own there is nothing that a sanitizer would see and a panic would not.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/broadsheet-target}/fuzz"

flags=(-max_total_time="${FUZZ_SECONDS:-30}" -verbosity=0 -print_final_stats=1)
if [ "${1:-}" = --keep ]; then
    shift
    flags=(-merge=1)
fi
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
[ $# -eq 0 ] || targets=("$@")

for target in "${targets[@]}"; do
    echo "== $target"
    kept="fuzz/corpus/$target" found="$CARGO_TARGET_DIR/corpus/$target"
    mkdir -p "$kept" "$found"
    [ "${flags[0]}" = -merge=1 ] && folders=("$kept" "$found") || folders=("$found" "$kept")
    cargo fuzz run --release --sanitizer none "$target" "${folders[@]}" -- \
        "${flags[@]}" -max_len=4096 -timeout=10 -rss_limit_mb=2048
done
