"""Components of different dimension, told apart by how fast the neighbours of every point come.

k = neighbours, t_i = mean over them of ln(r_k / r_j) around point i: a Gamma variate of shape k − 1 and mean 1/D where
the density is even. Neighbours share their neighbourhoods, so that t varies less between near points than it errs.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64
from fractalman.config import shown
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.measure.dimension_reference import corrected
from fractalman.measure.neighbours import Neighbourhoods, share_of_ties

_MOST = 4  # components that are tried
_APART = 0.3  # least difference of two components' dimensions, on the logarithm
_SMALLEST = 0.05  # least share of a component
_PAIRS_BLOCK = 256
NEIGHBOURS = 16
"""Neighbours of a point that are looked at."""
_NEXT = 3  # neighbours k … 3k are the next scale, 3k … 9k the one after
_DISCRETE = 0.5  # share of points with two nearest neighbours at one distance from which a set is a grid
_LEAST_NEXT = 1.5  # by how much the last scale has to go on, where points are too few for all of it
_INSIDE = 0.7  # share of a component's points that its neighbourhoods may hold
_PERSISTS = 0.5  # share of the difference that has to be seen there


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


def components_of(found: Neighbourhoods, n_neighbours: int = NEIGHBOURS) -> tuple[DimensionComponent, ...]:
    """Return what `fractalman.measure.dimension_components` does, from neighbours that were looked for already."""
    t = mean_logs(found, n_neighbours)
    if share_of_ties(found) > _DISCRETE:  # a grid: how far first neighbours are says nothing of its dimension
        t = np.full(len(t), t.mean())
    beyond, n = _beyond(found, n_neighbours), len(found.points.values)
    near = _neighbours_among(found.points.values[found.sources], n_neighbours)
    smooth = np.exp(np.log(t)[near].mean(axis=1))  # geometric: a few neighbours of another component do little
    independent = len(t) / n_neighbours
    best, chosen = math.inf, (np.array([1.0]), np.array([1.0 / float(np.mean(t))]))
    for count in range(1, _MOST + 1):
        share, D, fit = _mixture(smooth, count, n_neighbours)
        close = count > 1 and (np.diff(np.log(np.sort(D))).min() < _APART or share.min() < _SMALLEST)
        price = -2.0 * fit * independent + (2 * count - 1) * math.log(independent)
        if not close and price < best - 2.0 and _persist(smooth, beyond, share, D, n_neighbours, n):
            best, chosen = price, (share, D)
    share, D = chosen
    belongs = np.argmax(_log_density(smooth, share, D, n_neighbours), axis=1)
    out = []
    for c in range(len(D)):
        own = belongs == c
        if not own.any():
            continue
        size = max(2.0 * n_neighbours, own.mean() * len(found.points.values))
        logs = corrected(1.0 / float(t[own].mean()), shares_of(n_neighbours, size))
        error = math.hypot(float(logs.std(ddof=1)), 1.0 / math.sqrt(max(1.0, own.sum())))
        value = float(np.exp(logs.mean()))
        rows = np.sort(found.points.row[found.sources[own]])
        out.append(DimensionComponent(value, value * math.hypot(error, 0.01), float(own.mean()), rows))
    return tuple(sorted(out, key=lambda component: -component.share))


def several_words(components: tuple[DimensionComponent, ...]) -> str:
    """Return what several components say of one dimension of all points, one sentence."""
    parts = [f"{100 * c.share:.0f} % of the points lie on dimension {c.value:.3g}" for c in components]
    return (
        f"several components of different dimension: {', '.join(parts)}; one number for all is the dimension of none: "
        "use measure.dimension_components, which says which rows are which"
    )


def mean_logs(found: Neighbourhoods, k: int) -> F64:
    most = found.near.shape[1]
    if not (isinstance(k, int | np.integer) and 8 <= k <= most):
        raise RecipeError(f"n_neighbours = {shown(k)}: expected a whole number from 8 to {most} for these points")
    near = np.log(np.maximum(found.near[:, :k], 1e-300))
    return np.asarray(np.maximum((near[:, -1:] - near[:, :-1]).mean(axis=1), 1e-12))


def _beyond(found: Neighbourhoods, k: int) -> list[tuple[int, F64]]:
    """Return the next scales: their last neighbour, and (m,) what `mean_logs` does from the one before to it."""
    ends = [k, min(found.near.shape[1], _NEXT * k)]
    last = min(found.near.shape[1], _NEXT * _NEXT * k)
    ends += [last] if last >= _LEAST_NEXT * _NEXT * k else []
    out = []
    for first, last in itertools.pairwise(ends):
        near = np.log(np.maximum(found.near[:, first - 1 : last], 1e-300))
        out.append((last, np.asarray(np.maximum((near[:, -1:] - near[:, :-1]).mean(axis=1), 1e-12))))
    return out


def _persist(t: F64, beyond: list[tuple[int, F64]], share: F64, D: F64, k: int, n: int) -> bool:
    """Say whether components differ at the next scales, too: parts of one fractal change places there.

    A scale that reaches beyond the smaller component says nothing of it.
    """
    belongs = np.argmax(_log_density(t, share, D, k), axis=1)
    for low, high in itertools.pairwise(np.argsort(D)):
        a, b = belongs == low, belongs == high
        size = n * min(a.mean(), b.mean())
        for scale, (last, rest) in enumerate(beyond):
            if scale > 0 and last > _INSIDE * size:
                continue
            apart = math.log(float(rest[a].mean()) / float(rest[b].mean())) if size > 0.0 else 0.0
            if apart < _PERSISTS * math.log(D[high] / D[low]):
                return False
    return True


def shares_of(k: int, n: float) -> F64:
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
