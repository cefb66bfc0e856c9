"""Latents as features: the sparse point × latent matrix, straight into CSR."""

from __future__ import annotations

import numpy as np

from fractalman._arrays import I64, AnyInt
from fractalman._jit import run_tasks
from fractalman.errors import RecipeError
from fractalman.hierarchy import _kernels


def feature_columns(parent: I64, n_points: int, columns: int) -> tuple[AnyInt, AnyInt]:
    """Return CSR (indptr, indices) of which point lies under which of the first ``columns`` latents.

    Args:
        parent: (n_nodes,) int64 hierarchy column.
        n_points: number of points n; column j is node n + j.
        columns: how many latents, largest first.
    Returns: int32 arrays when the entries number fewer than 2^31, else int64.
    """
    if columns < 0:
        raise RecipeError(f"top = {columns}: allowed is None (all latents) or a number from 0 up")
    n_latents = parent.size - n_points
    above = np.empty(n_latents, np.int64)
    count = np.zeros(n_points, np.int64)
    _kernels.count_columns(parent, n_points, columns, above, count)
    entries = int(count.sum())
    dtype = np.int32 if entries < 1 << 31 and columns < 1 << 31 else np.int64
    indptr: AnyInt = np.zeros(n_points + 1, dtype)
    np.cumsum(count, out=indptr[1:])
    indices: AnyInt = np.empty(entries, dtype)
    block = max(4096, -(-n_points // 16))
    run_tasks(
        _kernels.fill_columns,
        [
            (parent, n_points, columns, indptr, start, min(start + block, n_points), indices)
            for start in range(0, n_points, block)
        ],
    )
    return indptr, indices
