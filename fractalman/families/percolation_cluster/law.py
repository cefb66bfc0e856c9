"""The laws of one critical cluster, learner by learner."""

from __future__ import annotations

from dataclasses import replace

from fractalman.families._forests.law import (
    DIMENSION,
    distances_only,
    kriging,
    neighbour_bias,
    noisy_clusters,
    population_window,
)
from fractalman.families.crowding import crossing_exponent, crowded
from fractalman.families.laws import Laws
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.theory import cluster_class_exponent
from fractalman.theory.laws import elementary
from fractalman.theory.laws.law import Law
from fractalman.theory.laws.learner_properties import LearnerProperties


def cluster_law(recipe: PercolationCluster, learner: LearnerProperties) -> Law:
    """Return the law of a learner on one critical cluster."""
    if learner.kind == "linear":
        return kriging(recipe.ambient_dim, recipe.max_points)
    law = elementary.critical_cluster(recipe.label, recipe.label_exponent, floor=learner.kind == "floor")
    law = distances_only(law, learner, recipe.label, recipe.label_exponent)
    law = replace(law, windows=(*law.windows, population_window(recipe.max_points, law.data_exponent)))
    return crowded(law, learner, recipe.ambient_dim, DIMENSION, crossing_exponent(recipe.ambient_dim, DIMENSION))


def class_exponent(recipe: PercolationCluster) -> tuple[float, float]:
    """Return the exponent of one neighbour's 0–1 risk, and the power of ln n beside it: one at a = 1/4."""
    logarithms = 1.0 if recipe.label == "hierarchical" and recipe.label_exponent == 0.25 else 0.0
    own = cluster_class_exponent(recipe.label, recipe.label_exponent)
    crossing = crossing_exponent(recipe.ambient_dim, DIMENSION)
    return (crossing, 0.0) if 0.0 < crossing < own else (own, logarithms)


def width_exponent(recipe: PercolationCluster, learner: LearnerProperties, clean: float) -> float | None:
    """α_D unless branches cross: eigenvalues fall faster than 1/i, the label's variance along them as i^−(1 + α_D)."""
    del learner
    return None if crossing_exponent(recipe.ambient_dim, DIMENSION) <= clean else clean


LAWS = Laws[PercolationCluster](
    law=cluster_law,
    noisy_exponent=lambda recipe, learner, clean: noisy_clusters(
        recipe.label, recipe.label_exponent, learner, clean, one=True
    ),
    neighbour_bias=lambda recipe: neighbour_bias(recipe.ambient_dim, recipe.max_points, recipe.label, one=True),
    graph_neighbours="averaged over clusters",
    width_exponent=width_exponent,
    class_exponent=class_exponent,
)
