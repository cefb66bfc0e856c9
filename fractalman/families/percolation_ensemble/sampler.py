"""Sampler of ensembles of critical mean-field clusters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from fractalman._typing import F32, F64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.families import _forests as forests
from fractalman.families._forests import ensemble, nested_ensemble
from fractalman.families._forests.compact import tree_columns
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import Blocks
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble


def _arrivals(recipe: PercolationEnsemble) -> AnyInt:
    """Draw the cluster of every point of an ensemble that grows."""
    seed = recipe.seeds.geometry
    return forests.arriving_clusters(recipe.n_points, recipe.sizes, recipe.ensemble, seed, recipe.create_prob)


def cluster_sizes(recipe: PercolationEnsemble) -> forests.ClusterSizes:
    """Draw the sizes of the clusters."""
    seed = recipe.seeds.geometry
    if recipe.growth == "nested":
        return forests.ClusterSizes(np.sort(np.bincount(_arrivals(recipe)))[::-1].astype(np.int64), 0, 0, -1)
    return forests.critical_sizes(recipe.n_points, recipe.sizes, recipe.ensemble, seed, recipe.create_prob)


def tree(recipe: PercolationEnsemble) -> forests.ClusterTree:
    """Draw the edges and hierarchies of the clusters."""
    if recipe.growth == "nested":
        return nested_ensemble.nested_forest(_arrivals(recipe), recipe.seeds.geometry)
    return forests.critical_forest(cluster_sizes(recipe).size, recipe.seeds.geometry)


def structure(recipe: PercolationEnsemble, hierarchy: bool, draw: int) -> Structure[PercolationEnsemble]:
    """Draw everything but the coordinates."""
    if recipe.growth == "nested":
        return nested_ensemble.structure(recipe, _arrivals(recipe), hierarchy, draw)
    sizes = cluster_sizes(recipe).size
    drawn = forests.critical_forest(sizes, recipe.seeds.geometry)
    return ensemble.structure(recipe, sizes, drawn, hierarchy, draw)


def streamed(recipe: PercolationEnsemble, hierarchy: bool, folder: Path) -> Mapping[str, Blocks] | None:
    """Return all columns block by block from compact trees, for hierarchical labels."""
    if recipe.label != "hierarchical" or recipe.growth == "nested":
        return None
    sizes = cluster_sizes(recipe).size
    drawn = forests.compact_forest(sizes, recipe.seeds.geometry)
    X = ensemble.blocks(recipe, drawn.edges, drawn.parent, drawn.size, forests.cluster_starts(sizes), folder)
    return tree_columns(recipe, drawn, sizes, recipe.label_exponent, X, hierarchy)


def clusters(recipe: PercolationEnsemble) -> dict[str, Any]:
    """Return what the clusters are, without making them."""
    return ensemble.summary(recipe.ensemble, cluster_sizes(recipe))


def _way(recipe: PercolationEnsemble) -> ModuleType:
    """What lays out such clusters and draws labels on them."""
    return nested_ensemble if recipe.growth == "nested" else ensemble


def coordinates(made: Structure[PercolationEnsemble], X: F32) -> None:
    """Write all coordinates into X."""
    _way(made.recipe).coordinates(made, X)


def coordinate_blocks(made: Structure[PercolationEnsemble], folder: Path) -> Blocks:
    """Return X block by block; ``folder`` is for scratch."""
    blocks: Blocks = _way(made.recipe).coordinate_blocks(made, folder)
    return blocks


def label_sampler(recipe: PercolationEnsemble, made: Dataset | Structure[PercolationEnsemble]) -> Callable[[int], F64]:
    """Return what draws labels on the same trees."""
    sampler: Callable[[int], F64] = _way(recipe).label_sampler(recipe, made)
    return sampler


SAMPLER = Sampler[PercolationEnsemble](
    structure=structure,
    coordinates=coordinates,
    label_sampler=label_sampler,
    coordinate_blocks=coordinate_blocks,
    streamed=streamed,
    tree=tree,
    clusters=clusters,
)
