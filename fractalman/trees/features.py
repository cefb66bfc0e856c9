"""Latents as features: the sparse point × latent matrix, straight into CSR."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fractalman._memory import check_bytes
from fractalman._threads import run_tasks
from fractalman._typing import F64, I64, AnyInt
from fractalman.config import ends, is_integer, is_word, shown
from fractalman.errors import RecipeError, nearest
from fractalman.trees import _kernels

CHOICES = ("size", "balance", "variance")
"""What latents may be ranked by."""

NONE: F64 = np.empty(0)
"""No values: the columns alone are written."""


def choose_latents(
    size: I64,
    variance: F64,
    n_points: int,
    top: int | None,
    by: str,
    share: tuple[float, float] | None,
    scale: tuple[int, int] | None,
) -> I64:
    """Return the chosen latents' node ids, rising; parameters and errors as for `Hierarchy.choose`.

    Parameters
    ----------
    size : (n_nodes,) int64
        Points below each node.
    variance : (n_nodes,) float64
        Of each node's value.
    n_points : int
        Number of points n.
    top, by, share, scale
        As for `Hierarchy.choose`, whose ``size`` is ``scale``.
    """
    if not is_word(by, CHOICES):
        raise RecipeError(f"by = {shown(by)}: expected {', '.join(map(repr, CHOICES))}{nearest(by, CHOICES)}")
    if top is not None and (not is_integer(top) or int(top) < 0):
        raise RecipeError(f"top = {shown(top)}: expected None (all latents) or a whole number from 0 up; use top = 100")
    below = size[n_points:]
    kept = np.ones(below.size, bool)
    for name, bounds, unit, example in (("share", share, n_points, "(0.05, 0.95)"), ("size", scale, 1, "(10, 1000)")):
        if bounds is None:
            continue
        low, high = ends(name, bounds)
        if not 0 <= low <= high:
            raise RecipeError(
                f"{name} = {shown(bounds)}: expected (low, high), 0 <= low <= high; use {name} = {example}"
            )
        kept &= (below >= low * unit) & (below <= high * unit)
    found = np.flatnonzero(kept)
    if top is not None:
        if int(top) > found.size:
            chosen = "" if found.size == below.size else f" of {below.size} that are chosen"
            raise RecipeError(
                f"top = {shown(top)}: there are {found.size} latents{chosen}; expected 0 to {found.size}, or None for "
                "all"
            )
        p = below[found] / n_points
        rank = {"size": below[found].astype(np.float64), "balance": p * (1.0 - p)}.get(by)
        if rank is None:
            rank = p * (1.0 - p) * variance[n_points:][found]
        found = np.sort(found[np.argsort(-rank, kind="stable")[: int(top)]])
    return (n_points + found).astype(np.int64)


def above_chosen(parent: I64, n_points: int, nodes: I64) -> I64:
    """Return the parent column of the points and the chosen latents alone, as columns n, n + 1, …, −1 at roots.

    Parameters
    ----------
    parent : (n_nodes,) int64
        Hierarchy column.
    n_points : int
        Number of points n.
    nodes : (chosen,) int64
        Latents, rising.

    Returns
    -------
    (n_points + chosen,) int64
    """
    kept = np.zeros(parent.size, bool)
    kept[nodes] = True
    up = np.empty(parent.size, np.int64)
    order = np.append(np.arange(n_points, parent.size), np.arange(n_points))  # a latent's parent has a smaller id
    _kernels.nearest_kept(parent, order, kept, up)
    number = np.full(parent.size + 1, -1, np.int64)  # the last entry answers for −1
    number[nodes] = n_points + np.arange(nodes.size)
    over = np.append(parent[:n_points], parent[nodes])
    return number[np.where(over >= 0, up[over], -1)]


def feature_columns(parent: I64, n_points: int, columns: int) -> tuple[AnyInt, AnyInt]:
    """Return CSR (indptr, indices) of which point lies under which of the first ``columns`` latents.

    Args:
        parent: (n_nodes,) int64 hierarchy column.
        n_points: number of points n; column j is node n + j.
        columns: how many latents, largest first.
    Returns: int32 arrays when the entries number fewer than 2^31, else int64.
    """
    indptr, indices = _empty_rows(parent, n_points, columns)
    _fill(parent, n_points, columns, 0, indptr, indices)
    return indptr, indices


def feature_matrix(parent: I64, n_points: int, value: F64) -> tuple[F64, AnyInt, AnyInt]:
    """Return CSR (data, indices, indptr) of the same matrix; entries are the values of their columns' latents.

    Args:
        parent, n_points: as `feature_columns`.
        value: (columns,) float64, what stands in column j wherever something stands.
    """
    indptr, indices = _empty_rows(parent, n_points, value.size)
    data = np.empty(indices.size)
    _fill(parent, n_points, value.size, 0, indptr, indices, value, data)
    return data, indices, indptr


def _empty_rows(parent: I64, n_points: int, columns: int) -> tuple[AnyInt, AnyInt]:
    """Return indptr, and indices not yet written, in the narrowest of int32 and int64."""
    count = _row_counts(parent, n_points, columns)
    entries = int(count.sum())
    dtype = np.int32 if entries < 1 << 31 and columns < 1 << 31 else np.int64
    indptr: AnyInt = np.zeros(n_points + 1, dtype)
    np.cumsum(count, out=indptr[1:])
    check_bytes(
        entries * (indptr.itemsize + 8),
        f"the {entries:,} entries of {columns:,} latents",
        "use share = (0.05, 0.95), size = (10, 1000) or a smaller top",
    )
    return indptr, np.empty(entries, dtype)


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
        raise RecipeError(f"top = {shown(columns)}: expected None (all latents) or a number from 0 up")
    above = np.empty(parent.size - n_points, np.int64)
    count = np.zeros(n_points, np.int64)
    _kernels.count_columns(parent, n_points, columns, above, count)
    return count


def _fill(
    parent: I64,
    n_points: int,
    columns: int,
    first: int,
    indptr: AnyInt,
    indices: AnyInt,
    value: F64 = NONE,
    data: F64 = NONE,
) -> None:
    """Write the columns of the rows that ``indptr`` is for, and their values, beginning with point ``first``."""
    rows = indptr.size - 1
    block = max(4096, -(-rows // 16))
    run_tasks(
        _kernels.fill_columns,
        [
            (parent, n_points, columns, value, indptr[at : at + block + 1], first + at, first + stop, indices, data)
            for at in range(0, rows, block)
            for stop in [min(at + block, rows)]
        ],
    )
