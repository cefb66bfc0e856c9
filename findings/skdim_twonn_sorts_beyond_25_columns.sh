#!/usr/bin/env bash
# scikit-dimension's TwoNN takes many times longer as soon as points have 26 columns, whatever their dimension.
#
# Up to 25 columns it asks a tree for two neighbours; beyond, it makes all pairwise distances in blocks of a gigabyte and
# sorts every row of them to read two: n² log n, minutes for 100,000 points. A
# 26th column of zeros changes no distance. The documentation does not say so; neighbours from elsewhere can be handed
# over (dist=True).
# Seen on 2026-11-29. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'scikit-dimension==0.5.0' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
import time
from importlib.metadata import version

import numpy as np
import skdim


def taken(points):
    begun = time.process_time()
    dimension = skdim.id.TwoNN().fit(points).dimension_
    return time.process_time() - begun, dimension


rng = np.random.default_rng(0)
narrow = rng.random((8000, 2)) @ rng.standard_normal((2, 25))
wide = np.c_[narrow, np.zeros(8000)]
taken(narrow[:500])
(few, one), (many, other) = taken(narrow), taken(wide)
print(f"scikit-dimension {version('scikit-dimension')}: 25 columns {few:.2f} s, with a 26th of zeros {many:.2f} s ({many / few:.0f} times)")
print(f"both answer {one:.3f} and {other:.3f}")
assert abs(one - other) < 1e-3 and many > 3 * few
PYTHON
