"""Builder of one critical cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from fractalman._typing import F32, F64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families._forests.blocks import ForestBlocks
from fractalman.families._forests.compact import tree_columns
from fractalman.families.base import Blocks, Structure
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.random.streams import Role, draw_below_twin, key64
from fractalman.trees import Hierarchy


def tree(recipe: PercolationCluster) -> forests.ClusterTree:
    """Draw the cluster's edges and hierarchy."""
    grow = forests.nested_cluster if recipe.growth == "nested" else forests.critical_cluster
    return grow(recipe.n_points, recipe.seeds.geometry)


def structure(recipe: PercolationCluster, hierarchy: bool, draw: int) -> Structure:
    """Draw everything but the coordinates; the hierarchy is kept in any case, the embedding comes down it."""
    n, seeds = recipe.n_points, recipe.seeds
    drawn = tree(recipe)
    label_tree, y = forests.hierarchical_labels(drawn.parent, drawn.size, n, recipe.label_exponent, seeds.labels, draw)
    columns = Hierarchy(drawn.parent, label_tree.value, label_tree.variance, drawn.size, drawn.depth, n)
    if recipe.label == "brownian":
        root = draw_below_twin(key64(seeds.labels, Role.LABEL_ROOT), 0, n)
        label_tree, y = forests.brownian_labels(forests.rooted_order(drawn.edges, n, root)[0], seeds.labels, draw)
    return Structure(recipe, y, np.zeros(n, np.int64), drawn.edges, columns, label_tree if hierarchy else None)


def labels_again(made: Dataset | Structure) -> Callable[[int], F64]:
    """Return what draws labels on the same tree."""
    recipe, label_tree, h = made.recipe, made.label_tree, made.hierarchy
    assert isinstance(recipe, PercolationCluster)
    if label_tree is None or h is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    if recipe.label == "brownian":
        return lambda draw: forests.brownian_labels(label_tree.parent, recipe.seeds.labels, draw)[1]
    return lambda draw: forests.hierarchical_labels(
        h.parent, h.size, recipe.n_points, recipe.label_exponent, recipe.seeds.labels, draw
    )[1]


def step_length(recipe: PercolationCluster) -> float:
    """Length of an edge of one embedded cluster: √d · N^(−1/4), so that distances² are (d/√N) × graph distance."""
    return math.sqrt(recipe.ambient_dim / math.sqrt(recipe.n_points))


def coordinates(made: Structure, X: F32) -> None:
    """Write all coordinates into X."""
    recipe = made.recipe
    assert isinstance(recipe, PercolationCluster)
    assert made.edges is not None
    assert made.hierarchy is not None
    n, seed = recipe.n_points, recipe.seeds.embedding
    root = draw_below_twin(key64(seed, Role.EMBEDDING_ROOT), 0, n)
    rooted = forests.rooted_order(made.edges, n, root)
    forests.tree_coordinates(X, made.hierarchy.parent, made.hierarchy.size, *rooted, step_length(recipe), seed)


def streamed(recipe: PercolationCluster, hierarchy: bool, folder: Path) -> Mapping[str, Blocks] | None:
    """Return all columns block by block from a compact tree, for hierarchical labels."""
    if recipe.label != "hierarchical":
        return None
    grow = forests.compact_nested if recipe.growth == "nested" else forests.compact_cluster
    drawn = grow(recipe.n_points, recipe.seeds.geometry)
    X = _laid_out(recipe, drawn.edges, drawn.parent, drawn.size, folder)
    return tree_columns(recipe, drawn, np.array([recipe.n_points]), recipe.label_exponent, X, hierarchy)


def coordinate_blocks(made: Structure, folder: Path) -> Blocks:
    """Return X block by block; ``folder`` is for scratch."""
    recipe, h = made.recipe, made.hierarchy
    assert isinstance(recipe, PercolationCluster)
    assert made.edges is not None
    assert h is not None
    return _laid_out(recipe, made.edges, h.parent, h.size, folder)


def _laid_out(recipe: PercolationCluster, edges: AnyInt, parent: AnyInt, size: AnyInt, folder: Path) -> Blocks:
    n, d, seed = recipe.n_points, recipe.ambient_dim, recipe.seeds.embedding

    def lay_out(rows: int) -> forests.ForestWalk:
        rooted = forests.rooted_order(edges, n, draw_below_twin(key64(seed, Role.EMBEDDING_ROOT), 0, n))
        tops = np.array([n if n > 1 else 0])
        return forests.ForestWalk(n, d, parent, size, tops, *rooted, step_length(recipe), 0.0, seed, rows)

    return ForestBlocks((n, d), n, lay_out, folder)
