"""Sampler of one critical cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from fractalman._typing import F32, F64, I64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families._forests.blocks import ForestBlocks
from fractalman.families._forests.compact import tree_columns
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import Blocks
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.random.streams import Role, key64
from fractalman.trees import Hierarchy


def tree(recipe: PercolationCluster) -> forests.ClusterTree:
    """Draw the cluster's edges and hierarchy."""
    grow = forests.nested_cluster if _grown(recipe) else forests.critical_cluster
    return grow(recipe.n_points, recipe.seeds.geometry)


def structure(recipe: PercolationCluster, hierarchy: bool, draw: int) -> Structure[PercolationCluster]:
    """Draw everything but the coordinates; the hierarchy is kept in any case, the embedding comes down it."""
    n, seeds = recipe.n_points, recipe.seeds
    drawn = tree(recipe)
    label_tree, y = forests.hierarchical_labels(
        drawn.parent, drawn.size, n, recipe.label_exponent, seeds.labels, draw, grown=_grown(recipe)
    )
    columns = Hierarchy(drawn.parent, label_tree.value, label_tree.variance, drawn.size, drawn.depth, n)
    if recipe.label == "brownian":
        rooted, _ = _rooted(recipe, drawn.edges, key64(seeds.labels, Role.LABEL_ROOT))
        label_tree, y = forests.brownian_labels(rooted, seeds.labels, draw)
    return Structure(recipe, y, np.zeros(n, np.int64), drawn.edges, columns, label_tree if hierarchy else None)


def label_sampler(
    recipe: PercolationCluster, realization: Dataset | Structure[PercolationCluster]
) -> Callable[[int], F64]:
    """Return what draws labels on the same tree."""
    label_tree, h = realization.label_tree, realization.hierarchy
    if label_tree is None or h is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    if recipe.label == "brownian":
        return lambda draw: forests.brownian_labels(label_tree.parent, recipe.seeds.labels, draw)[1]
    return lambda draw: forests.hierarchical_labels(
        h.parent, h.size, recipe.n_points, recipe.label_exponent, recipe.seeds.labels, draw, grown=_grown(recipe)
    )[1]


def _grown(recipe: PercolationCluster) -> bool:
    """Whether points stand in the order in which the cluster grew."""
    return recipe.growth == "nested"


def step_length(recipe: PercolationCluster) -> float:
    """Length of an edge of one embedded cluster: √d · N^(−1/4), so that distances² are (d/√N) × graph distance."""
    return math.sqrt(recipe.ambient_dim / math.sqrt(recipe.n_points))


def _root(n: int, key: int) -> I64:
    """A uniform point."""
    return forests.random_points(np.array([0, n]), key)


def _rooted(recipe: PercolationCluster, edges: AnyInt, key: int) -> tuple[AnyInt, AnyInt]:
    """The edge tree seen from a uniform point: of a cluster that grows the oldest, which is one and stays."""
    n = recipe.n_points
    return forests.rooted_order(edges, n, np.zeros(1, np.int64) if _grown(recipe) else _root(n, key))


def coordinates(realization: Structure[PercolationCluster], X: F32) -> None:
    """Write all coordinates into X."""
    recipe, (edges, h) = realization.recipe, realization.grown
    seed = recipe.seeds.embedding

    def rooted() -> tuple[AnyInt, AnyInt]:
        return _rooted(recipe, edges, key64(seed, Role.EMBEDDING_ROOT))

    if recipe.edge_directions:
        forests.edge_coordinates(X, *rooted(), step_length(recipe), seed)
        return
    forests.tree_coordinates(X, h.parent, h.size, rooted, step_length(recipe), seed)


def compact_tree(recipe: PercolationCluster, edges: bool) -> forests.CompactTree:
    """Draw edges and hierarchy as short integers; a cluster that grows always has its edges."""
    n, seed = recipe.n_points, recipe.seeds.geometry
    return forests.compact_nested(n, seed) if _grown(recipe) else forests.compact_cluster(n, seed, edges=edges)


def streamed(recipe: PercolationCluster, hierarchy: bool, folder: Path) -> Mapping[str, Blocks] | None:
    """Return all columns block by block from a compact tree, for hierarchical labels."""
    if recipe.label != "hierarchical":
        return None
    drawn = compact_tree(recipe, True)
    X = _laid_out(recipe, drawn.edges, drawn.parent, drawn.size, folder)

    return tree_columns(recipe, drawn, np.array([recipe.n_points]), recipe.label_exponent, X, hierarchy, _grown(recipe))


def coordinate_blocks(realization: Structure[PercolationCluster], folder: Path) -> Blocks:
    """Return X block by block; ``folder`` is for scratch."""
    edges, h = realization.grown
    return _laid_out(realization.recipe, edges, h.parent, h.size, folder)


def _laid_out(recipe: PercolationCluster, edges: AnyInt, parent: AnyInt, size: AnyInt, folder: Path) -> Blocks:
    n, d, seed = recipe.n_points, recipe.ambient_dim, recipe.seeds.embedding

    def lay_out(rows: int) -> forests.ForestWalk | forests.EdgeWalk:
        rooted = _rooted(recipe, edges, key64(seed, Role.EMBEDDING_ROOT))
        if recipe.edge_directions:
            return forests.EdgeWalk(d, *rooted, step_length(recipe), seed, rows)
        tops = np.array([n if n > 1 else 0])
        return forests.ForestWalk(n, d, parent, size, tops, *rooted, step_length(recipe), 0.0, seed, rows)

    return ForestBlocks((n, d), n, lay_out, folder)


SAMPLER = Sampler[PercolationCluster](
    structure=structure,
    coordinates=coordinates,
    label_sampler=label_sampler,
    coordinate_blocks=coordinate_blocks,
    streamed=streamed,
    tree=tree,
    compact_tree=compact_tree,
)
