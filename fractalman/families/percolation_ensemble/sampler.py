"""Sampler of ensembles of critical mean-field clusters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import AnyInt
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
        seed = recipe.seeds.geometry
        return nested_ensemble.nested_forest(
            nested_ensemble.nested_edges(_arrivals(recipe), seed), recipe.n_points, seed
        )
    return forests.critical_forest(cluster_sizes(recipe).size, recipe.seeds.geometry)


def compact_tree(recipe: PercolationEnsemble, edges: bool) -> forests.CompactTree | None:
    """Draw edges and hierarchies as short integers; not of clusters that grow."""
    if recipe.growth == "nested":
        return None
    return forests.compact_forest(cluster_sizes(recipe).size, recipe.seeds.geometry, edges)


def structure(recipe: PercolationEnsemble, hierarchy: bool, draw: int) -> Structure[PercolationEnsemble]:
    """Draw everything but the coordinates."""
    if recipe.growth == "nested":
        cluster = _arrivals(recipe)
        edges = nested_ensemble.nested_edges(cluster, recipe.seeds.geometry)
        return nested_ensemble.structure(recipe, cluster, edges, hierarchy, draw)
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


SAMPLER = Sampler[PercolationEnsemble](
    structure=structure,
    coordinates=nested_ensemble.either_coordinates,
    label_sampler=nested_ensemble.either_sampler,
    coordinate_blocks=nested_ensemble.either_blocks,
    streamed=streamed,
    tree=tree,
    compact_tree=compact_tree,
    clusters=clusters,
)
