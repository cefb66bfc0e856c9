"""Builder of percolation on a lattice: the number of points is what the draw says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fractalman import embedding, geometry, labels
from fractalman._typing import F32, F64, I64, AnyInt
from fractalman.build.family import Blocks, Rows, Structure
from fractalman.build.memory import check_draw
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.recipe import LatticePercolation
from fractalman.trees import Hierarchy


def lattice(recipe: LatticePercolation) -> geometry.Lattice:
    """Return the box of a recipe."""
    shape = (recipe.side,) * recipe.dim
    periodic = recipe.boundary == "periodic"
    return geometry.Lattice(shape, recipe.percolation, recipe.probability, periodic, recipe.seeds.geometry)


def structure(recipe: LatticePercolation, hierarchy: bool, draw: int) -> Structure:
    """Draw everything but the coordinates; the hierarchy is that of every cluster's spanning tree."""
    box = lattice(recipe)
    found = box.clusters(recipe.clusters, lambda n: check_draw(recipe, n))
    n, cluster = found.site.size, found.cluster
    columns = label_tree = tree = tree_parent = None
    if hierarchy or recipe.label != "cluster-constant":
        draw_trees = _minimum if recipe.spanning_tree == "minimum" else _breadth_first
        cut = hierarchy or recipe.label == "hierarchical"
        tree, tree_parent = draw_trees(box, found, cut, recipe.label == "brownian")
    if tree is not None:
        label_tree, y = labels.hierarchical_labels(
            tree.parent, tree.size, n, recipe.label_exponent, recipe.seeds.labels, draw
        )
        columns = Hierarchy(tree.parent, label_tree.value, label_tree.variance, tree.size, tree.depth, n)
    if tree_parent is not None:
        label_tree, y = labels.brownian_labels(tree_parent, recipe.seeds.labels, draw)
    elif recipe.label == "cluster-constant":
        label_tree, y = labels.constant_labels(cluster, recipe.seeds.labels, draw)
    if not hierarchy:
        columns = label_tree = None
    return Structure(recipe, y, cluster, found.edges, columns, label_tree, found.site)


def _breadth_first(
    box: geometry.Lattice, found: geometry.LatticeClusters, hierarchy: bool, rooted: bool
) -> tuple[geometry.ClusterTree | None, AnyInt | None]:
    """The cut tree of every cluster's breadth-first tree, and that tree's parents, as far as they are asked for."""
    parent = geometry.shortest_path_forest(found.edges, found.size, box.seed)[0]
    tree = None
    if hierarchy:
        pairs = np.stack([parent, np.arange(parent.size, dtype=parent.dtype)], axis=1)[parent >= 0]
        tree = geometry.cut_tree(pairs, parent.size, box.seed, keep_edges=False)
    return tree, parent if rooted else None


def _minimum(
    box: geometry.Lattice, found: geometry.LatticeClusters, hierarchy: bool, rooted: bool
) -> tuple[geometry.ClusterTree | None, AnyInt | None]:
    """The hierarchy of cutting all bonds by falling weight, and the minimum spanning tree's parents, as asked for."""
    n = found.site.size
    edges = geometry.minimum_spanning_forest(found.edges, box.bond_weights(found), n)
    tree = geometry.join_in_order(edges, n, np.arange(len(edges)), keep_edges=False) if hierarchy else None
    roots = geometry.random_roots(found.size, box.seed)
    return tree, geometry.rooted_order(edges, n, roots)[0] if rooted else None


def labels_again(made: Dataset | Structure) -> Callable[[int], F64]:
    """Return what draws labels on the same clusters."""
    recipe, tree, h = made.recipe, made.label_tree, made.hierarchy
    assert isinstance(recipe, LatticePercolation)
    seed = recipe.seeds.labels
    if recipe.label == "cluster-constant":
        return lambda draw: labels.constant_labels(made.cluster, seed, draw)[1]
    if tree is None or h is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    if recipe.label == "brownian":
        return lambda draw: labels.brownian_labels(tree.parent, seed, draw)[1]
    return lambda draw: labels.hierarchical_labels(h.parent, h.size, h.n_points, recipe.label_exponent, seed, draw)[1]


def coordinates(made: Structure, X: F32) -> None:
    """Write all coordinates into X."""
    recipe = made.recipe
    assert isinstance(recipe, LatticePercolation)
    assert made.sites is not None
    box = lattice(recipe)
    embedding.lattice_coordinates(X, made.sites, box.shape, box.periodic, recipe.seeds.embedding)


def streamed(_recipe: LatticePercolation, _hierarchy: bool, _folder: Path) -> None:
    """Clusters need the whole box."""


def coordinate_blocks(made: Structure, _folder: Path) -> Blocks:
    """Return X block by block: a point's place is its site's."""
    recipe, sites = made.recipe, made.sites
    assert isinstance(recipe, LatticePercolation)
    assert sites is not None
    box, d, seed = lattice(recipe), recipe.ambient_dim, recipe.seeds.embedding

    def rows(points: I64) -> F32:
        X = np.empty((points.size, d), np.float32)
        embedding.lattice_coordinates(X, sites[points], box.shape, box.periodic, seed)
        return X

    return Rows((sites.size, d), np.dtype(np.float32), rows)
