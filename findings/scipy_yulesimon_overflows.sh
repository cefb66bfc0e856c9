#!/usr/bin/env bash
# scipy's Yule-Simon sampler returns the smallest int64 for heavy tails.
#
# yulesimon.rvs(0.1) draws sizes beyond 2^63 in about one case of a hundred, and the cast to integers turns each of them
# into -9223372036854775808: a negative cluster size, without a warning. The support starts at 1.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'scipy==1.17.1' 'numpy==2.4.6'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from scipy.stats import yulesimon

sizes = yulesimon.rvs(0.1, size=100_000, random_state=1)
share = float((sizes < 1).mean())
print(f"scipy {version('scipy')}: smallest size {sizes.min()}, below the support {share:.2%}")
assert sizes.min() == np.iinfo(np.int64).min and 0.005 < share < 0.03
PYTHON
