"""Builder of percolation on a lattice: the number of points is what the draw says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fractalman import embedding, geometry, labels
from fractalman._arrays import F32, F64, I64
from fractalman.build.family import Blocks, Rows, Structure
from fractalman.dataset.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.hierarchy import Hierarchy
from fractalman.recipe import LatticePercolation


def lattice(recipe: LatticePercolation) -> geometry.Lattice:
    """Return the box of a recipe."""
    shape = (recipe.side,) * recipe.dim
    periodic = recipe.boundary == "periodic"
    return geometry.Lattice(shape, recipe.percolation, recipe.probability, periodic, recipe.seeds.geometry)


def structure(recipe: LatticePercolation, hierarchy: bool, draw: int) -> Structure:
    """Draw everything but the coordinates; the hierarchy is that of every cluster's breadth-first tree."""
    found = lattice(recipe).clusters(recipe.clusters)
    n, cluster = found.site.size, found.cluster
    tree_parent, _ = geometry.shortest_path_forest(found.edges, found.size, recipe.seeds.geometry)
    columns, label_tree = None, None
    if hierarchy or recipe.label == "hierarchical":
        child = np.flatnonzero(tree_parent >= 0)
        tree = geometry.cut_tree(np.stack([tree_parent[child], child], axis=1), n, recipe.seeds.geometry)
        label_tree, y = labels.hierarchical_labels(
            tree.parent, tree.size, n, recipe.label_exponent, recipe.seeds.labels, draw
        )
        columns = Hierarchy(tree.parent, label_tree.value, label_tree.variance, tree.size, tree.depth, n)
    if recipe.label == "brownian":
        label_tree, y = labels.brownian_labels(tree_parent, recipe.seeds.labels, draw)
    elif recipe.label == "cluster-constant":
        label_tree, y = labels.constant_labels(cluster, recipe.seeds.labels, draw)
    if not hierarchy:
        columns = label_tree = None
    return Structure(recipe, y, cluster, found.edges, columns, label_tree, found.site)


def labels_again(made: Dataset | Structure, draw: int) -> F64:
    """Return label draw number ``draw`` on the same clusters."""
    recipe, tree, h = made.recipe, made.label_tree, made.hierarchy
    assert isinstance(recipe, LatticePercolation)
    seed = recipe.seeds.labels
    if recipe.label == "cluster-constant":
        return labels.constant_labels(made.cluster, seed, draw)[1]
    if tree is None or h is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    if recipe.label == "brownian":
        return labels.brownian_labels(tree.parent, seed, draw)[1]
    return labels.hierarchical_labels(h.parent, h.size, h.n_points, recipe.label_exponent, seed, draw)[1]


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
