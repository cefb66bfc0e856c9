"""The laws of one critical cluster, learner by learner."""

from __future__ import annotations

import math
from dataclasses import replace

from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.theory.laws import elementary
from fractalman.theory.laws.law import Law, Window
from fractalman.theory.laws.learner_properties import INTERPOLATION
from fractalman.theory.laws.learner_properties import LearnerProperties as Traits

RESOLVED = 16.0
"""Beyond n = N/16 slopes rise spuriously: most of the population is then a neighbour of a training point."""


def cluster_law(recipe: PercolationCluster, traits: Traits) -> Law:
    """Return the law of a learner on one critical cluster."""
    if traits.kind == "linear":
        return kriging(recipe.ambient_dim, recipe.max_points)
    law = elementary.critical_cluster(recipe.label, recipe.label_exponent, floor=traits.kind == "floor")
    law = distances_only(law, traits, recipe.label, recipe.label_exponent)
    return replace(law, windows=(*law.windows, population_window(recipe.max_points, law.data_exponent)))


def population_window(population: float, exponent: float | None) -> Window:
    """The window that a finite population leaves."""
    reason = "beyond N/16 slopes rise spuriously: hardly a point is far from a training point"
    return Window(1.0, population / RESOLVED, exponent, reason)


def distances_only(law: Law, traits: Traits, label: str, a: float) -> Law:
    """Return a critical cluster's law as it holds for one learner: assumptions, standing, reason."""
    floor = traits.kind == "floor"
    notes = ["n far below N: slopes rise spuriously beyond n = N/16"]
    notes.append("asymptote: compare fits with the local exponent of the curve over the same sizes")
    notes = [*traits.assumptions, *notes]
    if not floor:
        notes = [INTERPOLATION, *notes, "nearest in X means nearest in the graph (d of 100 or more)"]
        if law.logarithmic:
            notes.append("the logarithm keeps every local slope at reachable n well below 1/2 (.24 to .41)")
    if traits.kind == "kernel" and traits.smoothness is not None and math.isfinite(traits.smoothness):
        ceiling = 2.0 * (4.0 + 2.0 * traits.smoothness) / 4.0
        notes.append(
            f"2H_e/D ≤ 1/2 is far below the kernel's own ceiling 2(D+{2 * traits.smoothness:g})/D = {ceiling:g}"
        )
    if label == "hierarchical" and a < 0:
        notes.append("a < 0: slopes at reachable N are far from the asymptote: .15 and .21 at a = -.2 and -.125")
    if traits.kind == "trees":
        return replace(
            law,
            name="no law for boosted trees",
            data_exponent=None,
            data_logarithms=0.0,
            model_exponent=None,
            model_logarithms=0.0,
            statement="splits along single coordinates, each of which sees 1/d of every squared distance: no "
            "exponent is "
            "derived",
            assumptions=tuple(notes),
            checked="open",
            reason="where a tree's splits fall is decided by the labels, and no theory of that is at hand",
            nearest=f"{law.name}, α_D = {law.data_exponent:g}: no learner of distances does better asymptotically",
        )
    return replace(
        law,
        assumptions=tuple(notes),
        checked=law.checked if floor or traits.name == "1-nn" else _STANDING[traits.name],
        reason=law.reason if floor else _REASON[traits.kind],
        looked_up=(*law.looked_up, *traits.references),
    )


def kriging(ambient_dim: int, population: float) -> Law:
    """Return the law of linear regression on embedded clusters: kriging while n ≪ d, then model-limited."""
    d = ambient_dim
    return Law(
        name="kriging, then model-limited",
        statement=f"no power law holds throughout: while n is far below d = {d} linear regression is kriging with the "
        "tree's Brownian covariance and follows the curve of one neighbour; near n = d it saturates",
        data_exponent=None,
        model_exponent=None,
        irreducible=None,
        excess_exponent=1.0,
        source="docs/theory.md §5",
        checked="checked: slopes .27–.35 beside .35 of 1-NN (N = 60000, d = 2048)",
        reason="inner products of an embedded tree are shared path lengths, as long as d tells them apart",
        domain="embedded trees",
        assumptions=(f"window: n far below d = {d}",),
        inputs={"d": d, "N": population},
        windows=(Window(1.0, d / 4.0, None, "a quarter of d; there the curve of one neighbour is followed"),),
        nearest="below d/4 the law of one neighbour, far above d variance-limited: L − L(∞) ~ 1/n",
    )


_REASON = {
    "local": "the error is the variogram at the nearest training point; graph and Euclidean metric agree",
    "kernel": "a kernel of distances knows the tree's metric and not its hierarchy, like one neighbour",
    "network": "a network that knows distances only interpolates like one neighbour; finding the hierarchy beats that",
}
_HERE = "N = 30000, a = 0, n = 64…1000: local slope"
_STANDING = {
    "k-nn": f"argued: the k nearest of n points lie √(kN/n) edges away; {_HERE} .32 beside .33 of 1-NN",
    "random-features": f"open; {_HERE} .22 beside .33 of 1-NN",
    "laplace-kernel": "checked: .35 beside .35 of 1-NN at N = 60000; the asymptote itself is unchecked",
    "gaussian-kernel": f"open; {_HERE} .25 beside .33 of 1-NN",
    "matern-kernel": f"open; {_HERE} .28 beside .33 of 1-NN",
    "ntk-kernel": f"open; {_HERE} .29 beside .33 of 1-NN",
    "mlp": "open",
}
