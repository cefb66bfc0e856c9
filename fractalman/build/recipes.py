"""From a recipe to a dataset in memory, whatever the family."""

from __future__ import annotations

from typing import cast

import numpy as np

from fractalman._arrays import F64
from fractalman.build import cascade, cluster, ensemble, lattice
from fractalman.build.family import Family, Structure
from fractalman.build.memory import check_memory
from fractalman.dataset.memory import Dataset
from fractalman.recipe import (
    BetheLattice,
    Cascade,
    LatticePercolation,
    PercolationCluster,
    PercolationEnsemble,
    Recipe,
)

BUILDERS: dict[type[Recipe], Family] = {
    PercolationCluster: cast(Family, cluster),
    Cascade: cast(Family, cascade),
    LatticePercolation: cast(Family, lattice),
    PercolationEnsemble: cast(Family, ensemble),
    BetheLattice: cast(Family, ensemble),
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
    return builder(recipe).structure(recipe, hierarchy, draw)


def generate(recipe: Recipe) -> Dataset:
    """Return the dataset of a recipe, in memory.

    Args:
        recipe: any recipe; the same recipe gives the same bytes on every machine and any number of threads.
    Errors: ResourceError before starting what will not fit.
    """
    check_memory(recipe)
    made = structure(recipe)
    X = np.empty((made.y.size, recipe.ambient_dim), np.float32)
    builder(recipe).coordinates(made, X)
    return Dataset(recipe, X, made.y, made.cluster, made.edges, made.hierarchy, made.label_tree)


def label_draws(data: Dataset | Structure, draws: int) -> F64:
    """Return independent label vectors on one structure, (n, draws) float64; column 0 is the dataset's own."""
    out = np.empty((data.y.size, draws))
    for draw in range(draws):
        out[:, draw] = data.y if draw == 0 else builder(data.recipe).labels_again(data, draw)
    return out
