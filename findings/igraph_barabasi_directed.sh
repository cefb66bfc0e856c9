#!/usr/bin/env bash
# igraph's directed Barabasi graphs have in-degree exponent 2 + 1/m, not the 3 that the model is known for.
#
# Graph.Barabasi(n, m, directed=True) attaches by in-degree + 1 alone (Price's model), where the undirected default counts
# all edges: the tail of the in-degrees is 3.0, 2.5, 2.25 for m = 1, 2, 4. Whoever takes such graphs as networks of known
# exponent 3 has another truth.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'igraph==1.0.0' 'numpy==2.4.6'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
import random
from importlib.metadata import version

import igraph
import numpy as np

random.seed(1)
tail = {}
for m in (1, 2, 4):
    degree = np.array(igraph.Graph.Barabasi(200_000, m, directed=True).indegree())
    large = degree[degree >= 50]
    tail[m] = 1 + large.size / np.log(large / 49.5).sum()  # Hill's estimate for integers
print(f"igraph {version('igraph')}: exponent of in-degrees", {m: round(float(a), 2) for m, a in tail.items()}, "2 + 1/m:", 3.0, 2.5, 2.25)
assert abs(tail[1] - 3.0) < 0.15 and abs(tail[2] - 2.5) < 0.15 and abs(tail[4] - 2.25) < 0.15
PYTHON
