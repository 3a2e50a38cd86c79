#!/usr/bin/env python3
"""Training of a real model beside PyTorch and TRL, one after the other: tokens a second, seconds a step, peak memory, ratios.

    benches/training.py MODEL.gguf [MODEL_DIR PEERS]

MODEL.gguf is what rlx trains (SmolLM2-135M). With the same model as a Hugging Face directory and the folder of the peers'
scripts (torch_train.py, trl_grpo.py) those run too, in the Python that runs this, and the ratios are printed.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def ours(model, work):
    # As `rlx` starts `rlx-compute` (cli/src/lib.rs).
    told = {"GOMP_SPINCOUNT": "30000", "MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TRIM_THRESHOLD_": str(1 << 34)}
    built = ["cargo", "run", "--release", "-q", "-p", "rlx-trainer", "--example", "training_speed", "--", model, work]
    return json.loads(subprocess.run(built, check=True, cwd=ROOT, capture_output=True, text=True, env={**told, **os.environ}).stdout)


def peer(folder, script, arguments):
    """What a peer's script prints as its result."""
    done = subprocess.run([sys.executable, script, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return json.loads(re.findall(r"^RESULT (\{.*\})$", done.stdout, re.M)[-1])


def seconds_of(result):
    """Seconds of a step: the fastest run of torch_train.py, the median step of trl_grpo.py."""
    seconds = result.get("seconds", result.get("step_s"))
    return min(seconds) if isinstance(seconds, list) else seconds


def main():
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    model = sys.argv[1]
    for work, script, arguments in (
        ("sft", "torch_train.py", ["--mode", "bf16-autocast"]),
        ("grpo", "trl_grpo.py", ["--autocast", "--micro", "16"]),
    ):
        found = ours(model, work)
        print(json.dumps(found))
        if len(sys.argv) == 4:
            theirs = peer(sys.argv[3], script, [sys.argv[2], *arguments])
            print(json.dumps(theirs))
            faster = seconds_of(theirs) / found["seconds"]
            memory = found["peak_gb"] / (theirs["peak_rss_mib"] * 2**20 / 1e9)
            print(f"{work}: {faster:.2f} x as fast, {memory:.2f} of the memory")


if __name__ == "__main__":
    main()
