"""Moments of the activations of features that lie in a hierarchy: means, co-firing, covariances, what L0 is.

Letters: p = share of the points that have a feature, μ and s = mean and mean square of its magnitude there. Presence is
nested: two features are at a point together only where one lies below the other, and then wherever the lower one is.
docs/theory.md §8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import is_integer, is_word, shown
from fractalman.errors import RecipeError, nearest
from fractalman.theory.dictionaries.held import checked_tree

MAGNITUDES = ("constant", "folded-normal")
"""Magnitudes with the same law at every feature."""


class Magnitude(NamedTuple):
    """Mean and mean square of a magnitude at the points that have the feature."""

    mean: float
    square: float

    @property
    def variance(self) -> float:
        """Mean square less squared mean."""
        return self.square - self.mean**2


class EdgeMoments(NamedTuple):
    """What happens at every parent–child edge, by rising child.

    Attributes
    ----------
    parent, child : (edges,) int64
        Features.
    both, parent_alone : (edges,) float64
        Shares of the points with both, and with the parent without this child.
    product : (edges,) float64
        E z_parent z_child over all points.
    covariance, correlation : (edges,) float64
        Of the two activations over all points; the correlation is nan where one of them never varies.
    """

    parent: I64
    child: I64
    both: F64
    parent_alone: F64
    product: F64
    covariance: F64
    correlation: F64


def magnitude_moments(kind: str) -> Magnitude:
    """Return mean and mean square of a kind of magnitude, at the points that have the feature.

    Parameters
    ----------
    kind : {"constant", "folded-normal"}
        1; or |N(0, 1)|.

    Returns
    -------
    Magnitude

    Raises
    ------
    RecipeError
        For another kind.

    Notes
    -----
    Source: docs/theory.md §8.

    Examples
    --------
    >>> magnitude_moments("constant").variance
    0.0
    >>> round(magnitude_moments("folded-normal").variance, 6)  # 1 − 2/π
    0.36338
    """
    if not is_word(kind, MAGNITUDES):
        raise RecipeError(
            f"magnitude {shown(kind)}: expected one of {', '.join(MAGNITUDES)}{nearest(kind, MAGNITUDES)}"
        )
    return Magnitude(1.0, 1.0) if kind == "constant" else Magnitude(math.sqrt(2.0 / math.pi), 1.0)


def cofiring(parent: Sequence[int] | I64, share: Sequence[float] | F64) -> Any:
    """Return the shares of the points at which two features are together.

    Parameters
    ----------
    parent : (m,) int
        Parent of every feature among these, −1 for roots; parents come first.
    share : (m,) float
        p, share of the points that have a feature.

    Returns
    -------
    (m, m) scipy.sparse.csr_array, float64
        The lower one's share for features on one path, itself included; nothing where they exclude each other.

    Raises
    ------
    RecipeError
        For parents that do not come first, and shares that no nested sets have.

    Notes
    -----
    Source: docs/theory.md §8.

    Examples
    --------
    >>> cofiring([-1, 0, 0], [1.0, 0.5, 0.25]).toarray().tolist()
    [[1.0, 0.5, 0.25], [0.5, 0.5, 0.0], [0.25, 0.0, 0.25]]
    """
    from scipy.sparse import coo_array

    up, p = checked_shares(parent, share)
    above, below = _pairs(up)
    apart = above != below
    rows = np.concatenate([below, above[apart]])
    columns = np.concatenate([above, below[apart]])
    table = coo_array((np.concatenate([p[below], p[below[apart]]]), (rows, columns)), shape=(up.size, up.size))
    return table.tocsr()


def code_covariance(
    parent: Sequence[int] | I64,
    share: Sequence[float] | F64,
    mean: Sequence[float] | F64,
    square: Sequence[float] | F64,
) -> F64:
    """Return the covariance of the activations of all features over the points.

    Parameters
    ----------
    parent, share
        As of `cofiring`.
    mean, square : (m,) float
        μ and s: mean and mean square of every feature's magnitude at the points that have it; magnitudes of different
        features are independent there.

    Returns
    -------
    (m, m) float64
        p_both μ_i μ_j − p_i p_j μ_i μ_j, on the diagonal p s − p² μ².

    Raises
    ------
    RecipeError
        As `cofiring`, and for mean squares below a squared mean.

    Notes
    -----
    Source: docs/theory.md §8.

    Examples
    --------
    >>> code_covariance([-1, 0], [1.0, 0.5], [1.0, 1.0], [1.0, 2.0]).tolist()
    [[0.0, 0.0], [0.0, 0.75]]
    """
    up, p, mu, s = _checked(parent, share, mean, square)
    out: F64 = cofiring(up, p).toarray() * np.outer(mu, mu)
    np.fill_diagonal(out, p * s)
    return np.asarray(out - np.outer(p * mu, p * mu))


def edge_moments(
    parent: Sequence[int] | I64,
    share: Sequence[float] | F64,
    mean: Sequence[float] | F64,
    square: Sequence[float] | F64,
) -> EdgeMoments:
    """Return co-firing and covariance at every parent–child edge.

    Parameters
    ----------
    parent, share, mean, square
        As of `code_covariance`.

    Returns
    -------
    EdgeMoments
        By rising child.

    Raises
    ------
    RecipeError
        As `code_covariance`.

    Notes
    -----
    Source: docs/theory.md §8.

    Of constants the correlation is √(p_c (1 − p_a) / (p_a (1 − p_c))), that of presence; magnitudes that vary lower it.

    Examples
    --------
    >>> edge = edge_moments([-1, 0], [0.5, 0.25], [1.0, 1.0], [1.0, 1.0])
    >>> edge.both.item(), edge.parent_alone.item(), edge.covariance.item(), round(edge.correlation.item(), 6)
    (0.25, 0.25, 0.125, 0.57735)
    """
    up, p, mu, s = _checked(parent, share, mean, square)
    child = np.flatnonzero(up >= 0)
    above = up[child]
    product = p[child] * mu[above] * mu[child]
    covariance = product - p[above] * mu[above] * p[child] * mu[child]
    variance = p * s - np.square(p * mu)
    scale = np.sqrt(np.maximum(0.0, variance[above] * variance[child]))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(scale > 0.0, covariance / scale, np.nan)
    return EdgeMoments(above, child, p[child].copy(), p[above] - p[child], product, covariance, correlation)


def l0_moments(parent: Sequence[int] | I64, share: Sequence[float] | F64) -> tuple[float, float]:
    """Return mean and variance over the points of the number of features that a point has.

    Parameters
    ----------
    parent, share
        As of `cofiring`.

    Returns
    -------
    mean, variance : float
        Σ p, and Σ over all pairs of p_both − p_i p_j.

    Raises
    ------
    RecipeError
        As `cofiring`.

    Notes
    -----
    Source: docs/theory.md §8.

    Examples
    --------
    >>> l0_moments([-1, 0, 0], [1.0, 0.5, 0.25])  # 2 features at three of four points, else 1
    (1.75, 0.1875)
    """
    up, p = checked_shares(parent, share)
    _, below = _pairs(up)
    together = 2.0 * math.fsum(p[below].tolist()) - math.fsum(p.tolist())
    mean = math.fsum(p.tolist())
    return mean, max(0.0, together - mean * mean)


def point_covariance(directions: AnyFloat, covariance: F64, noise: float = 0.0) -> F64:
    """Return the covariance of points that superpose features: Dᵀ C D + noise² I.

    Parameters
    ----------
    directions : (m, d) float
        D, of the features.
    covariance : (m, m) float64
        C, of their activations: `code_covariance`.
    noise : float, default 0
        Standard deviation of what is added to every coordinate.

    Returns
    -------
    (d, d) float64
        Its trace is the variance of the points.

    Raises
    ------
    RecipeError
        For shapes that do not fit, and noise below 0.

    Notes
    -----
    Source: docs/theory.md §8.

    Examples
    --------
    >>> import numpy as np
    >>> point_covariance(np.eye(2), np.diag([1.0, 3.0]), 0.5).diagonal().tolist()
    [1.25, 3.25]
    """
    D, C = np.asarray(directions, np.float64), np.asarray(covariance, np.float64)
    if D.ndim != 2 or C.shape != (len(D), len(D)) or not (np.isfinite(D).all() and np.isfinite(C).all()):
        raise RecipeError(f"directions {D.shape} and covariance {C.shape}: expected finite (m, d) and (m, m) tables")
    if not 0.0 <= noise < math.inf:
        raise RecipeError(f"noise = {shown(noise)}: expected a number from 0 up")
    out = D.T @ C @ D
    return np.asarray((out + out.T) / 2.0 + noise**2 * np.eye(D.shape[1]))


def rank_errors(covariance: F64, width: int) -> F64:
    """Return the least mean squared error of 0 … ``width`` units beside a constant, however they fire.

    Parameters
    ----------
    covariance : (d, d) float64
        Of the points: `point_covariance`; or of the activations, where directions are orthogonal.
    width : int
        Largest number of units.

    Returns
    -------
    (width + 1,) float64
        Entry j: the sum of all but the j largest eigenvalues.

    Raises
    ------
    RecipeError
        For a table that is not square and finite, and a width below 0.

    Notes
    -----
    Source: docs/theory.md §8.

    What j units decode to lies in an affine space of j dimensions whatever their codes are, so no dictionary of that
    width leaves less: a bound from below for every architecture, training and sparsity (Eckart and Young). That any
    sparse code comes near it is not said.

    Examples
    --------
    >>> import numpy as np
    >>> rank_errors(np.diag([3.0, 2.0, 1.0]), 4).tolist()
    [6.0, 3.0, 1.0, 0.0, 0.0]
    """
    C = np.asarray(covariance, np.float64)
    if C.ndim != 2 or C.shape[0] != C.shape[1] or not np.isfinite(C).all():
        raise RecipeError(f"covariance of shape {C.shape}: expected a finite square table")
    if not is_integer(width) or int(width) < 0:
        raise RecipeError(f"width = {shown(width)}: expected a whole number from 0 up")
    values = np.maximum(0.0, np.linalg.eigvalsh(C))  # rising
    left = np.concatenate([np.cumsum(values)[::-1], [0.0]])  # entry j: without the j largest
    return np.asarray(left[np.minimum(np.arange(int(width) + 1), values.size)])


def checked_shares(parent: Sequence[int] | I64, share: Sequence[float] | F64) -> tuple[I64, F64]:
    """Return parents and shares of nested sets: no child is at more points than its parent."""
    up, p = checked_tree(parent, share)
    slack = 1e-9
    inner = up >= 0
    if (p > 1.0 + slack).any() or (p[inner] > p[up[inner]] + slack).any():
        raise RecipeError("share: expected numbers from 0 to 1, of a child at most its parent's")
    return up, p


def _checked(parent: Any, share: Any, mean: Any, square: Any) -> tuple[I64, F64, F64, F64]:
    up, p = checked_shares(parent, share)
    mu, s = (checked_tree(up, values)[1] for values in (mean, square))
    if (s < mu**2 * (1.0 - 1e-9)).any():
        raise RecipeError("square: expected mean squares, each at least its mean's square")
    return up, p, mu, s


def _pairs(up: I64) -> tuple[I64, I64]:
    """Every feature with itself and each of its ancestors: (above, below)."""
    below, above = np.arange(up.size), np.arange(up.size)
    found = [(above, below)]
    while below.size:
        kept = up[above] >= 0
        below, above = below[kept], up[above[kept]]
        found.append((above, below))
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])
