#!/usr/bin/env bash
# powerlaw 2.0's default fit never returns an exponent above 3.
#
# Exact Pareto samples of exponent 3.5 and 4.5 are fitted as 3.000, with the true lower cut-off given: the search interval
# of the continuous fit ends at 3 unless parameter_range says otherwise, and the value at the end is returned without a
# warning. 2.5 is found.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'powerlaw==2.0.0' 'numpy==2.4.6' 'scipy==1.17.1'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import powerlaw
from importlib.metadata import version

found = {}
for alpha in (2.5, 3.5, 4.5):
    x = np.random.default_rng(2).random(20000) ** (-1 / (alpha - 1))
    found[alpha] = float(powerlaw.Fit(x, xmin=1.0, verbose=False).power_law.alpha)
print(f"powerlaw {version('powerlaw')}: true exponent -> fitted", {a: round(b, 3) for a, b in found.items()})
assert abs(found[2.5] - 2.5) < 0.05 and abs(found[3.5] - 3) < 1e-6 and abs(found[4.5] - 3) < 1e-6
PYTHON
