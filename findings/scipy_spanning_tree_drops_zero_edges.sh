#!/usr/bin/env bash
# scipy's minimum spanning tree drops stored edges of weight 0 that its Dijkstra keeps.
#
# A path of three points whose first two coincide: the sparse matrix stores three edges, one of weight 0. Dijkstra reaches
# everything over it; minimum_spanning_tree returns a tree with a single stored edge, so that duplicated points silently
# fall out of a hierarchy that is made from it.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'scipy==1.17.1' 'numpy==2.4.6'
OMP_NUM_THREADS=1 "$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

edges = csr_array((np.array([0.0, 1.0, 1.0]), (np.array([0, 1, 0]), np.array([1, 2, 2]))), shape=(3, 3))
tree, reached = minimum_spanning_tree(edges), dijkstra(edges, directed=False)[0]
print(f"scipy {version('scipy')}: stored edges {edges.nnz}, edges of the tree {tree.nnz} (2 are due), distances {reached}")
assert edges.nnz == 3 and tree.nnz == 1 and np.isfinite(reached).all()
PYTHON
