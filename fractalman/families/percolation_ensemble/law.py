"""The laws of many clusters: number-weighted and size-biased, mean-field and on the Bethe lattice, at and off p_c.

Symbols: τ = exponent of cluster numbers, n_s ~ s^−τ; s_ξ = 1/c, the size at which finite clusters are cut off; N = the
population, P_∞ = the share of the infinite cluster.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from fractalman import theory
from fractalman._typing import F64
from fractalman.families._forests.ensemble import ClustersRecipe
from fractalman.families._forests.law import (
    DIMENSION,
    DISTANCE_BY_COORDINATE,
    distances_only,
    kriging,
    neighbour_bias,
    no_decay,
    noisy_clusters,
    population_window,
)
from fractalman.families.crowding import crossing_exponent, crowded
from fractalman.families.laws import ExactCurve, Laws, no_law_for_trees
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble
from fractalman.theory.laws import elementary
from fractalman.theory.laws.law import Law
from fractalman.theory.laws.learner_properties import INTERPOLATION, LearnerProperties
from fractalman.theory.laws.sources import BRILL_CLUSTER

TAU = 2.5
"""τ of mean field."""
NO_TAIL = 3.0
"""τ from which on the cluster of a random site has a finite mean size."""
EXACT_COVERAGE = 200_000
"""Points of an ensemble whose expected cluster numbers take seconds."""


def of_ensemble(law: Law, learner: LearnerProperties) -> Law:
    """Return the law of one of many clusters with what every law of an ensemble assumes."""
    notes = ["risks average over the ensemble: what one draw of the cluster sizes does can differ"]
    if learner.kind != "floor":
        notes = [INTERPOLATION, *learner.assumptions, *notes]
        notes.append("points of one cluster are nearer to each other than to others: n above N^(1/3), d of 100 or more")
        notes.append("a point of an unseen cluster is answered with another cluster's label: twice the prior variance")
    return replace(law, assumptions=(*notes, *law.assumptions), references=(*law.references, *learner.references))


def critical_law(recipe: ClustersRecipe, learner: LearnerProperties, tau: float = TAU) -> Law:
    """Return the law of critical clusters without the assumptions that all ensembles share."""
    if recipe.ensemble == "number":
        law = no_decay(tau, recipe.n_points, learner)
        if tau == TAU:
            return law
        if tau >= NO_TAIL:
            return replace(law, evidence="argued; the curve is computed", nearest=_SMALLER)
        nearest = f"ensemble = 'size-biased', where α = (3−τ)/(τ−2) = {_alpha(tau):.4g}"
        return replace(law, evidence="argued; the curve is computed", nearest=nearest)
    if tau >= NO_TAIL:  # roots' clusters have a finite mean size: every one of ~ N clusters counts by its points
        law = no_decay(tau - 1.0, recipe.n_points, learner)
        return replace(
            law,
            name="size-biased clusters of finite mean size",
            statement=law.statement + f"; τ = {tau:.4g} here, and the clusters of random roots fall as s^−(τ−1)",
            evidence="argued; the curve is computed",
            reason="from τ = 3 on clusters of random roots have a finite mean size, so their number grows like N, and "
            "what one sample teaches is a vanishing share of all",
            domain="clusters of random roots, τ of 3 or more",
            inputs={**law.inputs, "τ": tau},
            conflicts=(),
            nearest=_SMALLER,
        )
    return size_biased(recipe, learner, tau)


_SMALLER = "create_prob below 1/2 with ensemble = 'size-biased'"


def _alpha(tau: float) -> float:
    """α of the rank law k^−(1+α) of clusters of random roots."""
    return (3.0 - tau) / (tau - 2.0)


# ---------------------------------------------------------------------------------------------------- grown from roots


def size_biased(recipe: ClustersRecipe, learner: LearnerProperties, tau: float = TAU) -> Law:
    """α = (3−τ)/(τ−2), 1 at the threshold, against the error within a cluster."""
    if learner.kind == "linear":
        return kriging(recipe.ambient_dim, recipe.n_points)
    floor = learner.kind == "floor"
    alpha, within_logarithms = _alpha(tau), 0.0
    if recipe.label == "cluster-constant":
        law = elementary.subtasks(alpha, math.inf)
        law = replace(law, assumptions=("labels are constant on clusters: one sample teaches a cluster",))
        if floor:
            law = replace(law, model_exponent=None, model_logarithms=0.0)
        elif learner.kind == "trees":
            law = _trees(law)
    else:
        inner = elementary.critical_cluster(recipe.label, recipe.label_exponent, floor=floor)
        inner = distances_only(inner, learner, recipe.label, recipe.label_exponent)
        if inner.data_exponent is None:
            outer = elementary.subtasks(alpha, 0.5)
            return _trees(replace(outer, assumptions=inner.assumptions))
        within_logarithms = inner.data_logarithms
        law = elementary.subtasks(
            alpha,
            inner.data_exponent,
            inner.model_exponent,
            within_data_logarithms=inner.data_logarithms,
            within_model_logarithms=inner.model_logarithms,
        )
        law = replace(
            law,
            model_exponent=None if floor else law.model_exponent,
            model_logarithms=0.0 if floor else law.model_logarithms,
            assumptions=tuple(note for note in inner.assumptions if note not in (INTERPOLATION, *learner.assumptions)),
            computed=(*law.computed, f"within a cluster: {inner.statement}"),
        )
    law = replace(
        law,
        inputs={**law.inputs, "τ": tau, "N": recipe.n_points},
        source=f"{law.source}; α = (3−τ)/(τ−2), arXiv 2606.20347",
        references=(*law.references, BRILL_CLUSTER),
        windows=(population_window(recipe.n_points, law.data_exponent),),
        evidence=_evidence(law.data_logarithms, within_logarithms),
        attained=False,
    )
    return crowded(law, learner, recipe.ambient_dim, DIMENSION, crossing_exponent(recipe.ambient_dim, DIMENSION))


def _evidence(logarithms: float, within: float) -> str:
    """In words; logarithms beyond those within a cluster come from a tie of clusters unseen with the error within."""
    if not logarithms:
        return "argued, away from ties; measured curves: `curve`"
    slopes = "local slopes at reachable n lie below the asymptote"
    if logarithms > within:
        return f"argued; a tie, so {slopes}"
    return f"argued; no tie, but a power of ln n from within the clusters, so {slopes}"


def _trees(law: Law) -> Law:
    return no_law_for_trees(
        law,
        DISTANCE_BY_COORDINATE,
        evidence="open",
        nearest=f"{law.name}, α_D = {law.data_exponent:g}",
    )


def coverage_curve(
    recipe: ClustersRecipe, noise: float, learner: str, numbers: Callable[[], F64], most: float = EXACT_COVERAGE
) -> ExactCurve | None:
    """Return the exact curve of labels that are constant on clusters, None for other labels, noise or large N.

    Args:
        recipe: of many clusters. noise: σ of its labels. learner: "1-nn" or "bayes".
        numbers: makes the expected number of clusters of every size. most: points up to which that takes seconds.
    """
    if recipe.label != "cluster-constant" or noise or recipe.n_points > most or learner not in ("1-nn", "bayes"):
        return None
    known = cache(numbers)

    def compute(sizes: tuple[int, ...]) -> F64:
        return theory.constant_label_risk(known(), recipe.n_points, np.array(sizes), learner)[None, :]

    return ("Bayes floor" if learner == "bayes" else learner) + " by coverage, exact", compute


def cluster_numbers(recipe: PercolationEnsemble) -> F64:
    """Return the expected number of clusters of every size, (N + 1,) float64, exactly."""
    return theory.critical_numbers(recipe.n_points, recipe.sizes, recipe.ensemble, recipe.create_prob)


def _most(recipe: PercolationEnsemble) -> float:
    """Points up to which the numbers take seconds: the recurrence of the process takes N^(2−p) steps."""
    if recipe.sizes != "yule-simon" or recipe.ensemble != "number":
        return EXACT_COVERAGE
    return float(min(EXACT_COVERAGE, EXACT_COVERAGE ** (5.0 / 3.0 / (2.0 - recipe.create_prob))))


def _noisy(
    recipe: PercolationEnsemble, learner: LearnerProperties, clean: float
) -> tuple[float | None, tuple[str, ...]]:
    tau = recipe.number_exponent
    unseen = 3.0 - tau if tau < NO_TAIL else 0.0  # α/(1+α) with α = (3−τ)/(τ−2)
    return noisy_clusters(recipe.label, recipe.label_exponent, learner, clean, one=False, unseen=unseen)


LAWS = Laws[PercolationEnsemble](
    law=lambda recipe, learner: of_ensemble(critical_law(recipe, learner, recipe.number_exponent), learner),
    noisy_exponent=_noisy,
    exact_curve=lambda recipe, learner: coverage_curve(
        recipe, recipe.noise, learner, lambda: cluster_numbers(recipe), _most(recipe)
    ),
    neighbour_bias=lambda recipe: neighbour_bias(recipe.ambient_dim, recipe.n_points, recipe.label, one=False),
    graph_neighbours="averaged over structures, another cluster's label where unseen",
)
