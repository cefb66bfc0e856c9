"""Builder of ensembles of clusters: critical mean-field clusters and clusters of the Bethe lattice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F32, F64, I64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families._forests.blocks import ForestBlocks
from fractalman.families._forests.coalescent import ClusterTree
from fractalman.families._forests.compact import tree_columns
from fractalman.families.base import Blocks, Structure
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.bethe_lattice.trees import bethe_trees
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble
from fractalman.random.streams import Role, key64
from fractalman.recipes import Recipe
from fractalman.trees import Hierarchy, LabelTree


def cluster_sizes(recipe: PercolationEnsemble | BetheLattice) -> forests.ClusterSizes:
    """Draw the sizes of an ensemble's clusters."""
    n, seed = recipe.n_points, recipe.seeds.geometry
    if isinstance(recipe, BetheLattice):
        return forests.bethe_sizes(n, recipe.coordination, recipe.probability, recipe.ensemble, seed)
    return forests.critical_sizes(n, recipe.sizes, recipe.ensemble, seed)


def population(recipe: Recipe) -> dict[str, Any] | None:
    """Return what a recipe's clusters are, without making them; None for families without an ensemble.

    A file's provenance holds the recipe, and the recipe determines this: clusters, largest, singletons; redrawn, the
    draws that would have passed n_points and were drawn again from the same law restricted to what was left;
    restricted, the points that were left to fill at the first of them, which follow the restricted law; giant, the
    points in the window of an infinite cluster.
    """
    if not isinstance(recipe, (PercolationEnsemble, BetheLattice)):
        return None
    sizes = cluster_sizes(recipe)
    return {
        "ensemble": recipe.ensemble,
        "clusters": int(sizes.size.size),
        "largest": int(sizes.size[0]),
        "singletons": int((sizes.size == 1).sum()),
        "redrawn": sizes.redrawn,
        "restricted": sizes.restricted,
        "giant": int(sizes.size[sizes.giant]) if sizes.giant >= 0 else 0,
    }


def tree(recipe: PercolationEnsemble | BetheLattice, sizes: forests.ClusterSizes | None = None) -> ClusterTree:
    """Draw the edges and hierarchies of an ensemble's clusters, of ``sizes`` drawn before or now."""
    seed = recipe.seeds.geometry
    sizes = cluster_sizes(recipe) if sizes is None else sizes
    if isinstance(recipe, BetheLattice):
        edges = bethe_trees(sizes, recipe.coordination, recipe.probability, seed)
        return forests.cut_tree(edges, recipe.n_points, seed)
    return forests.critical_forest(sizes.size, seed)


def structure(recipe: PercolationEnsemble | BetheLattice, hierarchy: bool, draw: int) -> Structure:
    """Draw everything but the coordinates; the hierarchy is kept in any case, the embedding comes down it."""
    n, sizes = recipe.n_points, cluster_sizes(recipe)
    drawn = tree(recipe, sizes)
    cluster = np.repeat(np.arange(sizes.size.size), sizes.size)
    label_tree, y = _labels(recipe, drawn.parent, drawn.size, drawn.edges, cluster, draw)
    columns = label_tree
    if recipe.label != "hierarchical":  # the hierarchy carries latents all the same, those of Brill's label
        columns = forests.hierarchical_labels(drawn.parent, drawn.size, n, 0.0, recipe.seeds.labels, draw)[0]
    columns_ = Hierarchy(drawn.parent, columns.value, columns.variance, drawn.size, drawn.depth, n)
    return Structure(recipe, y, cluster, drawn.edges, columns_, label_tree if hierarchy else None)


def _labels(
    recipe: PercolationEnsemble | BetheLattice, parent: I64, size: I64, edges: I64, cluster: I64, draw: int
) -> tuple[LabelTree, F64]:
    seed = recipe.seeds.labels
    if recipe.label == "cluster-constant":
        return forests.constant_labels(cluster, seed, draw)
    if recipe.label == "brownian":
        rooted = forests.rooted_order(edges, cluster.size, _roots(cluster, key64(seed, Role.LABEL_ROOT)))
        return forests.brownian_labels(rooted[0], seed, draw)
    return forests.hierarchical_labels(parent, size, cluster.size, recipe.label_exponent, seed, draw)


def labels_again(made: Dataset | Structure) -> Callable[[int], F64]:
    """Return what draws labels on the same trees."""
    recipe, label_tree, h = made.recipe, made.label_tree, made.hierarchy
    assert isinstance(recipe, (PercolationEnsemble, BetheLattice))
    edges = made.edges
    if label_tree is None or h is None or edges is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    if recipe.label == "brownian":
        return lambda draw: forests.brownian_labels(label_tree.parent, recipe.seeds.labels, draw)[1]
    return lambda draw: _labels(recipe, h.parent, h.size, edges, made.cluster, draw)[1]


def _starts(cluster: I64) -> I64:
    return forests.cluster_starts(np.bincount(cluster))


def _roots(cluster: I64, key: int) -> I64:
    """One uniform point of every cluster: draw c of ``key``."""
    return forests.random_points(_starts(cluster), key)


def _tops(parent: I64, cluster: I64) -> I64:
    return forests.top_nodes(parent, _starts(cluster)[:-1])


def step_length(recipe: PercolationEnsemble | BetheLattice) -> float:
    """Length of an edge of an embedded ensemble: √d · N^(−1/6), with an exact cube root of integers."""
    n, shift = recipe.n_points, 40
    root = round(n ** (1 / 3) * 2.0**shift)
    wanted = n << (3 * shift)
    for _ in range(4):  # Newton from a start good to 1e-15; then the floor exactly, whatever the machine's power did
        root = (2 * root + wanted // (root * root)) // 3
    while root**3 > wanted:
        root -= 1
    while (root + 1) ** 3 <= wanted:
        root += 1
    return math.sqrt(recipe.ambient_dim / (root / 2.0**shift))


def _trees(
    recipe: PercolationEnsemble | BetheLattice, parent: AnyInt, edges: AnyInt, starts: I64
) -> tuple[I64, I64, tuple[AnyInt, AnyInt]]:
    """Tops of the hierarchies, roots of the walks, edge trees seen from them."""
    roots = forests.random_points(starts, key64(recipe.seeds.embedding, Role.EMBEDDING_ROOT))
    rooted = forests.rooted_order(edges, recipe.n_points, roots)
    return forests.top_nodes(parent, starts[:-1]), roots, rooted


def coordinates(made: Structure, X: F32) -> None:
    """Write all coordinates into X: origins uniform in the ball of radius √d."""
    recipe, h = made.recipe, made.hierarchy
    assert isinstance(recipe, (PercolationEnsemble, BetheLattice))
    assert made.edges is not None
    assert h is not None
    tops, roots, rooted = _trees(recipe, h.parent, made.edges, _starts(made.cluster))
    step, ball = step_length(recipe), math.sqrt(recipe.ambient_dim)
    forests.forest_coordinates(X, h.parent, h.size, tops, roots, *rooted, step, ball, recipe.seeds.embedding)


def streamed(recipe: Recipe, hierarchy: bool, folder: Path) -> Mapping[str, Blocks] | None:
    """Return all columns block by block from compact trees, for critical clusters with hierarchical labels."""
    if not isinstance(recipe, PercolationEnsemble) or recipe.label != "hierarchical":
        return None
    sizes = cluster_sizes(recipe).size
    tree = forests.compact_forest(sizes, recipe.seeds.geometry)
    X = _blocks(recipe, tree.edges, tree.parent, tree.size, forests.cluster_starts(sizes), folder)
    return tree_columns(recipe, tree, sizes, recipe.label_exponent, X, hierarchy)


def coordinate_blocks(made: Structure, folder: Path) -> Blocks:
    """Return X block by block; ``folder`` is for scratch."""
    recipe, h = made.recipe, made.hierarchy
    assert isinstance(recipe, (PercolationEnsemble, BetheLattice))
    assert made.edges is not None
    assert h is not None
    return _blocks(recipe, made.edges, h.parent, h.size, _starts(made.cluster), folder)


def _blocks(
    recipe: PercolationEnsemble | BetheLattice, edges: AnyInt, parent: AnyInt, size: AnyInt, starts: I64, folder: Path
) -> Blocks:
    n, d, seed = recipe.n_points, recipe.ambient_dim, recipe.seeds.embedding

    def lay_out(rows: int) -> forests.ForestWalk:
        tops, _, rooted = _trees(recipe, parent, edges, starts)
        step, ball = step_length(recipe), math.sqrt(d)
        return forests.ForestWalk(n, d, parent, size, tops, *rooted, step, ball, seed, rows)

    return ForestBlocks((n, d), int(starts[1]), lay_out, folder)
