"""Classification of a Gaussian label: 0–1 risks from the same covariances that give squared errors.

The class of a point says whether its label y exceeds a threshold c (0 = the sign). A value ŷ that is jointly Gaussian
with y, both of mean 0, is on the wrong side with probability

    P = arccos(ρ)/π   for c = 0,      P = 2T(h, a) + 2T(h', a')   for c > 0,      ρ = corr(ŷ, y),

T Owen's function, h = c/σ(y), h' = c/σ(ŷ), a = (σ(y)/σ(ŷ) − ρ)/√(1 − ρ²), a' the same with both exchanged. So it is for
every linear smoother of values, for one neighbour (whose label is ŷ), and for the floor (ŷ = the posterior mean).
Smoothers of *classes* vote: the squared error of their vote follows from E s_i s_j = 1 − 2P_ij (`ClassCovariance`), its
0–1 risk has no closed form. Symbols: s = ±1 the class, θ = the angle with cos θ = ρ.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.theory.cluster_exponents import critical_cluster_asymptotics
from fractalman.theory.covariance import check_points
from fractalman.theory.exponents import Masses, moran_exponent_masses
from fractalman.theory.label_covariance import LabelCovariance

_ROWS = 1 << 22  # numbers held at once


def class_error(prior: AnyFloat, prediction: AnyFloat, residual: AnyFloat, threshold: float = 0.0) -> F64:
    """Return P(ŷ and y lie on different sides of a threshold) of Gaussian pairs with mean 0, exact.

    Parameters
    ----------
    prior, prediction : float arrays
        Var y > 0 and Var ŷ ≥ 0, of shapes that broadcast.
    residual : float array
        E(y − ŷ)², the squared error of the same prediction, in the same unit.
    threshold : float
        c, in the unit of y. Default 0: the sign.

    Returns
    -------
    float64
        Of the common shape. A prediction of variance 0 answers the class of 0: its error is ½ for the sign.

    Raises
    ------
    RecipeError
        For variances below 0 or numbers that are not finite.

    Notes
    -----
    Sheppard 1898 for the sign, Owen 1956 (Ann. Math. Stat. 27) otherwise; docs/theory.md §4.1. θ comes from its half
    angle, sin²(θ/2) = (residual − (σ(y) − σ(ŷ))²)/4σ(y)σ(ŷ), so close pairs keep their digits.

    Examples
    --------
    >>> class_error([1.0], [1.0], [1.0]).round(4).tolist()
    [0.3333]
    """
    p, v, r = np.broadcast_arrays(*(np.asarray(part, np.float64) for part in (prior, prediction, residual)))
    if not all(np.isfinite(part).all() for part in (p, v, r)) or not np.isfinite(threshold):
        raise RecipeError("variances, residuals and the threshold of a class: expected finite numbers")
    if (p <= 0.0).any() or (v < 0.0).any() or (r < 0.0).any():
        raise RecipeError("class_error: expected prior > 0, prediction >= 0 and residual >= 0")
    from scipy.special import owens_t

    own, answer = np.sqrt(p), np.sqrt(v)
    some = answer > 0.0
    other = np.where(some, answer, 1.0)
    gap = np.where(some, (p - v) / (own + answer), 0.0)  # own − answer
    half = np.clip((r - np.square(gap)) / (4.0 * own * other), 0.0, 1.0)  # sin²(θ/2)
    if threshold == 0.0:
        return np.where(some, 2.0 / np.pi * np.arcsin(np.sqrt(half)), 0.5)
    sine = 2.0 * np.sqrt(half * (1.0 - half))
    far = abs(float(threshold))  # by symmetry
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(sine > 0.0, (gap / other + 2.0 * half) / sine, np.inf * np.sign(gap / other + 2.0 * half))
        b = np.where(sine > 0.0, (-gap / own + 2.0 * half) / sine, np.inf * np.sign(-gap / own + 2.0 * half))
    a, b = np.where(np.isnan(a), 0.0, a), np.where(np.isnan(b), 0.0, b)  # ŷ = y
    both = 2.0 * owens_t(far / own, a) + 2.0 * owens_t(far / other, b)
    alone = 2.0 * owens_t(far / own, np.inf)  # the answer is always "below"
    return np.asarray(np.clip(np.where(some, both, alone), 0.0, 1.0), np.float64)


@checked_arguments
def classification_risk(
    covariance: LabelCovariance,
    weights: F64,
    train: I64,
    test: I64,
    intercept: bool = False,
    threshold: float = 0.0,
) -> F64:
    """Return the expected 0–1 risk of thresholding a linear smoother ŷ = Hy of values, exact.

    Parameters
    ----------
    covariance : LabelCovariance
        Of the labels y, jointly Gaussian, `TreeCovariance` or `FieldCovariance`.
    weights : (t, n) float64
        H, not a function of the labels.
    train, test : (n,), (t,) int64
        Point numbers.
    intercept : bool
        Whether the smoother is of centred labels: `with_intercept` is applied first. Default False.
    threshold : float
        c, in the unit of y. Default 0: the sign.

    Returns
    -------
    (t,) float64
        P(ŷ and y lie on different sides of c), averaged over labels.

    Raises
    ------
    RecipeError
        For shapes that do not fit together.

    Notes
    -----
    docs/theory.md §4.1. The smoother sees values: one that sees classes votes (`ClassCovariance`); for one neighbour
    both are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory import FieldCovariance
    >>> field = FieldCovariance(np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), 0.5)
    >>> H = np.array([[0.5, 0.5]])
    >>> classification_risk(field, H, np.array([0, 1]), np.array([2])).round(4).tolist()
    [0.464]
    """
    from fractalman.theory.ridged import with_intercept

    H = np.asarray(weights, np.float64)
    H = with_intercept(H) if intercept and H.size else H
    known, points = check_points("train", train, covariance.n_points), check_points("test", test, covariance.n_points)
    residual = covariance.residuals(H, known, points)
    return class_error(covariance.prior(points), prediction_variance(covariance, H, known), residual, threshold)


def prediction_variance(covariance: LabelCovariance, weights: F64, train: I64) -> F64:
    """Return Var Σ_i weights[t, i]·y_train[i] of every row, (t,) float64, exact: O(t·n²).

    Parameters
    ----------
    covariance : LabelCovariance
        Of the labels.
    weights : (t, n) float64
        H, any linear smoother's.
    train : (n,) int64
        Point numbers.

    Returns
    -------
    (t,) float64
        In units of the label's prior variance.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory import FieldCovariance
    >>> field = FieldCovariance(np.array([[1.0, 0.0], [0.0, 1.0]]), 0.5)
    >>> prediction_variance(field, np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0, 1])).tolist()
    [1.0, 4.0]
    """
    H = np.asarray(weights, np.float64)
    out, step = np.zeros(H.shape[0]), max(1, _ROWS // max(1, train.size))
    for a in range(0, train.size, step):
        part = train[a : a + step]
        out += np.einsum("tp,tp->t", H[:, a : a + step], H @ covariance.block(train, part))
    return np.asarray(np.maximum(out, 0.0), np.float64)


def neighbour_class_risk(covariance: LabelCovariance, i: I64, j: I64, threshold: float = 0.0) -> F64:
    """Return P(the labels of two points lie on different sides of a threshold): the 0–1 risk of one neighbour.

    Parameters
    ----------
    covariance : LabelCovariance
        Of the labels.
    i : (pairs,) int64
        Points at which a class is answered.
    j : (pairs,) int64
        Points whose class is the answer.
    threshold : float
        c. Default 0: the sign, where it is arccos(ρ)/π with ρ the correlation of both labels.

    Returns
    -------
    (pairs,) float64
        A probability, exact for Gaussian labels.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory import FieldCovariance
    >>> field = FieldCovariance(np.array([[1.0, 0.0], [0.0, 1.0]]), 0.5)
    >>> neighbour_class_risk(field, np.array([0]), np.array([0])).tolist()
    [0.0]
    """
    return class_error(covariance.prior(i), covariance.prior(j), covariance.pairs(i, j), threshold)


def class_floor(prior: AnyFloat, posterior: AnyFloat, threshold: float = 0.0) -> F64:
    """Return the least 0–1 risk that anybody can have who knows the training *values*, exact for Gaussian labels.

    Parameters
    ----------
    prior : float array
        Var y.
    posterior : float array
        Posterior variance of y, what `bayes_curve` and `gaussian_floor` return.
    threshold : float
        c. Default 0: the sign.

    Returns
    -------
    float64
        E Φ(−|m − c|/s) over the posterior mean m, s² the posterior variance: arcsin(√(posterior/prior))/π for the sign.
        Whoever sees classes knows less, so the bound holds, and need not be reached.

    Notes
    -----
    docs/theory.md §4.1. The posterior mean has variance prior − posterior and its own error as its residual.

    Examples
    --------
    >>> class_floor([1.0, 1.0], [1.0, 0.5]).round(4).tolist()
    [0.5, 0.25]
    """
    p, s = np.asarray(prior, np.float64), np.asarray(posterior, np.float64)
    return class_error(p, np.maximum(p - s, 0.0), np.minimum(s, p), threshold)


class ClassCovariance(LabelCovariance):
    """The second moments of classes ±1: E s_i s_j = 1 − 2P(labels on different sides), exact, (2/π) arcsin ρ for signs.

    Parameters
    ----------
    labels : LabelCovariance
        Of the Gaussian labels that the classes are of.
    threshold : float
        c. Default 0: the sign. Otherwise classes have a mean, and these are moments about 0.

    Notes
    -----
    The squared error of any linear smoother of classes follows from them, and with it the ridge or k that it chooses.
    docs/theory.md §4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory import FieldCovariance
    >>> signs = ClassCovariance(FieldCovariance(np.array([[1.0, 0.0], [0.0, 1.0]]), 0.5))
    >>> signs.block(np.arange(2), np.arange(2)).diagonal().tolist()
    [1.0, 1.0]
    """

    def __init__(self, labels: LabelCovariance, threshold: float = 0.0) -> None:
        self.labels, self.threshold = labels, float(threshold)

    @property
    def n_points(self) -> int:
        """Number of points."""
        return self.labels.n_points

    @cached_property
    def _everyone(self) -> I64:
        return np.arange(self.n_points)

    def restricted(self, points: I64) -> ClassCovariance:
        """Return the moments of these points alone.

        Parameters
        ----------
        points : (points,) int64
            Point numbers, each at most once; they are numbered 0, 1, … in this order.

        Returns
        -------
        ClassCovariance
            Of these points alone.
        """
        return ClassCovariance(self.labels.restricted(points), self.threshold)

    def prior(self, points: I64) -> F64:
        """Return E s² = 1, (points,) float64.

        Parameters
        ----------
        points : (points,) int64
            Point numbers.

        Returns
        -------
        (points,) float64
            1 for every point.
        """
        return np.ones(len(points))

    def pairs(self, i: I64, j: I64) -> F64:
        """Return E(s_i − s_j)² = 4P(different sides), (pairs,) float64.

        Parameters
        ----------
        i : (pairs,) int64
            First points.
        j : (pairs,) int64
            Second points.

        Returns
        -------
        (pairs,) float64
            4P(different sides), 0 … 4.
        """
        return 4.0 * neighbour_class_risk(self.labels, i, j, self.threshold)

    def block(self, i: I64, j: I64) -> F64:
        """Return E s_i s_j between two lists of points, (len(i), len(j)) float64.

        Parameters
        ----------
        i : (a,) int64
            Points of the rows.
        j : (b,) int64
            Points of the columns.

        Returns
        -------
        (a, b) float64
            E s_i s_j, −1 … 1.
        """
        first, second = check_points("i", i, self.n_points), check_points("j", j, self.n_points)
        p, q = self.labels.prior(first)[:, None], self.labels.prior(second)[None, :]
        variogram = np.maximum(p + q - 2.0 * self.labels.block(first, second), 0.0)
        variogram[first[:, None] == second[None, :]] = 0.0
        return np.asarray(1.0 - 2.0 * class_error(p, q, variogram, self.threshold), np.float64)

    def times(self, vectors: F64) -> F64:
        """Return the product of the moments with every column, block by block: O(n²) time.

        Parameters
        ----------
        vectors : (n_points,) or (n_points, k) float64
            Vectors v, one a column.

        Returns
        -------
        float64, shaped as vectors
            The product with every column.

        Raises
        ------
        RecipeError
            If the vectors have another length than the number of points.
        """
        given = np.asarray(vectors, np.float64)
        if given.ndim not in (1, 2) or given.shape[0] != self.n_points:
            raise RecipeError(f"vectors of shape {given.shape}: expected ({self.n_points},) or ({self.n_points}, k)")
        rows = max(1, _ROWS // max(1, self.n_points))
        blocks = [
            self.block(self._everyone[a : a + rows], self._everyone) @ given for a in range(0, self.n_points, rows)
        ]
        return np.asarray(np.concatenate([np.empty((0, *given.shape[1:])), *blocks]), np.float64)

    def residuals(self, weights: F64, train: I64, test: I64) -> F64:
        """Return E(s_t − Σ_i weights[t, i]·s_train[i])² for every test point, (t,) float64: O(t·n²).

        Parameters
        ----------
        weights : (t, n) float64
            Weights of the training points' classes in every prediction.
        train : (n,) int64
            Training points.
        test : (t,) int64
            Test points.

        Returns
        -------
        (t,) float64
            Expected squared error of the prediction as a number, classes being ±1.

        Raises
        ------
        RecipeError
            If the weights have another shape than (test, train).
        """
        known, points = check_points("train", train, self.n_points), check_points("test", test, self.n_points)
        H = np.asarray(weights, np.float64)
        if H.shape != (points.size, known.size):
            raise RecipeError(f"weights of shape {H.shape}: expected {(points.size, known.size)}, (test, train)")
        across = np.einsum("tn,tn->t", H, self.block(points, known))
        return np.asarray(np.maximum(1.0 - 2.0 * across + prediction_variance(self, H, known), 0.0), np.float64)


# ---------------------------------------------------------------------------------------------------- exponents


def cascade_class_exponent(masses: Masses, ratios: Masses | float, hurst: float) -> float:
    """Return the exponent of the 0–1 risk of one neighbour on a cascade: E Σ_i p_i^(1−β) r_i^H = 1.

    Parameters
    ----------
    masses, ratios, hurst
        As for `moran_exponent_masses`.

    Returns
    -------
    float
        The Moran exponent of half the Hurst exponent; half the exponent of the squared error for one number of equal
        children, more for others.

    Notes
    -----
    A pair that parts in a cell of size R has θ ~ R^H where its squared error is R^2H; the rest is the Moran equation.
    Argued; checked in tests/theory/test_classification.py. docs/theory.md §4.1.

    Examples
    --------
    >>> round(cascade_class_exponent((0.25,) * 4, 0.5, 0.5), 6)
    0.25
    """
    return moran_exponent_masses(masses, ratios, 0.5 * hurst)


def manifold_class_exponent(dim: int, hurst: float) -> float:
    """Return the exponent of the 0–1 risk of one neighbour on a smooth manifold: min(H, 1)/D.

    Parameters
    ----------
    dim : int
        D ≥ 1.
    hurst : float
        H > 0 of the field; at H = 1 the law carries the square root of a logarithm.

    Returns
    -------
    float
        The exponent, above 0.

    Raises
    ------
    RecipeError
        If dim is below 1 or hurst not above 0.

    Notes
    -----
    θ is the root of the variogram, r^2H, at the distance r ~ n^(−1/D). Argued; checked in
    tests/theory/test_classification.py. docs/theory.md §4.1.

    Examples
    --------
    >>> manifold_class_exponent(2, 0.5)
    0.25
    """
    if not (dim >= 1 and hurst > 0.0):
        raise RecipeError(f"dim = {shown(dim)}, hurst = {shown(hurst)}: expected dim >= 1 and hurst > 0")
    return min(float(hurst), 1.0) / dim


def cluster_class_exponent(label: str = "hierarchical", label_exponent: float = 0.0) -> float:
    """Return the exponent of the 0–1 risk of one neighbour on a critical cluster: min(½, ¼ + a), ¼ for Brownian labels.

    Parameters
    ----------
    label : str
        "hierarchical" (default) or "brownian".
    label_exponent : float
        a > −¼. Default 0.

    Returns
    -------
    float
        Half the exponent of the squared error for a ≤ 0. From a = ¼ on it is the same ½: few pairs, parted by a large
        cut, make both errors, and their θ is of order 1.

    Notes
    -----
    A pair ℓ ~ √(N/n) edges apart is parted by a cut of m sites with probability ~ ℓ m^(−3/2) dm, and differs then by
    (m/N)^(½+2a) in variance, so by (m/N)^(¼+a) in θ: the law of squared errors with a' = a/2 − ⅛. At a = ¼ it carries a
    logarithm. Argued. docs/theory.md §4.1.

    Examples
    --------
    >>> cluster_class_exponent("hierarchical", 0.0), cluster_class_exponent("hierarchical", 0.5)
    (0.25, 0.5)
    """
    if label == "brownian":
        return 0.25
    return critical_cluster_asymptotics(label, 0.5 * label_exponent - 0.125).data_exponent
