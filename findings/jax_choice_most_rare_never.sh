#!/usr/bin/env bash
# jax.random.choice(p=...) gives the right number of draws to the rare half of a power law, all to two fifths of its members.
#
# Weights k^-1.4 of 2^20 tasks: one uniform number of 23 bits is looked up in the float32 cumulative sum, so that a task is
# drawn in multiples of 1.2e-7 or never, while each of the rarer half weighs 4e-10 to 1e-9. Of 2 10^7 draws 20,000 fall there, as they
# should, on 7,700 different tasks where 19,700 are due. With jax_enable_x64 and float64 weights they are right. The documentation
# speaks of precision for draws without weights and without replacement only.
# Seen on 2026-11-29. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np

m, n = 2**20, 20_000_000
p = np.arange(1, m + 1) ** -1.4
p /= p.sum()
rare = p[m // 2 :]
due = float((1 - np.exp(-n * rare)).sum())
seen = {}
for x64 in (False, True):
    jax.config.update("jax_enable_x64", x64)
    weights = jnp.asarray(p, jnp.float64 if x64 else jnp.float32)
    k = np.asarray(jax.random.choice(jax.random.key(0), m, (n,), p=weights))
    k = k[k >= m // 2]
    seen[x64] = len(np.unique(k))
    print(f"jax {jax.__version__}, {weights.dtype}: {len(k)} draws of the rarer half ({n * rare.sum():.0f} due), on {seen[x64]} "
          f"different tasks ({due:.0f} due)")
assert seen[False] < 0.5 * due and abs(seen[True] / due - 1) < 0.05
PYTHON
