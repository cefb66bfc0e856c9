"""The level of a learning curve: measured risks over the predicted curve, at all sizes jointly, and over the floor.

Sizes are positions on the axis: numbers of training points, or of steps.

Of every replicate the ratio of measured to predicted risk is averaged over the sizes, so that whatever its sizes share
(structure, labels, test points) is in the scatter over replicates (`scatter`); beside that mean every single size is
looked at, for what a mean hides. The predicted curve's own error comes from the structures it is averaged over and is
added in quadrature. With m + 1 looks at m sizes the smallest of their p-values counts m + 1 times (Bonferroni).

A second ratio is formed, where it is known (`own_points`), to the risk that theory expects over labels on the
replicate's very training and test points. Structures cancel in it; labels, which cost little, are all that scatters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.display import Display
from fractalman.errors import FractalmanError
from fractalman.experiments.axes import DATA_AXIS
from fractalman.experiments.points import Point
from fractalman.experiments.risk_parts import draw_risks, expected_risks, structures_of
from fractalman.experiments.scatter import joined, scatter_of
from fractalman.measure import student_t
from fractalman.measure.scaling import student_t_real
from fractalman.prediction.losses import SQUARED

SIGNIFICANCE = 0.05
"""A level differs when so improbable a ratio, or a smaller one, was found."""
RESOLUTION = 0.5
"""A half-width of the ratio beyond this tells nothing: a factor of 1.5 could hide in it."""

MORE_SEEDS, MORE_DRAWS = "use more seeds", "use more seeds or label_draws"
"""What narrows an interval; against the risks expected on the replicates' points labels are all that scatters."""

CHOSEN = frozenset({"ridge", "k"})  # what learners choose and write down
CURVE_ERROR = 0.02
"""Relative error of a curve whose learner chooses a ridge or k: the curve chooses them in the mean of all data.

It counts where the risks expected on the very points are known too, with the choice that was made: labels are many
there, so that 1 or 2 % show, and what is wrong with the data shows beside those risks.
"""

_RESOLVES = 0.5  # share of the distance between the predicted curve and a constant that the half-width may take


@dataclass(frozen=True)
class Level(Display):
    """The comparison of a learner's risks with its predicted curve.

    Parameters
    ----------
    ratio
        Measured over predicted risk, mean over sizes and replicates; over what is expected on the replicates' very
        points where all sizes lie beyond those at which the curve takes seconds.
    half_width
        95 % half-width of ``ratio`` by Student's t, the prediction's error included.
    sigma
        (ratio − 1) in joint standard errors.
    p_value
        Of the ratios under the prediction, all sizes jointly.
    agrees
        True, False, or None where nothing is resolved.
    reason
        The same in words.
    sizes
        Training-set sizes that were compared.
    ratios
        Measured over predicted risk at every one of them.
    below_floor
        Whether the risk lies significantly below the Bayes floor of its own replicates: an alarm.
    constant
        What ``ratio`` would be of the best constant, which learns nothing; None where its risk is not known. Where
        ``half_width`` is more than half its distance from 1, the level alone does not resolve what was learned: the
        same that is asked of a slope and its reference.
    own_ratio
        Measured risk over what is expected on the very points of each replicate, mean over sizes and replicates; None
        where that is not known (`own_points`).
    own_half_width
        Its 95 % half-width.
    own_constant
        The same of ``own_ratio``. Expected risks have the ridge or k that the learner chose: where it chose to learn
        nothing, they are the constant's.
    unseen_noise
        Standard deviation of undeclared label noise, in prior standard deviations, that the narrower interval still
        holds: noise σ raises every risk by σ² or more, so verdicts see what is well above this and nothing below. None
        where risks are not squared errors.
    """

    ratio: float
    half_width: float
    sigma: float
    p_value: float
    agrees: bool | None
    reason: str
    sizes: tuple[int, ...]
    ratios: tuple[float, ...]
    below_floor: bool = False
    constant: float | None = None
    own_ratio: float | None = None
    own_half_width: float | None = None
    own_constant: float | None = None
    unseen_noise: float | None = None

    @property
    def tells(self) -> bool:
        """Whether a half-width resolves what is learned in theory: half of the distance to a constant."""
        looks = [(self.constant, self.half_width)]
        if self.own_half_width is not None:
            looks.append((self.own_constant, self.own_half_width))
        return any(constant is None or _RESOLVES * abs(constant - 1.0) > width for constant, width in looks)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values.

        Returns
        -------
        dict
            Plain JSON values.
        """
        out = {name: getattr(self, name) for name in self.__dataclass_fields__}
        out |= {"sizes": list(self.sizes), "ratios": list(self.ratios)}
        for key in ("half_width", "sigma", "p_value", "own_half_width"):
            out[key] = out[key] if out[key] is None or math.isfinite(out[key]) else None
        return out


def level_of(
    points: Sequence[Point], prediction: Any, sizes: Sequence[int], seeds: int, test_size: int | None = None
) -> Level | None:
    """Return the level of a learner's risks at ``sizes``; None where there is no curve, or nothing to compare.

    Parameters
    ----------
    points
        Of one learner.
    prediction
        Its prediction; None = nothing is predicted.
    sizes
        Training-set sizes to compare; those that the curve does not reach are left out.
    seeds
        Replicates, all of which must be there.
    test_size
        Test points of each; None = the error comes from the replicates alone, not from their parts.
    """
    if prediction is None or not prediction.has_curve or seeds < 2:
        return None
    asked = [int(n) for n in sizes]
    symbol = getattr(prediction, "axis", DATA_AXIS)
    own = _own_look(points, asked, seeds, getattr(prediction, "ratio_errors", (0.0, 0.0, 0.0)))
    curve = _curve_look(points, prediction, asked, seeds, test_size, against_own=own is not None)
    if own is None and curve is None:
        return None
    found = _level(curve, own, symbol, getattr(prediction, "beyond", ""))
    squared = getattr(prediction, "loss", SQUARED) == SQUARED
    return replace(found, unseen_noise=_unseen_noise(own or curve)) if squared else found


def own_level(points: Sequence[Point], values: Sequence[int], seeds: int, symbol: str) -> Level | None:
    """Return the level against what is expected on the replicates' very points alone, where no curve is along the axis.

    Parameters
    ----------
    points
        Of one learner.
    values
        Positions on the axis; those at which nothing is expected are left out.
    seeds
        Replicates, all of which must be there.
    symbol
        Name of the axis.
    """
    own = _own_look(points, list(values), seeds, (0.0, 0.0, 0.0)) if seeds > 1 else None
    return None if own is None else replace(_level(None, own, symbol), unseen_noise=_unseen_noise(own))


def _own_look(points: Sequence[Point], sizes: list[int], seeds: int, errors: Sequence[float]) -> _Looks | None:
    """Look at risks over what is expected on the replicates' very points, at every size where that is known."""
    known = {n for n in sizes if expected_risks(points, [n], seeds) is not None}
    used = [n for n in sizes if n in known]
    risks, expected = _risks(points, used, seeds), expected_risks(points, used, seeds)
    if not used or risks is None or expected is None:
        return None
    found = _against_own(risks / expected, _over(draw_risks(points, used, seeds), expected), errors)
    return replace(
        found, sizes=tuple(used), constant=_constant(points, used, expected), inverse=float((1.0 / expected).mean())
    )


def _curve_look(
    points: Sequence[Point], prediction: Any, sizes: list[int], seeds: int, test_size: int | None, *, against_own: bool
) -> _Looks | None:
    """Look at risks over the predicted curve, at the sizes at which it takes seconds, or is there, and has a number."""
    affordable, there = getattr(prediction, "affordable", math.inf), set(getattr(prediction, "computed", ()))
    used = [n for n in sizes if n <= affordable or n in there]
    try:
        known = np.asarray(prediction.curve(np.array(used)).risk, np.float64) if used else np.empty(0)
        used = [n for n, risk in zip(used, known.tolist(), strict=True) if math.isfinite(risk)]
        risks = _risks(points, used, seeds)
        if not used or risks is None:
            return None
        curve = prediction.curve(np.array(used))
        predicted, draws = np.asarray(curve.risk, np.float64), _draws(prediction, used)
    except FractalmanError:  # the curve ends below these sizes
        return None
    if not (predicted > 0.0).all():
        return None
    error = np.asarray(getattr(curve, "standard_error", np.zeros(len(used))), np.float64)
    shared = float(getattr(prediction, "shared_error", 0.0))
    if against_own and any(not CHOSEN.isdisjoint(point.info) for point in points):
        error, shared = np.hypot(error, CURVE_ERROR * predicted), math.hypot(shared, CURVE_ERROR)
    parts = structures = None
    if test_size is not None:
        parts, structures = draw_risks(points, used, seeds), structures_of(prediction, used, test_size)
    found = _against_curve(risks / predicted, predicted, error, draws, shared, _over(parts, predicted), structures)
    return replace(
        found, sizes=tuple(used), constant=_constant(points, used, predicted), inverse=float((1.0 / predicted).mean())
    )


def _unseen_noise(looks: _Looks | None) -> float | None:
    """Return σ where 1 + σ²·mean(1/due) is the upper end of the interval."""
    if looks is None or not math.isfinite(looks.inverse) or not math.isfinite(looks.half_width):
        return None
    return math.sqrt(max(0.0, looks.ratio + looks.half_width - 1.0) / looks.inverse)


def _over(parts: F64 | None, unit: F64) -> F64 | None:
    """Label vectors' risks (replicates, label vectors, sizes) over (sizes,) or (replicates, sizes)."""
    return None if parts is None else np.asarray(parts / (unit if unit.ndim == 1 else unit[:, None, :]))


def _constant(points: Sequence[Point], sizes: list[int], due: F64) -> float | None:
    """Return the risk of the training labels' mean, V_in (1 + 1/n), over what is due, mean over sizes and replicates.

    Due is a curve (sizes,), or risks (replicates, sizes).
    """
    own = {point.value: point.n for point in points}
    known = {point.seed: point.v_in for point in points if point.value in sizes and point.v_in is not None}
    variances = np.array([known[seed] for seed in sorted(known)], np.float64)
    if not known or not np.isfinite(variances).all() or (due.ndim == 2 and len(due) != len(variances)):
        return None
    return float(np.mean(variances[:, None] * (1.0 + 1.0 / np.array([own[size] for size in sizes])) / due))


@dataclass(frozen=True)
class _Looks:
    """Ratios at m sizes and their mean, each with its error; ``inverse`` is the mean of one over what was due."""

    ratio: float
    half_width: float
    sigma: float
    p_value: float
    means: F64
    t: F64
    sizes: tuple[int, ...] = ()
    constant: float | None = None
    inverse: float = math.nan

    @property
    def holds(self) -> bool:
        """Whether the interval of the mean holds 1."""
        return abs(self.ratio - 1.0) <= self.half_width

    def said(self, symbol: str) -> str:
        """By how much they differ, in words."""
        worst = int(np.abs(self.t[:-1]).argmax())
        where = (
            f"; at {symbol} = {self.sizes[worst]} {self.means[worst]:.2f}"
            if abs(self.t[worst]) > abs(self.sigma)
            else ""
        )
        return f"differs by {self.sigma:+.1f} standard errors{where}"


def _looks(means: F64, errors: F64, freedom: F64) -> _Looks:
    """Look at m ratios and, last of all, their mean."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = means - 1.0
        t = np.where(errors > 0.0, gaps / errors, np.where(gaps == 0.0, 0.0, np.inf * np.sign(gaps)))
    p_value = min(1.0, float(2.0 * stdtr(freedom, -np.abs(t)).min()) * means.size)
    half_width = student_t_real(float(freedom[-1])) * float(errors[-1])
    return _Looks(float(means[-1]), half_width, float(t[-1]), p_value, means[:-1], t)


def _against_own(ratios: F64, parts: F64 | None, ratio_errors: Sequence[float]) -> _Looks:
    """Look at (replicates, sizes) risks over those that are expected on the replicates' very points.

    What differs from replicate to replicate but labels (and what a learner draws) is in the expected risks, so of the
    parts of the scatter only that of the label vectors is left. What is expected of networks rests on a measured ratio,
    whose errors (shared by all sizes, and of each alone) more replicates do not take away.
    """
    nothing = None if parts is None else np.zeros((2, ratios.shape[1] + 1))
    scatter = scatter_of(_with_mean(ratios), None if parts is None else _with_mean(parts), nothing)
    means, (shared, single) = _with_mean(ratios).mean(axis=0), ratio_errors[:2]
    alone = np.append(np.full(ratios.shape[1], single), single / math.sqrt(ratios.shape[1]))
    errors = np.hypot(scatter.standard_error, np.hypot(shared, alone) * means)
    return _looks(means, errors, scatter.degrees_of_freedom)


def _against_curve(
    ratios: F64,
    predicted: F64,
    error: F64,
    draws: F64 | None,
    shared: float,
    parts: F64 | None,
    structures: F64 | None,
) -> _Looks:
    """Look at (replicates, sizes) risks over the predicted curve, which has errors of its own, ``shared`` by all sizes.

    ``parts`` are the ratios label vector by label vector, (replicates, label vectors, sizes), and ``structures`` those
    of single structures to their mean, (structures, sizes), where they are known.
    """
    means = ratios.mean(axis=0)
    ratio = float(means.mean())
    due = np.maximum(means, 1.0)  # errors as where the curve is right, however low the risks came out
    scatter = scatter_of(
        _with_mean(ratios),
        None if parts is None else _with_mean(parts),
        None if structures is None else _with_mean(structures * due),
    )
    single = due * error / predicted
    if draws is None or len(draws) < 2:  # structure by structure is not known: as if all sizes erred together
        drawn, theirs = 0.0, float(np.mean(single))
    else:
        drawn = float((draws / predicted * due).mean(axis=1).std(ddof=1)) / math.sqrt(len(draws))
        theirs = math.hypot(drawn, shared * max(ratio, 1.0))
    errors = np.hypot(scatter.standard_error, np.append(single, theirs))
    freedom = scatter.degrees_of_freedom
    if parts is not None and structures is not None and draws is not None and len(draws) > 1:
        curve = np.append(single, drawn)
        freedom = joined(
            np.square([scatter.standard_error, curve]), np.stack([freedom, np.full(freedom.size, len(draws) - 1.0)])
        )
    return _looks(np.append(means, ratio), errors, freedom)


def _level(curve: _Looks | None, own: _Looks | None, symbol: str, beyond: str = "") -> Level:
    """Return what two looks at the same risks say together: where either differs, they do; p-values count twice.

    ``beyond`` says why a measured ratio on which the curve rests was measured elsewhere.
    """
    every = [looks for looks in (curve, own) if looks is not None]
    sharpest, more = every[-1], beyond or (MORE_SEEDS if own is None else MORE_DRAWS)
    p_value = min(1.0, len(every) * min(looks.p_value for looks in every))
    parts = [] if curve is None else [f"{curve.ratio:.2f} ± {curve.half_width:.2f} of the predicted curve"]
    parts += [] if own is None else [f"{own.ratio:.3f} ± {own.half_width:.3f} of what is expected on these very points"]
    said = f"level {', '.join(parts)}"
    agrees: bool | None = None
    if p_value < SIGNIFICANCE / len(every):  # the slope, too, is asked at half of it where both are so sharp
        agrees, reason = False, f"{said}: {min(every, key=lambda looks: looks.p_value).said(symbol)}"
    elif not sharpest.half_width <= RESOLUTION:
        reason = f"{said}: not resolved, the 95 % half-width exceeds {RESOLUTION:g}; {more}"
    elif not all(looks.holds for looks in every):  # improbable as one look, not as the least of all: neither is claimed
        reason = f"{said}: not resolved, the ± does not hold 1; {more}"
    else:
        agrees, reason = True, f"{said}: agrees"
    first = every[0]
    return Level(
        first.ratio,
        first.half_width,
        first.sigma,
        p_value,
        agrees,
        reason,
        first.sizes,
        tuple(first.means.tolist()),
        constant=first.constant,
        own_ratio=None if own is None else own.ratio,
        own_half_width=None if own is None else own.half_width,
        own_constant=None if own is None else own.constant,
    )


def below_floor(points: Sequence[Point], seeds: int) -> bool:
    """Whether a learner's risk over the Bayes floor of its own replicate is below 1 by more than its 95 % half-width.

    Parameters
    ----------
    points
        Of one learner; those without a floor or a risk are left out.
    seeds
        Replicates; with fewer than two nothing can be said.
    """
    shares = [
        [p.efficiency for p in points if p.seed == i and p.efficiency is not None and not p.doubled]
        for i in range(seeds)
    ]
    if seeds < 2 or not all(shares):
        return False
    means = np.array([np.mean(share) for share in shares])
    return bool(means.mean() + student_t(seeds - 1) * means.std(ddof=1) / math.sqrt(seeds) < 1.0)


def _risks(points: Sequence[Point], sizes: list[int], seeds: int) -> F64 | None:
    """Return (replicates, sizes) risks, None where one is missing or no positive number."""
    found = np.full((seeds, len(sizes)), np.nan)
    column = {n: j for j, n in enumerate(sizes)}
    for point in points:
        if point.value in column and not point.doubled:
            found[point.seed, column[int(point.value)]] = point.risk
    return found if np.isfinite(found).all() and (found > 0.0).all() else None


def _with_mean(ratios: F64) -> F64:
    """Return ratios with their mean over the sizes as one more."""
    return np.concatenate([ratios, ratios.mean(axis=-1, keepdims=True)], axis=-1)


def _draws(prediction: Any, sizes: list[int]) -> F64 | None:
    """Return the predicted curve structure by structure, None where the prediction does not tell."""
    if not callable(getattr(prediction, "replicates", None)):
        return None
    return np.asarray(prediction.replicates(np.array(sizes)), np.float64)
