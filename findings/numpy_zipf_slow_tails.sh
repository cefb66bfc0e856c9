#!/usr/bin/env bash
# NumPy's zipf draws another law where the exponent is near 1: rank 1 comes 1.6 times too often at a = 1.02.
#
# Ranks end at 2^63 - 1: what lies beyond is drawn again, and at a = 1.02 that is 41 % of the law. That alone would make
# rank 1 1.70 times as frequent; it comes 1.59 times as often, because above 2^53, where 1 + 1/k is 1 in double precision, the
# rejection step rejects nothing: there are 1.35 times as many ranks as there should be. Weights of tasks k^-(1 + alpha) with a small alpha
# are such laws. scipy.stats.zipf draws by the same generator, and its pmf is that of the whole law. From a = 1.2 on
# nothing is seen in 2 10^6 draws. The documentation gives the law for every a > 1, without a limit.
# Seen on 2026-11-29. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'numpy==2.4.6' 'scipy==1.17.1'
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
from scipy.special import zeta

n = 2_000_000
seen = {}
for a in (1.02, 1.05, 1.4):
    k = np.random.default_rng(1).zipf(a, n)
    law, cut = 1 / zeta(a), 1 / (zeta(a) - zeta(a, 2.0**63))
    far = (zeta(a, 2.0**53) - zeta(a, 2.0**63)) / (zeta(a) - zeta(a, 2.0**63))  # the share of 2^53 ... 2^63, given the end
    one, beyond = float(np.mean(k == 1)), float(np.mean(k >= 2**53))
    seen[a] = (one / law, one / cut, beyond / far)
    print(f"numpy {np.__version__}, a = {a}: rank 1 {one:.4f}, by the law {law:.4f}, by the law up to 2^63 {cut:.4f}; "
          f"above 2^53 {beyond:.6f}, by the law up to 2^63 {far:.6f}")
assert seen[1.02][0] > 1.5 and seen[1.02][1] < 0.96 and seen[1.02][2] > 1.1
assert abs(seen[1.4][0] - 1) < 0.01
PYTHON
