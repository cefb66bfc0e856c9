"""What label noise leaves of a law: the risk that stays, and the exponent of what lies above it.

Symbols: σ = noise.

Without noise a cell is known from its first training point on, with noise only once its points together outweigh σ²:
a cell of mass μ whose label deviates by v needs n·μ·v > σ². That is a threshold on μ·v and not on μ, so on random
cascades whoever averages cell by cell (the floor, a kernel) has another exponent than n^−β/(1+β), which is that of one
number of neighbours for all points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from fractalman.theory.laws.elementary import tuned_with_noise
from fractalman.theory.laws.law import Law
from fractalman.theory.laws.learner_properties import INTERPOLATION, LearnerProperties
from fractalman.theory.laws.sources import KPOTUFE

Excess: TypeAlias = tuple[float | None, tuple[str, ...]]
"""Exponent of the risk above what noise leaves, None where none is derived, and what to know of it."""


def with_noise(law: Law, sigma: float, learner: LearnerProperties, own: Callable[[float], Excess]) -> Law:
    """Return the law of noisy labels: what stays, and the exponent above it where some learner has one.

    Args:
        law: of clean labels. sigma: σ > 0. learner: of the learner.
        own: what the family says of who averages cell by cell, the floor or a kernel.
    """
    clean = law.data_exponent
    variance, notes = sigma**2, tuple[str, ...]()
    floor: float | None
    if learner.name == "1-nn":
        floor, excess = 2.0 * variance, clean
        words = "σ² of the test labels and σ² of the neighbour's; above 2σ² the clean law holds exactly"
    elif learner.name == "random-features":
        floor, excess = None, law.excess_exponent
        words = "σ² of the test labels and the risk of the best combination of its features"
    elif learner.name in ("k-nn", "bayes") or learner.kind == "kernel":
        floor = variance
        excess, notes = (None, ()) if clean is None else averaged(own, learner, clean)
        words = "σ² of the test labels" + (
            ""
            if learner.kind == "floor"
            else ", if k or the ridge grows with n as is best; a fixed one keeps what it learns"
        )
    elif learner.kind == "linear":
        floor, excess = None, law.excess_exponent
        words = "σ² of the test labels and the best linear function's own risk"
    else:
        floor, excess = None, None
        words = "σ² of the test labels and what noise it learns"
    if clean is None and learner.kind != "linear" and learner.name != "random-features":
        floor = None if law.irreducible is None else floor
    # infinitely many data average the noise away for whoever may average: above σ² the best cells or features are as
    # good as with clean labels
    averages = learner.name in ("k-nn", "random-features") or learner.kind == "kernel"
    model = law.model_exponent if averages else None
    references = law.references
    if (
        learner.name != "1-nn"
        and None not in (clean, excess)
        and math.isclose(excess or 0.0, tuned_with_noise(clean or 0.0))
    ):
        references = (*references, KPOTUFE)
    return replace(
        law,
        data_exponent=None,
        model_exponent=model,
        data_logarithms=0.0,
        model_logarithms=0.0 if model is None else law.model_logarithms,
        irreducible=floor,
        excess_exponent=excess,
        domain=law.domain.replace("noiseless labels", f"labels with noise of standard deviation {sigma:g}"),
        statement=f"noisy labels, σ = {sigma:g}: the risk rests on {words}"
        + (f", above it n^−{excess:.4g}" if excess is not None else "")
        + f"; clean labels: {law.statement}",
        assumptions=(
            *(note for note in law.assumptions if note != INTERPOLATION),
            "label noise is independent of everything; the label tree is that of the clean labels",
            *notes,
        ),
        references=references,
        windows=tuple(replace(window, exponent=None) for window in law.windows),
    )


def averaged(own: Callable[[float], Excess], learner: LearnerProperties, clean: float) -> Excess:
    """Return the exponent of the risk above σ² for a learner that averages as much as is best, and what to know of it.

    Args:
        own: what the family says of who averages cell by cell, the floor or a kernel.
        learner: "k-nn", a kernel or the floor. clean: β, without noise.
    Returns: None as the exponent where none is derived.
    Source: docs/theory.md §3.6.
    """
    if math.isinf(learner.smoothness or 0.0):
        return None, ("an analytic kernel would need a ridge below double precision to average as is best: no law",)
    if learner.kind == "local":  # one k for all points
        return tuned_with_noise(clean), ()
    return own(clean)
