#!/usr/bin/env python3
"""Chooses what is kept: `fuzz/keep.py markdown …`, or nothing for every target.

Of the kept inputs and those that runs have found, the fewest and smallest that reach every branch: 150 at most, because `cargo test`
tries them all. An input with a name of its own (a seed, a finding) stays; the others are called by the hash of what is in them.
`cargo fuzz cmin` would keep one for every number of times a branch is taken, and these are thousands.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz" / "corpus"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", pathlib.Path.home() / ".cache/broadsheet-target")) / "fuzz"
LIMIT = 150
LARGEST = 4096


def main():
    names = sys.argv[1:] or sorted(folder.name for folder in CORPUS.iterdir())
    for name in names:
        found = TARGET / "corpus" / name
        found.mkdir(parents=True, exist_ok=True)
        reached = merge(name, found)
        chosen = choose(reached)
        keep(CORPUS / name, chosen)
        print(f"{name}: {len(chosen)} of {len(reached)} inputs are kept")


def merge(name, found):
    """The branches that each input reaches, as recorded by libFuzzer's merge."""
    with tempfile.TemporaryDirectory() as scratch:
        control = pathlib.Path(scratch) / "control"
        command = ["cargo", "fuzz", "run", "--release", "--sanitizer", "none", name, f"{scratch}/merged", CORPUS / name, found]
        (pathlib.Path(scratch) / "merged").mkdir()
        flags = ["--", "-merge=1", f"-merge_control_file={control}", f"-max_len={LARGEST}"]
        subprocess.run(command + flags, check=True, cwd=ROOT, env=os.environ | {"CARGO_TARGET_DIR": str(TARGET)}, capture_output=True)
        lines = control.read_text().splitlines()
    count = int(lines[0])
    files = [pathlib.Path(line) for line in lines[2 : 2 + count]]
    reached = {}
    for line in lines[2 + count :]:
        kind, number, *features = line.split()
        if kind == "FT":
            # A feature is a branch and how many times it was taken, in eight steps.
            reached[ROOT / files[int(number)]] = {int(feature) // 8 for feature in features}
    return reached


def is_named(path):
    return path.is_relative_to(CORPUS) and len(path.name) != 40


def choose(reached):
    chosen = [path for path in reached if is_named(path)]
    missing = set().union(*reached.values()) - set().union(*(reached[path] for path in chosen))
    rest = {path: features for path, features in reached.items() if path not in chosen}
    while missing and len(chosen) < LIMIT:
        best = max(rest, key=lambda path: (len(rest[path] & missing), -path.stat().st_size))
        missing -= rest.pop(best)
        chosen.append(best)
    return chosen


def keep(folder, chosen):
    contents = {path.name if is_named(path) else hashlib.sha1(path.read_bytes()).hexdigest(): path.read_bytes() for path in chosen}
    shutil.rmtree(folder)
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)


main()
