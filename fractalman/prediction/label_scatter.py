"""What one draw of labels leaves open: fields of the measured smoothness, drawn again on the same points.

g(k) = mean squared label difference of a point and its k-th neighbour (of classes: share that differ), ~ 2σ² + c·k^α
with the noise variance σ². A field of smoothness 2H = α·D is fractional Brownian motion on the points; of classes, one
that is cut where the classes' shares say. How α and σ² of drawn fields scatter about those of their mean g is the error
that one draw has, which no resampling of the one draw shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64
from fractalman.random.streams import Role, key64, normals, permutation

MOST = 768  # points on which fields are drawn: their covariance is decomposed
DRAWS = 96
_ALPHAS = np.geomspace(0.02, 4.0, 160)
_PARTS = 32  # g is fitted up to the (n/32)-th neighbour


@dataclass(frozen=True)
class LabelEstimate:
    """A number with its error over label draws.

    Parameters
    ----------
    value : float
        The estimate.
    standard_error : float
        Over label draws and starting points.
    interval : tuple of two float
        Ends of the 95 % interval.
    """

    value: float
    standard_error: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class NeighbourLaw:
    """The exponents of neighbours' differences, with and without noise.

    Parameters
    ----------
    noisy : LabelEstimate
        Exponent of g as it is: that of the risk with its noise, in the window of ranks.
    clean : LabelEstimate
        Exponent above the noise: that of the risk's part that can be learned.
    noise : LabelEstimate
        σ², unit of y² (of classes, half the share of near pairs that differ); 0 is in the interval where none is found.
    noise_found : bool
        Whether σ² is larger than in 95 of 100 draws without noise, or than twice its error.
    """

    noisy: LabelEstimate
    clean: LabelEstimate
    noise: LabelEstimate
    noise_found: bool


def with_floor(rank: F64, g: F64) -> tuple[F64, F64]:
    """Return α and the floor of g = floor + c·k^α, floor ≥ 0, by relative least squares, of every column of g."""
    g = np.maximum(g, 1e-300)
    w = np.square(1.0 / g).reshape(len(rank), -1)
    y = g.reshape(len(rank), -1)
    best = np.full(y.shape[1], np.inf)
    alpha, floor = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    s0, sy = w.sum(axis=0), (w * y).sum(axis=0)
    for a in _ALPHAS:
        x = (rank / rank[-1]) ** a
        sx, sxx, sxy = x @ w, np.square(x) @ w, x @ (w * y)
        determinant = s0 * sxx - sx * sx
        level = (sxx * sy - sx * sxy) / np.maximum(determinant, 1e-300)
        level = np.where((level > 0.0) & (determinant > 0.0), level, 0.0)
        slope = (sxy - level * sx) / sxx
        misfit = (w * np.square(y - level - np.outer(x, slope))).sum(axis=0)
        better = (misfit < best) & (slope > 0.0)
        best = np.where(better, misfit, best)
        alpha, floor = np.where(better, a, alpha), np.where(better, level, floor)
    return alpha, floor


def plain_slope(rank: F64, g: F64) -> F64:
    """Return the slope of ln g against ln k, (m,)."""
    x = np.log(rank)
    x = (x - x.mean()) / np.square(x - x.mean()).sum()
    return np.asarray(x @ np.log(np.maximum(g, 1e-300)).reshape(len(rank), -1))


def fields(values: F64, two_h: float, draws: int, seed: int) -> F64:
    """Return (n, draws) fields of fractional Brownian motion with exponent 2H on points, 0 at their centre."""
    from scipy.spatial.distance import cdist

    far = np.linalg.norm(values - values.mean(axis=0), axis=1) ** two_h
    covariance = 0.5 * (far[:, None] + far - cdist(values, values) ** two_h)
    covariance[np.diag_indices(len(values))] += 1e-9 * max(float(far.max()), 1e-300)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    noise = normals(key64(seed, Role.PREDICTION, 11), len(values) * draws).reshape(len(values), draws)
    return np.asarray(root @ noise)


def cut(field: F64, shares: F64) -> F64:
    """Return classes 0, 1, … of every column, of the given shares."""
    bounds = np.quantile(field, np.cumsum(shares)[:-1], axis=0)
    return np.asarray((field[None] > bounds[:, None, :]).sum(axis=0), np.float64)


def neighbour_law(
    values: F64, labels: F64, rank: I64, g: F64, sampling: float, D: float, classes: bool, seed: int
) -> NeighbourLaw:
    """Return the exponents of g with errors over label draws.

    Parameters
    ----------
    values, labels : (n, d) points and (n,) labels.
    rank, g : as measured on all points.
    sampling : standard error of the plain slope over starting points.
    D : dimension of the points.
    classes : whether labels are class numbers, and g shares of pairs that differ.
    """
    n, k = len(values), rank.astype(np.float64)
    if classes:
        g = np.maximum(g, 0.5 / n)  # no pair that differs: half a one, as a logarithm needs
    noisy, (clean, floor) = float(plain_slope(k, g)[0]), (float(v[0]) for v in with_floor(k, g))
    part = np.sort(permutation(key64(seed, Role.PREDICTION, 12), n)[:MOST]) if n > MOST else np.arange(n)
    points = values[part]
    near, ranks = _neighbours(points)
    wider = math.log(max(2.0, len(points) / _PARTS)) / math.log(max(2.0, n / _PARTS))  # a longer window errs less
    shares = np.unique(labels, return_counts=True)[1] / n if classes else None

    def drawn(alpha: float, level: float, salt: int) -> tuple[F64, F64]:
        """g of drawn fields (ranks, draws), and their mean."""
        # the share of pairs that a cut field separates grows as its H, squared differences as 2H
        two_h = min(1.95, max(0.05, alpha * D * (2.0 if classes else 1.0)))
        made = fields(points, two_h, DRAWS, seed + salt)
        if shares is not None:
            made = cut(made, shares)
            random = normals(key64(seed, Role.PREDICTION, 13 + salt), made.size).reshape(made.shape)
            flip = np.abs(random) > _flipped(level)
            made = np.where(flip, made[::-1], made)
        differences = np.stack([_apart(made, near[:, j], classes) for j in range(near.shape[1])])
        if shares is None and level > 0.0:
            scale = max(1e-300, (float(g[-1]) - level)) / float(differences[-1].mean())
            sigma = math.sqrt(0.5 * level / scale)
            made = made + sigma * normals(key64(seed, Role.PREDICTION, 14 + salt), made.size).reshape(made.shape)
            differences = np.stack([_apart(made, near[:, j], classes) for j in range(near.shape[1])])
        return differences, differences.mean(axis=1)

    without, mean = drawn(max(0.02, noisy), 0.0, 0)
    null_alpha, null_floor = with_floor(ranks, without)
    share = null_floor / np.maximum(without[-1], 1e-300)
    found = floor / float(g[-1]) > float(np.quantile(share, 0.95))
    with_noise = without
    if floor > 0.0:  # fields with this noise say how well it is known
        with_noise, noisy_mean = drawn(clean, floor, 1)
        deviation = with_floor(ranks, with_noise)[1] / np.maximum(with_noise[-1], 1e-300) - floor / float(g[-1])
        found = found or floor / float(g[-1]) > 2.0 * wider * float(np.sqrt(np.mean(np.square(deviation))))
        mean, with_noise = (noisy_mean, with_noise) if found else (mean, without)
    alphas, floors = with_floor(ranks, with_noise) if found else (null_alpha, null_floor)
    true_alpha, true_floor = (float(v[0]) for v in with_floor(ranks, mean))
    slopes, true_slope = plain_slope(ranks, with_noise), float(plain_slope(ranks, mean)[0])

    def estimate(value: float, deviations: F64, more: float) -> LabelEstimate:
        error = math.hypot(wider * float(np.sqrt(np.mean(np.square(deviations)))), more)
        return LabelEstimate(value, error, (value - 2.0 * error, value + 2.0 * error))

    of_noise = 0.5 * (floors / np.maximum(with_noise[-1], 1e-300) - true_floor / float(mean[-1])) * float(g[-1])
    noise = estimate(0.5 * floor, of_noise, 0.0)
    low = max(0.0, noise.interval[0]) if found else 0.0
    of_clean = estimate(
        clean if found else noisy, (alphas if found else slopes) - (true_alpha if found else true_slope), sampling
    )
    if not found and floor > 0.0:  # noise that was not found cannot be ruled out: the exponent above it may be larger
        low_end, high_end = of_clean.interval
        of_clean = LabelEstimate(
            of_clean.value, max(of_clean.standard_error, 0.5 * (clean - noisy)), (low_end, max(high_end, clean))
        )
    return NeighbourLaw(
        noisy=estimate(noisy, slopes - true_slope, sampling),
        clean=of_clean,
        noise=LabelEstimate(noise.value, noise.standard_error, (low, max(noise.interval[1], low))),
        noise_found=bool(found),
    )


def _neighbours(points: F64) -> tuple[I64, F64]:
    from scipy.spatial.distance import cdist

    last = max(8, len(points) // _PARTS)
    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    ranks = np.unique(np.rint(np.geomspace(1, last, 12)).astype(np.int64))
    order = np.argsort(distances, axis=1, kind="stable")[:, :last]
    return order[:, ranks - 1], ranks.astype(np.float64)


def _apart(made: F64, other: I64, classes: bool) -> F64:
    if classes:
        return np.asarray(np.maximum((made != made[other]).mean(axis=0), 0.5 / len(made)))
    return np.asarray(np.square(made - made[other]).mean(axis=0))


def _flipped(level: float) -> float:
    """The normal threshold beyond which a label is replaced, so that near pairs differ with probability ``level``."""
    from scipy.special import ndtri

    share = 0.5 * (1.0 - math.sqrt(max(0.0, 1.0 - 2.0 * min(level, 0.5))))
    return float(ndtri(1.0 - 0.5 * share)) if share > 0.0 else math.inf
