"""From sets of points to their tree: a matrix of points × latents whose columns nest is a hierarchy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.trees import depths


@dataclass(frozen=True)
class NestedLatents:
    """Latents by decreasing size, after n points.

    Args:
        parent, size, depth: (n + latents,) int64, as the columns of a `Hierarchy`.
        value: (latents,) float64. column: (latents,) int64, where each stood in the matrix.
        root: (n,) int64, the first latent above each point; of a point without latents, the point.
    """

    parent: I64
    size: I64
    depth: I64
    value: F64
    column: I64
    root: I64


def nested_latents(path: Path, entries: Any, height: I64 | None) -> NestedLatents:
    """Return the tree of a matrix whose entry (i, j) is there where point i lies under latent j.

    Parameters
    ----------
    path : Path
        For messages.
    entries : scipy.sparse.csr_array (n, m)
        Entries of a column are equal: the latent's value. Columns without points are left out.
    height : (n,) int64 or None
        How many latents lie above each point, if that is known.

    Raises
    ------
    RecipeError
        Where a column has two values, two columns overlap without one holding the other, or a height is another.

    Notes
    -----
    Sorted by decreasing size (ties: the order of the columns), the latents of a row are its path from the root. If
    every latent has the same one before it in all its rows, then that one holds it, so sets of one row nest: no pair
    of columns is compared.
    """
    n, m = entries.shape
    counts = np.diff(entries.indptr).astype(np.int64)
    row = np.repeat(np.arange(n), counts)
    column = entries.indices.astype(np.int64)
    data = np.asarray(entries.data, np.float64)
    if height is not None and not np.array_equal(height, counts):
        at = int(np.flatnonzero(height != counts)[0])
        raise RecipeError(
            f"{path}: row {at} lies under {counts[at]} latents, and its latent_tree_height is {height[at]}: expected "
            "the same; write the features of all latents"
        )
    size = np.bincount(column, minlength=m)
    value = np.zeros(m)
    value[column] = data
    other = np.flatnonzero(value[column] != data)
    if other.size:
        at = other[0]
        raise RecipeError(
            f"{path}: column {column[at]} holds {data[at]:.6g} in row {row[at]} and {value[column[at]]:.6g} elsewhere: "
            "expected one value a latent"
        )
    kept = np.flatnonzero(size)
    kept = kept[np.argsort(-size[kept], kind="stable")]
    rank = np.full(m, -1, np.int64)
    rank[kept] = np.arange(kept.size)
    path_of = np.lexsort((rank[column], row))
    ranked = rank[column][path_of]
    starts = np.zeros(ranked.size, bool)
    starts[entries.indptr[:-1][counts > 0]] = True
    above = np.where(starts, -1, np.concatenate([[-1], ranked[:-1]]) if ranked.size else ranked)
    parent = np.full(kept.size, -1, np.int64)
    parent[ranked] = above
    wrong = np.flatnonzero(parent[ranked] != above)
    if wrong.size:
        at = wrong[0]
        a, b = kept[ranked[at]], [kept[k] if k >= 0 else None for k in (above[at], parent[ranked[at]])]
        first, second = ("no latent" if k is None else f"column {k}" for k in b)
        raise RecipeError(
            f"{path}: column {a} lies under {first} in row {row[path_of[at]]} and under {second} elsewhere: expected "
            "subclusters that nest"
        )
    under = counts > 0
    last, root = np.full(n, -1, np.int64), np.arange(n)
    last[under] = n + ranked[entries.indptr[1:][under] - 1]
    root[under] = n + ranked[entries.indptr[:-1][under]]
    parents = np.concatenate([last, np.where(parent >= 0, n + parent, -1)])
    sizes = np.concatenate([np.ones(n, np.int64), size[kept]]).astype(np.int64)
    return NestedLatents(parents, sizes, depths(parents), value[kept], kept, root)
