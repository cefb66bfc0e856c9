"""Kernel ridge regression, linear regression and linear random features: the risk of whole learning curves.

Symbols as in `fractalman.theory.linear.equivalents`. Every function takes numbers or lists for n, the ridge, the number
of features and the noise, and answers for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F64
from fractalman.config import shown
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.theory.linear.equivalents import Terms, limited, limited_at, unlimited, unlimited_at
from fractalman.theory.linear.modes import Modes, Numbers, common_shape, modes_of

_GRID = 192  # effective ridges tried before the best is refined
_BEYOND = 1e6  # an effective ridge so many times the largest scale of a problem predicts nothing


@dataclass(frozen=True)
class LinearRisk(Display):
    """What its spectrum says of a linear learner's risk, one entry per problem asked about.

    Attributes
    ----------
    n : (s,) float64
        Training points of every problem.
    features : (s,) float64
        Features of every problem; infinite for the kernel itself.
    ridge : (s,) float64
        δ of every problem.
    noise_variance : (s,) float64
        σ² of every problem.
    risk : (s,) float64
        Expected squared error on **noisy** test labels: it includes σ².
    clean_risk : (s,) float64
        The same against the clean target.
    train_risk : (s,) float64
        Mean squared residual of the (noisy) training labels; nan without training points.
    kappa : (s,) float64
        Effective ridge κ; infinite where nothing is learned.
    gamma : (s,) float64
        The κ of the learnabilities: κ itself for a kernel, larger for finitely many features.
    degrees_of_freedom : (s,) float64
        Σℒ_i, plus 1 for an intercept.
    overfitting : (s,) float64
        The risk of pure label noise of variance 1: n/(n − Σℒ_i²) for a kernel.
    eigenvalues : (m,) float64
        Each > 0, those that were asked about.
    """

    n: F64
    features: F64
    ridge: F64
    noise_variance: F64
    risk: F64
    clean_risk: F64
    train_risk: F64
    kappa: F64
    gamma: F64
    degrees_of_freedom: F64
    overfitting: F64
    eigenvalues: F64

    @property
    def learnability(self) -> F64:
        """(s, m) float64, ℒ_i: the part of eigendirection i that the prediction contains on average."""
        return np.asarray(self.eigenvalues / (self.eigenvalues + self.gamma[:, None]), np.float64)


def _whole(
    modes: Modes,
    problem: list[F64],
    intercept: bool,
    population: float,
    solve: Callable[[float, float, float, float], Terms],
) -> LinearRisk:
    """Ask ``solve(n, features, ridge, σ²)`` about every problem, n being what an intercept leaves, and collect."""
    n, features, _, noise = problem
    if math.isfinite(population) and n.size and n.max() >= population:
        raise RecipeError(f"n = {n.max():g} of a population of {population:g}: expected n < population")
    if intercept and n.size and n.min() < 1.0:
        raise RecipeError(f"n = {n.min():g} with an intercept: expected n >= 1, the intercept takes one point")
    rest = n - 1.0 if intercept else n
    found = [solve(*map(float, row)) for row in zip(rest, *problem[1:], strict=True)]
    columns = {name: np.array([getattr(term, name) for term in found]) for name in Terms._fields}
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = 1.0 + 1.0 / n if intercept else np.ones_like(n)
        inside = columns["signal"] + np.where(noise > 0.0, columns["overfitting"] * noise, 0.0)
        lost = np.where(noise > 0.0, (factor * columns["excess"] + (factor - 1.0)) * noise, 0.0)
        unspent = columns["unspent"]
        share = np.where(unspent > 0.0, unspent * (unspent / (n * np.where(rest > 0.0, rest, 1.0))), 0.0)
        train = np.where(n > 0.0, np.where(share > 0.0, share * inside, 0.0), np.nan)
    return LinearRisk(
        n=n,
        features=features,
        ridge=columns["ridge"],
        noise_variance=noise,
        risk=factor * inside,
        clean_risk=factor * columns["signal"] + lost,
        train_risk=train,
        kappa=columns["kappa"],
        gamma=columns["gamma"],
        degrees_of_freedom=columns["freedom"] + float(intercept),
        overfitting=factor * columns["overfitting"],
        eigenvalues=modes.eigenvalues,
    )


def _population(population: float | None, modes: Modes, intercept: bool) -> tuple[float, float]:
    """Return N and its number of directions; both infinite for an unlimited source."""
    if population is None or math.isinf(population):
        return math.inf, math.inf
    directions = population - 1.0 if intercept else float(population)
    if not directions >= max(1.0, modes.rank):
        raise RecipeError(
            f"population = {shown(population)} with {modes.rank:g} eigenvalues above 0: expected at least one point "
            "each, and one more for an intercept"
        )
    return float(population), directions


def _finite(name: str, values: F64) -> None:
    if values.size and not np.isfinite(values).all():
        raise RecipeError(f"{name}: expected finite numbers")


@checked_arguments
def kernel_ridge_risk(
    eigenvalues: Numbers,
    coefficients: Numbers,
    n: Numbers,
    ridge: Numbers = 0.0,
    noise_variance: Numbers = 0.0,
    *,
    outside: float = 0.0,
    multiplicity: Numbers | None = None,
    intercept: bool = False,
    population: float | None = None,
) -> LinearRisk:
    """Return the risk of kernel ridge regression, or of linear ridge regression, from its spectrum alone.

    Σ_i ℒ_i + δ/κ = n with ℒ_i = λ_i/(λ_i+κ), and E = n/(n − Σℒ_i²)·[Σ(1−ℒ_i)²v_i² + v_0² + σ²]. Exact for Gaussian
    designs as n grows; on data, for those that are nearly as mixed (docs/theory.md §5 says where that was measured).

    Parameters
    ----------
    eigenvalues : (m,) array of float
        λ_i ≥ 0 of the kernel's integral operator: of Gram matrix / points. In linear regression of the inputs'
        covariance.
    coefficients : (m,) array of float
        v_i², target variance along eigendirection i.
    n : float or array
        Training points ≥ 0, any real number.
    ridge : float or array, default 0
        δ ≥ 0 added to the kernel matrix, not scaled by n; 0 is the ridgeless limit, infinity predicts nothing.
    noise_variance : float or array, default 0
        σ² ≥ 0 of independent label noise.
    outside : float, default 0
        v_0² ≥ 0, target variance that no eigendirection reaches; what belongs to λ_i = 0 is added to it. The part of a
        Gaussian target in such a direction is independent of every feature: it acts as noise does, while training as
        well as in the test.
    multiplicity : (m,) array of float, or None, default None
        Directions per eigenvalue, None = one each; v_i² is then the sum over the directions.
    intercept : bool, default False
        Beside an unpenalised constant; eigenvalues and v_i² are those left after it is projected out. The centred
        points are then n − 1 independent ones, and the test point's difference to their mean has 1 + 1/n times the
        variance.
    population : float or None, default None
        N, where training points are drawn without replacement from N points whose Gram matrix / N has these
        eigenvalues, and the risk is that of the points not drawn. None = an unlimited source.

    Returns
    -------
    LinearRisk
        Risks are infinite at a ridgeless peak n = rank.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Bordelon, Canatar & Pehlevan, arXiv 2002.02561; Simon et al., arXiv 2110.03922; the law of a finite
    population is derived in docs/theory.md §5.

    Examples
    --------
    >>> from fractalman.theory import power_law_spectrum
    >>> lam, v = power_law_spectrum(2.0, 2.0, 1000)
    >>> kernel_ridge_risk(lam, v, [10, 100]).risk.round(5).tolist()
    [0.13498, 0.01363]
    """
    modes = modes_of(eigenvalues, coefficients, outside, multiplicity)
    sizes, ridges, noise = common_shape(n=n, ridge=ridge, noise_variance=noise_variance)
    _finite("n", sizes)
    _finite("noise_variance", noise)
    N, directions = _population(population, modes, intercept)

    def solve(n: float, _features: float, delta: float, _noise: float) -> Terms:
        if math.isinf(N):
            return unlimited(modes, n, math.inf, delta)
        return limited(modes, n, N, directions, delta)

    return _whole(modes, [sizes, np.full_like(sizes, math.inf), ridges, noise], intercept, N, solve)


@checked_arguments
def random_features_risk(
    eigenvalues: Numbers,
    coefficients: Numbers,
    n: Numbers,
    features: Numbers,
    ridge: Numbers = 0.0,
    noise_variance: Numbers = 0.0,
    *,
    outside: float = 0.0,
    multiplicity: Numbers | None = None,
    intercept: bool = False,
) -> LinearRisk:
    """Return the risk of ridge regression on k random Gaussian projections W/√k of the eigendirections.

    n = z + δ/κ, k = z + kκ/γ with z = Σℒ_i, ℒ_i = λ_i/(λ_i+γ), and with q = Σℒ_i²
    E = [1 − (q(k−2z)+z²)/(n(k−q))]⁻¹ · [Σ(γ/(λ_i+γ) − κλ_i/(λ_i+γ)²·k/(k−q))v_i² + v_0² + σ²].
    Without ridge, B(M) = Σ(1−ℒ_i)v_i² + v_0² + σ² at z = M: E = n/(n−k)·B(k) below k = n, E = E(k=∞) + n/(k−n)·B(n)
    above it: a double descent in k as in n, infinite at k = n.

    Parameters
    ----------
    eigenvalues : (m,) array of float
        λ_i ≥ 0 of the kernel's integral operator: of Gram matrix / points. In linear regression of the inputs'
        covariance.
    coefficients : (m,) array of float
        v_i², target variance along eigendirection i.
    n : float or array
        Training points ≥ 0, any real number.
    features : (s,) array of float or float
        k > 0, number of features; infinite = the kernel itself. Keeping the k leading directions instead of random ones
        is another problem: give `kernel_ridge_risk` those alone and the rest as ``outside``.
    ridge : float or array, default 0
        δ ≥ 0 added to the kernel matrix, not scaled by n; 0 is the ridgeless limit, infinity predicts nothing.
    noise_variance : float or array, default 0
        σ² ≥ 0 of independent label noise.
    outside : float, default 0
        v_0² ≥ 0, target variance that no eigendirection reaches; what belongs to λ_i = 0 is added to it. The part of a
        Gaussian target in such a direction is independent of every feature: it acts as noise does, while training as
        well as in the test.
    multiplicity : (m,) array of float, or None, default None
        Directions per eigenvalue, None = one each; v_i² is then the sum over the directions.
    intercept : bool, default False
        Beside an unpenalised constant; eigenvalues and v_i² are those left after it is projected out. The centred
        points are then n − 1 independent ones, and the test point's difference to their mean has 1 + 1/n times the
        variance.

    Returns
    -------
    LinearRisk
        Risks are infinite at a ridgeless peak n = k.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Simon et al., arXiv 2311.14646; Atanasov, Zavatone-Veth & Pehlevan, arXiv 2405.00592; docs/theory.md §5.

    Examples
    --------
    >>> from fractalman.theory import power_law_spectrum
    >>> lam, v = power_law_spectrum(2.0, 2.0, 1000)
    >>> random_features_risk(lam, v, 100, [50, 200]).risk.round(5).tolist()
    [0.05642, 0.02725]
    """
    modes = modes_of(eigenvalues, coefficients, outside, multiplicity)
    problem = common_shape(n=n, features=features, ridge=ridge, noise_variance=noise_variance)
    _finite("n", problem[0])
    _finite("noise_variance", problem[3])
    if problem[1].size and problem[1].min() <= 0.0:
        raise RecipeError(f"features = {shown(features)}: expected numbers above 0")
    return _whole(modes, problem, intercept, math.inf, lambda n, k, delta, _: unlimited(modes, n, k, delta))


# ---------------------------------------------------------------------------------------------------- optimal ridge


@checked_arguments
def optimal_ridge_risk(
    eigenvalues: Numbers,
    coefficients: Numbers,
    n: Numbers,
    noise_variance: Numbers = 0.0,
    *,
    features: Numbers = math.inf,
    outside: float = 0.0,
    multiplicity: Numbers | None = None,
    intercept: bool = False,
    population: float | None = None,
) -> LinearRisk:
    """Return the risk at the ridge δ ≥ 0 that minimises it, for every problem; ``ridge`` of the result says which.

    The minimum is sought over the effective ridge, where every value belongs to one δ without solving anything. For
    v_i² = c·λ_i in every direction and no limit to the features it is δ = (v_0² + σ²)/c, whatever n. Infinite where
    predicting nothing is best.

    Parameters
    ----------
    eigenvalues : (m,) array of float
        λ_i ≥ 0 of the kernel's integral operator: of Gram matrix / points. In linear regression of the inputs'
        covariance.
    coefficients : (m,) array of float
        v_i², target variance along eigendirection i.
    n : float or array
        Training points ≥ 0, any real number.
    noise_variance : float or array, default 0
        σ² ≥ 0 of independent label noise.
    features : float or array, default infinity
        k > 0, number of features, for an unlimited source only; infinite = the kernel itself.
    outside : float, default 0
        v_0² ≥ 0, target variance that no eigendirection reaches; what belongs to λ_i = 0 is added to it. The part of a
        Gaussian target in such a direction is independent of every feature: it acts as noise does, while training as
        well as in the test.
    multiplicity : (m,) array of float, or None, default None
        Directions per eigenvalue, None = one each; v_i² is then the sum over the directions.
    intercept : bool, default False
        Beside an unpenalised constant; eigenvalues and v_i² are those left after it is projected out. The centred
        points are then n − 1 independent ones, and the test point's difference to their mean has 1 + 1/n times the
        variance.
    population : float or None, default None
        N, as in `kernel_ridge_risk`, with infinite features only; None = an unlimited source.

    Returns
    -------
    LinearRisk
        Its ``ridge`` is the best one for every problem.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §5.

    Examples
    --------
    >>> best = optimal_ridge_risk([1.0, 1.0], [0.5, 0.5], 10, noise_variance=0.25)
    >>> best.ridge.round(4).tolist()  # σ²/c with v² = c·λ, c = ½
    [0.5]
    """
    modes = modes_of(eigenvalues, coefficients, outside, multiplicity)
    sizes, k, noise = common_shape(n=n, features=features, noise_variance=noise_variance)
    _finite("n", sizes)
    _finite("noise_variance", noise)
    N, directions = _population(population, modes, intercept)
    if k.size and k.min() <= 0.0:
        raise RecipeError(f"features = {shown(features)}: expected numbers above 0")
    if math.isfinite(N) and k.size and np.isfinite(k).any():
        raise RecipeError("features of a finite population: expected features or a population, not both")

    def solve(n: float, k: float, _delta: float, noise: float) -> Terms:
        def ridged(delta: float) -> Terms:
            return unlimited(modes, n, k, delta) if math.isinf(N) else limited(modes, n, N, directions, delta)

        def at(gamma: float) -> Terms | None:
            return unlimited_at(modes, n, k, gamma) if math.isinf(N) else limited_at(modes, n, N, directions, gamma)

        return ridged(_best_ridge(modes, ridged, at, noise)) if n > 0.0 else ridged(0.0)

    return _whole(modes, [sizes, k, np.zeros_like(sizes), noise], intercept, N, solve)


def _best_ridge(
    modes: Modes, ridged: Callable[[float], Terms], at: Callable[[float], Terms | None], noise: float
) -> float:
    """Return the δ of least risk: a grid over ln γ, then the interval around its best point refined."""
    from scipy.optimize import minimize_scalar

    def risk(terms: Terms | None) -> float:
        if terms is None:
            return math.inf
        return terms.signal + (terms.overfitting * noise if noise > 0.0 else 0.0)

    least, nothing = ridged(0.0), ridged(math.inf)
    best = min((risk(nothing), math.inf), (risk(least), 0.0))
    if modes.trace == 0.0:
        return best[1]
    low = least.gamma if least.gamma > 0.0 else 1e-12 * float(modes.eigenvalues.min())
    grid = np.linspace(math.log(low), math.log(max(low, modes.trace) * _BEYOND), _GRID)
    risks = [risk(at(math.exp(t))) for t in grid]
    i = int(np.argmin(risks))
    left, right = grid[max(0, i - 1)], grid[min(_GRID - 1, i + 1)]
    found = minimize_scalar(
        lambda t: risk(at(math.exp(t))), bounds=(left, right), method="bounded", options={"xatol": 1e-9}
    )
    terms = at(math.exp(float(found.x)))
    if terms is not None and risk(terms) < best[0]:
        return terms.ridge
    return best[1]
