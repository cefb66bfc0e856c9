"""The dimension at every scale, and what of it is one number.

ψ = digamma function, r_k = distance of a point to its k-th neighbour. Between the k-th and the 2k-th neighbour the set
reads D_k = (ψ(2k) − ψ(k)) / mean ln(r_2k / r_k), for k = 1, 2, 4, …; k = 1 is "two-nn" without its censoring. Every
reading is corrected by the reference sets (`dimension_reference`).

`radial` takes the first octaves together, as many as make the total error least: the sampling error falls with each,
while a trend over the octaves (curvature, a density that varies) and their scatter (a set that repeats itself at a
ratio of scales swings about its dimension) grow. Curvature and density act as the square of the distance, that is as
u² with u = q^(1/D) and q the share of points inside: where all octaves together show such a trend, the estimate goes
half the way that it points to at u = 0, and that half is an error. Where small scales read more and a plateau follows,
the small ones are noise, and the plateau is meant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.measure.dimension_noise import above_noise
from fractalman.measure.dimension_part import Part
from fractalman.measure.dimension_reference import corrected
from fractalman.measure.neighbours import BLOCKS, Neighbourhoods, block_jackknife, share_of_ties

_DISCRETE = 0.5  # share of points with two nearest neighbours at one distance from which a set is a grid
_RANDOM_FROM = 3  # octaves of neighbours, 1 to 8, that say nothing there
_PLATEAU = 4  # octaves of a plateau above noise
_FALL = 0.15  # how much more, on the logarithm, the scales below a plateau read when they are noise
_FLAT = 0.05
_RANK_ONE = 0.01  # no interval is narrower: the reference sets are themselves known to a percent


@dataclass(frozen=True)
class DimensionScan(Display):
    """The dimension against scale.

    Parameters
    ----------
    rank : (octaves,) int64
        Neighbours k of the reading between the k-th and the 2k-th.
    distance : (octaves,) float64
        Median distance of the neighbours in between, unit of X.
    reading : (octaves,) float64
        D_k as read.
    value : (octaves,) float64
        D_k after correction by the reference sets.
    standard_error : (octaves,) float64
        Of ``value``: sampling and correction.
    plateau : tuple of int
        First and last octave that make the radial estimate.
    noise_scale : float or None
        Distance below which the set reads higher than on the plateau: noise; None where none is seen.
    noise_dimension : float or None
        D there; None likewise.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> fm.measure.dimension(np.random.default_rng(0).random((400, 2))).scan.rank.tolist()
    [1, 2, 4, 8, 16]
    """

    rank: I64
    distance: F64
    reading: F64
    value: F64
    standard_error: F64
    plateau: tuple[int, int]
    noise_scale: float | None
    noise_dimension: float | None

    def to_pandas(self) -> Any:
        """Return a data frame, one row an octave; needs pandas (``pip install pandas``).

        Returns
        -------
        pandas.DataFrame
            Columns rank, distance, reading, value and standard_error.
        """
        from fractalman.measure.dimension_figures import columns_frame

        names = ("rank", "distance", "reading", "value", "standard_error")
        return columns_frame({name: getattr(self, name) for name in names})

    def plot(self, ax: Any = None) -> Any:
        """Draw D against distance; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the scan.
        """
        from fractalman.measure.dimension_figures import draw_scan

        return draw_scan(self, ax)


def octave_logs(found: Neighbourhoods) -> tuple[I64, F64, Any]:
    """Return k, ln(r_2k / r_k) of every usable starting point (points, octaves), and which points these are."""
    last = found.near.shape[1] // 2
    ranks = 2 ** np.arange(max(1, int(math.log2(last)) + 1), dtype=np.int64)
    usable = found.near[:, 0] > 0.0
    if usable.sum() < min(2 * BLOCKS, len(found.sources) // 2):
        raise RecipeError("most points are duplicates: there is no distance to measure a dimension from")
    near = np.log(found.near[usable])
    return ranks, near[:, 2 * ranks - 1] - near[:, ranks - 1], usable


def _first_scale(logs: F64, block: I64, discrete: bool) -> int:
    """Return the first octave from which on distances grow: on a grid the nearest neighbours are equally far.

    What is expected of the k-th neighbour of random points is wrong there by some 1/2k.
    """
    means, _, by_block = block_jackknife(logs, block, lambda rows: np.asarray(rows.mean(axis=0)))
    still = np.flatnonzero(~(np.minimum(means, by_block.min(axis=0)) > 0.0))
    first = int(still[-1]) + 1 if still.size else 0
    if len(means) - first < 2:
        raise RecipeError("all neighbour distances are equal: there is no scale to measure a dimension from")
    return max(first, min(_RANDOM_FROM, len(means) - _PLATEAU)) if discrete else first


def radial(found: Neighbourhoods, window: tuple[float, float] | None = None) -> tuple[DimensionScan, Part]:
    """Return the scan and the estimate from the scales that serve best, inside ``window`` where one is given."""
    from scipy.special import psi

    ranks, logs, usable = octave_logs(found)
    n = len(found.points.values)
    discrete = share_of_ties(found) > _DISCRETE
    first = _first_scale(logs, found.block[usable], discrete)
    ranks, logs = ranks[first:], logs[:, first:]
    growth = psi(2.0 * ranks) - psi(1.0 * ranks)

    def read(rows: F64) -> F64:
        return np.asarray(growth / rows.mean(axis=0))

    reading, _, values = block_jackknife(logs, found.block[usable], read)
    q = math.sqrt(2.0) * ranks / n
    by_set = np.stack([corrected(np.append(values[:, j], reading[j]), q[j]) for j in range(len(ranks))], axis=2)
    replicas, x = by_set[:, :-1].mean(axis=0), by_set[:, -1].mean(axis=0)
    apart = by_set[:, -1] - x  # (sets, octaves): nobody knows which set this one resembles
    unknown = apart.T @ apart / (len(apart) - 1)
    centred = replicas - replicas.mean(axis=0)
    covariance = (len(replicas) - 1) / len(replicas) * centred.T @ centred
    square = q ** (2.0 / float(np.exp(x[:2].mean())))
    distance = np.median(found.near[:, np.rint(math.sqrt(2.0) * ranks).astype(int) - 1], axis=0) * found.points.unit
    first, count = 0, len(x)
    if window is not None:
        first, last = (int(np.searchsorted(distance, limit)) for limit in window)
        count = last - first
        if count < 2:
            raise RecipeError(
                f"{max(0, count)} octaves of neighbours lie between {window[0]:g} and {window[1]:g}, and few or no "
                "pairs of points are closer than the latter: expected a window with 2 octaves of neighbours or more"
            )
    own = slice(first, first + count)
    above = above_noise(x[own], covariance[own, own], unknown[own, own], q[own]) if window is None else None
    if above is not None:
        a, part = above
        b = count - 1
    elif discrete and window is None:
        a, b, part = 0, count - 1, _of_steps(x, covariance, unknown)
    else:
        slope = _trend(x[own], np.diag(covariance)[own], square[own])
        a, b, part = _best(x[own], covariance[own, own], unknown[own, own], slope * square[own])
    noisy, first, last = a > 0, first + a, first + b
    return DimensionScan(
        rank=ranks,
        distance=distance,
        reading=reading,
        value=np.exp(x),
        standard_error=np.exp(x) * np.sqrt(np.diag(covariance + unknown)),
        plateau=(first, last),
        noise_scale=float(distance[first]) if noisy else None,
        noise_dimension=float(np.exp(x[0])) if noisy else None,
    ), part


def shrunk(value: float, error: float) -> float:
    """Return what of ``value`` stands out of twice its error."""
    return math.copysign(max(0.0, abs(value) - 2.0 * error), value)


def _trend(x: F64, variance: F64, square: F64) -> float:
    """Return d ln D / d u² over all octaves, shrunk by its error; octaves scatter about the line as they do."""
    if len(x) < 4:
        return 0.0
    columns = np.stack([np.ones_like(square), square], axis=1)
    between = 0.0
    for _ in range(3):
        w = 1.0 / (variance + between + 1e-6)
        inverse = np.linalg.inv(columns.T @ (w[:, None] * columns))
        line = inverse @ (columns.T @ (w * x))
        residual = np.square(x - columns @ line)
        between = max(0.0, float(np.mean(residual)) * len(x) / (len(x) - 2) - float(np.mean(variance)))
    return shrunk(float(line[1]), math.sqrt(float(inverse[1, 1])))


def _of_steps(x: F64, covariance: F64, unknown: F64) -> Part:
    """All octaves of a discrete set as one number: its steps leave no smaller scale to go to, and may bend small ones.

    On a critical cluster a ball of few steps holds less than its law says: readings rise towards D with the scale.
    """
    w = 1.0 / np.diag(covariance + unknown)
    w /= w.sum()
    bias = math.hypot(math.sqrt(float(w @ unknown @ w)), _RANK_ONE)
    spread = 0.5 * float(np.ptp(x))
    return Part(float(w @ x), math.sqrt(float(w @ covariance @ w)), bias, spread, 0.0)


def _best(x: F64, covariance: F64, unknown: F64, bent: F64) -> tuple[int, int, Part]:
    """Return the first and the last octave that serve best, and their estimate."""
    count = len(x)
    tried = [(0, b, _together(x, covariance, unknown, bent, 0, b)) for b in range(min(1, count - 1), count)]
    for a in range(1, count - _PLATEAU + 1):  # a plateau above noise
        for b in range(count - 1, a + _PLATEAU - 2, -1):
            part = _together(x, covariance, unknown, 0.0 * bent, a, b)
            if abs(part.trend) < _FLAT and x[:a].min() - part.log > _FALL and x[a - 1] - part.log > 2.0 * part.total:
                return a, b, part
    least = min(part.total for _, _, part in tried)
    return [entry for entry in tried if entry[2].total <= 1.1 * least][-1]


def _together(x: F64, covariance: F64, unknown: F64, bent: F64, a: int, b: int) -> Part:
    """The octaves a … b as one number, by generalised least squares, with the parts of its error.

    Octaves share their sampling errors, and what is unknown of the correction; how they differ says something of the
    latter. They scatter by more than both where the set is not alike at all scales.
    """
    part = slice(a, b + 1)
    V, U, y = covariance[part, part], unknown[part, part], x[part]
    m, one, j = len(y), np.ones(b + 1 - a), np.arange(b + 1 - a, dtype=np.float64)
    between = 0.0
    for _ in range(4):
        S = V + U + (between + 1e-6) * np.eye(m)
        inverse = np.linalg.inv(S)
        w = inverse @ one / float(one @ inverse @ one)
        mean = float(w @ y)
        residual = y - mean - U @ inverse @ (y - mean)
        between = max(0.0, float(residual @ residual - np.trace(V)) / (m - 1)) if m > 1 else 0.0
    half = 0.5 * float(w @ bent[part])
    misfit = float((y - mean) @ inverse @ (y - mean)) / max(1, m - 1)  # about 1 where the errors explain the octaves
    reach = mean - min(max(mean, float(y.min())), float(y.max()))  # how far beyond all octaves it went
    sampling = math.sqrt(float(w @ V @ w))
    scatter = math.sqrt(2.0 * between * float(w @ w))
    drift = 0.0
    if m > 1:
        line = (j - j.mean()) / float(np.square(j - j.mean()).sum())
        slope, error = float(line @ residual), math.sqrt(float(line @ V @ line))
        drift = math.copysign(max(0.0, abs(slope) - error) * 0.5 * (m - 1), -slope)
    bias = math.hypot(math.sqrt(float(w @ U @ w)) * math.sqrt(max(1.0, misfit)), _RANK_ONE, reach)
    return Part(mean - half, sampling, bias, math.sqrt(scatter**2 + drift**2 + half**2), drift - half)
