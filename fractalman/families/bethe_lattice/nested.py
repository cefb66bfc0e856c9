"""Bethe clusters that grow: the first n points of a larger ensemble are the ensemble of n points.

As uniform labelled trees (`_forests.nested`), with other weights: among B_j(n) = j/(j + m(n−1)) · C(j + m(n−1), n−1)
embedded trees of n sites whose root has j places and every other site m = z − 1, the root's bond towards a uniform
other site splits off a branch, a tree whose root has m places, from a base, whose root has j − 1 left:

    P_n(s) = j B_(j−1)(s) (n−s) B_m(n−s) / ((n−1) B_j(n)),   s = 1 … n − 1 sites in the base.

Base and branch grow stochastically with n (docs/theory.md, "Nested ensembles"). Sizes are those of a list of draws
(`_forests.nested_sizes`), whose law n_s or s·n_s never rises; the infinite cluster above p_c is a window that grows
breadth first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fractalman._typing import F64, I64, AnyInt
from fractalman.families._forests import _nested_size_kernels, nested_ensemble
from fractalman.families._forests.sizes import bethe_extinction, bethe_families, binomial_law
from fractalman.families.bethe_lattice import _nested_kernels
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.random.streams import Role, key64, uniforms


def arriving_clusters(recipe: BetheLattice) -> tuple[AnyInt, int]:
    """Return the cluster that every point belongs to, in order of arrival, and which is the infinite one, −1 if none.

    Args:
        recipe: with n_points, coordination, probability and ensemble.
    Returns: (n,) integer, clusters numbered as they open; for n' < n the first n' entries are those of n'.
    """
    n, seed = recipe.n_points, recipe.seeds.geometry
    share = bethe_families(recipe.coordination, recipe.probability)[2]
    key, endless_key = (np.uint64(key64(seed, Role.SIZES, *more)) for more in ((), (2,)))
    if recipe.ensemble == "size-biased" or share == 0.0:
        cluster: AnyInt = np.empty(n, np.int32 if n < 1 << 31 else np.int64)
        endless = share if recipe.ensemble == "size-biased" else 0.0
        return cluster, int(_nested_size_kernels.arrivals(key, _cumulative(recipe, n), cluster, endless_key, endless))
    whole = np.floor(share * np.arange(n + 1) + uniforms(key64(seed, Role.SIZES, 1), 1)[0])
    giant = np.diff(np.minimum(whole, np.arange(n + 1))) > 0  # which points come to the infinite cluster
    finite: AnyInt = np.empty(int(n - giant.sum()), np.int32 if n < 1 << 31 else np.int64)
    _nested_size_kernels.arrivals(key, _cumulative(recipe, finite.size), finite, endless_key, 0.0)
    cluster = np.zeros(n, finite.dtype)
    cluster[~giant] = finite + 1
    return _as_they_open(cluster, bool(giant.any()))


def _as_they_open(cluster: AnyInt, infinite: bool) -> tuple[AnyInt, int]:
    """Numbers in the order in which clusters open, and the new one of cluster 0."""
    found, first = np.unique(cluster, return_index=True)
    number = np.empty(int(found[-1]) + 1, cluster.dtype)
    number[found[np.argsort(first)]] = np.arange(found.size)
    return number[cluster], int(number[0]) if infinite else -1


def _cumulative(recipe: BetheLattice, n: int) -> F64:
    """Q(0), …, Q(n) of the finite clusters' sizes, up to a factor: of n_s, or of s·n_s."""
    z, p = recipe.coordination, recipe.probability
    extinct = bethe_extinction(z, p)
    if extinct < 1.0:
        p = p * extinct / (1.0 - p + p * extinct) if extinct else 0.0  # the dual probability, its limit at p = 1
    weight = np.empty((z + 1, max(n, 1) + 2))
    _nested_kernels.tree_weights(z, weight)
    factor = (z - 1.0) * p  # p (1−p)^(z−2) over the weights' own x, at most 1, by products: no power, no logarithm
    for _ in range(z - 2):
        factor *= (1.0 - p) * ((z - 1.0) / (z - 2.0))
    powers = np.ones(n)
    powers[1:] = np.cumprod(np.full(max(n - 1, 0), min(factor, 1.0)))
    q = weight[z, 1 : n + 1] * powers
    return np.concatenate([[0.0], np.cumsum(q / np.arange(1.0, n + 1.0) if recipe.ensemble == "number" else q)])


def nested_edges(recipe: BetheLattice, cluster: AnyInt, giant: int) -> I64:
    """Return the edges of the clusters in order of arrival, (n − K, 2) int64: an earlier point, the one that came."""
    z, p, seed = recipe.coordination, recipe.probability, recipe.seeds.geometry
    extinction = bethe_extinction(z, p) if giant >= 0 else 1.0
    key = np.uint64(key64(seed, Role.SHAPE))

    def grow(_most: int) -> tuple[Any, tuple[Any, ...]]:
        sizes = np.bincount(cluster)
        if giant >= 0:
            sizes[giant] = 0
        weight = np.empty((z + 1, 2 * int(sizes.max()) + 4))
        _nested_kernels.tree_weights(z, weight)
        given = (key, z, weight, binomial_law(z, p), binomial_law(z - 1, p), extinction, giant)
        return _nested_kernels.grow_clusters, given

    return nested_ensemble.grown_edges(cluster, grow)
