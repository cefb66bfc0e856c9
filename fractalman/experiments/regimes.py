"""What limits the risk at a point, and which points a fit may use: one rule, fixed before any data are seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fractalman.display import Display
from fractalman.experiments.axes import DATA_AXIS, Axis, axis_named
from fractalman.experiments.points import Point
from fractalman.learners import DIVERGED, axis_kind

DATA, MODEL, BUDGET = "data-limited", "model-limited", "budget-limited"
POPULATION, FAILED, UNFINISHED, UNDECIDED = "population-limited", "failed", "unfinished", "undecided"
LEARNED = "learned"
TRAIN_SHARE = 0.1
"""A network or a model of fixed size is data-limited while its training risk is below this share of its test risk."""
MODEL_SHARE = 0.5
"""Training and test risk are about the same from this share on: more data would not help."""
GAIN = 0.1
"""Doubling a setting helps when it lowers the mean test risk by more than this share."""
AT_FLOOR = 1.1
"""A risk of at most this many Bayes floors is at the floor."""
_NO_RISK = "a risk is not a positive number"
WANTED = {"data": DATA, "model": MODEL, "budget": BUDGET}
"""Kind of the axis → the regime of the points that a fit along it uses."""

RULE = (
    "Regimes are given to a condition of the axis by the means over all replicates. "
    f"Where a network diverged, its training ending in what is no number, its point has no risk and the condition is "
    f"{DIVERGED}; where only a doubling check did, it is {UNDECIDED}. The other networks go on. "
    f"Beyond N·max_fraction of a finite population a point is {POPULATION}: slopes rise there spuriously. "
    "Along the training-set size, without doubling checks: "
    f"a learner whose capacity grows with n is {DATA} unless its training risk exceeds its test risk ({MODEL} then). "
    f"A learner of fixed capacity is {DATA} while its training risk is below {TRAIN_SHARE:g} of its test risk, else "
    f"{MODEL}. A trained network is {DATA} under the same requirement, whatever stopped its training, else {BUDGET} "
    "(steps, width and tolerance are not told apart; which is necessary and not sufficient: that more steps or "
    "width change nothing is not tried here). "
    "With doubling_checks = true a learner of fixed capacity is measured again under every condition with its width "
    f"(or features) doubled and, if it is trained, with its steps doubled; a doubling helps if the mean risk falls by "
    f"more than {GAIN:g} of itself. If one helps, the point is {MODEL} or {BUDGET}, after the one that helps more. "
    f"If none does, it is {DATA} where the training risk is below {TRAIN_SHARE:g} of the test risk, else {UNDECIDED}. "
    f"Along the model's size a learner is {DATA} while its training risk is below {TRAIN_SHARE:g} of its test risk; "
    f"{MODEL} from {MODEL_SHARE:g} on if more steps do not help, or if it is not trained in steps; {BUDGET} if they "
    f"do; {UNDECIDED} between the two, and without a doubling check for a trained network. Along the steps a network "
    f"is {BUDGET} where doubling them helps, and more than doubling the width does, and else as above. "
    f"A point with doubling checks, or one along the model's size or the steps, whose risk is at most {AT_FLOOR:g} "
    f"times the Bayes floor is {DATA}: nothing but data could lower it. Along a keyword of the recipe regimes are "
    "those of the training-set size, and no exponent is fitted. "
    f"Fits along the training-set size use {DATA} conditions only, along the model's size {MODEL} ones (their "
    f"abscissa is the number of parameters P), along the steps {BUDGET} ones; one contiguous run of "
    "conditions: it starts at the smallest such condition inside [fit] window_low … window_high and ends before the "
    "first that is another. All replicates must be there and their risks be positive numbers. With fewer than "
    "min_sizes conditions or min_seeds replicates the exponent is not measurable. "
    f"Along the steps of a network whose curve is predicted (gradient descent) {UNDECIDED} conditions are fitted, too, "
    "and its level is compared at every condition: that curve is its own whatever limits it. "
    f"Where labels are classes and a replicate has no wrong answer at all, the condition is {LEARNED}: its risk is "
    "below what so many test points resolve."
)
"""The rule in words, as the report prints it."""


@dataclass(frozen=True)
class SizeSummary(Display):
    """All replicates of one learner at one condition of the axis.

    Args:
        n: training-set size.
        risk: mean over replicates; nan where one of them has none.
        train_risk: mean over replicates.
        n_seeds: replicates that are finished.
        regime: what limits the risk.
        reason: the evidence, in words.
        value: position on the axis; None = n.
        parameters: P; None where the learner has no such number.
        floor: mean Bayes floor over the replicates; None where there is none.
        gains: doubled setting → share of the mean risk by which that lowered it (negative: raised).
    """

    n: int
    risk: float
    train_risk: float
    n_seeds: int
    regime: str
    reason: str
    value: int | float | None = None
    parameters: int | None = None
    floor: float | None = None
    gains: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.value is None:
            object.__setattr__(self, "value", self.n)

    @property
    def efficiency(self) -> float | None:
        """Mean risk over the mean Bayes floor, None without a floor or a risk."""
        return self.risk / self.floor if self.floor and math.isfinite(self.risk) else None


@dataclass(frozen=True)
class Window(Display):
    """The conditions that a fit uses and why the others are left out.

    Args:
        sizes: positions on the axis, ascending.
        excluded: one sentence per condition left out.
    """

    sizes: tuple[int | float, ...]
    excluded: tuple[str, ...]


def summarise(
    points: Sequence[Point],
    seeds: int,
    capacity: str,
    max_fraction: float,
    *,
    axis: Axis | None = None,
    checks: Sequence[Point] = (),
    floor: Mapping[int | float, float] | None = None,
    asked: Sequence[str] = (),
    answers: int | None = None,
) -> list[SizeSummary]:
    """Return one summary per condition, ascending, for the points of one learner.

    Args:
        points: of one learner, any order.
        seeds: replicates that the specification asks for.
        capacity: "grows with n" or "fixed".
        max_fraction: of a finite population N, that a training set may have to be fitted.
        axis: of the sweep; None = the training-set size.
        checks: points of the same learner with one setting doubled.
        floor: position → mean Bayes floor.
        asked: the settings that are doubled at every condition.
        answers: test answers of a point, where a risk is the share of wrong ones.
    """
    axis = axis or axis_named(DATA_AXIS)
    summaries = []
    for value in sorted({point.value for point in points if point.value is not None}):
        here = [point for point in points if point.value == value]
        beside = [point for point in checks if point.value == value]
        lowest = (floor or {}).get(value)
        facts = _facts(here, beside, asked, lowest)
        regime, reason = _regime(here, beside, facts, seeds, capacity, max_fraction, axis, asked, answers)
        summaries.append(
            SizeSummary(
                here[0].n, facts.risk, facts.train_risk, len(here), regime, reason,
                value=value, parameters=here[0].parameters, floor=lowest, gains=facts.gains,
            )
        )  # fmt: skip
    return summaries


@dataclass(frozen=True)
class _Facts:
    risk: float
    train_risk: float
    share: float
    gains: Mapping[str, float]
    at_floor: bool


def _facts(here: Sequence[Point], beside: Sequence[Point], asked: Sequence[str], floor: float | None) -> _Facts:
    risk = float(np.mean([point.risk for point in here]))
    train = float(np.mean([point.train_risk for point in here]))
    share = train / risk if risk else math.nan
    gains = {}
    for setting in asked:
        risks = {point.seed: point.risk for point in beside if point.doubled == setting}
        pairs = [(point.risk, risks[point.seed]) for point in here if point.seed in risks]
        pairs = pairs if np.isfinite(pairs).all() else []
        if pairs and sum(a for a, _ in pairs) > 0.0:
            gains[setting] = 1.0 - sum(b for _, b in pairs) / sum(a for a, _ in pairs)
    return _Facts(risk, train, share, gains, floor is not None and risk <= AT_FLOOR * floor)


def _regime(
    here: Sequence[Point], beside: Sequence[Point], facts: _Facts, seeds: int, capacity: str, max_fraction: float,
    axis: Axis, asked: Sequence[str], answers: int | None,
) -> tuple[str, str]:  # fmt: skip
    n, largest = here[0].n, min(point.n_population for point in here) * max_fraction
    if len(here) < seeds or len(beside) < seeds * len(asked):
        missing = "" if len(here) < seeds else f", {len(beside)} of {seeds * len(asked)} of its doubling checks"
        return UNFINISHED, f"{len(here)} of {seeds} replicates are finished{missing}"
    lost = [point for point in here if _stopped(point.info) == DIVERGED]
    if lost:
        return DIVERGED, _diverged_words(lost, len(here))
    lost = [point for point in beside if _stopped(point.info) == DIVERGED]
    if lost:
        return (
            UNDECIDED,
            f"with {' or '.join(sorted({p.doubled for p in lost}))} doubled {_diverged_words(lost, len(beside))}",
        )
    numbers = [(point.risk, point.train_risk) for point in (*here, *beside)]
    perfect = sum(point.risk == 0.0 for point in here) if answers else 0
    if perfect and np.isfinite(numbers).all():
        return LEARNED, f"{perfect} of {len(here)} replicates have no wrong answer among {answers}"
    positive = all(point.risk > 0.0 for point in (here if answers else (*here, *beside)))
    if not positive or not np.isfinite(numbers).all():
        reasons = [str(point.info["failed"]) for point in here if point.info.get("failed")]
        return FAILED, (f"{len(reasons)} of {len(here)} failed: {reasons[0]}" if reasons else _NO_RISK)
    if n > largest:
        return POPULATION, f"n = {n:,} is beyond the {largest:,.6g} that may be used of this population"
    evidence = f"training risk {facts.share:.2g} of test risk"
    stopped = [_stopped(point.info) for point in here]
    trained = any(stopped)
    if trained:
        ends = ", ".join(f"{stopped.count(end)} {end}" for end in sorted({end for end in stopped if end}))
        evidence += f" ({ends})"
    for setting, gain in facts.gains.items():
        evidence += f"; {setting} doubled: risk {-gain:+.0%}"
    if axis.kind in ("model", "budget"):
        return _along_the_model(facts, evidence, trained, axis, asked)
    if asked:
        return _checked(facts, evidence)
    if capacity == "grows with n" and not trained:
        return (DATA if facts.share <= 1.0 else MODEL), evidence
    limited = BUDGET if trained else MODEL
    return (DATA if facts.share < TRAIN_SHARE else limited), evidence


def _diverged_words(lost: Sequence[Point], count: int) -> str:
    """Return how many of a condition's networks diverged, and at which learning rate."""
    rates = sorted({rate for point in lost if (rate := point.info.get("learning_rate")) is not None})
    at = f" at learning_rate = {rates[0]:g}" if len(rates) == 1 else " at every learning_rate" * (not rates)
    return f"{len(lost)} of {count} networks diverged{at}: use a smaller learning_rate"


def _best(gains: Mapping[str, float]) -> str | None:
    """Return the doubling that helps most, None if none helps."""
    helping = {setting: gain for setting, gain in gains.items() if gain > GAIN}
    return max(helping, key=lambda setting: helping[setting]) if helping else None


def _checked(facts: _Facts, evidence: str) -> tuple[str, str]:
    if facts.at_floor:
        return DATA, f"{evidence}; at the Bayes floor"
    best = _best(facts.gains)
    if best is not None:
        return (MODEL if axis_kind(best) == "model" else BUDGET), evidence
    if facts.share < TRAIN_SHARE:
        return DATA, evidence
    return UNDECIDED, f"{evidence}; no doubling helps, and yet the training set is not fitted"


def _along_the_model(facts: _Facts, evidence: str, trained: bool, axis: Axis, asked: Sequence[str]) -> tuple[str, str]:
    if facts.at_floor:
        return DATA, f"{evidence}; at the Bayes floor"
    if facts.share < TRAIN_SHARE:
        return DATA, evidence
    if trained and "steps" not in asked:
        return UNDECIDED, f"{evidence}; whether more steps help was not tried: use doubling_checks = true"
    best = _best(facts.gains)
    if axis.kind == "budget":
        if best is None:
            return UNDECIDED, f"{evidence}; no doubling helps"
        return (MODEL if axis_kind(best) == "model" else BUDGET), evidence
    if facts.gains.get("steps", 0.0) > GAIN:
        return BUDGET, evidence
    if facts.share >= MODEL_SHARE:
        return MODEL, evidence
    return UNDECIDED, f"{evidence}; data and model both limit it"


def _stopped(info: Mapping[str, Any]) -> str | None:
    """How training ended ("interpolated", "budget", "diverged"), None for what is not trained in steps."""
    value = info.get("stopped")
    return str(value) if value is not None else None


def choose_window(
    summaries: Sequence[SizeSummary], fit: Mapping[str, Any], axis: Axis | None = None, also: Sequence[str] = ()
) -> Window:
    """Return the contiguous run of conditions that the rule allows a fit along the axis.

    Args:
        summaries: ascending along the axis.
        fit: window_low and window_high on the axis, None = no bound.
        axis: of the sweep; None = the training-set size.
        also: regimes beside the axis' own whose conditions are fitted.
    """
    axis = axis or axis_named(DATA_AXIS)
    wanted = WANTED.get(axis.kind)
    if wanted is None:
        return Window((), ())
    low, high = fit.get("window_low") or 0, fit.get("window_high") or math.inf
    sizes: list[int | float] = []
    excluded: list[str] = []
    ended = False
    for entry in summaries:
        value = entry.n if entry.value is None else entry.value
        condition = f"{axis.name} = {value:,}"
        if not low <= value <= high:
            excluded.append(f"{condition}: outside the window that the specification names")
        elif entry.regime not in (wanted, *also):
            ended = ended or bool(sizes)
            excluded.append(f"{condition}: {entry.regime}, {entry.reason}")
        elif ended:
            excluded.append(f"{condition}: {wanted} again, behind a condition that is not")
        else:
            sizes.append(value)
    return Window(tuple(sizes), tuple(excluded))
