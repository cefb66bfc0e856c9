"""Columns of critical clusters with hierarchical labels from compact trees: 32-bit integers, everything else by block.

`structure` holds what `generate` returns and makes it from more, about 150 bytes a point. Written to a file, a cluster
needs 32 while it is drawn, then its edges and its hierarchy, 24, with 24 more while X is laid out and 20 more for
depths and two sums over the latents afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from fractalman._typing import I64
from fractalman.families import _forests as forests
from fractalman.families.blocks import Blocks, ComputedColumn
from fractalman.recipes import Recipe


def tree_columns(
    recipe: Recipe,
    tree: forests.CompactTree,
    sizes: I64,
    exponent: float,
    X: Blocks,
    hierarchy: bool,
    grown: bool = False,
) -> Mapping[str, Blocks]:
    """Return all columns of clusters, noise apart.

    Args:
        recipe: what they are made from.
        tree: their columns. sizes: (K,) int64 points of every cluster.
        exponent: a of the hierarchical labels.
        X: the coordinates. hierarchy: also the columns of the trees.
        grown: as for `hierarchical_labels`.
    """
    k, n = tree.parent.size, recipe.max_points
    parent, size, edges = tree.parent, tree.size, tree.edges
    stops = np.cumsum(sizes)

    @cache  # made when the first label is written: X needs other memory
    def latent() -> forests.HierarchicalLabels:
        return forests.HierarchicalLabels.of(parent, size, n, exponent, recipe.seeds.labels, grown)

    def column(shape: tuple[int, ...], dtype: type, make: Callable[[int, int], Any]) -> ComputedColumn:
        return ComputedColumn(shape, np.dtype(dtype), lambda rows: make(int(rows[0]), int(rows[-1]) + 1))

    def wide(held: Any) -> ComputedColumn:
        return column(held.shape, np.int64, lambda a, b: held[a:b].astype(np.int64))

    columns: dict[str, Blocks] = {
        "X": X,
        "y": column((n,), np.float64, lambda a, b: latent().labels(a, b)[0]),
        "cluster": column((n,), np.int64, lambda a, b: np.searchsorted(stops, np.arange(a, b), side="right")),
        "edges": wide(edges),
    }
    if not hierarchy:
        return columns
    both = {
        "parent": wide(parent),
        "value": column((k,), np.float64, lambda a, b: latent().nodes(a, b)[0]),
        "variance": column((k,), np.float64, lambda a, b: latent().nodes(a, b)[1]),
    }
    return {
        **columns,
        **{f"hierarchy/{name}": rows for name, rows in both.items()},
        "hierarchy/size": wide(size),
        "hierarchy/depth": column((k,), np.int64, tree.depths),
        **{f"label_tree/{name}": rows for name, rows in both.items()},
        "label_tree/norm": column((n,), np.float64, lambda a, b: latent().labels(a, b)[1]),
        "label_tree/leaf": column((n,), np.int64, np.arange),
    }
