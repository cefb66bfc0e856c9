#!/usr/bin/env bash
# The same min_samples means one neighbour more in scikit-learn's HDBSCAN than in the hdbscan package.
#
# On uniform points with min_samples = 5 the two packages find 133 and 109 clusters; scikit-learn's count of neighbours
# includes the point itself, and with min_samples = 6 there it finds 110. A hierarchy estimated with one cannot be
# reproduced with the other by copying the parameters.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'hdbscan==0.8.44' 'scikit-learn==1.9.1' 'numpy==2.4.6' 'scipy==1.17.1'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import hdbscan
import numpy as np
from sklearn.cluster import HDBSCAN

X = np.random.default_rng(4).random((3000, 2))
found = [
    int(HDBSCAN(min_cluster_size=5, min_samples=5).fit(X).labels_.max()) + 1,
    int(hdbscan.HDBSCAN(min_cluster_size=5, min_samples=5).fit(X).labels_.max()) + 1,
    int(HDBSCAN(min_cluster_size=5, min_samples=6).fit(X).labels_.max()) + 1,
]
print(f"scikit-learn {version('scikit-learn')}, hdbscan {version('hdbscan')}: clusters", found, "(sklearn 5, hdbscan 5, sklearn 6)")
assert abs(found[0] - found[1]) > 15 and abs(found[2] - found[1]) <= 3
PYTHON
