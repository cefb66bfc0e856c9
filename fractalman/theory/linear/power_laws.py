"""Power-law spectra: what the deterministic equivalents come to as n and k grow.

Symbols: λ_i ∝ i^−b, v_i² ∝ i^−a, n = training points, k = random features, κ = effective ridge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64
from fractalman.config import is_integer, shown
from fractalman.display import Display
from fractalman.errors import RecipeError

_TIE = 1e-12


@dataclass(frozen=True)
class PowerLawExponents(Display):
    """Exponents of the risk on a power-law spectrum.

    Attributes
    ----------
    data : float
        α_D = min(a−1, 2b), noiseless and ridgeless, k ≫ n: risk ~ n^−α_D.
    model : float
        α_P = min(a−1, b), noiseless and ridgeless, n ≫ k: risk ~ k^−α_P.
    data_logarithmic : bool
        Whether a logarithm multiplies the data law's power, where its two terms tie.
    model_logarithmic : bool
        Whether a logarithm multiplies the model law's power, where its two terms tie.
    noisy : float
        m/(1+m), m = α_D: the clean risk's exponent in n with label noise and the best ridge for every n.
    overfitting : float
        b, what the ridgeless overfitting coefficient n/(n − Σℒ_i²) tends to: with label noise the ridgeless risk tends
        to b·σ² and no exponent is left.
    variance : float
        1. Beside the limit k → ∞ (n → ∞) of a ridgeless risk stands a term of order n/(k−n) (k/(n−k)): the other
        resource is variance-limited.
    """

    data: float
    model: float
    data_logarithmic: bool
    model_logarithmic: bool
    noisy: float
    overfitting: float
    variance: float = 1.0


def _above_one(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 1.0):
        raise RecipeError(f"{name} = {shown(value)}: expected a finite exponent > 1, whose sum converges")
    return float(value)


def power_law_exponents(b: float, a: float) -> PowerLawExponents:
    """Return the exponents for λ_i ∝ i^−b and v_i² ∝ i^−a.

    κ ~ n^−b makes Σ(1−ℒ_i)²v_i² a tail ~ n^(1−a) plus the head's κ²Σv_i²/λ_i² ~ n^−2b; with k features the head
    costs κΣv_i²/λ_i ~ k^−b. With noise, bias κ^(m/b) against variance κ^(−1/b)/n gives m/(1+m).

    Parameters
    ----------
    b : float
        b > 1.
    a : float
        a > 1.

    Returns
    -------
    PowerLawExponents
        Of the noiseless and the noisy risk, and whether a logarithm stands beside.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Bordelon, Canatar & Pehlevan, arXiv 2002.02561; Caponnetto & De Vito 2007 and Cui et al., arXiv 2105.15004,
    for the noisy rate; Mallinar et al., arXiv 2207.06569, for the constant b; docs/theory.md §5.

    Examples
    --------
    >>> law = power_law_exponents(2.0, 3.0)
    >>> law.data, law.model
    (2.0, 2.0)
    """
    b, a = _above_one("b", b), _above_one("a", a)
    data, model = min(a - 1.0, 2.0 * b), min(a - 1.0, b)
    return PowerLawExponents(
        data=data,
        model=model,
        data_logarithmic=abs(a - 1.0 - 2.0 * b) < _TIE * b,
        model_logarithmic=abs(a - 1.0 - b) < _TIE * b,
        noisy=data / (1.0 + data),
        overfitting=b,
    )


def power_law_spectrum(b: float, a: float, modes: int) -> tuple[F64, F64]:
    """Return λ_i = i^−b and v_i² ∝ i^−a with Σv_i² = 1, i = 1 … modes, two (modes,) float64.

    Parameters
    ----------
    b : float
        b > 1.
    a : float
        a > 1.
    modes : int
        Number of directions ≥ 1; far more than n and k for the exponents of `power_law_exponents`.

    Returns
    -------
    eigenvalues : (modes,) float64
        λ_i.
    coefficients : (modes,) float64
        v_i².

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Examples
    --------
    >>> [x.round(4).tolist() for x in power_law_spectrum(2.0, 1.5, 3)]
    [[1.0, 0.25, 0.1111], [0.6468, 0.2287, 0.1245]]
    """
    b, a = _above_one("b", b), _above_one("a", a)
    if not is_integer(modes) or int(modes) < 1:
        raise RecipeError(f"modes = {shown(modes)}: expected an integer of at least 1")
    i = np.arange(1.0, int(modes) + 1.0)
    v2 = i**-a
    return i**-b, v2 / v2.sum()
