"""Sampler of ensembles of critical mean-field clusters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fractalman.families import _forests as forests
from fractalman.families._forests import ensemble
from fractalman.families._forests.compact import tree_columns
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import Blocks
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble


def cluster_sizes(recipe: PercolationEnsemble) -> forests.ClusterSizes:
    """Draw the sizes of the clusters."""
    seed = recipe.seeds.geometry
    return forests.critical_sizes(recipe.n_points, recipe.sizes, recipe.ensemble, seed, recipe.create_prob)


def tree(recipe: PercolationEnsemble) -> forests.ClusterTree:
    """Draw the edges and hierarchies of the clusters."""
    return forests.critical_forest(cluster_sizes(recipe).size, recipe.seeds.geometry)


def structure(recipe: PercolationEnsemble, hierarchy: bool, draw: int) -> Structure[PercolationEnsemble]:
    """Draw everything but the coordinates."""
    sizes = cluster_sizes(recipe).size
    drawn = forests.critical_forest(sizes, recipe.seeds.geometry)
    return ensemble.structure(recipe, sizes, drawn, hierarchy, draw)


def streamed(recipe: PercolationEnsemble, hierarchy: bool, folder: Path) -> Mapping[str, Blocks] | None:
    """Return all columns block by block from compact trees, for hierarchical labels."""
    if recipe.label != "hierarchical":
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
    coordinates=ensemble.coordinates,
    label_sampler=ensemble.label_sampler,
    coordinate_blocks=ensemble.coordinate_blocks,
    streamed=streamed,
    tree=tree,
    clusters=clusters,
)
