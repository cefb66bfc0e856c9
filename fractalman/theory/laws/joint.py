"""The joint law in data and model size, and what it says about spending a budget of compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.errors import RecipeError


@dataclass(frozen=True)
class Frontier:
    """The best use of compute C = c·n·P under a joint law: n* ~ C^data_power, P* ~ C^model_power, L* − E ~ C^−exponent.

    Args:
        data_power: α_P/(α_D + α_P). model_power: α_D/(α_D + α_P). exponent: α_D·α_P/(α_D + α_P).
        law: the joint law, with its amplitudes.
        cost: c, compute per training point and parameter.
    """

    data_power: float
    model_power: float
    exponent: float
    law: JointLaw
    cost: float = 1.0

    def at(self, compute: float) -> tuple[float, float, float]:
        """Return (n*, P*, L*) for a budget of compute C > 0; real numbers, not rounded."""
        if not compute > 0.0:
            raise RecipeError(f"compute = {compute!r}: expected a number above 0")
        law, product = self.law, compute / self.cost
        ratio = law.data_exponent * law.data_amplitude / (law.model_exponent * law.model_amplitude)
        n = ratio ** (1.0 / (law.data_exponent + law.model_exponent)) * product**self.data_power
        return n, product / n, float(law.risk(n, product / n))


@dataclass(frozen=True)
class JointLaw:
    """L(n, P) = E + A/n^α_D + B/P^α_P, prior units.

    Args:
        data_exponent: α_D > 0. model_exponent: α_P > 0.
        data_amplitude: A > 0. model_amplitude: B > 0. irreducible: E ≥ 0.

    That the two errors add is an assumption: it holds where either is far above the other, and no proof covers the
    corner between. Logarithms of the two laws are left out.
    """

    data_exponent: float
    model_exponent: float
    data_amplitude: float = 1.0
    model_amplitude: float = 1.0
    irreducible: float = 0.0

    def __post_init__(self) -> None:
        named = {"data_exponent": self.data_exponent, "model_exponent": self.model_exponent,
                 "data_amplitude": self.data_amplitude, "model_amplitude": self.model_amplitude}  # fmt: skip
        wrong = [f"{name} = {value!r}" for name, value in named.items() if not 0.0 < value < np.inf]
        if wrong or not 0.0 <= self.irreducible < np.inf:
            raise RecipeError(
                f"{', '.join(wrong) or f'irreducible = {self.irreducible!r}'}: expected finite exponents and "
                "amplitudes above 0 and an irreducible risk of at least 0"
            )

    def risk(self, n: float | AnyFloat, P: float | AnyFloat) -> F64:
        """Return L(n, P); n and P broadcast."""
        data = self.data_amplitude * np.asarray(n, np.float64) ** -self.data_exponent
        model = self.model_amplitude * np.asarray(P, np.float64) ** -self.model_exponent
        return np.asarray(self.irreducible + data + model, np.float64)

    def compute_optimal(self, cost: float = 1.0) -> Frontier:
        """Return the frontier for C = cost·n·P: the minimum of A/n^α_D + B/P^α_P along it, by Lagrange.

        Source: docs/theory.md §3.8.
        """
        if not 0.0 < cost < np.inf:
            raise RecipeError(f"cost = {cost!r}: expected a finite number above 0")
        total = self.data_exponent + self.model_exponent
        return Frontier(
            data_power=self.model_exponent / total,
            model_power=self.data_exponent / total,
            exponent=self.data_exponent * self.model_exponent / total,
            law=self,
            cost=cost,
        )
