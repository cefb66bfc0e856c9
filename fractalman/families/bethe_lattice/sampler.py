"""Sampler of clusters of the Bethe lattice."""

from __future__ import annotations

from typing import Any

import numpy as np

from fractalman.families import _forests as forests
from fractalman.families._forests import ensemble, nested_ensemble
from fractalman.families.base import Sampler, Structure
from fractalman.families.bethe_lattice import nested
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.bethe_lattice.trees import bethe_trees


def cluster_sizes(recipe: BetheLattice) -> forests.ClusterSizes:
    """Draw the sizes of the clusters."""
    if recipe.growth == "nested":
        cluster, giant = nested.arriving_clusters(recipe)
        size = np.bincount(cluster).astype(np.int64)
        place = int(np.count_nonzero(size > size[giant])) if giant >= 0 else -1
        return forests.ClusterSizes(np.sort(size)[::-1], 0, 0, place)
    z, p, seed = recipe.coordination, recipe.probability, recipe.seeds.geometry
    return forests.bethe_sizes(recipe.n_points, z, p, recipe.ensemble, seed)


def _grown(recipe: BetheLattice, sizes: forests.ClusterSizes) -> forests.ClusterTree:
    seed = recipe.seeds.geometry
    edges = bethe_trees(sizes, recipe.coordination, recipe.probability, seed)
    return forests.cut_tree(edges, recipe.n_points, seed)


def tree(recipe: BetheLattice) -> forests.ClusterTree:
    """Draw the edges and hierarchies of the clusters."""
    if recipe.growth == "nested":
        edges = nested.nested_edges(recipe, *nested.arriving_clusters(recipe))
        return nested_ensemble.nested_forest(edges, recipe.n_points, recipe.seeds.geometry)
    return _grown(recipe, cluster_sizes(recipe))


def structure(recipe: BetheLattice, hierarchy: bool, draw: int) -> Structure[BetheLattice]:
    """Draw everything but the coordinates."""
    if recipe.growth == "nested":
        cluster, giant = nested.arriving_clusters(recipe)
        edges = nested.nested_edges(recipe, cluster, giant)
        return nested_ensemble.structure(recipe, cluster, edges, hierarchy, draw)
    sizes = cluster_sizes(recipe)
    return ensemble.structure(recipe, sizes.size, _grown(recipe, sizes), hierarchy, draw)


def clusters(recipe: BetheLattice) -> dict[str, Any]:
    """Return what the clusters are, without making them."""
    return ensemble.summary(recipe.ensemble, cluster_sizes(recipe))


SAMPLER = Sampler[BetheLattice](
    structure=structure,
    coordinates=nested_ensemble.either_coordinates,
    label_sampler=nested_ensemble.either_sampler,
    coordinate_blocks=nested_ensemble.either_blocks,
    tree=tree,
    clusters=clusters,
)
