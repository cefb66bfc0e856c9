"""Smooth targets: the covariance of a Gaussian field on a manifold, its linear floor, and what smoothers need of it.

Symbols: H = Hurst exponent, r = chordal distance in units where the mean square radius of the manifold is 1,
K(r) = E f(x)f(x') at distance r, γ(r) = 2 − 2K(r) = the variogram, T = where the waves end.

A manifold has no tree. Its target is a mixture of Gaussian covariances,

    K(r) = ∫_1^T 2H t^(−2H−1) e^(−2t²r²) dt / (1 − T^(−2H)),        T = 2^(24/max(1, H)),

which for T → ∞ is H·E_{1+H}(2r²), E the generalised exponential integral. The end T belongs to a target of
drawn waves: those above it are left out. 1 − K is integrated as a sum of positive terms and never as a difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._threads import threads_for_matrix
from fractalman._typing import F64, I64, AnyFloat, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.kernels import distances
from fractalman.theory.covariance import check_points, check_sizes
from fractalman.theory.label_covariance import LabelCovariance

_OCTAVES = 24.0
_NODES = 12  # Gauss–Legendre nodes in every half octave of t: the integrand changes over one octave
_KNOTS = 256  # per unit of ln r, where ln γ is tabulated: a cubic spline then errs by less than 1e-12
_SMALLEST, _LARGEST = math.log(2.0**-44), math.log(64.0)
_KEPT = 6144  # up to so many points the variogram of all pairs is kept: 300 MB
_DENSE = 8192  # training points whose covariance is factorised
_JITTERS = (0.0, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10)
_COVARIANCE_ERROR = 5e-13  # of an entry of the covariance; see gaussian_floor_with_error


def _check_hurst(hurst: float) -> float:
    if not (isinstance(hurst, (int, float)) and 0.0 < hurst <= 16.0):
        raise RecipeError(f"hurst = {shown(hurst)}: expected a number with 0 < hurst <= 16")
    return float(hurst)


def _integral(r: F64, hurst: float, cut_off: bool) -> F64:
    """γ(r)/2 = 1 − K(r) by Gauss–Legendre in u = ln t, panels of half an octave at most, to about 1e-14 of its value.

    Without a cut-off the end is where no tabulated distance sees a wave any more (1 − e^(−2t²r²) is 1 there, and the
    rest in closed form) or, above H = 1, where what follows is below e^−40 of the sum.
    """
    end, rest, whole = _OCTAVES / max(1.0, hurst) * math.log(2.0), 0.0, 1.0
    if cut_off:
        whole = -math.expm1(-2.0 * hurst * end)
    else:
        end = 0.5 * math.log(20.0) - _SMALLEST
        if hurst > 1.0 and 20.0 / (hurst - 1.0) < end:
            end = 20.0 / (hurst - 1.0)
        else:
            rest = math.exp(-2.0 * hurst * end)
    panels = math.ceil(end * max(2.0 / math.log(2.0), 8.0 * hurst))  # e^(−2Hu) falls by no more than e^(1/4) in one
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    edge = np.linspace(0.0, end, panels + 1)
    half = 0.5 * (edge[1] - edge[0])
    u = (0.5 * (edge[:-1] + edge[1:]))[:, None] + half * node
    share = (half * weight * (2.0 * hurst) * np.exp(-2.0 * hurst * u)).ravel()
    rate = 2.0 * np.exp(2.0 * u).ravel()
    out = np.empty(r.size)
    for start in range(0, r.size, 1024):  # blocks of 1024 × some 600 nodes
        part = slice(start, start + 1024)
        out[part] = -np.expm1(-np.square(r[part])[:, None] * rate) @ share
    return np.asarray((out + rest) / whole, np.float64)


@lru_cache(maxsize=16)
def _table(hurst: float, cut_off: bool) -> Any:
    """ln(1 − K) as a spline in ln r."""
    from scipy.interpolate import CubicSpline

    at = np.linspace(_SMALLEST, _LARGEST, math.ceil((_LARGEST - _SMALLEST) * _KNOTS) + 1)
    return CubicSpline(at, np.log(_integral(np.exp(at), hurst, cut_off)), extrapolate=False)


@checked_arguments
def field_variogram(r: AnyFloat, hurst: float, cut_off: bool = True) -> F64:
    """Return E(f(x) − f(x'))² = 2 − 2K(r) of the target of a smooth manifold, to a relative 1e-11 however small r is.

    It goes as r^(2H) for 0 < H < 1, as r² ln(1/r) at H = 1, as r² above and below the shortest wave.

    Parameters
    ----------
    r : float array of any shape
        Chordal distances ≥ 0.
    hurst : float
        Hurst exponent, 0 < H ≤ 16.
    cut_off : bool, default True
        Whether the waves end at T, as those of a field of waves do; False = T → ∞.

    Returns
    -------
    float64, shaped as r
        In units of the prior variance.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §7, smooth manifold.

    Examples
    --------
    >>> import numpy as np
    >>> bool(field_variogram(np.array([0.02]), 0.5) / field_variogram(np.array([0.01]), 0.5) < 2.1)
    True
    >>> field_variogram(np.zeros(1), 0.5).tolist()
    [0.0]
    """
    at = np.asarray(r, np.float64)
    if not (np.isfinite(at).all() and (at >= 0.0).all()):
        raise RecipeError("r: expected finite distances of at least 0")
    table = _table(_check_hurst(hurst), bool(cut_off))
    with np.errstate(divide="ignore"):
        log_r = np.log(at)
    out = 2.0 * np.exp(table(np.clip(log_r, _SMALLEST, _LARGEST)))
    power = 2.0 if cut_off else 2.0 * min(1.0, hurst)  # below the table: the leading power
    small = np.exp(power * np.minimum(log_r - _SMALLEST, 0.0))
    return np.asarray(out * small, np.float64)


@checked_arguments
def field_covariance(r: AnyFloat, hurst: float, cut_off: bool = True) -> F64:
    """Return K(r), the covariance of the target of a smooth manifold at chordal distance r.

    Parameters
    ----------
    r : float array of any shape
        Chordal distances ≥ 0.
    hurst : float
        Hurst exponent, 0 < H ≤ 16.
    cut_off : bool, default True
        Whether the waves end at T, as those of a field of waves do; False = T → ∞.

    Returns
    -------
    float64, shaped as r
        K(r) in units of the prior variance, K(0) = 1.

    Notes
    -----
    Source: docs/theory.md §7, smooth manifold.

    Examples
    --------
    >>> import numpy as np
    >>> field_covariance(np.zeros(1), 0.5).tolist()
    [1.0]
    """
    return np.asarray(1.0 - 0.5 * field_variogram(r, hurst, cut_off), np.float64)


class FieldCovariance(LabelCovariance):
    """The labels' covariance on a smooth manifold, from the points' places.

    Parameters
    ----------
    places : (n, m) float
        The manifold's own coordinates or any rotation of them (a dataset's X without nuisance).
    hurst : float
        H of the recipe.
    noise : float, default 0
        σ of the recipe, in prior standard deviations.
    cut_off : bool, default True
        Whether the waves end at T, as those of a field of waves do; False = T → ∞.
    parts : (n,) integer or None, default None
        Which of several independent fields of the same law every point belongs to; None = all to one.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §7.

    Examples
    --------
    >>> import numpy as np
    >>> places = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> FieldCovariance(places, 0.5, noise=0.1).prior(np.array([0])).round(4).tolist()
    [1.01]
    """

    def __init__(
        self,
        places: AnyFloat,
        hurst: float,
        noise: float = 0.0,
        cut_off: bool = True,
        parts: AnyInt | None = None,
    ) -> None:
        self.places = np.asarray(places, np.float64)
        if self.places.ndim != 2 or not np.isfinite(self.places).all():
            raise RecipeError(f"places of shape {self.places.shape}: expected a finite table (points, coordinates)")
        if not (math.isfinite(noise) and noise >= 0.0):
            raise RecipeError(f"noise = {shown(noise)}: expected a finite number >= 0")
        self.hurst, self.noise, self.cut_off = _check_hurst(hurst), float(noise), bool(cut_off)
        self.parts = None if parts is None else np.asarray(parts)
        if self.parts is not None and (self.parts.shape != self.places.shape[:1] or self.parts.dtype.kind not in "iu"):
            raise RecipeError(f"parts of shape {self.parts.shape}: expected integers ({self.places.shape[0]},)")

    @property
    def n_points(self) -> int:
        """Number of points."""
        return int(self.places.shape[0])

    def restricted(self, points: I64) -> FieldCovariance:
        """Return the covariance of these points alone.

        Parameters
        ----------
        points : (points,) int64
            Point numbers, each at most once; they are numbered 0, 1, … in this order.

        Returns
        -------
        FieldCovariance
            Of these points alone.
        """
        chosen = check_points("points", points, self.n_points)
        parts = None if self.parts is None else self.parts[chosen]
        return FieldCovariance(self.places[chosen], self.hurst, self.noise, self.cut_off, parts)

    def prior(self, points: I64) -> F64:
        """Return Σ_ii = 1 + σ², (points,) float64.

        Parameters
        ----------
        points : (points,) int64
            Point numbers.

        Returns
        -------
        (points,) float64
            Σ_ii, in units of the label's prior variance.
        """
        return np.full(len(points), 1.0 + self.noise**2)

    def pairs(self, i: I64, j: I64) -> F64:
        """Return E(y_i − y_j)² of point pairs, (pairs,) float64; the noise of two different points differs.

        Parameters
        ----------
        i : (pairs,) int64
            First points.
        j : (pairs,) int64
            Second points.

        Returns
        -------
        (pairs,) float64
            E(y_i − y_j)² in units of the label's prior variance.
        """
        r = np.sqrt(np.square(self.places[i] - self.places[j]).sum(axis=1))
        own = 2.0 * self.noise**2 * (np.asarray(i) != np.asarray(j))
        found = field_variogram(r, self.hurst, self.cut_off)
        if self.parts is not None:
            found[self.parts[i] != self.parts[j]] = 2.0
        return np.asarray(found + own, np.float64)

    @cached_property
    def _all(self) -> F64:
        everyone = np.arange(self.n_points)
        return self._between(everyone, everyone)

    def _variogram(self, i: I64, j: I64) -> F64:
        return np.asarray(self._all[np.ix_(i, j)], np.float64) if self.n_points <= _KEPT else self._between(i, j)

    def _between(self, i: I64, j: I64) -> F64:
        found = field_variogram(distances(self.places[i], self.places[j]), self.hurst, self.cut_off)
        if self.parts is not None:  # independent fields of variance 1
            found[self.parts[i][:, None] != self.parts[j][None, :]] = 2.0
        return found

    def block(self, i: I64, j: I64) -> F64:
        """Return Σ between two lists of points, (len(i), len(j)) float64.

        Parameters
        ----------
        i : (a,) int64
            Points of the rows.
        j : (b,) int64
            Points of the columns.

        Returns
        -------
        (a, b) float64
            Σ_ij in units of the label's prior variance.
        """
        first, second = check_points("i", i, self.n_points), check_points("j", j, self.n_points)
        out = 1.0 - 0.5 * self._variogram(first, second)
        if self.noise:
            out += self.noise**2 * (first[:, None] == second[None, :])
        return out

    def times(self, vectors: F64) -> F64:
        """Return Σ·v for every column, block by block: O(n²) time, never the whole matrix.

        Parameters
        ----------
        vectors : (n_points,) or (n_points, k) float64
            Vectors v, one a column.

        Returns
        -------
        float64, shaped as vectors
            Σ·v for every column.

        Raises
        ------
        RecipeError
            If the vectors have another length than the number of points.
        """
        given = np.asarray(vectors, np.float64)
        if given.ndim not in (1, 2) or given.shape[0] != self.n_points:
            raise RecipeError(f"vectors of shape {given.shape}: expected ({self.n_points},) and ({self.n_points}, k)")
        everyone, rows = np.arange(self.n_points), max(1, (1 << 22) // max(1, self.n_points))
        blocks = [self.block(everyone[a : a + rows], everyone) @ given for a in range(0, self.n_points, rows)]
        return np.asarray(np.concatenate([np.empty((0, *given.shape[1:])), *blocks]), np.float64)

    def residuals(self, weights: F64, train: I64, test: I64) -> F64:
        """Return the expected squared residual of every test point, from the variogram: O(t·n²).

        With h the weights and s their sum it is (1 − s)² + Σ h_i γ_ti − ½ Σ h_i h_j γ_ij, and σ²(1 + Σ h_i²) for noise.

        Parameters
        ----------
        weights : (t, n) float64
            Weights of the training points' labels in every prediction.
        train : (n,) int64
            Training points.
        test : (t,) int64
            Test points.

        Returns
        -------
        (t,) float64
            E(y_t − Σ_i weights[t, i]·y_train[i])² in units of the label's prior variance.

        Raises
        ------
        RecipeError
            If an argument lies outside what is allowed; the message names it.
        """
        train, test = check_points("train", train, self.n_points), check_points("test", test, self.n_points)
        H = np.asarray(weights, np.float64)
        if H.shape != (test.size, train.size):
            raise RecipeError(f"weights of shape {H.shape}: expected {(test.size, train.size)}, (test, train)")
        out = np.square(1.0 - H.sum(axis=1)) + np.einsum("tn,tn->t", H, self._variogram(test, train))
        rows = max(1, (1 << 22) // max(1, train.size))
        for start in range(0, train.size, rows):
            part = train[start : start + rows]
            out -= 0.5 * np.einsum("tp,tp->t", H[:, start : start + rows], H @ self._variogram(train, part))
        if self.noise:
            equal = train[None, :] == test[:, None]  # a test point among the training points has the noise it shows
            out += self.noise**2 * (np.square(H).sum(axis=1) + 1.0 - 2.0 * (H * equal).sum(axis=1))
        return np.asarray(np.maximum(out, 0.0), np.float64)


def gaussian_floor(covariance: LabelCovariance, order: I64, sizes: Sequence[int] | I64, test: I64) -> F64:
    """Return the risk of the best linear smoother at every test point for nested training sets order[:n].

    Parameters
    ----------
    covariance : LabelCovariance
        Any; a label tree's floor comes from `bayes_curve`, without a matrix.
    order : (≥ max(sizes),) int64
        Points in training order, at most 8192 of them used.
    sizes : sequence of int
        Training-set sizes n ≥ 0.
    test : (t,) int64
        Test points.

    Returns
    -------
    (len(sizes), t) float64
        In units of the prior variance; how far rounding falsifies it says `gaussian_floor_with_error`.

    Raises
    ------
    RecipeError
        For sizes outside, or a covariance that is not positive semidefinite.

    Notes
    -----
    Conditioning a Gaussian of this covariance, by one Cholesky factor for all sizes. For a Gaussian label it is the
    Bayes floor: no learner is better; a manifold's target of plane waves is Gaussian given them only, and the floor
    binds every smoother whose weights do not depend on the labels. Source: docs/theory.md §4.

    Examples
    --------
    >>> import numpy as np
    >>> places = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.6, 0.8]])
    >>> floor = gaussian_floor(FieldCovariance(places, 0.5), np.arange(3), [0, 3], np.array([3]))
    >>> floor.round(4).ravel().tolist()
    [1.0, 0.9836]
    """
    return gaussian_floor_with_error(covariance, order, sizes, test)[0]


def gaussian_floor_with_error(
    covariance: LabelCovariance, order: I64, sizes: Sequence[int] | I64, test: I64
) -> tuple[F64, F64]:
    """Return `gaussian_floor` and a bound of what rounding did to it.

    Parameters
    ----------
    covariance : LabelCovariance
        As in `gaussian_floor`.
    order : (≥ max(sizes),) int64
        Points in training order.
    sizes : array or sequence of int
        Training-set sizes n ≥ 0.
    test : (t,) int64
        Test points.

    Returns
    -------
    floor, error : (len(sizes), t) float64
        The floor lies within floor ± error. Smooth fields on close points have floors that double precision cannot
        hold: there the error exceeds the value, and only floor + error, an upper bound, is known.

    Raises
    ------
    RecipeError
        For sizes outside, or a covariance that is not positive semidefinite.

    Notes
    -----
    A covariance wrong by δ in every entry moves the variance left over by at most δ(1 + Σ|h_i|)², h the weights.
    δ is 5e-13 (the tabulated variogram: 3 times the most seen against 500-bit arithmetic at H = .7, 2 and 5), and more
    where noise of a variance of 1e-14 … 1e-10 had to be added before the matrix could be factorised.

    Examples
    --------
    >>> import numpy as np
    >>> angle = np.linspace(0.0, 6.0, 200)
    >>> places = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> smooth = FieldCovariance(places, 5.0)
    >>> floor, error = gaussian_floor_with_error(smooth, np.arange(0, 200, 2), [100], np.array([101]))
    >>> bool(error[0, 0] > 0.05 * floor[0, 0])
    True
    """
    import scipy.linalg

    seen, points = (
        check_points("order", order, covariance.n_points),
        check_points("test", test, covariance.n_points),
    )
    wanted = check_sizes(sizes, min(seen.size, _DENSE), least=0)
    largest = max(wanted, default=0)
    prior = covariance.prior(points)
    explained = np.zeros((largest + 1, points.size))
    error = np.zeros((len(wanted), points.size))
    if largest:
        known = seen[:largest]
        sigma, across = covariance.block(known, known), covariance.block(known, points)
        diagonal = np.diag_indices_from(sigma)
        for jitter in _JITTERS:
            shifted = np.array(sigma, order="F")
            shifted[diagonal] += jitter
            try:
                with threads_for_matrix(len(shifted)):
                    factor = scipy.linalg.cholesky(shifted, lower=True, overwrite_a=True, check_finite=False)
                break
            except scipy.linalg.LinAlgError:
                continue
        else:
            raise RecipeError("this covariance cannot be factorised: expected a positive semidefinite one")
        with threads_for_matrix(len(factor)):
            whitened = scipy.linalg.solve_triangular(factor, across, lower=True, check_finite=False)
        np.cumsum(np.square(whitened), axis=0, out=explained[1:])
        for row, n in enumerate(wanted):
            if n:
                h = scipy.linalg.solve_triangular(
                    factor[:n, :n], whitened[:n], lower=True, trans="T", check_finite=False
                )
                error[row] = (jitter + _COVARIANCE_ERROR) * np.square(1.0 + np.abs(h).sum(axis=0))
    return np.maximum(prior[None, :] - explained[wanted], 0.0), error
