"""From a recipe to a dataset in memory, whatever the family."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from fractalman._typing import F64
from fractalman.datasets.memory import Dataset
from fractalman.families._forests.coalescent import ClusterTree
from fractalman.families.base import Family, Structure
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.cascade import sampler as cascade
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.lattice_percolation import sampler as lattice
from fractalman.families.lattice_percolation.recipe import LatticePercolation
from fractalman.families.percolation_cluster import sampler as cluster
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.families.percolation_ensemble import sampler as ensemble
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble
from fractalman.families.smooth_manifold import sampler as manifold
from fractalman.families.smooth_manifold.recipe import SmoothManifold
from fractalman.generation import augment as added
from fractalman.generation.memory import check_coordinates, check_memory
from fractalman.recipes import Recipe

BUILDERS: dict[type[Recipe], Family] = {
    PercolationCluster: cast(Family, cluster),
    Cascade: cast(Family, cascade),
    LatticePercolation: cast(Family, lattice),
    PercolationEnsemble: cast(Family, ensemble),
    BetheLattice: cast(Family, ensemble),
    SmoothManifold: cast(Family, manifold),
}


def builder(recipe: Recipe) -> Family:
    """Return the builder of a recipe's family."""
    return BUILDERS[type(recipe)]


def structure(recipe: Recipe, hierarchy: bool = True, draw: int = 0) -> Structure:
    """Return everything of a dataset but X; theory and predictions need no more.

    Args:
        recipe: any recipe.
        hierarchy: also the hierarchy and the label tree.
        draw: number of the label draw; 0 = the dataset's own labels.
    """
    made = builder(recipe).structure(recipe, hierarchy and recipe.has_hierarchy, draw)
    noise = added.noise(recipe, np.arange(made.y.size), draw)
    return made if noise is None else replace(made, y=made.y + noise, noise=noise)


def tree(recipe: Recipe) -> ClusterTree:
    """Return the edges and the hierarchy of a recipe's clusters alone, without latents, labels and coordinates.

    Args:
        recipe: of a cluster family: one cluster, an ensemble, the Bethe lattice.
    Returns: columns edges, parent, size and depth as in the dataset, 64 bytes a point; ``recipe.tree_bytes()`` is the
        most memory that it takes, 80 bytes a point for one cluster of up to 10^9 points.
    Errors: RecipeError for other families; ResourceError before starting what will not fit.
    """
    check_memory(recipe, tree_only=True)
    assert isinstance(recipe, (PercolationCluster, PercolationEnsemble, BetheLattice))
    return cluster.tree(recipe) if isinstance(recipe, PercolationCluster) else ensemble.tree(recipe)


def generate(recipe: Recipe) -> Dataset:
    """Return the dataset of a recipe, in memory.

    Args:
        recipe: any recipe; the same recipe gives the same bytes on every machine and any number of threads.
    Errors: ResourceError before starting what will not fit.
    """
    check_memory(recipe)
    made = structure(recipe)
    check_coordinates(recipe, made.y.size)
    X = np.empty((made.y.size, recipe.ambient_dim), np.float32)
    builder(recipe).coordinates(made, X)
    X = added.widened(recipe, np.arange(made.y.size), X)
    return Dataset(recipe, X, made.y, made.cluster, made.edges, made.hierarchy, made.label_tree, made.noise)


def label_draws(data: Dataset | Structure, draws: int) -> F64:
    """Return independent label vectors on one structure, (n, draws) float64; column 0 is the dataset's own.

    Label noise, where the recipe has any, is drawn anew as well.
    """
    out = np.empty((data.y.size, draws))
    out[:, :1] = data.y[:, None]
    labels = builder(data.recipe).labels_again(data) if draws > 1 else None
    for draw in range(1, draws):
        assert labels is not None
        out[:, draw] = labels(draw)
        noise = added.noise(data.recipe, np.arange(data.y.size), draw)
        if noise is not None:
            out[:, draw] += noise
    return out
