#!/usr/bin/env bash
# scikit-learn's DictionaryLearning, started at the true dictionary, leaves it when the data are small.
#
# Codes with 6 % of 32 features on, in 16 dimensions, dictionary and codes given as the start. On the data as they are it
# stays (mean cosine with the truth 0.99); on a tenth of the data it stops after two iterations at 0.74, random
# dictionaries being at 0.52: the penalty alpha = 1 and the tolerance are in the data's own units.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'scikit-learn==1.9.1' 'numpy==2.4.6' 'scipy==1.17.1'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import DictionaryLearning

rng = np.random.default_rng(6)
d, m, n = 16, 32, 2000
truth = rng.standard_normal((m, d))
truth /= np.linalg.norm(truth, axis=1)[:, None]
codes = (rng.random((n, m)) < 0.06) * np.abs(rng.standard_normal((n, m)))


def mean_cosine(found):
    found = found / np.maximum(np.linalg.norm(found, axis=1), 1e-12)[:, None]
    cosine = np.abs(found @ truth.T)
    return float(cosine[linear_sum_assignment(-cosine)].mean())


score = {}
for scale in (1.0, 0.1):
    fit = DictionaryLearning(m, dict_init=truth.copy(), code_init=codes * scale, random_state=0, max_iter=100)
    score[scale] = mean_cosine(fit.fit(scale * codes @ truth).components_)
chance = float(np.mean([mean_cosine(rng.standard_normal((m, d))) for _ in range(20)]))
print(f"scikit-learn {version('scikit-learn')}: mean cosine by scale", {k: round(v, 2) for k, v in score.items()}, f"chance {chance:.2f}")
assert score[1.0] > 0.95 and score[0.1] < 0.85
PYTHON
