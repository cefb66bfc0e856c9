#!/usr/bin/env bash
# scipy's curve_fit without a start returns an exponent of 50 for an exact learning curve.
#
# Losses 0.05 + 3 n^-0.5 at ten sizes from 100 to 100,000, no noise: from the default start (1, 1, 1) curve_fit ends at an
# exponent near 50 with a finite covariance. 0.1 + 5 n^-0.3 is found exactly, so that a test on one curve says nothing of
# the next.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'scipy==1.17.1' 'numpy==2.4.6'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from scipy.optimize import curve_fit


def curve(n, floor, amplitude, exponent):
    return floor + amplitude * n**-exponent


n = np.geomspace(100, 1e5, 10)
found = {}
for truth in ((0.1, 5.0, 0.3), (0.05, 3.0, 0.5)):
    found[truth] = float(curve_fit(curve, n, curve(n, *truth))[0][2])
print(f"scipy {version('scipy')}: (floor, amplitude, exponent) -> fitted exponent", {k: round(v, 2) for k, v in found.items()})
assert abs(found[0.1, 5.0, 0.3] - 0.3) < 1e-3 and found[0.05, 3.0, 0.5] > 5
PYTHON
