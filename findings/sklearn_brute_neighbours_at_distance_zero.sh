#!/usr/bin/env bash
# scikit-learn's NearestNeighbors puts distinct points at distance 0, and says that a point is not its own neighbour.
#
# From 16 coordinates on algorithm="auto" means brute force, whose distances are |x|^2 - 2 x.y + |y|^2: what lies nearer than
# about 1e-8 of the points' norm is lost in rounding. Points of a deep hierarchy lie so near: of 2048 distinct points in 24
# coordinates, in pairs at distances of 1e-13 to 1e-2, a third is put at distance exactly 0 of its neighbour, and more than
# one in five is not found first when it is asked for itself. The trees ("kd_tree", "ball_tree") are exact.
# The documentation of euclidean_distances names the loss, that of NearestNeighbors and of "auto" does not.
# Seen on 2026-11-29. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'scikit-learn==1.9.1' 'numpy==2.4.6' 'scipy==1.17.1'
OMP_NUM_THREADS=1 "$folder/env/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(0)
half, d = 1024, 24
first = rng.standard_normal((half, d))
# Each point has one partner at a distance between 1e-13 and 1e-2; all others are farther than 1.
step = rng.standard_normal((half, d))
distance = 10.0 ** rng.uniform(-13, -2, half)
second = first + step * (distance / np.linalg.norm(step, axis=1))[:, None]
X = np.concatenate([first, second])
partner = np.roll(np.arange(2 * half), half)
assert len(np.unique(X, axis=0)) == len(X)
for algorithm in ("auto", "kd_tree"):
    model = NearestNeighbors(n_neighbors=2, algorithm=algorithm).fit(X)
    D, found = model.kneighbors(n_neighbors=1)
    itself = model.kneighbors(X)[1][:, 0] == np.arange(len(X))
    row = ((D[:, 0] == 0).mean(), (found[:, 0] != partner).mean(), 1 - itself.mean())
    print(f"scikit-learn {version('scikit-learn')}, {algorithm} ({model._fit_method}): at distance 0 {row[0]:.3f}, "
          f"wrong neighbour {row[1]:.3f}, not itself first {row[2]:.3f}")
    if algorithm == "auto":
        assert model._fit_method == "brute" and row[0] > 0.1 and row[2] > 0.1
    else:
        assert row == (0, 0, 0)
PYTHON
