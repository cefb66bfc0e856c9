"""Predicted curves and the exponents that are read off them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fractalman._typing import F64, I64


@dataclass(frozen=True)
class Curve:
    """A predicted learning curve.

    Attributes
    ----------
    n : (k,) int64
        Training-set sizes.
    risk : (k,) float64
        Expected risk, units of the label's prior variance.
    standard_error : (k,) float64
        Monte Carlo error of the average over structures; 0 where the curve is exact.
    kind : str
        How it was computed.
    """

    n: I64
    risk: F64
    standard_error: F64
    kind: str

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """In arithmetic a curve stands for its risks."""
        return np.array(self.risk, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return int(self.n.size)

    def __getitem__(self, which: Any) -> Any:
        return self.risk[which]


class Exponent(float):
    """A local exponent: a number that carries the Monte Carlo error of the curve it was read off.

    Parameters
    ----------
    value : float
        The exponent.
    standard_error : float
        Its Monte Carlo error; 0 where the curve is exact.
    n : tuple of int
        The sizes it was read off at.
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
