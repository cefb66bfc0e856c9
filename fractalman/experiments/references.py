"""A learner that nothing is predicted for, beside the curves of learners that something is predicted for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fractalman.conventions import CROSS_ENTROPY
from fractalman.errors import FractalmanError
from fractalman.experiments.points import Point
from fractalman.experiments.regimes import SizeSummary

if TYPE_CHECKING:
    from fractalman.prediction import Prediction

REFERENCES = ("1-nn", "laplace-kernel")
"""Whose predicted curves stand beside a learner of somebody's own; the first alone beside one of ours without one."""


def ratios(points: Sequence[Point], predictions: Mapping[str, Prediction]) -> dict[str, tuple[int, float, float]]:
    """Return reference → (n, ratio, standard error): mean measured risk over the predicted curve.

    Parameters
    ----------
    points : sequence of Point
        Of one learner along the training-set size; replicates without a risk leave their size out.
    predictions : dict
        Reference → its prediction.

    Returns
    -------
    dict
        At the largest n that was measured and at which the curve takes seconds; the error joins that of the replicates
        with the curve's own, nan with one replicate. References without such an n are left out.
    """
    found = {}
    for name, prediction in predictions.items():
        sizes = sorted({point.n for point in points if point.n <= prediction.affordable}, reverse=True)
        for n in sizes:
            risks = np.array([point.risk for point in points if point.n == n])
            if not np.isfinite(risks).all():
                continue
            try:
                curve = prediction.curve([n])
            except FractalmanError:  # the curve has come to its end
                break
            mean, expected = float(risks.mean()), float(curve.risk[0])
            if min(mean, expected) > 0.0:
                own = float(risks.std(ddof=1)) / math.sqrt(risks.size) / mean if risks.size > 1 else math.nan
                ratio = mean / expected
                found[name] = (n, ratio, ratio * math.hypot(own, float(curve.standard_error[0]) / expected))
            break
    return found


def class_words(points: Sequence[Point], summaries: Sequence[SizeSummary], loss: str, test_size: int) -> str:
    """Return the mean risk of classes at the largest size beside the best constant's and the floor, as a phrase.

    Without a wrong answer its bound at 95 % stands there, 3 over the number of test points.
    """
    measured = [entry for entry in summaries if math.isfinite(entry.risk)]
    if not measured:
        return ""
    last = measured[-1]
    risks = np.array([point.risk for point in points if point.value == last.value])
    error = f" ± {risks.std(ddof=1) / math.sqrt(risks.size):.2g}" if risks.size > 1 else ""
    constant = float(np.mean([point.v_in for point in points]))
    unit = " nats" if loss == CROSS_ENTROPY else ""
    beside = [f"the best constant has {constant:.3g}"] if math.isfinite(constant) else []
    beside += [] if last.floor is None else [f"the Bayes floor is {last.floor:.3g}"]
    found = f"{last.risk:.3g}{error}{unit}"
    if not risks.any():
        tests = risks.size * test_size
        found = f"below {3.0 / tests:.2g} (no wrong answer at {tests:,} test points)"
    return f"at n = {last.n:,} its risk is {found}" + f", {' and '.join(beside)}" * bool(beside)


def words(found: Mapping[str, tuple[int, float, float]], efficiency: float | None = None) -> str:
    """Return the ratios, and the risk over the Bayes floor at the largest size, as a phrase; "" without either."""
    parts = [
        f"{ratio:.3g}" + (f" ± {error:.2g}" if math.isfinite(error) else "") + f" times {name}'s curve at n = {n:,}"
        for name, (n, ratio, error) in found.items()
    ]
    if efficiency is not None:
        parts.append(f"{efficiency:.3g} times the Bayes floor")
    return f"its risk is {' and '.join(parts)}" if parts else ""
