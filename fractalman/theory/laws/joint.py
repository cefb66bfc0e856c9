"""The joint law in data and model size, and what it says about spending a budget of compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.config import shown
from fractalman.display import Display
from fractalman.errors import RecipeError


@dataclass(frozen=True)
class Frontier(Display):
    """The best use of compute C = c·n·P under a joint law: n* ~ C^data_power, P* ~ C^model_power, L* − E ~ C^−exponent.

    Attributes
    ----------
    data_power : float
        α_P/(α_D + α_P).
    model_power : float
        α_D/(α_D + α_P).
    exponent : float
        α_D·α_P/(α_D + α_P).
    law : JointLaw
        The joint law, with its amplitudes.
    cost : float
        c, compute per training point and parameter.

    Examples
    --------
    >>> law = JointLaw(0.5, 0.5, data_amplitude=1.0, model_amplitude=1.0)
    >>> law.compute_optimal().exponent
    0.25
    """

    data_power: float
    model_power: float
    exponent: float
    law: JointLaw
    cost: float = 1.0

    def at(self, compute: float) -> tuple[float, float, float]:
        """Return the best sizes for a budget of compute, real numbers, not rounded.

        Parameters
        ----------
        compute : float
            C > 0, in the unit of cost.

        Returns
        -------
        n : float
            n*, training points.
        P : float
            P*, parameters.
        risk : float
            L*, in units of the label's prior variance.

        Raises
        ------
        RecipeError
            If the budget is not above 0.
        """
        if not compute > 0.0:
            raise RecipeError(f"compute = {shown(compute)}: expected a number above 0")
        law, product = self.law, compute / self.cost
        ratio = law.data_exponent * law.data_amplitude / (law.model_exponent * law.model_amplitude)
        n = ratio ** (1.0 / (law.data_exponent + law.model_exponent)) * product**self.data_power
        return n, product / n, float(law.risk(n, product / n))


@dataclass(frozen=True)
class JointLaw(Display):
    """L(n, P) = E + A/n^α_D + B/P^α_P, prior units.

    That the two errors add is an assumption: it holds where either is far above the other, and no proof covers the
    corner between. Logarithms of the two laws are left out.

    Parameters
    ----------
    data_exponent : float
        Exponent in n, α_D > 0.
    model_exponent : float
        Exponent in P, α_P > 0.
    data_amplitude : float, default 1
        Amplitude in n, A > 0.
    model_amplitude : float, default 1
        Amplitude in P, B > 0.
    irreducible : float, default 0
        Irreducible risk, E ≥ 0.
    data_of, model_of : str, default ""
        Whose curve the term in n and the term in P are; "" = not said.

    Examples
    --------
    >>> law = JointLaw(0.5, 1.0, data_amplitude=2.0, model_amplitude=3.0)
    >>> law.risk(100.0, 30.0).round(6).tolist()
    0.3
    """

    data_exponent: float
    model_exponent: float
    data_amplitude: float = 1.0
    model_amplitude: float = 1.0
    irreducible: float = 0.0
    data_of: str = ""
    model_of: str = ""

    def __str__(self) -> str:
        """Return the law with its numbers, and whose curves it is made of."""
        said = (
            f"L = {self.irreducible:.4g} + {self.data_amplitude:.4g}/n^{self.data_exponent:.4g} + "
            f"{self.model_amplitude:.4g}/P^{self.model_exponent:.4g}"
        )
        whose = [f"{term}: {of}" for term, of in (("in n", self.data_of), ("in P", self.model_of)) if of]
        return f"{said} ({'; '.join(whose)})" if whose else said

    def __post_init__(self) -> None:
        named = {"data_exponent": self.data_exponent, "model_exponent": self.model_exponent,
                 "data_amplitude": self.data_amplitude, "model_amplitude": self.model_amplitude}  # fmt: skip
        wrong = [f"{name} = {value!r}" for name, value in named.items() if not 0.0 < value < np.inf]
        if wrong or not 0.0 <= self.irreducible < np.inf:
            raise RecipeError(
                f"{', '.join(wrong) or f'irreducible = {shown(self.irreducible)}'}: expected finite exponents and "
                "amplitudes above 0 and an irreducible risk of at least 0"
            )

    def risk(self, n: float | AnyFloat, P: float | AnyFloat) -> F64:
        """Return L(n, P).

        Parameters
        ----------
        n : float or float array
            Training points.
        P : float or float array
            Parameters; broadcast with n.

        Returns
        -------
        float64 array
            L in units of the label's prior variance.
        """
        data = self.data_amplitude * np.asarray(n, np.float64) ** -self.data_exponent
        model = self.model_amplitude * np.asarray(P, np.float64) ** -self.model_exponent
        return np.asarray(self.irreducible + data + model, np.float64)

    def compute_optimal(self, cost: float = 1.0) -> Frontier:
        """Return the frontier for C = cost·n·P.

        The minimum of A/n^α_D + B/P^α_P along it, by Lagrange.

        Parameters
        ----------
        cost : float, default 1
            c > 0 in C = c·n·P, compute per training point and parameter.

        Returns
        -------
        Frontier
            Powers and exponent of the best n, P and risk.

        Raises
        ------
        RecipeError
            If the cost is not above 0.

        Notes
        -----
        Source: docs/theory.md §3.8.
        """
        if not 0.0 < cost < np.inf:
            raise RecipeError(f"cost = {shown(cost)}: expected a finite number above 0")
        total = self.data_exponent + self.model_exponent
        return Frontier(
            data_power=self.model_exponent / total,
            model_power=self.data_exponent / total,
            exponent=self.data_exponent * self.model_exponent / total,
            law=self,
            cost=cost,
        )
