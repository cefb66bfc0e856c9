#!/usr/bin/env bash
# scikit-dimension's CorrInt moves between 2.1 and 3.2 with the sample size on a set of dimension 2.524.
#
# The fourfold product of the middle-thirds Cantor set has correlation dimension 4 ln 2 / ln 3 = 2.524. CorrInt takes the
# slope between its default k1 = 10 and k2 = 20 neighbours: two radii closer than the set's own ratio of 3, so that the
# answer oscillates with ln n for ever instead of converging. Nothing reports a spread.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'scikit-dimension==0.5.0' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import skdim
from importlib.metadata import version

read = {}
for n in (300, 1000, 3000):
    digits = np.random.default_rng(1).integers(0, 2, (n, 4, 30))
    X = (2 * digits * 3.0 ** -np.arange(1, 31)).sum(axis=-1)  # exact points of the product of Cantor sets
    read[n] = float(skdim.id.CorrInt().fit(X).dimension_)
print(f"scikit-dimension {version('scikit-dimension')}: truth 2.524, CorrInt " + str({n: round(d, 2) for n, d in read.items()}))
assert read[1000] > 2.9 and read[3000] < 2.3
PYTHON
