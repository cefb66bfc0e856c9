"""Walks on a forest given by its parent column: orders, depths, sums along paths."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.trees import _kernels


def topological_order(parent: I64) -> I64:
    """Return all nodes with every ancestor before its descendants.

    Parameters
    ----------
    parent : (m,) int64
        −1 at roots.

    Returns
    -------
    (m,) int64
        Node ids.

    Raises
    ------
    RecipeError
        If the column has a cycle or points outside.
    """
    parent = np.ascontiguousarray(parent, np.int64)
    if parent.size and not (parent.min() >= -1 and parent.max() < parent.size):
        raise RecipeError("a parent column points outside its own nodes: expected -1 (root) to n_nodes - 1")
    order = np.empty(parent.size, np.int64)
    if _kernels.topological_order(parent, order) != parent.size:
        raise RecipeError("a parent column has a cycle: every node must lead to a root (-1)")
    return order


def depths(parent: I64, order: I64 | None = None) -> I64:
    """Return every node's number of ancestors.

    Parameters
    ----------
    parent : (m,) int64
        −1 at roots.
    order : (m,) int64 or None, default None
        A topological order, if there is one already.

    Returns
    -------
    (m,) int64
        Numbers of ancestors.
    """
    order = topological_order(parent) if order is None else order
    out = np.empty(parent.size, np.int64)
    _kernels.depths(np.ascontiguousarray(parent, np.int64), order, out)
    return out


def path_sums(parent: I64, value: F64, order: I64 | None = None) -> F64:
    """Return for every node the sum of ``value`` over its path from the root, both ends included.

    The terms are added from the root downwards, so equal paths give equal sums to the last bit.

    Parameters
    ----------
    parent : (m,) int64
        −1 at roots.
    value : (m,) float64
        What is summed.
    order : (m,) int64 or None, default None
        A topological order, if there is one already.

    Returns
    -------
    (m,) float64
        Sums.
    """
    order = topological_order(parent) if order is None else order
    out = np.empty(parent.size, np.float64)
    _kernels.path_sums(np.ascontiguousarray(parent, np.int64), np.ascontiguousarray(value, np.float64), order, out)
    return out
