"""Sampler of clusters of the Bethe lattice."""

from __future__ import annotations

from typing import Any

from fractalman.families import _forests as forests
from fractalman.families._forests import ensemble
from fractalman.families.base import Sampler, Structure
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.bethe_lattice.trees import bethe_trees


def cluster_sizes(recipe: BetheLattice) -> forests.ClusterSizes:
    """Draw the sizes of the clusters."""
    z, p, seed = recipe.coordination, recipe.probability, recipe.seeds.geometry
    return forests.bethe_sizes(recipe.n_points, z, p, recipe.ensemble, seed)


def _grown(recipe: BetheLattice, sizes: forests.ClusterSizes) -> forests.ClusterTree:
    seed = recipe.seeds.geometry
    edges = bethe_trees(sizes, recipe.coordination, recipe.probability, seed)
    return forests.cut_tree(edges, recipe.n_points, seed)


def tree(recipe: BetheLattice) -> forests.ClusterTree:
    """Draw the edges and hierarchies of the clusters."""
    return _grown(recipe, cluster_sizes(recipe))


def structure(recipe: BetheLattice, hierarchy: bool, draw: int) -> Structure[BetheLattice]:
    """Draw everything but the coordinates."""
    sizes = cluster_sizes(recipe)
    return ensemble.structure(recipe, sizes.size, _grown(recipe, sizes), hierarchy, draw)


def clusters(recipe: BetheLattice) -> dict[str, Any]:
    """Return what the clusters are, without making them."""
    return ensemble.summary(recipe.ensemble, cluster_sizes(recipe))


SAMPLER = Sampler[BetheLattice](
    structure=structure,
    coordinates=ensemble.coordinates,
    label_sampler=ensemble.label_sampler,
    coordinate_blocks=ensemble.coordinate_blocks,
    tree=tree,
    clusters=clusters,
)
