"""The plain pass@k curve beside the estimator that evaluation scripts use (numpy, a product a problem and k).

    python3 interpreter/analysis/benches/beside_numpy.py

Prints seconds of one curve (675 problems, 1,024 samples, every k), the ratio, and the largest difference of the sums.
"""
import subprocess
import time

import numpy as np


def estimate(n, c, k):
    """1 - C(n-c, k) / C(n, k) in its numerically stable product form."""
    if n - c < k:
        return 1.0
    return 1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1))


n = 1024
counts = []
for i in range(675):
    u = (i * 7919 % 675) / 675
    counts.append(int(u * u * u * n))

start = time.perf_counter()
curve = [np.mean([estimate(n, c, k) for c in counts]) for k in range(1, n + 1)]
theirs = time.perf_counter() - start
command = ["cargo", "bench", "--quiet", "-p", "rlx-analysis", "--bench", "plain"]
ours, checksum = map(float, subprocess.check_output(command, text=True).split())
print(f"numpy {theirs:.3f} s, rlx {ours * 1e3:.3f} ms, ratio {theirs / ours:,.0f}")
print(f"sum over k: numpy {sum(curve):.9f}, rlx {checksum:.9f}")
