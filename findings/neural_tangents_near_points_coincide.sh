#!/usr/bin/env bash
# neural-tangents gives points less than about 3e-4 rad apart one tangent kernel, in single precision, which is its default.
#
# The tangent kernel of a ReLU network falls with a cusp: unit vectors at a small angle t have K(x,x) - K(x,y) = t / (pi d),
# one hidden layer. The package takes t from the cosine, which in float32 is one of a few numbers up to 1e-3: differences
# are off by 11 % at 1e-3 (rms), gone for two fifths of the pairs at 3e-4 and for two thirds at 1e-5. In float64
# (jax_enable_x64) the same happens at 1e-7 (5 %) and 1e-8 (half of the pairs). Kernel regression on a set whose neighbours
# are that near sees copies where labels differ, and its risk stops falling. Angles from differences, 2 asin(|x - y| / 2),
# keep all digits. Relu's documentation says nothing of precision (do_stabilize is for very deep networks).
# Version 0.6.5 asks for jax >= 0.4.16 and cannot be imported with the newest; 0.4.35 is one that works.
# Seen on 2026-11-30. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
command -v python3.11 > /dev/null || { echo "expected python3.11 on the path"; exit 2; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    'neural-tangents==0.6.5' 'jax==0.4.35' 'jaxlib==0.4.35' 'numpy==2.4.6' 'scipy==1.17.1'
"$folder/env/bin/python" -W ignore - 2> /dev/null <<'PYTHON'
from importlib.metadata import version

import jax
import numpy as np
from neural_tangents import stax

d, pairs = 24, 400
rng = np.random.default_rng(0)
x = rng.standard_normal((pairs, d))
x /= np.linalg.norm(x, axis=1)[:, None]
w = rng.standard_normal((pairs, d))
w -= (w * x).sum(1)[:, None] * x
w /= np.linalg.norm(w, axis=1)[:, None]


def due(t):
    """K(x,x) - K(x,y) of one hidden layer at angle t, without cancellation."""
    lost = 2 * np.sin(t / 2) ** 2  # 1 - cos t
    first = lost - (np.sin(t) - t * np.cos(t)) / np.pi
    return (first + lost + t * np.cos(t) / np.pi) / d


def measured(t):
    _, _, kernel = stax.serial(stax.Dense(1, W_std=2**0.5, b_std=0.0), stax.Relu(), stax.Dense(1))
    y = np.cos(t) * x + np.sin(t) * w
    k = np.asarray(kernel(np.concatenate([x, y]), None, "ntk"), np.float64)
    itself = np.diag(k)
    return (itself[:pairs] + itself[pairs:]) / 2 - np.diag(k[:pairs, pairs:])


names = f"neural-tangents {version('neural-tangents')}, jax {version('jax')}"
error, gone = {}, {}
for wide, angles in ((False, (1e-1, 1e-2, 1e-3, 3e-4, 1e-4, 1e-5)), (True, (1e-4, 1e-6, 1e-7, 1e-8, 1e-9))):
    jax.config.update("jax_enable_x64", wide)
    for t in angles:
        ratio = measured(t) / due(t)
        error[wide, t], gone[wide, t] = np.sqrt(np.mean((ratio - 1) ** 2)), np.mean(ratio <= 0.1)
        print(f"{names}, float{64 if wide else 32}, angle {t:.0e}: difference wrong by {error[wide, t]:.1%} (rms), "
              f"lost for {gone[wide, t]:.0%} of the pairs")
assert error[False, 1e-2] < 0.05 and error[True, 1e-4] < 0.01  # it is right where points are apart
assert error[False, 1e-3] > 0.1 and gone[False, 3e-4] > 0.2 and gone[False, 1e-5] > 0.5
assert gone[True, 1e-8] > 0.2
PYTHON
