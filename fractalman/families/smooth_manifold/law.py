"""The laws of smooth manifolds, the control beside the fractals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fractalman import theory
from fractalman._typing import AnyFloat
from fractalman.families.laws import Laws, no_law_for_trees
from fractalman.families.smooth_manifold.points import manifold_points
from fractalman.families.smooth_manifold.recipe import SmoothManifold
from fractalman.theory.laws.elementary import (
    kernel_exponent,
    kernel_on_manifold,
    neighbours_on_manifold,
    order_of,
    pieces_on_manifold,
    variance_limited,
)
from fractalman.theory.laws.law import Conflict, Law, Window
from fractalman.theory.laws.learner_properties import INTERPOLATION, LearnerProperties
from fractalman.theory.laws.sources import KRIGING


def manifold_law(recipe: SmoothManifold, learner: LearnerProperties) -> Law:
    """Return the law of a learner on a smooth manifold with a Gaussian field."""
    D, H = recipe.dim, recipe.hurst
    if learner.kind == "linear":
        return _linear(recipe)
    if learner.kind == "floor":
        return _kriging(recipe, learner)
    if learner.kind == "network":
        law = _network(recipe)
    elif learner.kind == "kernel":
        law = kernel_on_manifold(D, H, learner.kernel_smoothness)
        if (law.data_exponent or 0.0) < 2.0 * H / D:
            law = replace(
                law,
                conflicts=(
                    Conflict(
                        "kriging with the right kernel",
                        "data",
                        2.0 * H / D,
                        "the target is smoother than this kernel can use: its own rate rules",
                    ),
                ),
            )
    else:
        law = neighbours_on_manifold(D, H)
        if H > 1.0:
            law = replace(
                law,
                conflicts=(
                    Conflict(
                        "kriging", "data", 2.0 * H / D, "a neighbour's label cannot use a target smoother than H = 1"
                    ),
                ),
            )
        if learner.kind == "trees":
            law = _trees(law)
    notes = [INTERPOLATION, *learner.assumptions, *law.assumptions]
    if learner.kind == "kernel" and recipe.kind == "cube":
        notes.append("a cube has edges: near them a kernel interpolates worse, and the ceiling may lie lower")
    if law.logarithmic:
        notes.append("the logarithm keeps local slopes at reachable n below the asymptote")
    return replace(
        law,
        assumptions=tuple(notes),
        evidence=law.evidence if learner.name == "1-nn" else _EVIDENCE.get(learner.name, law.evidence),
        inputs={"manifold": recipe.kind, **law.inputs},
        references=(*law.references, *learner.references) if not law.references else law.references,
        attained=law.attained and not law.logarithmic and learner.name != "gaussian-kernel",
    )


_HERE = "sphere, D = 2, H = ½, n = 64…1000: local slope"
_EVIDENCE = {
    "k-nn": "argued: the k nearest of n points lie (k/n)^(1/D) away",
    "laplace-kernel": f"literature, for points on a lattice; {_HERE} .484 where .5 is due",
    "ntk-kernel": f"literature, for points on a lattice; {_HERE} .507 where .5 is due",
    "gradient-boosting": "open",
    "mlp": "open",
}


def _network(recipe: SmoothManifold) -> Law:
    """Linear pieces in n; the network's own tangent kernel says something else for smooth targets."""
    D, H = recipe.dim, recipe.hurst
    pieces, by_pieces, by_kernel = pieces_on_manifold(D, H, 1), order_of(H, 1) / D, kernel_exponent(D, H, 0.5)
    found = [*pieces.conflicts]
    if abs(by_pieces - by_kernel) > 1e-12:
        found.append(
            Conflict(
                "the kernel of the same network (infinitely wide)",
                "data",
                by_kernel,
                "a network that stays near its initialisation follows its kernel; the smaller exponent is taken",
            )
        )
    if abs(by_pieces - 4.0 / D) > 1e-12:
        found.append(
            Conflict(
                "Sharma & Kaplan 2020", "model", 4.0 / D, "4/D is for targets of smoothness 2 or more; this has less"
            )
        )
    lesser = min(by_pieces, by_kernel)
    return replace(
        pieces,
        name="smooth manifold, linear pieces",
        data_exponent=lesser,
        data_logarithms=pieces.data_logarithms if lesser == by_pieces else 0.0,
        conflicts=tuple(found),
    )


def _kriging(recipe: SmoothManifold, learner: LearnerProperties) -> Law:
    D, H = recipe.dim, recipe.hurst
    return Law(
        name="smooth manifold, kriging",
        statement=f"the field's own covariance, conditioned on n points: α_D = 2H/D = {2 * H / D:.6g}",
        data_exponent=2.0 * H / D,
        model_exponent=None,
        source="Stein 1999; docs/theory.md §3.6",
        evidence="literature; checked where the floor's curve is computed",
        reason="modes with wavelengths below the spacing of the points are unknown to everybody",
        domain="uniform points on a smooth D-dimensional manifold, noiseless Gaussian field",
        assumptions=learner.assumptions,
        inputs={"manifold": recipe.kind, "D": D, "H": H},
        computed=("2H/D",),
        references=(KRIGING,),
    )


def _linear(recipe: SmoothManifold) -> Law:
    m = recipe.own_dim
    return replace(
        variance_limited({"coordinates": m}),
        name="model-limited",
        statement=f"no decaying power law: with n far above the manifold's {m} coordinates the risk rests on that "
        "of the best linear function, and what lies above it falls like 1/n",
        windows=(Window(4.0 * m, math.inf, None, "the risk of the best linear function is reached"),),
        nearest="variance-limited: L − L(∞) ~ 1/n",
    )


def _trees(law: Law) -> Law:
    return no_law_for_trees(
        law,
        "greedy splits, 31 leaves a tree and 255 bins a coordinate: no exponent is derived",
        model_exponent=law.model_exponent,  # of the best cells, whoever finds them
        model_logarithms=law.model_logarithms,
        nearest=f"{law.name}, α_D = {law.data_exponent:.4g}, should leaves be as many as n points resolve",
        conflicts=(),
    )


def width_exponent(recipe: SmoothManifold, learner: LearnerProperties, clean: float) -> float:
    """min(a − 1, b) with eigenvalues ~ i^−b, b = 1 + 2ν/D, and the label's variance along them ~ i^−a, a = 1 + 2H/D."""
    del clean
    return min(2.0 * recipe.hurst / recipe.dim, 1.0 + 2.0 * learner.kernel_smoothness / recipe.dim)


def field(recipe: SmoothManifold, n_points: int, places: AnyFloat | None = None) -> theory.FieldCovariance:
    """Return the covariance of the labels at the first points, noise included.

    Args:
        recipe: the manifold. n_points: how many.
        places: (n_points, m) their coordinates up to a rotation; None = drawn anew, the manifold's own.
    """
    if places is None:
        places = manifold_points(np.arange(n_points), recipe.kind, recipe.dim, recipe.seeds.geometry)
    return theory.FieldCovariance(places, recipe.hurst, recipe.noise)


def class_exponent(recipe: SmoothManifold) -> tuple[float, float]:
    """Return the exponent of one neighbour's 0–1 risk, and the power of ln n beside it."""
    return theory.manifold_class_exponent(recipe.dim, recipe.hurst), 0.5 if recipe.hurst == 1.0 else 0.0


LAWS = Laws[SmoothManifold](
    law=manifold_law,
    along_rays=lambda recipe: recipe.kind == "cube",
    width_exponent=width_exponent,
    field=field,
    class_exponent=class_exponent,
)
