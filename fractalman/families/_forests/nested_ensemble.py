"""Ensembles of clusters that grow: the first n points of a larger one are the ensemble of n points.

Points stand in order of arrival and clusters are numbered as they open (`nested_sizes`). The points of one cluster, in
that order, are a cluster that grows (`nested`), so its first k arrivals are a cluster of k points with its law.
Edges, marks and latents are named by the point that brought them, increments of the walk by the point that they lead
to, origins by the cluster: none of these names shifts when points are added.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, F64, I64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families._forests import _nested_size_kernels, ensemble
from fractalman.families._forests.blocks import ForestBlocks
from fractalman.families._forests.ensemble import ClustersRecipe, labels_on, step_length
from fractalman.families._forests.nested import rising_order, share_tables
from fractalman.families.base import Structure
from fractalman.families.blocks import Blocks
from fractalman.random.streams import Role, draws, key64
from fractalman.trees import Hierarchy

_TASKS = 16


def nested_edges(cluster: AnyInt, seed: int) -> I64:
    """Return the edges of critical clusters in order of arrival, (n − K, 2) int64: an earlier point, the one that came.

    Args:
        cluster: (n,) integer of `arriving_clusters`. seed: geometry seed.
    """
    key = np.uint64(key64(seed, Role.NESTED_TREE))

    def grow(most: int) -> tuple[Any, tuple[Any, ...]]:
        return _nested_size_kernels.grow_clusters, (key, *share_tables(most))

    return grown_edges(cluster, grow)


def grown_edges(cluster: AnyInt, grow: Callable[[int], tuple[Any, tuple[Any, ...]]]) -> I64:
    """Return the edges of clusters of any kind in order of arrival.

    Args:
        cluster: (n,) integer, of every point in order of arrival.
        grow: points of the largest cluster → the kernel that grows clusters, and its first arguments.
    """
    n, clusters = cluster.size, int(cluster.max()) + 1
    start: I64 = np.empty(clusters + 1, np.int64)
    member, older = np.empty_like(cluster), np.empty_like(cluster)
    _nested_size_kernels.members(cluster, start, member)
    kernel, given = grow(int(np.diff(start).max()))
    cuts = np.searchsorted(start, np.arange(_TASKS + 1) * (n / _TASKS)).clip(0, clusters)
    cuts[0], cuts[-1] = 0, clusters
    run_tasks(kernel, [(*given, start, member, int(a), int(b), older) for a, b in pairwise(cuts) if b > a])
    younger = np.flatnonzero(older >= 0)
    return np.stack([older[younger].astype(np.int64), younger], axis=1)


def _joining(edges: AnyInt, n: int, seed: int) -> AnyInt:
    """Edges by rising mark; an edge has the mark of its younger point."""
    return rising_order(draws(key64(seed, Role.NESTED_MARK), n)[edges[:, 1]], np.int64)


def nested_forest(edges: I64, n: int, seed: int) -> forests.ClusterTree:
    """Return edges and hierarchies of clusters that grow.

    Args:
        edges: (n − K, 2) of `grown_edges`. n: points. seed: geometry seed.
    """
    tree = forests.join_in_order(edges, n, _joining(edges, n, seed), keep_edges=False)
    return forests.ClusterTree(edges, tree.parent, tree.size, tree.depth)


def structure(recipe: Any, cluster: AnyInt, edges: I64, hierarchy: bool, draw: int) -> Structure[Any]:
    """Return everything but the coordinates; the hierarchy is kept in any case.

    Args:
        recipe: of an ensemble. cluster: (n,) integer, of every point in order of arrival. edges: of `grown_edges`.
        hierarchy: whether the label tree is kept. draw: number of the label draw.
    """
    n, seeds = recipe.n_points, recipe.seeds
    tree, of = nested_forest(edges, n, seeds.geometry), cluster.astype(np.int64)
    roots = _first_points(of)
    label_tree, y = labels_on(recipe, tree.parent, tree.size, tree.edges, of, draw, roots, grown=True)
    latents = label_tree
    if recipe.label != "hierarchical":  # the hierarchy carries latents all the same, those of Brill's label
        latents = forests.hierarchical_labels(tree.parent, tree.size, n, 0.0, seeds.labels, draw, grown=True)[0]
    columns = Hierarchy(tree.parent, latents.value, latents.variance, tree.size, tree.depth, n)
    return Structure(recipe, y, of, tree.edges, columns, label_tree if hierarchy else None)


def label_sampler(recipe: ClustersRecipe, realization: Dataset | Structure[Any]) -> Callable[[int], F64]:
    """Return what draws labels on the same trees."""
    label_tree, h, edges = realization.label_tree, realization.hierarchy, realization.edges
    if label_tree is None or h is None or edges is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    if recipe.label == "brownian":
        return lambda draw: forests.brownian_labels(label_tree.parent, recipe.seeds.labels, draw)[1]
    roots = _first_points(realization.cluster)
    return lambda draw: labels_on(recipe, h.parent, h.size, edges, realization.cluster, draw, roots, grown=True)[1]


def _first_points(cluster: I64) -> I64:
    """The point that opened every cluster."""
    highest = np.maximum.accumulate(cluster)
    return np.flatnonzero(np.diff(highest, prepend=-1) > 0)


def coordinates(realization: Structure[Any], X: F32) -> None:
    """Write all coordinates into X: origins uniform in the ball of radius √d, a direction for every edge."""
    recipe, (edges, _) = realization.recipe, realization.grown
    roots = _first_points(realization.cluster)
    rooted = forests.rooted_order(edges, recipe.n_points, roots)
    ball = float(np.sqrt(recipe.ambient_dim))
    forests.edge_coordinates(X, *rooted, step_length(recipe), recipe.seeds.embedding, roots, ball)


def coordinate_blocks(realization: Structure[Any], folder: Path) -> Blocks:
    """Return X block by block; ``folder`` is for scratch, since rows come cluster by cluster."""
    recipe, (edges, _) = realization.recipe, realization.grown
    n, d, roots = recipe.n_points, recipe.ambient_dim, _first_points(realization.cluster)

    def lay_out(rows: int) -> forests.EdgeWalk:
        rooted = forests.rooted_order(edges, n, roots)
        ball = float(np.sqrt(d))
        return forests.EdgeWalk(d, *rooted, step_length(recipe), recipe.seeds.embedding, rows, roots, ball)

    return ForestBlocks((n, d), n, lay_out, folder)


# ------------------------------------------------------------------------------------------------ either growth


def either_coordinates(realization: Structure[Any], X: F32) -> None:
    """Write all coordinates into X, whichever way the recipe's clusters grow."""
    (coordinates if realization.recipe.growth == "nested" else ensemble.coordinates)(realization, X)


def either_blocks(realization: Structure[Any], folder: Path) -> Blocks:
    """Return X block by block, likewise; ``folder`` is for scratch."""
    return (coordinate_blocks if realization.recipe.growth == "nested" else ensemble.coordinate_blocks)(
        realization, folder
    )


def either_sampler(recipe: Any, realization: Dataset | Structure[Any]) -> Callable[[int], F64]:
    """Return what draws labels on the same trees, likewise."""
    return (label_sampler if recipe.growth == "nested" else ensemble.label_sampler)(recipe, realization)
