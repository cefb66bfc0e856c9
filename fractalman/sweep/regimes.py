"""What limits the risk at a point, and which sizes a fit may use: one rule, fixed before any data are seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman.sweep.journal import Point

DATA, MODEL, BUDGET = "data-limited", "model-limited", "budget-limited"
POPULATION, FAILED, UNFINISHED = "population-limited", "failed", "unfinished"
TRAIN_SHARE = 0.1
"""A network or a model of fixed size is data-limited while its training risk is below this share of its test risk."""

RULE = (
    "Regimes are given to a training-set size n by the means over all replicates. "
    f"Beyond N·max_fraction of a finite population a point is {POPULATION}: slopes rise there spuriously. "
    f"A learner whose capacity grows with n is {DATA} unless its training risk exceeds its test risk ({MODEL} then). "
    f"A learner of fixed capacity is {DATA} while its training risk is below {TRAIN_SHARE:g} of its test risk, else "
    f"{MODEL}. A trained network is {DATA} under the same condition, whatever stopped its training, else {BUDGET} "
    "(steps, width and tolerance are not told apart; the condition is necessary and not sufficient: that more steps or "
    "width change nothing is not tried here). "
    f"Fits use one contiguous run of sizes: it starts at the smallest {DATA} size inside [fit] window_low … "
    f"window_high and ends before the first size that is not {DATA}. All replicates must be there and their risks be "
    "positive numbers. With fewer than min_sizes sizes or min_seeds replicates the exponent is not measurable."
)
"""The rule in words, as the report prints it."""


@dataclass(frozen=True)
class SizeSummary:
    """All replicates of one (learner, n).

    Args:
        n: training-set size.
        risk: mean over replicates.
        train_risk: mean over replicates.
        n_seeds: replicates that are finished.
        regime: what limits the risk.
        reason: the evidence, in words.
    """

    n: int
    risk: float
    train_risk: float
    n_seeds: int
    regime: str
    reason: str


@dataclass(frozen=True)
class Window:
    """The sizes that a fit uses and why the others are left out.

    Args:
        sizes: ascending.
        excluded: one sentence per size left out.
    """

    sizes: tuple[int, ...]
    excluded: tuple[str, ...]


def summarise(points: Sequence[Point], seeds: int, capacity: str, largest_fitted: float) -> list[SizeSummary]:
    """Return one summary per size, ascending, for the points of one learner.

    Args:
        points: of one learner, any order.
        seeds: replicates that the specification asks for.
        capacity: "grows with n" or "fixed".
        largest_fitted: N·max_fraction.
    """
    summaries = []
    for n in sorted({point.n for point in points}):
        here = [point for point in points if point.n == n]
        risk = float(np.mean([point.risk for point in here]))
        train = float(np.mean([point.train_risk for point in here]))
        regime, reason = _regime(here, n, risk, train, seeds, capacity, largest_fitted)
        summaries.append(SizeSummary(n, risk, train, len(here), regime, reason))
    return summaries


def _regime(
    here: Sequence[Point], n: int, risk: float, train: float, seeds: int, capacity: str, largest_fitted: float
) -> tuple[str, str]:
    if len(here) < seeds:
        return UNFINISHED, f"{len(here)} of {seeds} replicates are finished"
    if not all(math.isfinite(point.risk) and point.risk > 0.0 and math.isfinite(point.train_risk) for point in here):
        return FAILED, "a risk is not a positive number"
    if n > largest_fitted:
        return POPULATION, f"n = {n} is beyond the {largest_fitted:g} that max_fraction allows in this population"
    share = train / risk
    evidence = f"training risk {share:.2g} of test risk"
    stopped = [_stopped(point.info) for point in here]
    if any(stopped):
        ends = ", ".join(f"{stopped.count(end)} {end}" for end in sorted({end for end in stopped if end}))
        return (DATA if share < TRAIN_SHARE else BUDGET), f"{evidence} ({ends})"
    if capacity == "grows with n":
        return (DATA if share <= 1.0 else MODEL), evidence
    return (DATA if share < TRAIN_SHARE else MODEL), evidence


def _stopped(info: Mapping[str, Any]) -> str | None:
    """How training ended ("interpolated", "budget"), None for what is not trained in steps."""
    value = info.get("stopped")
    return str(value) if value is not None else None


def choose_window(summaries: Sequence[SizeSummary], fit: Mapping[str, Any]) -> Window:
    """Return the contiguous run of data-limited sizes that the rule allows.

    Args:
        summaries: ascending in n.
        fit: window_low and window_high, None = no bound.
    """
    low, high = fit.get("window_low") or 0, fit.get("window_high") or math.inf
    sizes: list[int] = []
    excluded: list[str] = []
    ended = False
    for entry in summaries:
        if not low <= entry.n <= high:
            excluded.append(f"n = {entry.n}: outside [fit] window_low … window_high")
        elif entry.regime != DATA:
            ended = ended or bool(sizes)
            excluded.append(f"n = {entry.n}: {entry.regime}, {entry.reason}")
        elif ended:
            excluded.append(f"n = {entry.n}: data-limited again, behind a size that is not")
        else:
            sizes.append(entry.n)
    return Window(tuple(sizes), tuple(excluded))
