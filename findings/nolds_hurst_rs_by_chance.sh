#!/usr/bin/env bash
# nolds 0.6.3's hurst_rs answers by chance: other exponents for the same series from one call to the next.
#
# Its default fit is RANSAC, drawn without a seed of its own. 300 increments of fractional Brownian motion with H = .8, from
# their exact covariance, asked twenty times: with the defaults several answers, with fit="poly" one. A table of such
# exponents cannot be made again.
# Seen on 2026-11-30. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
python="$(command -v python3.13 || command -v python3.12 || true)"
[ -n "$python" ] || { echo "expected python3.13 or python3.12 on the path: nolds cannot be imported on 3.11"; exit 2; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'nolds==0.6.3' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
import nolds
import numpy as np

n, H = 300, 0.8
lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(float)
covariance = 0.5 * ((lag + 1) ** (2 * H) - 2 * lag ** (2 * H) + np.abs(lag - 1) ** (2 * H))
series = np.linalg.cholesky(covariance) @ np.random.default_rng(3).standard_normal(n)
default = sorted({round(float(nolds.hurst_rs(series)), 4) for _ in range(20)})
poly = sorted({round(float(nolds.hurst_rs(series, fit="poly")), 4) for _ in range(20)})
print("nolds 0.6.3 hurst_rs of one series, twenty calls: defaults", default, '· fit="poly"', poly)
assert len(default) >= 2 and len(poly) == 1
PYTHON
