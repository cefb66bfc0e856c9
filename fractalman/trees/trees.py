"""Walks on a forest given by its parent column: orders, depths, sums along paths, lowest common ancestors."""

from __future__ import annotations

import numpy as np

from fractalman._jit import run_tasks
from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.trees import _kernels

_WORTH_A_TABLE = 8  # steps of climbing that cost as much as a node's share of the table of heavy paths


def topological_order(parent: I64) -> I64:
    """Return all nodes with every ancestor before its descendants.

    Args:
        parent: (m,) int64, −1 at roots.
    Returns: (m,) int64. Errors: RecipeError if the column has a cycle or points outside.
    """
    parent = np.ascontiguousarray(parent, np.int64)
    if parent.size and not (parent.min() >= -1 and parent.max() < parent.size):
        raise RecipeError("a parent column points outside its own nodes: expected -1 (root) to n_nodes - 1")
    order = np.empty(parent.size, np.int64)
    if _kernels.topological_order(parent, order) != parent.size:
        raise RecipeError("a parent column has a cycle: every node must lead to a root (-1)")
    return order


def depths(parent: I64, order: I64 | None = None) -> I64:
    """Return every node's number of ancestors, (m,) int64."""
    order = topological_order(parent) if order is None else order
    out = np.empty(parent.size, np.int64)
    _kernels.depths(np.ascontiguousarray(parent, np.int64), order, out)
    return out


def path_sums(parent: I64, value: F64, order: I64 | None = None) -> F64:
    """Return for every node the sum of ``value`` over its path from the root, both ends included, (m,) float64.

    The terms are added from the root downwards, so equal paths give equal sums to the last bit.
    """
    order = topological_order(parent) if order is None else order
    out = np.empty(parent.size, np.float64)
    _kernels.path_sums(np.ascontiguousarray(parent, np.int64), np.ascontiguousarray(value, np.float64), order, out)
    return out


def lowest_common_ancestors(parent: I64, depth: I64, a: I64, b: I64) -> I64:
    """Return the deepest node above (or equal to) both nodes of each pair, −1 where they share none.

    Few pairs climb node by node; many pay for a table of heavy paths first and then take log2(m) steps each.

    Args:
        parent, depth: (m,) int64 columns.
        a, b: (pairs,) int64 node ids.
    """
    a, b = np.ascontiguousarray(a, np.int64), np.ascontiguousarray(b, np.int64)
    if a.size * int(depth.max(initial=0)) > _WORTH_A_TABLE * parent.size:
        from fractalman.trees.queries import CommonAncestors

        return CommonAncestors(parent, depth).of(a, b)
    out = np.empty(a.size, np.int64)
    block = max(1024, -(-a.size // 16))
    run_tasks(
        _kernels.lowest_common_ancestors,
        [(parent, depth, a[s : s + block], b[s : s + block], out[s : s + block]) for s in range(0, a.size, block)],
    )
    return out
