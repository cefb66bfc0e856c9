"""How the error falls with the width, and how many features are found: measured exponents against predicted ones.

The exponent is the least-squares slope of the logarithm over the widths, replicate by replicate; predicted is the slope
of what theory says of the same replicate's features, so that trees of their own cancel in the difference. The rule is
that of other verdicts: the two agree where they differ by less than the 95 % half-width of the difference, and this
half-width is at most half of the prediction; a half-width larger than that resolves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fractalman._typing import F64, Bool
from fractalman.display import Display
from fractalman.experiments.verdicts import RESOLUTION
from fractalman.measure.scaling import student_t
from fractalman.studies.base import Row

LEAST_WIDTHS = 3
PAIRS = (("error", "error-wide"), ("error", "error-selected"), ("error", "error-rank"), ("found", "found-wide"))
"""What was measured, and the prediction that it is held against."""
BOUND = "error-rank"
"""No prediction but a bound: held to be not above what was measured."""
_LEAST = 1e-6  # a share below it is rounding


@dataclass(frozen=True)
class WidthVerdict(Display):
    """The exponent in the width of one dictionary at one sparsity, beside the predicted one.

    Parameters
    ----------
    dictionary : str
        Its name.
    sparsity : float
        Units a point, or weight of the penalty.
    quantity : str
        "error", share of the variance that is left; or "found", number of features found.
    prediction : str
        "error-wide", faithful units, any number a point; "error-selected", faithful units of which the largest
        magnitudes fire, at the measured L0; "error-rank", the least of any units; "found-wide", one feature a unit.
    widths : tuple of int
        Of the fit.
    measured, measured_half_width : float or None
        Exponent, positive where the error falls or the number rises; half of its 95 % interval over replicates.
    predicted : float or None
        Mean over replicates.
    difference, half_width : float or None
        Measured − predicted, and half of its 95 % interval.
    ratio, ratio_low, ratio_high : float or None
        Measured over predicted quantity with its 95 % interval: geometric mean over the widths, of numbers of features
        the ratio of sums.
    agrees : bool or None
        Of the exponents; of "error-rank", whether the error is not below it; of features found, False where the ratio
        is not 1, too. None = not resolved. One true prediction in twenty is refuted.
    reason : str
        In words.
    """

    dictionary: str
    sparsity: float
    quantity: str
    prediction: str
    widths: tuple[int, ...]
    measured: float | None
    measured_half_width: float | None
    predicted: float | None
    difference: float | None
    half_width: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    agrees: bool | None
    reason: str


def width_verdicts(rows: Sequence[Row]) -> list[WidthVerdict]:
    """Return a verdict for every dictionary, sparsity and prediction; none with fewer than three widths.

    Parameters
    ----------
    rows : list of Row
        Of a study of recovery.

    Returns
    -------
    list of WidthVerdict
        Dictionary by dictionary.
    """
    wanted = {name for pair in PAIRS for name in pair}
    table: dict[tuple[str, float], dict[tuple[str, int, int], float]] = {}
    for row in rows:
        if row["quantity"] in wanted and row["number"] is not None:
            own = table.setdefault((row["dictionary"], row["sparsity"]), {})
            own[row["quantity"], row["seed"], row["width"]] = row["number"]
    found = []
    for (dictionary, sparsity), numbers in table.items():
        widths = sorted({width for _, _, width in numbers})
        seeds = sorted({seed for _, seed, _ in numbers})
        if len(widths) >= LEAST_WIDTHS:
            found += [_verdict(dictionary, sparsity, pair, numbers, widths, seeds) for pair in PAIRS]
    return found


def _verdict(
    dictionary: str,
    sparsity: float,
    pair: tuple[str, str],
    numbers: dict[tuple[str, int, int], float],
    widths: list[int],
    seeds: list[int],
) -> WidthVerdict:
    quantity, prediction = pair
    values = np.array([[[numbers.get((name, s, w), math.nan) for w in widths] for s in seeds] for name in pair])
    usable = np.asarray((values > _LEAST).all(axis=(0, 1)))
    kept: tuple[int, ...] = tuple(np.asarray(widths)[usable].tolist())
    slope, ratio = _Slope(), _ratio(values, usable, counts=quantity == "found")
    if len(kept) >= LEAST_WIDTHS:
        slope = _slope(np.log(values[:, :, usable]), np.log(kept), 1.0 if quantity == "found" else -1.0)
        agrees, reason = _compared(slope)
    else:
        agrees, reason = None, f"{quantity} and prediction are above 0 at {len(kept)} widths: expected {LEAST_WIDTHS}"
    if prediction == BOUND and ratio.low is not None and ratio.high is not None:
        agrees = ratio.high >= 1.0
        reason = f"{'not' if agrees else 'lies'} below the least: {ratio.low:.2f} to {ratio.high:.2f} times it"
    elif (
        quantity == "found" and ratio.low is not None and ratio.high is not None and not ratio.low <= 1.0 <= ratio.high
    ):
        agrees, reason = False, f"{ratio.low:.2f} to {ratio.high:.2f} features a unit in place of one"
    return WidthVerdict(dictionary, sparsity, quantity, prediction, kept, *slope, *ratio, agrees, reason)


class _Slope(NamedTuple):
    measured: float | None = None
    measured_half_width: float | None = None
    predicted: float | None = None
    difference: float | None = None
    half_width: float | None = None


class _Ratio(NamedTuple):
    value: float | None = None
    low: float | None = None
    high: float | None = None


def _slope(logs: F64, at: F64, sign: float) -> _Slope:
    """Exponents of measured and predicted, (2, seeds, widths) logarithms at those of the widths."""
    centred = at - at.mean()
    slopes = sign * (logs @ centred) / (centred @ centred)
    difference, apart = _mean(slopes[0] - slopes[1])
    return _Slope(*_mean(slopes[0]), float(slopes[1].mean()), difference, apart)


def _ratio(values: F64, usable: Bool, counts: bool) -> _Ratio:
    """Measured over predicted, over replicates: geometric mean over widths; of counts, which may be 0, that of sums."""
    if counts:
        whole = np.isfinite(values).all(axis=(0, 1))
        if not whole.any():
            return _Ratio()
        level, width = _mean(values[0][:, whole].sum(axis=1) / values[1][:, whole].sum(axis=1))
        return _Ratio(level) if width is None else _Ratio(level, max(0.0, level - width), level + width)
    if not usable.any():
        return _Ratio()
    logs = np.log(values[:, :, usable])
    level, width = _mean((logs[0] - logs[1]).mean(axis=1))
    return _Ratio(math.exp(level)) if width is None else _Ratio(*np.exp([level, level - width, level + width]).tolist())


def _compared(slope: _Slope) -> tuple[bool | None, str]:
    difference, apart = slope.difference, slope.half_width
    if difference is None or apart is None or slope.predicted is None:
        return None, "one replicate: expected two or more for an interval"
    if abs(difference) > apart:
        return False, f"differs by {difference:+.2f} ± {apart:.2f}"
    if apart > RESOLUTION * abs(slope.predicted):
        return None, f"not resolved: ± {apart:.2f} of a prediction of {slope.predicted:.2f}"
    return True, f"agrees within ± {apart:.2f}"


def _mean(values: F64) -> tuple[float, float | None]:
    """Mean and half of its 95 % interval."""
    m = values.size
    if m < 2:
        return float(values.mean()), None
    return float(values.mean()), student_t(m - 1) * float(values.std(ddof=1)) / math.sqrt(m)
