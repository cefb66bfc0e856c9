"""How the error falls with the width, and how many features are found: measured exponents against predicted ones.

The exponent is the least-squares slope of the logarithm over the widths, replicate by replicate; predicted is the slope
of what theory says of the same replicate's features, so that trees of their own cancel in the difference. The rule is
that of other verdicts: the two agree where they differ by less than the 95 % half-width of the difference, and this
half-width is at most half of the prediction; a half-width larger than that resolves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fractalman._typing import F64
from fractalman.display import Display
from fractalman.experiments.verdicts import RESOLUTION
from fractalman.measure.scaling import student_t
from fractalman.studies.base import Row

LEAST_WIDTHS = 3
PAIRS = (("error", "error-wide"), ("error", "error-selected"), ("error", "error-rank"), ("found", "found-wide"))
"""What was measured, and the prediction that it is held against."""
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
        Measured over predicted quantity, geometric mean over the widths, with its 95 % interval.
    agrees : bool or None
        Of the exponents; None = not resolved.
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
    kept = np.asarray(widths)[usable].tolist()
    nothing = WidthVerdict(
        dictionary,
        sparsity,
        quantity,
        prediction,
        tuple(kept),
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        "",
    )  # fmt: skip
    if len(kept) < LEAST_WIDTHS:
        reason = f"{quantity} and prediction are above 0 at {len(kept)} widths: expected {LEAST_WIDTHS}"
        return replace(nothing, reason=reason)
    logs = np.log(values[:, :, usable])
    sign = 1.0 if quantity == "found" else -1.0
    at = np.log(kept) - np.mean(np.log(kept))
    slopes = sign * (logs @ at) / (at @ at)  # (2, seeds)
    measured, half = _mean(slopes[0])
    difference, apart = _mean(slopes[0] - slopes[1])
    predicted = float(slopes[1].mean())
    level, width = _mean((logs[0] - logs[1]).mean(axis=1))
    ends = (None, None) if width is None else (math.exp(level - width), math.exp(level + width))
    agrees, reason = _compared(difference, apart, predicted)
    return replace(
        nothing, measured=measured, measured_half_width=half, predicted=predicted, difference=difference,
        half_width=apart, ratio=math.exp(level), ratio_low=ends[0], ratio_high=ends[1], agrees=agrees, reason=reason,
    )  # fmt: skip


def _compared(difference: float, apart: float | None, predicted: float) -> tuple[bool | None, str]:
    if apart is None:
        return None, "one replicate: expected two or more for an interval"
    if abs(difference) > apart:
        return False, f"differs by {difference:+.2f} ± {apart:.2f}"
    if apart > RESOLUTION * abs(predicted):
        return None, f"not resolved: ± {apart:.2f} of a prediction of {predicted:.2f}"
    return True, f"agrees within ± {apart:.2f}"


def _mean(values: F64) -> tuple[float, float | None]:
    """Mean and half of its 95 % interval."""
    m = values.size
    if m < 2:
        return float(values.mean()), None
    return float(values.mean()), student_t(m - 1) * float(values.std(ddof=1)) / math.sqrt(m)
