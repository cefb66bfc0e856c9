#!/usr/bin/env bash
# torch.multinomial never draws the rare half of a power law: 0 of the 20,158 draws that are due.
#
# Weights k^-1.4 of 2^20 tasks in float32: with replacement the cumulative sum is float32, too, where it is near 1 steps are
# 6e-8, and each of the rarer half of the tasks weighs 4e-10 to 1e-9, so that the sum stands still and none of them can be drawn, whatever
# their number. torch.distributions.Categorical is the same. With float64 weights the draws are right. The documentation
# of multinomial does not speak of precision.
# Seen on 2026-11-29. Installs pinned packages into a temporary folder (3 GB), and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'torch==2.14.1' 'numpy==2.4.6'
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
import torch

m, n = 2**20, 20_000_000
p = np.arange(1, m + 1) ** -1.4
p /= p.sum()
due = n * p[m // 2 :].sum()
torch.manual_seed(0)
seen = {}
for dtype in (torch.float32, torch.float64):
    k = torch.multinomial(torch.tensor(p, dtype=dtype), n, replacement=True)
    seen[dtype] = int((k >= m // 2).sum())
    print(f"torch {torch.__version__}, weights in {dtype}: {seen[dtype]} draws of the rarer half, {due:.0f} are due")
assert seen[torch.float32] < 0.01 * due and abs(seen[torch.float64] / due - 1) < 0.05
PYTHON
