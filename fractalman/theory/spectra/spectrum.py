"""The spectrum of a dataset under a kernel, and the learning curve that follows from it.

Symbols: N = points of the dataset, λ_i = eigenvalues of Gram matrix / N, u_i = unit eigenvectors, v_i² = variance of
the labels along u_i: (u_iᵀy)²/N for drawn labels y, u_iᵀΣu_i/N for labels of covariance Σ.

With an intercept, Gram matrix and labels are projected off the constant first: λ_i and u_i are those of
(I − 11ᵀ/N)·Gram·(I − 11ᵀ/N)/N, and Σv_i² is the variance within the dataset. That is the limit of a kernel to which a
large constant is added, so the constant costs one point and nothing else. It is linear regression with an intercept to
the letter; the harness's kernel ridge subtracts the mean of the training labels and leaves the kernel as it is, which
came to the same within .2 % of the risk where it was measured (docs/theory.md §5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman import kernels
from fractalman._arguments import checked_arguments
from fractalman._typing import F64, AnyFloat
from fractalman.config import is_integer, is_word, shown
from fractalman.display import Series, SeriesDisplay
from fractalman.errors import RecipeError, ResourceError, nearest
from fractalman.theory.linear import LinearRisk, kernel_ridge_risk
from fractalman.theory.linear.modes import Numbers
from fractalman.theory.spectra.grams import (
    Decomposition,
    KernelFunction,
    all_eigenvectors,
    gram_lookup,
    inner_product_eigenvectors,
    landmarks,
    median_distance,
    nystrom_eigenvectors,
    prepared,
)
from fractalman.theory.spectra.targets import Labels, Target, target_of

KERNELS: tuple[str, ...] = (*kernels.NAMES, "gram")
"""Names that `spectrum_of` takes: those of `kernels.matrix`, and "gram" for a Gram matrix of one's own."""

METHODS = ("auto", "exact", "nystrom")
_NETWORKS = ("nngp", "ntk")
_NOTHING = 1e-12  # a share of label variance or trace that is rounding


@dataclass(frozen=True)
class KernelSpectrum(SeriesDisplay):
    """Eigenvalues of a dataset's kernel and how much of the label lies along each eigenvector.

    Attributes
    ----------
    eigenvalues : (m,) float64
        Each > 0, falling; of Gram matrix / N, in the kernel's own units.
    coefficients : (m,) float64
        v_i²; average over label draws where several were given.
    multiplicity : (m,) float64
        Directions per eigenvalue: 1 each, but for the last of a Nyström spectrum, which stands for all the rest.
    outside : float
        v_0², label variance that no eigenvector reaches.
    points : int
        Number of points, N.
    intercept : bool
        Whether the constant was projected out.
    kernel : str
        Its name with its length or depth.
    method : str
        "exact" or "nystrom".
    """

    _series = Series("rank", "eigenvalues", more=("coefficients", "multiplicity"), words=("rank", "eigenvalue"))

    eigenvalues: F64
    coefficients: F64
    multiplicity: F64
    outside: float
    points: int
    intercept: bool
    kernel: str
    method: str

    @property
    def rank(self) -> F64:
        """(k,) float64, modes up to and with each eigenvalue, copies counted."""
        return np.cumsum(np.asarray(self.multiplicity, np.float64))

    @property
    def variance(self) -> float:
        """Label variance in the dataset: with an intercept V_in, the risk of the best constant."""
        return float(self.coefficients.sum()) + self.outside

    @property
    def trace(self) -> float:
        """Sum of the eigenvalues: the kernel's mean at distance 0, less its mean over all pairs beside an intercept."""
        return float(self.multiplicity @ self.eigenvalues)

    def slope(self, first: int = 3, last: int = 300) -> float:
        """Return the least-squares slope of ln λ_k against ln k over k = first … last (1 = largest).

        Parameters
        ----------
        first : int, default 3
            First k of the window, 1 = the largest eigenvalue.
        last : int, default 300
            Last k of the window.

        Returns
        -------
        float
            Negative for a falling spectrum.

        Raises
        ------
        RecipeError
            If the spectrum has no such window.
        """
        resolved = self.eigenvalues[self.multiplicity == 1.0]
        if not 1 <= first < last <= resolved.size:
            raise RecipeError(f"k = {first} … {last}: expected ranks from 1 to {resolved.size}, first < last")
        k = np.arange(first, last + 1)
        return float(np.polyfit(np.log(k), np.log(resolved[first - 1 : last]), 1)[0])


@checked_arguments
def spectrum_of(
    inputs: AnyFloat,
    labels: Labels,
    *,
    kernel: str | KernelFunction = "laplace",
    length: float | None = None,
    depth: int = 2,
    width: float | None = None,
    intercept: bool = True,
    method: str = "auto",
    max_points: int = 4096,
    max_bytes: float = 4e9,
    seed: int = 0,
) -> KernelSpectrum:
    """Return the eigenvalues of a dataset's kernel and the label variance along every eigenvector.

    Parameters
    ----------
    inputs : (N, d) float array
        Coordinates; with kernel="gram" an (N, N) symmetric Gram matrix.
    labels : Labels
        Drawn labels (N,) or (N, draws), averaged over draws; or, without drawing any, a label tree, a dataset with one,
        or anything whose ``times`` multiplies by the labels' covariance: v_i² is then the expectation. Noise in drawn
        labels counts as part of them; a tree is that of the clean labels unless it is ``noisy``.
    kernel : str or KernelFunction, default "laplace"
        One of `KERNELS`, or a function of two tables of points that returns their kernel matrix.
    length : float or None, default None
        Of a kernel of one length; None = the median distance of two points, as the harness's learner takes it.
    depth : int, default 2
        Of "nngp" and "ntk", whose inputs are centred and divided by their root mean square coordinate.
    width : float or None, default None
        Of "nngp" and "ntk", whose inputs are centred and divided by their root mean square coordinate.
    intercept : bool, default True
        Project the constant out of kernel and labels (see the module's text); inputs are then centred.
    method : str, default "auto"
        "exact" = all eigenvalues, O(N³); "nystrom" = those of K_Nm K_mm⁻¹ K_mN for m landmarks, O(N·m²), the rest of
        trace and label variance spread evenly over the directions left; good for n well below m. "auto" = exact up to
        max_points. A linear kernel is exact as long as N or d is at most max_points: O(N·d²).
    max_points : int, default 4096
        The largest N (or rank) that "auto" takes exactly, and the number of landmarks m.
    max_bytes : float, default 4e9
        Refuse beyond so much memory.
    seed : int, default 0
        Of the landmarks and of the pairs of the median distance.

    Returns
    -------
    KernelSpectrum
        Eigenvalues of a dataset's kernel and the label variance along every eigenvector.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.
    ResourceError
        If the memory needed is beyond the limit; the message names the bytes.

    Notes
    -----
    Source: docs/theory.md §5; Williams & Seeger 2001 for Nyström's method.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> spectrum = spectrum_of(X, np.array([-1.0, 0.0, 1.0]), kernel="linear")
    >>> round(spectrum.variance, 6), spectrum.eigenvalues.size
    (0.666667, 1)
    """
    if not is_word(method, METHODS):
        raise RecipeError(f"method = {shown(method)}: expected {', '.join(METHODS)}{nearest(method, METHODS)}")
    if not is_integer(max_points) or max_points < 2:
        raise RecipeError(f"max_points = {shown(max_points)}: expected an integer of at least 2")
    points, function, name = _kernel_on(inputs, kernel, length, depth, width, intercept, seed)
    (n, d), how = points.shape, "exact"
    if n < 2:
        raise RecipeError(f"{n} points: expected at least 2")
    target = target_of(labels, n)
    if kernel == "linear" and d < n and (method == "exact" or (method == "auto" and d <= max_points)):
        _check_bytes(24.0 * points.size, max_bytes, "fewer points")
        found = inner_product_eigenvectors(points)
    elif method == "exact" or (method == "auto" and n <= max_points):
        _check_bytes(32.0 * n * n, max_bytes, "method = 'nystrom' or fewer points")
        found = all_eigenvectors(function(points, points), intercept)
    else:
        m, how = min(int(max_points), n), "nystrom"
        _check_bytes(24.0 * n * m + 32.0 * m * m, max_bytes, "a smaller max_points")
        found = nystrom_eigenvectors(function, points, landmarks(n, m, seed), intercept)
    return _assembled(found, target, n, intercept, name, how)


def _kernel_on(
    inputs: AnyFloat,
    kernel: str | KernelFunction,
    length: float | None,
    depth: int,
    width: float | None,
    intercept: bool,
    seed: int,
) -> tuple[F64, KernelFunction, str]:
    """Return prepared points, the kernel as a function of two tables of them, and its name."""
    if not isinstance(kernel, str):
        return prepared(inputs, intercept, False), kernel, getattr(kernel, "__name__", "function")
    if not is_word(kernel, KERNELS):
        raise RecipeError(f"unknown kernel {shown(kernel)}: expected {', '.join(KERNELS)}{nearest(kernel, KERNELS)}")
    if kernel == "gram":
        gram = np.array(inputs, np.float64)
        if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or gram.size == 0 or not np.isfinite(gram).all():
            raise RecipeError(f"a Gram matrix of shape {gram.shape}: expected a finite square table (N, N)")
        return np.arange(gram.shape[0], dtype=np.float64)[:, None], gram_lookup(gram), kernel
    points = prepared(inputs, intercept or kernel in _NETWORKS, kernel in _NETWORKS)
    name, ell = kernel, 1.0
    if kernel in kernels.KERNELS:
        ell = median_distance(points, seed) if length is None else float(length)
        name = f"{kernel} of length {ell:.6g}"
    elif kernel in _NETWORKS:
        name = f"{kernel} of depth {depth}" + ("" if width is None or kernel == "nngp" else f" and width {width:g}")

    def function(X: AnyFloat, Z: AnyFloat) -> F64:
        return kernels.matrix(kernel, X, Z, length=ell, depth=depth, width=width)

    return points, function, name


def _check_bytes(need: float, limit: float, advice: str) -> None:
    if need > limit:
        raise ResourceError(
            f"this spectrum needs {int(need):,} bytes at once: expected at most "
            f"max_bytes = {int(limit):,}; use {advice}"
        )


def _assembled(
    found: Decomposition, target: Target, n: int, intercept: bool, kernel: str, method: str
) -> KernelSpectrum:
    """Drop what rounding cannot tell from 0, and give what is left of trace and label variance its place."""
    kept = np.flatnonzero(found.values > found.floor)[::-1]
    values, vectors = found.values[kept], found.vectors[:, kept]
    if intercept:  # the constant's eigenvalue is 0: vectors of tiny ones hold some of it, and with it the labels' mean
        vectors -= vectors.mean(axis=0)
    v2 = target.along(vectors)
    total = target.variance if intercept else target.mean_square
    outside = max(0.0, total - float(v2.sum()))
    if outside < _NOTHING * total:
        outside = 0.0
    count = np.ones_like(values)
    left = n - int(intercept) - values.size
    if found.missed > found.floor and left > 0:  # the trace that landmarks do not resolve
        values, count = np.append(values, found.missed / left), np.append(count, float(left))
        v2, outside = np.append(v2, outside), 0.0
    return KernelSpectrum(values, v2, count, outside, n, intercept, kernel, method)


def learning_curve_from_spectrum(
    spectrum: KernelSpectrum,
    n: Numbers,
    ridge: Numbers = 0.0,
    noise_variance: Numbers = 0.0,
    population: float | None = None,
) -> LinearRisk:
    """Return the whole learning curve of kernel ridge (or linear) regression on a dataset, from its spectrum alone.

    Parameters
    ----------
    spectrum : KernelSpectrum
        Of `spectrum_of`; its intercept is the learner's.
    n : float or array
        Training-set sizes, below N.
    ridge : float or array, default 0
        δ added to the kernel matrix, for every n or one each; the harness's "ridge" learner adds ridge·n, in units of
        the mean square coordinate.
    noise_variance : float or array, default 0
        σ² of noise that is not yet in the spectrum's labels.
    population : float or None, default None
        None = the spectrum's own N: training points are drawn from the dataset, the risk is that of its other points. A
        number or infinity: from a larger dataset, or fresh points, of which these N are a sample. A sample's labels lie
        wholly within its own N directions, so that curve is too low: 4 % at n = N/48, 12 % at N/12 on a cluster.
        Landmarks in the whole dataset know better.

    Returns
    -------
    LinearRisk
        Its risk is that on noisy labels, ``clean_risk`` stands beside it.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §5: where it was held against measured curves, and where it fails.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory import spectrum_of
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(64, 2))
    >>> curve = learning_curve_from_spectrum(spectrum_of(X, X[:, 0]), [8, 32], ridge=0.01)
    >>> bool(curve.risk[1] < curve.risk[0])
    True
    """
    return kernel_ridge_risk(
        spectrum.eigenvalues,
        spectrum.coefficients,
        n,
        ridge,
        noise_variance,
        outside=spectrum.outside,
        multiplicity=spectrum.multiplicity,
        intercept=spectrum.intercept,
        population=spectrum.points if population is None else population,
    )
