"""The laws of 0–1 risks: what becomes of a law of squared errors where the target is a class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fractalman.recipes import Recipe
from fractalman.theory import class_error
from fractalman.theory.laws.law import Law
from fractalman.theory.laws.learner_properties import LearnerProperties

ClassExponent = tuple[float, float]
"""The exponent of one neighbour's 0–1 risk, and the power of ln n that it carries."""

_SOURCE = "arccosine of the correlation of both labels, docs/theory.md §4.1"
_EVIDENCE = "argued; the curve is exact and was simulated"


def of_classes(law: Law, recipe: Recipe, learner: LearnerProperties, exponent: ClassExponent | None) -> Law:
    """Return the law of the 0–1 risk from that of the squared error on the same recipe with values.

    Parameters
    ----------
    law : Law
        Of values, noise and nuisance included.
    recipe : Recipe
        Whose target is a class.
    learner : LearnerProperties
        What the learner declares of itself.
    exponent : (float, float) or None
        Of one neighbour without noise, from the family; None where none is derived.

    Returns
    -------
    Law
        Its data_exponent is None with the reason where no exponent is derived.
    """
    nearest = "" if exponent is None else f"that of 1-nn on clean classes, α_D = {exponent[0]:.4g}"
    if learner.name != "1-nn":
        if learner.kind == "floor":
            because = "the floor averages the arcsine of the posterior's standard deviation, and the exponent of that "
            because += "average is not derived"
        else:
            because = "a vote of several classes has no closed form, and no exponent of it is derived"
        return _none(because, nearest or "none")
    if exponent is None:
        return _none(f"no exponent of 0–1 risk is derived for {recipe.family!r}", f"of squared error: {law.name}")
    if recipe.noise:
        return _noisy(law, recipe, nearest)
    if law.data_exponent is None:
        return _none(law.reason, nearest)
    found, logarithms = exponent
    return replace(
        law,
        name=f"{law.name}, of classes",
        statement=f"0–1 risk ~ n^−{found:.4g}" + (f" (ln n)^{logarithms:g}" if logarithms else ""),
        data_exponent=found,
        data_logarithms=logarithms,
        model_exponent=None,
        model_logarithms=0.0,
        source=_SOURCE,
        evidence=_EVIDENCE,
        reason="a class is wrong with probability θ/π, and the angle θ between both labels is about the root of their "
        "squared difference",
        computed=(f"the same law of squared error has α_D = {law.data_exponent:.4g}",),
        windows=tuple(replace(window, exponent=None if window.exponent is None else found) for window in law.windows),
        conflicts=(),
    )


def subcluster_law(recipe: Recipe) -> Law:
    """Return that classes which are subclusters have no power law: at large sizes only their borders are left."""
    return _none(
        "points decide their class, so a class that has been seen is wrong only where subclusters come near each "
        "other, and how near they come in X is not derived",
        "of who answers by the hierarchy: Σ_c μ_c (1 − μ_c)^n, the mass of classes nobody has seen, with masses μ_c "
        f"near 1/{recipe.subclusters}; it falls exponentially",
    )


def _noisy(law: Law, recipe: Recipe, nearest: str) -> Law:
    """Near ρ = 1/(1 + σ²) < 1 the arccosine is smooth: above its floor the risk falls as the squared error does."""
    variance = recipe.noise**2
    prior = np.array([1.0 + variance])
    rest = float(class_error(prior, prior, np.array([2.0 * variance]), recipe.threshold)[0])
    above = "" if law.excess_exponent is None else f", above it n^−{law.excess_exponent:.4g}"
    return replace(
        law,
        name=f"{law.name}, of noisy classes",
        statement=f"noisy labels, σ = {recipe.noise:g}: the 0–1 risk rests on {rest:.4g}{above}",
        model_exponent=None,
        model_logarithms=0.0,
        irreducible=None if law.irreducible is None else rest,
        source=_SOURCE,
        evidence=_EVIDENCE,
        reason="away from correlation 1 the arccosine is smooth, so above what the noise leaves the risk falls as the "
        "squared error does",
        conflicts=(),
        nearest=nearest,
    )


def _none(because: str, nearest: str) -> Law:
    return Law.none(
        "no law of 0–1 risk", "no exponent is derived", because=because, nearest=nearest,
        domain="the sizes of its curve", source=_SOURCE,
    )  # fmt: skip
