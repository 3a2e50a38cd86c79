#!/usr/bin/env python3
"""Draws workload W with rlx and with whatever other programs are there, one after another on the same machine, and prints
one table: medians, ratios to rlx, peak memory.

    benches/peers.py --model MODEL_DIR --gguf FILE.gguf [--precision bf16] [--runs 3] [--python PYTHON] [--vllm PYTHON]
                     [--llama BIN_DIR]

W: 16 prompts x 16 samples, temperature 0.6, top-p 0.95, exactly 128 new tokens each, from text to text; the time to load
the model does not count, reading the prompts does. Peers: transformers and vLLM where PYTHON can import them (they read
MODEL_DIR), llama.cpp where BIN_DIR holds llama-batched-bench (it reads FILE.gguf; its figure is decoding alone, without
prompts, sampler or text). rlx reads MODEL_DIR, or the GGUF file where there is no directory.

With --score the texts are there already: 256 of 256 tokens are scored by rlx and by transformers. With --context N the
prompts are N tokens long and the rate is that of decoding alone with N tokens in the cache: two calls that differ in the
number of new tokens, one subtracted from the other; llama.cpp then reads prompts of N tokens, too.

Run it on a machine that does nothing else. The line of each program says how much processor time it had for its wall time:
far below the number of cores means that something else was running.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TRANSFORMERS = r'''
import json, sys, time, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
model, work, runs, precision = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3]), sys.argv[4]
tok = AutoTokenizer.from_pretrained(model)
tok.padding_side = "left"
tok.pad_token = tok.pad_token or tok.eos_token
net = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16 if precision == "bf16" else torch.float32).eval()
texts = [tok.apply_chat_template([{"role": "user", "content": p["question"]}], tokenize=False, add_generation_prompt=True)
         for p in work["prompts"] for _ in range(work["samples"])]
seconds = []
for _ in range(runs):
    start = time.perf_counter()
    batch = tok(texts, return_tensors="pt", padding=True, add_special_tokens=False)
    with torch.inference_mode():
        out = net.generate(**batch, do_sample=True, temperature=work["temperature"], top_p=work["top_p"], top_k=0,
                           min_new_tokens=work["new_tokens"], max_new_tokens=work["new_tokens"])
    tok.batch_decode(out[:, batch["input_ids"].shape[1]:], skip_special_tokens=True)
    seconds.append(time.perf_counter() - start)
print("RESULT", json.dumps({"seconds": seconds, "tokens": len(texts) * work["new_tokens"]}))
'''

SCORE = r'''
import json, sys, time, torch
from transformers import AutoModelForCausalLM
model, runs, precision = sys.argv[1], int(sys.argv[2]), sys.argv[3]
net = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16 if precision == "bf16" else torch.float32).eval()
vocab = net.config.vocab_size
ids = torch.tensor([[i % vocab] + [(i * 7919 + t * 104729) % vocab for t in range(255)] for i in range(256)])
seconds = []
for _ in range(runs):
    start = time.perf_counter()
    with torch.inference_mode():
        for batch in ids.split(16):
            logits = net(input_ids=batch, use_cache=False).logits[:, :-1]
            # Row by row: the memory of fp32 logits stays bounded.
            for row, targets in zip(logits, batch[:, 1:]):
                torch.log_softmax(row.float(), -1).gather(1, targets[:, None]).sum().item()
    seconds.append(time.perf_counter() - start)
print("RESULT", json.dumps({"seconds": seconds, "tokens": ids.numel()}))
'''

VLLM = r'''
import json, os, sys, time
# As its own CPU guide says for one process on all cores; without these its workers ask for more memory than is free.
for name, value in {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_KVCACHE_SPACE": "4", "VLLM_CPU_OMP_THREADS_BIND": "nobind",
                    "OMP_NUM_THREADS": str(os.cpu_count()), "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}.items():
    os.environ.setdefault(name, value)
from vllm import LLM, SamplingParams
model, work, runs, precision = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3]), sys.argv[4]
net = LLM(model, dtype="bfloat16" if precision == "bf16" else "float32", max_model_len=512, max_num_seqs=256,
          max_num_batched_tokens=4096, disable_log_stats=True)
def params(new):
    return SamplingParams(n=work["samples"], temperature=work["temperature"], top_p=work["top_p"], ignore_eos=True,
                          max_tokens=new, min_tokens=new)
chats = [[{"role": "user", "content": p["question"]}] for p in work["prompts"]]
net.chat(chats, params(8), use_tqdm=False)  # it compiles at the first batches
seconds = []
for _ in range(runs):
    start = time.perf_counter()
    net.chat(chats, params(work["new_tokens"]), use_tqdm=False)
    seconds.append(time.perf_counter() - start)
print("RESULT", json.dumps({"seconds": seconds, "tokens": len(chats) * work["samples"] * work["new_tokens"]}))
'''


def measure(command):
    """Output, peak memory in MiB, and processor seconds per wall second of a command and its children."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    cores = (usage.ru_utime + usage.ru_stime) / (time.perf_counter() - start)
    return (output if child.returncode == 0 else ""), usage.ru_maxrss / 1024, cores


def result(name, command):
    """One line of the table, or None where the program failed."""
    output, peak, cores = measure(command)
    line = next((l for l in output.splitlines() if l.startswith("RESULT ")), None)
    if line is None:
        print(f"{name}: no result", file=sys.stderr)
        return None
    found = json.loads(line.removeprefix("RESULT "))
    rate = found["tokens"] / statistics.median(found["seconds"])
    return name, rate, found.get("peak_mib") or peak, cores


def decoding(command, context, new, samples):
    """rlx's rate of decoding alone with `context` tokens in the cache of 64 rows, so many of each prompt."""
    command = command + ["--context", str(context), "--samples", str(samples), "--prompts", str(64 // samples)]
    both = []
    for tokens in (1, 1 + new):
        output, peak, cores = measure(command + ["--new", str(tokens)])
        line = next((l for l in output.splitlines() if l.startswith("RESULT ")), None)
        if line is None:
            return None
        found = json.loads(line.removeprefix("RESULT "))
        both.append((found["tokens"], statistics.median(found["seconds"]), found.get("peak_mib") or peak))
    (before, short, _), (after, long, peak) = both
    name = "rlx" if samples == 1 else f"rlx, {samples} samples share a prompt"
    return name, (after - before) / (long - short), peak, cores


def llama(binary, gguf, sequences, runs, prompt=64, new=128):
    """Decoding alone by llama-batched-bench."""
    command = [binary, "-m", gguf, "-c", str(sequences * (prompt + new + 8)), "-b", "2048", "-ub", "512", "-npp",
               str(prompt), "-ntg", str(new),
               "-npl", str(sequences), "-fa", "on", "--output-format", "jsonl"]
    rates, peak, cores = [], 0.0, 0.0
    for _ in range(runs):
        output, memory, used = measure(command)
        found = re.search(r'"speed_tg":\s*([0-9.]+)', output)
        if not found:
            return None
        rates.append(float(found.group(1)))
        peak, cores = max(peak, memory), used
    return f"llama.cpp, {sequences} sequences, decoding alone", statistics.median(rates), peak, cores


def importable(python, module):
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0


def built():
    """The benchmark program, built where that is due."""
    command = ["cargo", "bench", "-p", "rlx-engine", "--bench", "workload", "--no-run", "--message-format=json"]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = [json.loads(line) for line in run.stdout.splitlines()]
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "workload" and m.get("executable"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="Hugging Face directory")
    parser.add_argument("--gguf", help="the same model as a GGUF file")
    parser.add_argument("--precision", default="bf16", choices=["bf16", "fp32"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--python", default=sys.executable, help="interpreter with transformers or vllm")
    parser.add_argument("--vllm", help="interpreter with vllm, where it is another one")
    parser.add_argument("--llama", help="folder of llama.cpp's programs")
    parser.add_argument("--workload", default=str(ROOT / "benches/workload.json"))
    parser.add_argument("--score", action="store_true", help="score texts instead of drawing")
    parser.add_argument("--context", type=int, help="decode with so many tokens in the cache")
    parser.add_argument("--rlx", help="the built benchmark program (default: cargo builds it)")
    a = parser.parse_args()
    own = a.model or a.gguf
    if not own:
        parser.error("give --model or --gguf")
    runs, table = str(a.runs), []
    command = [a.rlx or built(), "--model", own, "--workload", a.workload, "--precision", a.precision, "--runs", runs]
    binary = shutil.which("llama-batched-bench", path=a.llama) if a.llama else shutil.which("llama-batched-bench")
    drawing = not a.score and a.context is None
    if a.score:
        table.append(result("rlx", command + ["--score"]))
        if a.model and importable(a.python, "transformers"):
            table.append(result("transformers", [a.python, "-c", SCORE, a.model, runs, a.precision]))
    elif a.context is not None:
        table += [decoding(command, a.context, 64, samples) for samples in (1, 4)]
        if a.gguf and binary:
            table.append(llama(binary, a.gguf, 64, a.runs, a.context, 64))
    else:
        table.append(result("rlx", command))
    if drawing and a.model and importable(a.python, "transformers"):
        table.append(result("transformers generate()", [a.python, "-c", TRANSFORMERS, a.model, a.workload, runs, a.precision]))
    vllm = a.vllm or a.python
    if drawing and a.model and importable(vllm, "vllm"):
        table.append(result("vLLM, CPU build", [vllm, "-c", VLLM, a.model, a.workload, runs, a.precision]))
    if drawing and a.gguf and binary:
        table += [llama(binary, a.gguf, sequences, a.runs) for sequences in (64, 128, 256)]
    table = [line for line in table if line]
    if not table or table[0][0] != "rlx":
        sys.exit("rlx itself gave no result")
    print(f"{'program':<44} {'tokens/s':>9} {'rlx is':>8} {'peak MiB':>9} {'cores':>6}")
    for name, rate, peak, cores in table:
        print(f"{name:<44} {rate:9.0f} {table[0][1] / rate:7.2f}x {peak:9.0f} {cores:6.2f}")


if __name__ == "__main__":
    main()
