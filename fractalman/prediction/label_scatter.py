"""What one draw of labels leaves open: fields of the measured smoothness, drawn again on the same points.

g(k) = mean squared label difference of a point and its k-th neighbour (of classes: share that differ), 2σ² + c·E r_k^2H
with the noise variance σ² and the measured distances r_k: a power of k alone would take the steps of a hierarchical set
for noise. α is the slope of ln g against ln k. Fields of smoothness 2H are fractional Brownian motion on the points; of
classes, one that is cut where the classes' shares say. How ln g of drawn fields scatters, at all ranks together, is the
error that one draw has, which no resampling of the one draw shows; whatever (2H, σ²) lies within it is in the interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.measure.scaling import PowerLawFit
from fractalman.random.streams import Role, key64, normals, permutation

MOST = 2048  # points on which fields are drawn, those about a random centre where there are more
DRAWS = 192
FALSE_ALARMS = 0.05  # share of noiseless labels that may be taken for noisy
_DEEPEST = 16  # noise is looked for up to the (n/16)-th neighbour: smooth labels show above it only there
_RANKS = 16
_DISCREPANCY = 0.02  # relative, at every rank alone: by so much no field is one of our fields,
_WAVES = 0.05  # and by so much in waves
_LENGTH = 0.7  # of this length in ln k, as steps of a hierarchy make
_SHAPES = 64
_SHARES = np.concatenate([[0.0], np.geomspace(2e-3, 0.3, 24), 1.0 - np.geomspace(0.65, 1e-3, 24)])
_STUDENT = 2.2  # 95 % with as many degrees of freedom as there are ranks to spare


@dataclass(frozen=True)
class LabelEstimate(Display):
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
class NeighbourLaw(Display):
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
        Whether σ² = 0 is refused at a rate of false alarms of 5 %.
    """

    noisy: LabelEstimate
    clean: LabelEstimate
    noise: LabelEstimate
    noise_found: bool


@dataclass(frozen=True)
class Shapes:
    """What g looks like without noise, for every smoothness.

    Parameters
    ----------
    rank : (ranks,) k.
    two_h : (shapes,) power of the distance.
    alpha : (shapes,) slope of ln g against ln k over the window.
    curve : (shapes, ranks) mean distance of the k-th neighbour to that power, 1 at the last rank.
    """

    rank: F64
    two_h: F64
    alpha: F64
    curve: F64


def shapes(log_distance: F64, rank: F64, classes: bool, two_h: F64 | None = None) -> Shapes:
    """Return the shapes of log distances (points, ranks); differences grow as r² (classes: r) or little faster."""
    steepest = 1.2 if classes else 2.4
    powers = np.geomspace(0.02, steepest, _SHAPES) if two_h is None else two_h
    logs = log_distance - log_distance[:, -1:].mean()
    curve = np.stack([np.exp(power * logs).mean(axis=0) for power in powers])
    curve /= curve[:, -1:]
    return Shapes(rank, powers, plain_slope(rank, curve.T), curve)


def plain_slope(rank: F64, g: F64) -> F64:
    """Return the slope of ln g against ln k, (m,)."""
    x = np.log(rank)
    x = (x - x.mean()) / np.square(x - x.mean()).sum()
    return np.asarray(x @ np.log(np.maximum(g, 1e-300)).reshape(len(rank), -1))


@dataclass(frozen=True)
class _Misfits:
    """χ² (columns, shapes, shares) of curves against floor·s + (1 − s)·shape, in units of drawn fields' scatter."""

    chi2: F64

    def best(self) -> tuple[int, int]:
        """Return shape and share of the first column's least misfit."""
        which = np.unravel_index(int(np.argmin(self.chi2[0])), self.chi2.shape[1:])
        return int(which[0]), int(which[1])

    def gain(self) -> F64:
        """Return by how much noise lessens the misfit of every column."""
        return np.asarray(self.chi2[:, :, 0].min(axis=1) - self.chi2.min(axis=(1, 2)))


def misfits(shape: Shapes, log_g: F64, scatter: F64) -> _Misfits:
    """Return the misfits of curves (columns, ranks), their scale free, given how drawn ones scatter (draws, ranks)."""
    ranks = log_g.shape[1]
    apart = np.log(shape.rank)[:, None] - np.log(shape.rank)
    unlike = _DISCREPANCY**2 * np.eye(ranks) + _WAVES**2 * np.exp(-0.5 * np.square(apart / _LENGTH))
    covariance = np.cov(scatter.T) + unlike
    precision = np.linalg.inv(covariance) * (len(scatter) - ranks - 2) / (len(scatter) - 1)
    root = np.linalg.cholesky(precision).T
    constant = root.sum(axis=1) / np.linalg.norm(root.sum(axis=1))
    root = root - np.outer(constant, constant @ root)
    model = np.log(_SHARES[:, None] + (1.0 - _SHARES)[:, None] * shape.curve[:, None, :]) @ root.T
    given = log_g @ root.T
    flat = model.reshape(-1, ranks)
    chi2 = np.square(given).sum(axis=1)[:, None] - 2.0 * given @ flat.T + np.square(flat).sum(axis=1)
    return _Misfits(np.maximum(chi2, 0.0).reshape(len(given), *model.shape[:2]))


def fields(values: F64, two_h: float, draws: int, seed: int) -> F64:
    """Return (n, draws) fields of fractional Brownian motion with exponent 2H on points, 0 at their centre."""
    from scipy.spatial.distance import cdist

    far = np.linalg.norm(values - values.mean(axis=0), axis=1) ** two_h
    covariance = 0.5 * (far[:, None] + far - cdist(values, values) ** two_h)
    diagonal = np.diag_indices(len(values))
    noise = normals(key64(seed, Role.PREDICTION, 11), len(values) * draws).reshape(len(values), draws)
    for jitter in (1e-10, 1e-8):
        covariance[diagonal] += jitter * max(float(far.max()), 1e-300)
        try:
            return np.asarray(np.linalg.cholesky(covariance) @ noise)
        except np.linalg.LinAlgError:
            continue
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(eigenvalues, 0.0))) @ noise)


def cut(field: F64, shares: F64) -> F64:
    """Return classes 0, 1, … of every column, of the given shares."""
    bounds = np.quantile(field, np.cumsum(shares)[:-1], axis=0)
    return np.asarray((field[None] > bounds[:, None, :]).sum(axis=0), np.float64)


@dataclass(frozen=True)
class _Drawn:
    """Points on which labels are drawn again, and what their neighbours are."""

    points: F64
    near: I64
    rank: F64
    shape: Shapes
    shares: F64 | None
    seed: int

    def log_g(self, two_h: float, share: float, salt: int) -> F64:
        """Return ln g (draws, ranks) of fields with the share of noise at the last rank."""
        power = min(1.95, max(0.02, two_h * (1.0 if self.shares is None else 2.0)))
        made = fields(self.points, power, DRAWS, self.seed + salt)
        random = normals(key64(self.seed, Role.PREDICTION, 13 + salt), made.size).reshape(made.shape)
        if self.shares is None:
            level = share / max(1e-9, 1.0 - share) * float(np.square(made - made[self.near[:, -1]]).mean())
            made = made + math.sqrt(0.5 * level) * random
            differences = [np.square(made - made[other]).mean(axis=0) for other in self.near.T]
        else:  # a share of pairs differs by noise alone
            made = cut(made, self.shares)
            far = float((made != made[self.near[:, -1]]).mean())
            made = np.where(np.abs(random) > _flipped(share * far), made[::-1], made)
            differences = [np.maximum((made != made[other]).mean(axis=0), 0.5 / len(made)) for other in self.near.T]
        return np.asarray(np.log(np.maximum(np.stack(differences, axis=1), 1e-300)))


def neighbour_law(
    values: F64, labels: F64, rank: I64, g: F64, blocks: PowerLawFit, classes: bool, seed: int
) -> NeighbourLaw:
    """Return the exponents of g with errors over label draws.

    Parameters
    ----------
    values, labels : (n, d) points and (n,) labels.
    rank, g : as measured on all points.
    blocks : the fit of g by `measure.smoothness`: labels that are no field of ours, as those of a tree, scatter more
        than fields do, and blocks of space show it.
    classes : whether labels are class numbers, and g shares of pairs that differ.
    """
    n, k = len(values), rank.astype(np.float64)
    if not g.max() > 0.0:  # classes that are separated by gaps
        nothing = LabelEstimate(math.nan, math.nan, (-math.inf, math.inf))
        return NeighbourLaw(nothing, nothing, LabelEstimate(0.0, 0.75 / n, (0.0, 1.5 / n)), False)
    least = 0.5 / n * (1.0 if classes else float(g.max()))  # no pair that differs: half a one, as a logarithm needs
    g = np.maximum(g, least)
    noisy = float(plain_slope(k, g)[0])
    drawn = _drawn(values, labels, classes, seed)
    own_logs, own_g, whole_logs = _measured(values, labels, drawn.rank, rank, classes, seed)
    own, whole = shapes(own_logs, drawn.rank, classes), shapes(whole_logs, k, classes)
    log_g = np.log(np.maximum(own_g, least))[None, :]

    start = int(np.argmin(np.abs(own.alpha - noisy)))
    null = drawn.log_g(float(own.two_h[start]), 0.0, 0)
    misfit = misfits(own, log_g, null)
    start = int(np.argmin(misfit.chi2[0, :, 0]))
    null = drawn.log_g(float(own.two_h[start]), 0.0, 0)
    misfit, apart = misfits(own, log_g, null), max(1, len(drawn.rank) - 3)
    # labels that are no field of this kind miss every shape by more than drawn ones do: errors grow with it
    unlike = max(1.0, float(misfit.chi2.min()) / apart)
    gains = misfits(drawn.shape, null, null).gain()
    found = float(misfit.gain()[0]) > unlike * max(2.71, float(np.quantile(gains, 1.0 - FALSE_ALARMS)))
    scatter, best = null, misfit.best()
    inside = _inside(misfit, apart)
    for salt in (1, 2) if best[1] > 0 else ():
        scatter = drawn.log_g(float(own.two_h[best[0]]), float(_SHARES[best[1]]), salt)
        misfit = misfits(own, log_g, scatter)
        best = misfit.best()
    inside |= _inside(misfit, apart)
    # with more noise and less smoothness the scatter is another one: what is inside with that is inside
    most = int(np.nonzero(inside.any(axis=0))[0][-1])
    of_most = int(np.argmin(np.where(inside[:, most], misfit.chi2[0, :, most], np.inf)))
    if most != best[1]:
        inside |= _inside(misfits(own, log_g, drawn.log_g(float(own.two_h[of_most]), float(_SHARES[most]), 3)), apart)
    alphas, shares = whole.alpha[inside.any(axis=1)], _SHARES[inside.any(axis=0)]

    short = drawn.rank <= rank[-1]
    plain = plain_slope(drawn.rank[short], np.exp((scatter if found else null).T[short]))
    error = float(plain.std(ddof=1))
    several = classes and np.unique(labels).size > 2
    half = _together(_STUDENT * error, blocks.half_width, several)
    as_it_is = LabelEstimate(noisy, _together(error, blocks.standard_error, several), (noisy - half, noisy + half))
    level = 0.5 * float(own_g[-1])
    noise = _estimate(
        level * float(_SHARES[best[1]]) if found else 0.0, level * float(shares.min() if found else 0.0),
        level * float(shares.max()),
    )  # fmt: skip
    low, high = float(alphas.min()), float(alphas.max())
    clean = float(whole.alpha[best[0]])
    if not found:  # noise that was not found cannot be ruled out: the exponent above it may be larger
        clean, low, high = noisy, min(as_it_is.interval[0], low), max(as_it_is.interval[1], high)
    return NeighbourLaw(as_it_is, _estimate(clean, low, high), noise, bool(found))


def _together(fields: float, blocks: float, several: bool) -> float:
    """One error of two: that of fields, but both where blocks of space show more, as labels of a tree do.

    Such labels are no field of ours; what all blocks share, as the first latents of a tree, shows in fields alone.
    On cascades of 1000 points and more that is 1.2 to 1.5 times two standard deviations of labels (20 draws each, seeds
    from 900 on), where the larger of the two alone would do with 1.1; on critical clusters it is barely two standard
    deviations, the larger alone 1.5, and one draw of labels does not say which of the two it is. With 300 points it is
    1.5 to 2.9 standard deviations on cascades.
    Fields cut into ``several`` classes scatter less than a tree's labels do, and blocks do not always show it: of them
    it is both (five classes on cascades and clusters, 30 draws: .90 to 1.00 covered, .83 to .97 without).
    """
    return fields if blocks <= fields and not several else math.hypot(fields, blocks)


def _inside(misfit: _Misfits, apart: int) -> npt.NDArray[np.bool_]:
    """Return whether (shapes, shares) are within the 95 % region, wider where labels are no field of this kind."""
    least = float(misfit.chi2[0].min())
    return np.asarray(misfit.chi2[0] - least < max(1.0, least / apart) * _STUDENT**2)


def _estimate(value: float, low: float, high: float) -> LabelEstimate:
    low, high = min(low, value), max(high, value)
    return LabelEstimate(value, 0.25 * (high - low), (low, high))


def _drawn(values: F64, labels: F64, classes: bool, seed: int) -> _Drawn:
    from scipy.spatial.distance import cdist

    n = len(values)
    part = np.arange(n)
    if n > MOST:  # as dense as they are: thinned, they would hide what happens between close neighbours
        centre = values[permutation(key64(seed, Role.PREDICTION, 12), n)[0]]
        part = np.sort(np.argsort(np.linalg.norm(values - centre, axis=1), kind="stable")[:MOST])
    points = values[part]
    used = np.unique(np.rint(np.geomspace(1, max(8, len(points) // _DEEPEST), _RANKS)).astype(np.int64))
    distances = cdist(points, points)
    np.fill_diagonal(distances, -1.0)
    order = np.argsort(distances, axis=1, kind="stable")
    near = order[:, used]
    logs = np.log(np.maximum(np.take_along_axis(distances, near, axis=1), 1e-300))
    shares = np.unique(labels, return_counts=True)[1] / n if classes else None
    k = used.astype(np.float64)
    return _Drawn(points, near, k, shapes(logs, k, classes), shares, seed)


def _measured(values: F64, labels: F64, wide: F64, rank: I64, classes: bool, seed: int) -> tuple[F64, F64, F64]:
    """Return log distances (points, ranks) and g at the wide ranks, and log distances at the others."""
    from scipy.spatial.distance import cdist

    n = len(values)
    sources = permutation(key64(seed, Role.PREDICTION, 24), n)[: MOST if n <= 4 * MOST else MOST // 2]
    ranks = np.union1d(wide.astype(np.int64), rank[rank < n])
    last, logs, differences = int(ranks[-1]), [], []
    for part in np.array_split(sources, max(1, len(sources) // 64)):
        distances = cdist(values[part], values)
        distances[np.arange(len(part)), part] = -1.0  # the point itself has rank 0
        near = np.argpartition(distances, last, axis=1)[:, : last + 1]
        far = np.take_along_axis(distances, near, axis=1)
        order = np.argsort(far, axis=1, kind="stable")[:, ranks]
        logs.append(np.log(np.maximum(np.take_along_axis(far, order, axis=1), 1e-300)))
        other, own = labels[np.take_along_axis(near, order, axis=1)], labels[part][:, None]
        differences.append((other != own).astype(np.float64) if classes else np.square(other - own))
    log, g = np.concatenate(logs), np.concatenate(differences).mean(axis=0)
    at = np.searchsorted(ranks, wide.astype(np.int64))
    return log[:, at], g[at], log[:, np.searchsorted(ranks, rank[rank < n])]


def _flipped(level: float) -> float:
    """The normal threshold beyond which a label is replaced, so that near pairs differ with probability ``level``."""
    from scipy.special import ndtri

    share = 0.5 * (1.0 - math.sqrt(max(0.0, 1.0 - 2.0 * min(level, 0.5))))
    return float(ndtri(1.0 - 0.5 * share)) if share > 0.0 else math.inf
