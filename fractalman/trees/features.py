"""Latents as features: the sparse point × latent matrix, straight into CSR."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fractalman._jit import run_tasks
from fractalman._typing import I64, AnyInt
from fractalman.errors import RecipeError
from fractalman.trees import _kernels


def feature_columns(parent: I64, n_points: int, columns: int) -> tuple[AnyInt, AnyInt]:
    """Return CSR (indptr, indices) of which point lies under which of the first ``columns`` latents.

    Args:
        parent: (n_nodes,) int64 hierarchy column.
        n_points: number of points n; column j is node n + j.
        columns: how many latents, largest first.
    Returns: int32 arrays when the entries number fewer than 2^31, else int64.
    """
    count = _row_counts(parent, n_points, columns)
    entries = int(count.sum())
    dtype = np.int32 if entries < 1 << 31 and columns < 1 << 31 else np.int64
    indptr: AnyInt = np.zeros(n_points + 1, dtype)
    np.cumsum(count, out=indptr[1:])
    indices: AnyInt = np.empty(entries, dtype)
    _fill(parent, n_points, columns, 0, indptr, indices)
    return indptr, indices


def feature_blocks(parent: I64, n_points: int, columns: int, rows: int) -> Iterator[tuple[I64, I64]]:
    """Yield (entries of each row, their columns) of the same matrix, ``rows`` points at a time.

    Args: as `feature_columns`.
    """
    count = _row_counts(parent, n_points, columns)
    for start in range(0, n_points, rows):
        indptr = np.zeros(min(rows, n_points - start) + 1, np.int64)
        np.cumsum(count[start : start + rows], out=indptr[1:])
        indices = np.empty(indptr[-1], np.int64)
        _fill(parent, n_points, columns, start, indptr, indices)
        yield count[start : start + rows], indices


def _row_counts(parent: I64, n_points: int, columns: int) -> I64:
    """Return how many of the first ``columns`` latents lie above each point."""
    if columns < 0:
        raise RecipeError(f"top = {columns}: expected None (all latents) or a number from 0 up")
    above = np.empty(parent.size - n_points, np.int64)
    count = np.zeros(n_points, np.int64)
    _kernels.count_columns(parent, n_points, columns, above, count)
    return count


def _fill(parent: I64, n_points: int, columns: int, first: int, indptr: AnyInt, indices: AnyInt) -> None:
    """Write the columns of the rows that ``indptr`` is for, beginning with point ``first``."""
    rows = indptr.size - 1
    block = max(4096, -(-rows // 16))
    run_tasks(
        _kernels.fill_columns,
        [
            (parent, n_points, columns, indptr[at : at + block + 1], first + at, first + min(at + block, rows), indices)
            for at in range(0, rows, block)
        ],
    )
