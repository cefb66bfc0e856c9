#!/usr/bin/env bash
# scikit-dimension 0.5.0's KNN answers by chance: other dimensions for the same points in another state of NumPy's generator.
#
# 1000 uniform points of a 5-cube, ten fits with its defaults, which draw bootstrap samples without a seed of their own: the
# answers spread over several whole numbers. TwoNN on the same points says 5 within a few tenths, always the same.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'scikit-dimension==0.5.0' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import skdim

X = np.random.default_rng(0).random((1000, 5))
knn, twonn = [], []
for seed in range(10):
    np.random.seed(seed)
    knn.append(float(skdim.id.KNN().fit(X).dimension_))
    twonn.append(float(skdim.id.TwoNN().fit(X).dimension_))
print("scikit-dimension 0.5.0, one 5-cube: KNN", sorted(knn), "TwoNN", round(min(twonn), 3), "to", round(max(twonn), 3))
assert len(set(knn)) >= 3 and max(twonn) - min(twonn) < 1e-9 and abs(twonn[0] - 5) < 0.6
PYTHON
