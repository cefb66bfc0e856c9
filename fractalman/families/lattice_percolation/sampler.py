"""Sampler of percolation on a lattice: the number of points is what the draw says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fractalman import _memory
from fractalman._typing import F32, F64, I64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families import _forests as forests
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import Blocks, ComputedColumn
from fractalman.families.lattice_percolation.box import Lattice, LatticeClusters, random_roots, shortest_path_forest
from fractalman.families.lattice_percolation.coordinates import lattice_coordinates
from fractalman.families.lattice_percolation.memory import LatticePercolationMemory
from fractalman.families.lattice_percolation.recipe import LatticePercolation
from fractalman.trees import Hierarchy


def lattice(recipe: LatticePercolation) -> Lattice:
    """Return the box of a recipe."""
    shape = (recipe.side,) * recipe.dim
    periodic = recipe.boundary == "periodic"
    return Lattice(shape, recipe.percolation, recipe.probability, periodic, recipe.seeds.geometry)


def _clusters(recipe: LatticePercolation) -> LatticeClusters:
    return lattice(recipe).clusters(recipe.clusters, lambda n: check_draw(recipe, n))


def structure(recipe: LatticePercolation, hierarchy: bool, draw: int) -> Structure[LatticePercolation]:
    """Draw everything but the coordinates; the hierarchy is that of every cluster's spanning tree."""
    box, found = lattice(recipe), _clusters(recipe)
    n, cluster = found.site.size, found.cluster
    columns = label_tree = tree = tree_parent = None
    if hierarchy or recipe.label != "cluster-constant":
        draw_trees = _minimum if recipe.spanning_tree == "minimum" else _breadth_first
        cut = hierarchy or recipe.label == "hierarchical"
        tree, tree_parent = draw_trees(box, found, cut, recipe.label == "brownian")
    if tree is not None:
        label_tree, y = forests.hierarchical_labels(
            tree.parent, tree.size, n, recipe.label_exponent, recipe.seeds.labels, draw
        )
        columns = Hierarchy(tree.parent, label_tree.value, label_tree.variance, tree.size, tree.depth, n)
    if tree_parent is not None:
        label_tree, y = forests.brownian_labels(tree_parent, recipe.seeds.labels, draw)
    elif recipe.label == "cluster-constant":
        label_tree, y = forests.constant_labels(cluster, recipe.seeds.labels, draw)
    if not hierarchy:
        columns = label_tree = None
    return Structure(recipe, y, cluster, found.edges, columns, label_tree, found.site)


def _breadth_first(
    box: Lattice, found: LatticeClusters, hierarchy: bool, rooted: bool
) -> tuple[forests.ClusterTree | None, AnyInt | None]:
    """The cut tree of every cluster's breadth-first tree, and that tree's parents, as far as they are asked for."""
    parent = shortest_path_forest(found.edges, found.size, box.seed)[0]
    tree = None
    if hierarchy:
        pairs = np.stack([parent, np.arange(parent.size, dtype=parent.dtype)], axis=1)[parent >= 0]
        tree = forests.cut_tree(pairs, parent.size, box.seed, keep_edges=False)
    return tree, parent if rooted else None


def _minimum(
    box: Lattice, found: LatticeClusters, hierarchy: bool, rooted: bool
) -> tuple[forests.ClusterTree | None, AnyInt | None]:
    """The hierarchy of cutting all bonds by falling weight, and the minimum spanning tree's parents, as asked for."""
    n = found.site.size
    edges = forests.minimum_spanning_forest(found.edges, box.bond_weights(found), n)
    tree = forests.join_in_order(edges, n, np.arange(len(edges)), keep_edges=False) if hierarchy else None
    roots = random_roots(found.size, box.seed)
    return tree, forests.rooted_order(edges, n, roots)[0] if rooted else None


def label_sampler(
    recipe: LatticePercolation, realization: Dataset | Structure[LatticePercolation]
) -> Callable[[int], F64]:
    """Return what draws labels on the same clusters."""
    tree, h = realization.label_tree, realization.hierarchy
    seed = recipe.seeds.labels
    if recipe.label == "cluster-constant":
        return lambda draw: forests.constant_labels(realization.cluster, seed, draw)[1]
    if tree is None or h is None:
        raise RecipeError("label draws need the hierarchy, and this dataset was made without: generate it with one")
    if recipe.label == "brownian":
        return lambda draw: forests.brownian_labels(tree.parent, seed, draw)[1]
    return lambda draw: forests.hierarchical_labels(h.parent, h.size, h.n_points, recipe.label_exponent, seed, draw)[1]


def count(recipe: LatticePercolation) -> int:
    """Return how many points the draw has."""
    return int(_clusters(recipe).site.size)


def coordinates(realization: Structure[LatticePercolation], X: F32) -> None:
    """Write all coordinates into X: a point's place is its site's."""
    _place(realization, np.arange(realization.y.size), X)


def coordinate_blocks(realization: Structure[LatticePercolation], _folder: Path) -> Blocks:
    """Return X block by block."""
    shape = (realization.y.size, realization.recipe.ambient_dim)

    def rows(points: I64) -> F32:
        X = np.empty((points.size, shape[1]), np.float32)
        _place(realization, points, X)
        return X

    return ComputedColumn(shape, np.dtype(np.float32), rows)


def _place(realization: Structure[LatticePercolation], points: I64, X: F32) -> None:
    if realization.sites is None:
        raise TypeError("a structure of lattice-percolation came without its sites")
    box = lattice(realization.recipe)
    lattice_coordinates(X, realization.sites[points], box.shape, box.periodic, realization.recipe.seeds.embedding)


def check_draw(recipe: LatticePercolation, n_points: int) -> None:
    """Raise ResourceError when the trees of a draw that found so many points would need more memory than there is."""
    need = LatticePercolationMemory(recipe).draw_bytes(n_points)
    _memory.check_bytes(need, f"the trees of the {n_points:,} points that this recipe drew", "use a smaller side")


SAMPLER = Sampler[LatticePercolation](
    structure=structure,
    coordinates=coordinates,
    label_sampler=label_sampler,
    coordinate_blocks=coordinate_blocks,
    count=count,
)
