#!/usr/bin/env bash
# scikit-dimension's MLE answers 0 when one point of 1500 stands twice.
#
# Points uniform in a cube have dimension 3. With a single copied row the neighbour at distance 0 sends the logarithm of
# one point's distances to infinity, and the harmonic mean over points ends at 0; there is no warning, and the
# documentation does not ask for distinct points.
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

X = np.random.default_rng(0).random((1500, 3))
plain = skdim.id.MLE().fit(X).dimension_
copied = skdim.id.MLE().fit(np.concatenate([X, X[:1]])).dimension_
print(f"scikit-dimension {version('scikit-dimension')}: MLE {plain:.2f}, with one row copied {copied:.2f}")
assert 2.5 < plain < 3.3 and copied == 0.0
PYTHON
