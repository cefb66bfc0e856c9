"""The deterministic equivalents themselves: one problem in, its effective ridge and the pieces of its risk out.

Symbols: n = training points, δ = ridge (added to the kernel matrix, not scaled by n), λ_i = eigenvalues, v_i² = target
variance along eigendirection i, v_0² = target variance outside the span, σ² = variance of the label noise, k = random
features, N = population, κ = effective ridge, γ = the κ of the learnabilities ℒ_i = λ_i/(λ_i+γ) (γ = κ for a kernel),
z = Σℒ_i, p = Σℒ_i(1−ℒ_i), a = n − z, b = k − z.

No difference of nearly equal numbers is taken: n − Σℒ_i² is a + p with a = δ/κ, and so on, so that peaks, plateaus and
noiseless limits keep their digits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from fractalman.theory.linear.modes import Modes, learned, root


class Terms(NamedTuple):
    """The pieces of one risk, which is signal + overfitting·σ².

    Attributes
    ----------
    ridge : float
        Ridge, δ.
    kappa : float
        Effective ridge, κ.
    gamma : float
        Learnabilities' κ, γ.
    freedom : float
        Degrees of freedom, z.
    signal : float
        The risk without label noise.
    overfitting : float
        The risk of pure noise of variance 1.
    excess : float
        That minus 1.
    unspent : float
        a, whose square over n² is training risk over risk.
    """

    ridge: float
    kappa: float
    gamma: float
    freedom: float
    signal: float
    overfitting: float
    excess: float
    unspent: float


def product(factor: float, value: float) -> float:
    """Return factor·value, 0 where the value is 0: the limit of a ridgeless peak without anything to overfit to."""
    return factor * value if value else 0.0


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0.0 else math.inf


def untrained(modes: Modes, ridge: float, share: float = 1.0) -> Terms:
    """Return the terms of a learner that answers 0 (or the mean): ``share`` · variance of the target."""
    return Terms(ridge, math.inf, math.inf, 0.0, share * modes.variance, 1.0, 0.0, 0.0)


# ---------------------------------------------------------------------------------------------------- unlimited source


def assembled(modes: Modes, n: float, k: float, gamma: float, a: float, b: float) -> Terms:
    """Return the terms at a known γ with a = n − z and b = k − z.

    E = n/(a + b·p/(b+p)) · {Σ(1−ℒ_i)[(1−ℒ_i) + ℒ_i·p/(b+p)]v_i² + v_0² + σ²}; infinite b is the kernel's
    n/(n − Σℒ_i²)·[Σ(1−ℒ_i)²v_i² + v_0² + σ²].
    """
    yes, no = learned(modes, gamma)
    z, p = float(modes.multiplicity @ yes), float(modes.multiplicity @ (yes * no))
    held = p / (b + p) if p > 0.0 else 0.0
    slack = a + (p if math.isinf(b) else b * held)
    bias = float((no * (no + yes * held)) @ modes.coefficients) + modes.outside
    kappa = gamma if math.isinf(k) or math.isinf(gamma) else gamma * (b / k)
    ridge = math.inf if math.isinf(gamma) else kappa * a
    factor = _ratio(n, slack)
    return Terms(
        ridge, kappa, gamma, z, product(factor, bias), factor, product(_ratio(1.0, slack), z - p + p * held), a
    )


def unlimited(modes: Modes, n: float, k: float, ridge: float) -> Terms:
    """Return the terms for n independent points and k features; infinite k is the kernel itself.

    n = z + δ/κ and k = z + kκ/γ. With s the smaller of a and b, s·(s + |k − n|) = δk/γ, and z + s = min(n, k).
    """
    if n == 0.0:
        return untrained(modes, ridge)
    least, gap = min(n, k), abs(k - n)

    def shortfall(gamma: float) -> float:
        if math.isinf(k):
            return ridge / gamma
        c = ridge / gamma * k
        return c / (0.5 * gap + math.sqrt(0.25 * gap * gap + c)) if c > 0.0 else 0.0

    gamma, small = 0.0, max(0.0, least - modes.rank)
    if math.isinf(ridge):
        gamma, small = math.inf, least
    elif ridge > 0.0:
        enough = 2.0 * ridge / least if math.isinf(k) else 4.0 * ridge * (k / least) / (least + 2.0 * gap)
        gamma = root(modes, least, lambda g, _: shortfall(g), ridge / n, max(2.0 * modes.trace / least, enough))
        small = shortfall(gamma) if gamma > 0.0 else small
    elif least < modes.rank:
        gamma = root(modes, least, lambda _, __: 0.0, 0.0, modes.trace / least)
    a, b = (small, small + gap) if n <= k else (small + gap, small)
    return assembled(modes, n, k, gamma, a, b)._replace(ridge=ridge)


def unlimited_at(modes: Modes, n: float, k: float, gamma: float) -> Terms | None:
    """Return the terms of the ridge whose γ this is, or None where no ridge δ ≥ 0 has it."""
    z = float(modes.multiplicity @ learned(modes, gamma)[0])
    return assembled(modes, n, k, gamma, n - z, k - z) if z <= min(n, k) else None


# ---------------------------------------------------------------------------------------------------- finite population


def drawn(modes: Modes, n: float, population: float, directions: float, kappa: float, x: float, ridge: float) -> Terms:
    """Return the terms of n of N points drawn without replacement, on the points that were not drawn.

    With Z = Σ(1−ℒ_i) and S = Σ(1−ℒ_i)² over all ``directions`` (N, or N − 1 beside an intercept), x = δ/(Nκ):
    E = nN/(Z(p + xS)) · [Σ(1−ℒ_i)²v_i² + v_0² + σ²S/N].
    """
    yes, no = learned(modes, kappa)
    null = directions - modes.rank
    z, p = float(modes.multiplicity @ yes), float(modes.multiplicity @ (yes * no))
    Z, S = float(modes.multiplicity @ no) + null, float(modes.multiplicity @ (no * no)) + null
    bias = float((no * no) @ modes.coefficients) + modes.outside
    factor = _ratio(n * population, Z * (p + x * S))
    overfitting = product(factor, S / population)
    return Terms(ridge, kappa, kappa, z, product(factor, bias), overfitting, overfitting - 1.0, x * Z)


def limited(modes: Modes, n: float, population: float, directions: float, ridge: float) -> Terms:
    """Return the terms for n of N points: Σℒ_i + x·Σ(1−ℒ_i) = n with x = δ/(Nκ).

    n and ``directions`` count what is left beside an intercept.
    """
    if n == 0.0:
        return untrained(modes, ridge, population / directions)
    null = directions - modes.rank
    kappa, x = 0.0, (n - modes.rank) / null if n > modes.rank else 0.0

    def extra(kappa: float, missed: float) -> float:
        return ridge / (population * kappa) * (missed + null)

    if math.isinf(ridge):
        kappa, x = math.inf, n / directions
    elif ridge > 0.0 or n < modes.rank:
        kappa = root(modes, n, extra, ridge / population, (modes.trace + ridge * directions / population) / n)
        x = ridge / (population * kappa) if kappa > 0.0 else x
    return drawn(modes, n, population, directions, kappa, x, ridge)


def limited_at(modes: Modes, n: float, population: float, directions: float, kappa: float) -> Terms | None:
    """Return the terms of the ridge whose κ this is, or None where no ridge δ ≥ 0 has it."""
    Z = float(modes.multiplicity @ learned(modes, kappa)[1]) + directions - modes.rank
    x = 1.0 - (directions - n) / Z if Z > 0.0 else -1.0
    if x < 0.0:
        return None
    return drawn(modes, n, population, directions, kappa, x, population * kappa * x)
