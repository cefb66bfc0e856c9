"""Predicted curves and the exponents that are read off them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fractalman import theory
from fractalman._typing import F64, I64, AnyInt
from fractalman.display import HtmlTable
from fractalman.prediction.display import CurveDisplay


@dataclass(frozen=True)
class Curve(CurveDisplay):
    """A predicted learning curve.

    Parameters
    ----------
    n : (k,) int64
        Training-set sizes.
    risk : (k,) float64
        Expected risk, units of the label's prior variance; nan where it is not resolved, which ``reason`` explains.
    standard_error : (k,) float64
        Monte Carlo error of the average over structures or splits, and the bound of what the method leaves out; 0 where
        the curve is exact.
    kind : str
        How it was computed: in X, in the hierarchy or in graph distance.
    draws : int
        Structures or splits that it averages over; 0 = exact, averaged over the whole family.
    reason : str
        Why some risks are nan; "" where none is.
    axis : str
        What ``n`` counts: "n", training points, or "steps".
    """

    n: I64
    risk: F64
    standard_error: F64
    kind: str
    draws: int = 0
    reason: str = ""
    axis: str = "n"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """In arithmetic a curve stands for its risks."""
        return np.array(self.risk, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return int(self.n.size)

    def __getitem__(self, which: Any) -> Any:
        return self.risk[which]


class Exponent(HtmlTable, float):
    """A local exponent: a number that carries the Monte Carlo error of the curve it was read off.

    Args:
        value: the exponent.
        standard_error: its Monte Carlo error; 0 where the curve is exact.
        n: the sizes it was read off at.
    """

    standard_error: float
    n: tuple[int, ...]

    def __new__(cls, value: float, standard_error: float, n: tuple[int, ...]) -> Self:
        """Make the number and hang the rest on it."""
        made = super().__new__(cls, value)
        made.standard_error, made.n = standard_error, n
        return made

    @property
    def value(self) -> float:
        """The exponent as a plain float."""
        return float(self)

    def __repr__(self) -> str:
        return f"Exponent({float(self):.6g} ± {self.standard_error:.2g}, n = {self.n[0]} … {self.n[-1]})"


def slope_of(sizes: AnyInt, columns: F64) -> Exponent:
    """Return the slope of the mean of ``columns`` (draws, sizes), its error by leaving out one draw at a time."""
    error = 0.0
    if len(columns) > 1:
        without = [np.delete(columns, i, axis=0).mean(axis=0) for i in range(len(columns))]
        slopes = np.array([theory.local_slope(sizes, row) for row in without])
        error = float(np.sqrt((slopes.size - 1) * np.mean((slopes - slopes.mean()) ** 2)))
    return Exponent(theory.local_slope(sizes, columns.mean(axis=0)), error, tuple(sizes.tolist()))
