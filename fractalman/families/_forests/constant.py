"""Cluster-constant labels: one standard normal for every cluster, the pure subtask target of docs/theory.md §3."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64
from fractalman.random.streams import Role, key64, normals
from fractalman.trees import LabelTree


def constant_labels(cluster: I64, seed: int, draw: int = 0) -> tuple[LabelTree, F64]:
    """Return the label tree (one node a cluster) and labels.

    Args:
        cluster: (n,) int64, 0 … n_clusters − 1, every number taken.
        seed: label seed. draw: number of the label draw, 0 = the dataset's own.
    Returns: LabelTree with norm 1, and (n,) float64 labels of prior variance 1.
    """
    clusters = int(cluster.max()) + 1
    value = normals(key64(seed, Role.CLUSTER_VALUE, draw), clusters)
    tree = LabelTree(np.full(clusters, -1), value, np.ones(clusters), np.ones(cluster.size), cluster)
    return tree, value[cluster]
