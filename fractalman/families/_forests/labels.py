"""Labels on stored trees: y_i = (Σ of value over the path root → i) / norm_i, value_u ~ N(0, variance_u).

Hierarchical: on the cut tree, variance_u = size_u^(2a), norm_i = √(Σ of variance over the path), so every label has
prior variance exactly 1; a = 0 gives Brill's √(depth + 1). Brownian: on the edge tree from its root, variance 1, one
norm for all points. Source: docs/theory.md §1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._threads import run_beside, run_tasks
from fractalman._typing import F64, I64, AnyInt
from fractalman.families._forests import _label_kernels as _kernels
from fractalman.random.streams import Role, key64, normals
from fractalman.trees import LabelTree, path_sums, topological_order

_BLOCK = 1 << 15  # latents in one task
_BY_NUMBER: F64 = np.empty(0)


def hierarchical_labels(
    parent: I64,
    size: I64,
    n_points: int,
    exponent: float,
    seed: int,
    draw: int = 0,
    cluster: int = 0,
    grown: bool = False,
) -> tuple[LabelTree, F64]:
    """Return the label tree and labels of the latents of a hierarchy.

    Args:
        parent, size: (n_nodes,) int64 hierarchy columns.
        n_points: number of points n.
        exponent: a > −1/4 in variance = size^(2a).
        seed: label seed. draw: number of the label draw, 0 = the dataset's own. cluster: part of the address.
        grown: whether points stand in the order in which trees grew leaf by leaf (`grown_normals`); else normals
            are by node number.
    Returns: LabelTree over the hierarchy's nodes, and (n,) float64 labels of prior variance 1.
    """
    variance = np.empty(parent.size)
    value = np.empty(parent.size)
    key = np.uint64(key64(seed, Role.LATENT, cluster, draw))
    nodes, normal = parent.size, grown_normals(parent, n_points, int(key)) if grown else _BY_NUMBER
    run_tasks(
        _kernels.hierarchical_values,
        [
            (key, size, normal, float(exponent), a, variance[a : a + _BLOCK], value[a : a + _BLOCK])
            for a in range(0, nodes, _BLOCK)
        ],
    )
    norm, y = np.empty(n_points), np.empty(n_points)

    def spread() -> None:
        _kernels.sums_by_id(parent, variance, np.empty(nodes - n_points), norm)
        np.sqrt(norm, out=norm)

    run_beside(nodes, spread, lambda: _kernels.sums_by_id(parent, value, np.empty(nodes - n_points), y))
    y /= norm
    return LabelTree(parent, value, variance, norm, np.arange(n_points)), y


def grown_normals(parent: AnyInt, n_points: int, key: int) -> F64:
    """Return the independent normals of all nodes of a hierarchy that grows, (n_nodes,) float64.

    When point v comes, its latent is put right above a node F that was there. Points below F had F's normal g in their
    sums; now they have those of both, and √½(g + e) and √½(g − e) with a new normal e are two independent normals whose
    sum is √2·g. All normals stay independent, so labels have their law at every size, and what an older point's sum
    gains is (√2 − 1)·g instead of a new term. Source: docs/theory.md, "Nested sizes".

    Args:
        parent: (n_nodes,) integer of binary hierarchies. n_points: n.
        key: of the draws.
    """
    latent_of, partner = np.empty((2, n_points), parent.dtype)
    normal = np.empty(parent.size)
    _kernels.partners(parent, n_points, latent_of, partner)
    _kernels.turned_normals(np.uint64(key), latent_of, partner, normal)
    return normal


@dataclass(frozen=True)
class HierarchicalLabels:
    """What `hierarchical_labels` returns, for any range of nodes, from 16 bytes a latent.

    Args:
        parent, size: (n_nodes,) integer hierarchy columns. n_points: n.
        exponent: a. key: of the latents. normal: (n_nodes,) float64 of trees that grow, else without rows.
        spread, total: (n_latents,) float64 sums of variance and value over the path to every latent.
    """

    parent: AnyInt
    size: AnyInt
    n_points: int
    exponent: float
    key: int
    normal: F64
    spread: F64
    total: F64

    @classmethod
    def of(
        cls,
        parent: AnyInt,
        size: AnyInt,
        n_points: int,
        exponent: float,
        seed: int,
        grown: bool = False,
    ) -> HierarchicalLabels:
        """Return the labels of a hierarchy; arguments as for `hierarchical_labels`."""
        latents, key = parent.size - n_points, key64(seed, Role.LATENT, 0, 0)
        made = cls(
            parent,
            size,
            n_points,
            float(exponent),
            key,
            grown_normals(parent, n_points, key) if grown else _BY_NUMBER,
            np.empty(latents),
            np.empty(latents),
        )
        for a in range(0, latents, _BLOCK):
            value, variance = made.nodes(n_points + a, min(n_points + a + _BLOCK, parent.size))
            _kernels.latent_sums(parent, n_points, a, variance, value, made.spread, made.total)
        return made

    def nodes(self, start: int, stop: int) -> tuple[F64, F64]:
        """Return value and variance of nodes start … stop − 1."""
        value, variance = np.empty(stop - start), np.empty(stop - start)
        _kernels.hierarchical_values(np.uint64(self.key), self.size, self.normal, self.exponent, start, variance, value)
        return value, variance

    def labels(self, start: int, stop: int) -> tuple[F64, F64]:
        """Return y and norm of points start … stop − 1."""
        total, spread = self.nodes(start, stop)
        up = self.parent[start:stop]
        inner = up >= 0
        total[inner] += self.total[up[inner] - self.n_points]
        spread[inner] += self.spread[up[inner] - self.n_points]
        norm = np.sqrt(spread)
        return total / norm, norm


def brownian_labels(tree_parent: AnyInt, seed: int, draw: int = 0, cluster: int = 0) -> tuple[LabelTree, F64]:
    """Return the label tree and labels of Brownian motion along the edge tree.

    Args:
        tree_parent: (n,) integer, the edge tree seen from its root (−1).
        seed, draw, cluster: as in `hierarchical_labels`.
    Returns: LabelTree over the points, and (n,) float64 labels. The norm is √(mean number of points on a path), so
        the prior variance is 1 on average over the points; only the variogram means anything.
    """
    parent = tree_parent.astype(np.int64)
    n = parent.size
    value = normals(key64(seed, Role.INCREMENT, cluster, draw), n)
    order = topological_order(parent)
    variance = np.ones(n)
    norm = np.full(n, np.sqrt(path_sums(parent, variance, order).sum() / n))
    tree = LabelTree(parent, value, variance, norm, np.arange(n))
    return tree, path_sums(parent, value, order) / norm
