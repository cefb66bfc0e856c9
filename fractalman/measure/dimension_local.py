"""The dimension around every point, and components of different dimension told apart.

k = neighbours, t_i = mean over them of ln(r_k / r_j) around point i: a Gamma variate of shape k − 1 and mean 1/D where
the density is even. Neighbours share their neighbourhoods, so that t varies less between near points than it errs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.measure.dimension import prepared
from fractalman.measure.dimension_reference import corrected
from fractalman.measure.neighbours import Neighbourhoods
from fractalman.sources import RecipeSource

_MOST = 4  # components that are tried
_APART = 0.3  # least difference of two components' dimensions, on the logarithm
_SMALLEST = 0.05  # least share of a component
_PAIRS_BLOCK = 256


@dataclass(frozen=True, repr=False)
class PointwiseDimension(Display):
    """The dimension around points.

    Parameters
    ----------
    row : (m,) int64
        Rows of X.
    value : (m,) float64
        D around them, corrected for the bias at n points.
    standard_error : (m,) float64
        Of the sampling; the correction's uncertainty is common to all points.
    points : (m, d) float64
        The points themselves, in the unit that was measured in.
    n_neighbours : int
        Neighbours k that each value rests on.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> found = fm.measure.pointwise_dimension(np.random.default_rng(0).random((600, 2)))
    >>> found.n_neighbours, found.points.shape
    (32, (600, 2))
    """

    row: I64
    value: F64
    standard_error: F64
    points: F64
    n_neighbours: int

    def __repr__(self) -> str:
        low, middle, high = np.quantile(self.value, (0.05, 0.5, 0.95))
        return f"PointwiseDimension({len(self.row)} points, 5/50/95 %: {low:.3g}, {middle:.3g}, {high:.3g})"

    def to_pandas(self) -> Any:
        """Return a data frame, one row a point; needs pandas.

        Returns
        -------
        pandas.DataFrame
            Columns row, value and standard_error.
        """
        from fractalman.measure.dimension_figures import columns_frame

        return columns_frame({name: getattr(self, name) for name in ("row", "value", "standard_error")})

    def plot(self, ax: Any = None) -> Any:
        """Draw the map: the first two principal axes, coloured by D; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the map.
        """
        from fractalman.measure.dimension_figures import draw_pointwise

        return draw_pointwise(self, ax)


@dataclass(frozen=True)
class DimensionComponent(Display):
    """Points of one dimension.

    Parameters
    ----------
    value : float
        D, corrected for the bias at the component's number of points.
    standard_error : float
        Of the value: sampling and correction.
    share : float
        Of the points, 0 … 1.
    row : (m,) int64
        Rows of X that belong to it.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> fm.measure.dimension_components(np.random.default_rng(0).random((400, 2)))[0].row.size
    400
    """

    value: float
    standard_error: float
    share: float
    row: I64


def pointwise_dimension(
    X: ArrayLike | RecipeSource, *, n_neighbours: int = 32, n_sources: int = 2048, seed: int = 0, theiler: int = 0
) -> PointwiseDimension:
    """Return the dimension around points of a set.

    Parameters
    ----------
    X : (n, d) array_like
        As for `dimension`.
    n_neighbours : int, default 32
        Neighbours k, 8 … n/12: fewer see finer, and err by 1/√(k − 2) of D.
    n_sources : int, default 2048
        Points around which it is measured.
    seed : int, default 0
        Picks them.
    theiler : int, default 0
        As for `dimension`.

    Returns
    -------
    PointwiseDimension
        One value a point, with errors.

    Raises
    ------
    RecipeError
        As `dimension`, and for ``n_neighbours``.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> fm.measure.pointwise_dimension(np.random.default_rng(0).random((600, 2))).value.shape
    (600,)
    """
    found = prepared(X, n_sources, seed, theiler)
    t = _local(found, n_neighbours)
    reading = (n_neighbours - 2) / ((n_neighbours - 1) * t)  # unbiased for a Gamma variate
    value = np.exp(corrected(reading, _shares(n_neighbours, len(found.points.values))).mean(axis=0))
    return PointwiseDimension(
        found.points.row[found.sources], value, value / math.sqrt(n_neighbours - 2), found.points.values[found.sources],
        n_neighbours,
    )  # fmt: skip


def dimension_components(
    X: ArrayLike | RecipeSource, *, n_neighbours: int = 16, n_sources: int = 2048, seed: int = 0
) -> tuple[DimensionComponent, ...]:
    """Return the components of different dimension that a set consists of, the largest first.

    Parameters
    ----------
    X : (n, d) array_like
        As for `dimension`.
    n_neighbours : int, default 16
        As for `pointwise_dimension`; points with the same k neighbours are taken to be of one component.
    n_sources : int, default 2048
        Points that are told apart.
    seed : int, default 0
        Picks them.

    Returns
    -------
    tuple of DimensionComponent
        One where the set is of one dimension as far as can be seen: components differ by a third of D or more and hold
        5 % of the points or more.

    Notes
    -----
    A mixture of Gamma variates, fitted by expectation and maximisation; a component more must pay its price by the
    Bayesian information criterion, in which overlapping neighbourhoods count once.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> len(fm.measure.dimension_components(np.random.default_rng(0).random((400, 2))))
    1
    """
    found = prepared(X, n_sources, seed)
    t = _local(found, n_neighbours)
    near = _neighbours_among(found.points.values[found.sources], n_neighbours)
    smooth = np.exp(np.log(t)[near].mean(axis=1))  # geometric: a few neighbours of another component do little
    independent = len(t) / n_neighbours
    best, chosen = math.inf, (np.array([1.0]), np.array([1.0 / float(np.mean(t))]))
    for count in range(1, _MOST + 1):
        share, D, fit = _mixture(smooth, count, n_neighbours)
        close = count > 1 and (np.diff(np.log(np.sort(D))).min() < _APART or share.min() < _SMALLEST)
        price = -2.0 * fit * independent + (2 * count - 1) * math.log(independent)
        if not close and price < best - 2.0:
            best, chosen = price, (share, D)
    share, D = chosen
    belongs = np.argmax(_log_density(smooth, share, D, n_neighbours), axis=1)
    out = []
    for c in range(len(D)):
        own = belongs == c
        if not own.any():
            continue
        size = max(2.0 * n_neighbours, own.mean() * len(found.points.values))
        logs = corrected(1.0 / float(t[own].mean()), _shares(n_neighbours, size))
        error = math.hypot(float(logs.std(ddof=1)), 1.0 / math.sqrt(max(1.0, own.sum())))
        value = float(np.exp(logs.mean()))
        rows = np.sort(found.points.row[found.sources[own]])
        out.append(DimensionComponent(value, value * math.hypot(error, 0.01), float(own.mean()), rows))
    return tuple(sorted(out, key=lambda component: -component.share))


def _local(found: Neighbourhoods, k: int) -> F64:
    most = found.near.shape[1]
    if not (isinstance(k, int | np.integer) and 8 <= k <= most):
        raise RecipeError(f"n_neighbours = {k!r}: expected a whole number from 8 to {most} for these points")
    near = np.log(np.maximum(found.near[:, :k], 1e-300))
    return np.asarray(np.maximum((near[:, -1:] - near[:, :-1]).mean(axis=1), 1e-12))


def _shares(k: int, n: float) -> F64:
    return np.array([0.15, 0.35, 0.55, 0.75, 0.95]) * k / n


def _neighbours_among(values: F64, k: int) -> I64:
    """Return (m, k) the k nearest of the same points, the point itself among them."""
    from scipy.spatial.distance import cdist

    k = min(k, len(values))
    return np.concatenate(
        [
            np.argpartition(cdist(values[start : start + _PAIRS_BLOCK], values), k - 1, axis=1)[:, :k]
            for start in range(0, len(values), _PAIRS_BLOCK)
        ]
    )


def _log_density(t: F64, share: F64, D: F64, k: int) -> F64:
    """ln of share × density of ln t, (points, components); averaged over k neighbours t errs as one of shape ~ 4 k."""
    shape = 4.0 * k
    x = np.log(t)[:, None] + np.log(D)
    constant = 0.5 * math.log(shape / (2.0 * math.pi))
    return np.asarray(np.log(share) + constant - shape * (np.exp(x) - 1.0 - x))


def _mixture(t: F64, count: int, k: int, rounds: int = 200) -> tuple[F64, F64, float]:
    """Return shares, dimensions and the mean log-likelihood of the mixture of ``count`` components."""
    D = 1.0 / np.quantile(t, (np.arange(count) + 0.5) / count)
    share = np.full(count, 1.0 / count)
    fit = -math.inf
    for _ in range(rounds):
        logs = _log_density(t, share, D, k)
        top = logs.max(axis=1, keepdims=True)
        weight = np.exp(logs - top)
        total = weight.sum(axis=1, keepdims=True)
        now = float((np.log(total) + top).mean())
        weight /= total
        share = np.maximum(weight.mean(axis=0), 1e-12)
        D = weight.sum(axis=0) / np.maximum(weight.T @ t, 1e-300)
        if now - fit < 1e-9:
            break
        fit = now
    return share, D, now
