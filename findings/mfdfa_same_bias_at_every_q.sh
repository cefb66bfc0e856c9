#!/usr/bin/env bash
# MFDFA overestimates h(q) of the exact binomial cascade by the same amount at every q, and more with order 2.
#
# The generalised Hurst exponents of the binomial cascade are known exactly, h(q) = (1 - log2(a^q + (1-a)^q)) / q. With
# scales of 16 to 4096 of 65,536 cells the package returns h(q) + 0.026 with linear detrending and h(q) + 0.053 with
# quadratic, to four digits alike for q = -4, -2, 2, 4: a bias of the detrending on small windows, which looks like a
# different mean exponent and not like an error of the spectrum's width.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'MFDFA==0.4.3' 'numpy==2.4.6'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from MFDFA import MFDFA

a, x = 0.75, np.array([1.0])
for _ in range(16):
    x = np.kron(x, [a, 1 - a])
q = np.array([-4.0, -2.0, 2.0, 4.0])
exact = (1 - np.log2(a**q + (1 - a) ** q)) / q
bias = {}
for order in (1, 2):
    lag, fluctuation = MFDFA(x, lag=2 ** np.arange(4, 13), q=q, order=order)
    slopes = [np.polyfit(np.log(lag), np.log(fluctuation[:, i]), 1)[0] for i in range(q.size)]
    bias[order] = np.array(slopes) - exact
print(f"MFDFA {version('MFDFA')}: h - exact", {k: v.round(4).tolist() for k, v in bias.items()})
assert np.ptp(bias[1]) < 1e-6 and np.ptp(bias[2]) < 1e-6 and 0.02 < bias[1][0] < 0.03 and 0.045 < bias[2][0] < 0.06
PYTHON
