#!/usr/bin/env bash
# scikit-learn's MLPRegressor gives up when targets are small: its tolerance is absolute.
#
# The same network on the same data, targets multiplied by 1, 0.1 and 0.01: the test R2 falls from 0.97 to below 0. The
# loss has to improve by tol = 1e-4 in the targets' own units squared, so that a learning curve in other units is another
# curve. The documentation names the tolerance and not its units.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'scikit-learn==1.9.1' 'numpy==2.4.6' 'scipy==1.17.1'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from sklearn.neural_network import MLPRegressor


def target(X):
    return np.sin(X[:, 0]) + X[:, 1] * X[:, 2]


rng = np.random.default_rng(5)
X, Z = rng.standard_normal((1000, 5)), rng.standard_normal((1000, 5))
score = {
    scale: float(MLPRegressor(random_state=0, max_iter=2000).fit(X, scale * target(X)).score(Z, scale * target(Z)))
    for scale in (1.0, 0.1, 0.01)
}
print(f"scikit-learn {version('scikit-learn')}: R2 by scale of the target", {k: round(v, 2) for k, v in score.items()})
assert score[1.0] > 0.9 and score[0.01] < 0.2
PYTHON
