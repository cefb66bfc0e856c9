"""What a plan is: windows of sizes, what each takes, and the one that is chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import F64, I64
from fractalman.config import is_integer, real, shown
from fractalman.display import Display
from fractalman.errors import FractalmanError, RecipeError
from fractalman.measure.scaling import student_t
from fractalman.prediction.along_steps import AlongSteps
from fractalman.prediction.forecast import Prediction
from fractalman.prediction.plan_display import PlanDisplay

FEWEST_SIZES = 4
"""Sizes of a window, at least."""
_MOST_SEEDS = 100_000


@dataclass(frozen=True)
class Option(Display):
    """One window of training sizes and what it takes.

    Attributes
    ----------
    sizes : tuple of int
        Training-set sizes, doubling.
    exponent : float or None
        The predicted exponent over them, None without a curve.
    scatter : float
        Standard deviation of one replicate's slope.
    seeds : int
        Replicates for a 95 % half-width of at most the resolution.
    half_width : float
        The half-width that they leave.
    points : int
        Training points in all, seeds × sum of sizes.
    """

    sizes: tuple[int, ...]
    exponent: float | None
    scatter: float
    seeds: int
    half_width: float
    points: int


@dataclass(frozen=True)
class Plan(PlanDisplay):
    """What it takes to resolve an exponent.

    Attributes
    ----------
    learner : str
        The learner.
    resolution : float
        95 % half-width asked for.
    budget : int
        Training points that may be fitted.
    possible : bool
        Whether some window does it within the population and the budget.
    reason : str
        In words, and what to type if it does not.
    chosen : Option or None
        The window that reaches furthest within the budget, the cheaper of two; the cheapest of all if none.
    options : tuple of Option
        All windows, cheapest first; the ones beyond the budget too.
    asymptote : float or None
        α_D, None where no power law holds.
    population : float
        N.
    notes : tuple of str
        What the numbers rest on.
    axis : str
        What sizes are: "n", training points, or "steps", of which ``budget`` and ``points`` are then numbers as well.
    n : int or None
        Training points of every one of them where the axis is "steps".
    """

    learner: str
    resolution: float
    budget: int
    possible: bool
    reason: str
    chosen: Option | None
    options: tuple[Option, ...]
    asymptote: float | None
    population: float
    notes: tuple[str, ...]
    axis: str = "n"
    n: int | None = None

    @property
    def unit(self) -> str:
        """What budget and points count: training points, or steps."""
        return "training points" if self.axis == "n" else self.axis

    @property
    def sizes(self) -> tuple[int, ...]:
        """The chosen training sizes, or numbers of steps, () if there are none."""
        return () if self.chosen is None else self.chosen.sizes

    @property
    def seeds(self) -> int | None:
        """The chosen number of seeds."""
        return None if self.chosen is None else self.chosen.seeds

    def to_dict(self) -> dict[str, Any]:
        """Return plain values.

        Returns
        -------
        dict
            Plain JSON values.
        """
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {
            "sizes": self.sizes,
            "seeds": self.seeds,
        }


def checked(resolution: float, budget: int, unit: str) -> float:
    """Return the resolution, or refuse it or the budget."""
    resolution = real(0.0, 1.0, open_low=True)("resolution", resolution)
    if not is_integer(budget) or int(budget) < 1:
        raise RecipeError(f"budget = {shown(budget)}: expected a number of {unit} of at least 1")
    return resolution


def cheapest_words(option: Option, symbol: str, unit: str) -> str:
    """Return why no window is within the budget."""
    return (
        f"the cheapest window takes {option.points:,} {unit}, {option.seeds} seeds at {symbol} = {option.sizes[0]} … "
        f"{option.sizes[-1]}: use budget = {option.points} or a coarser resolution"
    )


def chosen_words(option: Option, symbol: str, unit: str) -> str:
    """Return what the chosen window does."""
    return (
        f"{option.seeds} seeds at {symbol} = {option.sizes[0]} … {option.sizes[-1]} resolve the exponent to "
        f"± {option.half_width:.3f} with {option.points:,} {unit}"
    )


# ---------------------------------------------------------------------------------------------------- windows


def _weights(sizes: I64) -> F64:
    x = np.log(sizes.astype(np.float64))
    x = x - x.mean()
    return np.asarray(x / (x @ x), np.float64)


def slope_spread(sizes: I64, rows: F64) -> float:
    """Standard deviation over rows of what each adds to the slope of their mean."""
    moved = (rows / rows.mean(axis=0) - 1.0) @ _weights(sizes)
    return float(np.std(moved, ddof=1))


def label_spread(sizes: I64, rows: F64) -> float:
    """The same over label draws on one structure, pooled over structures; (structures, draws, sizes)."""
    moved = (rows / rows.mean(axis=(0, 1)) - 1.0) @ _weights(sizes)
    return float(np.sqrt(np.mean(np.var(moved, axis=1, ddof=1))))


def option_of(prediction: Prediction | AlongSteps, sizes: I64, scatter: float, resolution: float) -> Option:
    seeds = _seeds(scatter, resolution)
    exponent = None
    if prediction.has_curve:
        try:
            exponent = float(prediction.local_exponent(int(sizes[0]), int(sizes[-1]), sizes=sizes.tolist()))
        except FractalmanError:  # the curve ends inside the window
            exponent = None
    return Option(
        tuple(sizes.tolist()), exponent, scatter, seeds, student_t(seeds - 1) * scatter / math.sqrt(seeds),
        seeds * int(sizes.sum()),
    )  # fmt: skip


def _seeds(scatter: float, resolution: float) -> int:
    """The fewest replicates, three or more, whose Student-t half-width is at most the resolution."""
    if scatter == 0.0:
        return 3
    low, high = 2, 3
    while student_t(high - 1) * scatter / math.sqrt(high) > resolution:
        low, high = high, 2 * high
        if high > _MOST_SEEDS:
            return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if student_t(middle - 1) * scatter / math.sqrt(middle) <= resolution else (middle, high)
        )
    return max(3, high)
