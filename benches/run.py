#!/usr/bin/env python3
"""Runs a whole study in an empty store and says what each step took: tokens a second, wall time, peak memory.

    benches/run.py [experiments/quickstart.rlx] [further arguments of `rlx run` ...]

Needs the built binaries (`./rlx doctor`). RLX_OTHER=path/to/another/rlx is run after it, and
the ratio of the two wall times printed.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(binary, arguments):
    """One run in a fresh folder: wall seconds, and the times of its steps."""
    with tempfile.TemporaryDirectory() as folder:
        places = ["--store", f"{folder}/store", "--results", f"{folder}/results"]
        started = time.perf_counter()
        subprocess.run([binary, "run", *arguments, *places], check=True, stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - started
        times = next(Path(folder, "results").glob("*/times.json"))
        return wall, json.loads(times.read_text())["steps"]


def main():
    arguments = sys.argv[1:] or [str(ROOT / "experiments/quickstart.rlx")]
    binary = str(ROOT / "target/release/rlx")
    wall, steps = run(binary, arguments)
    width = max(len(name) for name in steps)
    for name, (seconds, tokens) in steps.items():
        rate = f"{tokens / seconds:10.0f} tokens/s" if tokens and seconds else ""
        print(f"{name:<{width}} {seconds:8.1f} s {rate}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{'whole run':<{width}} {wall:8.1f} s   peak memory {peak:.0f} MiB")
    if other := os.environ.get("RLX_OTHER"):
        other_wall, _ = run(other, arguments)
        print(f"{other}: {other_wall:.1f} s; ratio {other_wall / wall:.2f}")


if __name__ == "__main__":
    main()
