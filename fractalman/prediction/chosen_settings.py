"""Curves of learners that choose a setting on validation points: the ridge of (kernel) ridge regression, k of k-NN.

A learner fits on four fifths of its n training points, takes the setting of the smallest risk on the others and refits
on all. Expected risks take the place of measured ones here: the setting that is best in the mean at 4n/5 is used at n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fractalman import theory
from fractalman._typing import F64, I64
from fractalman.conventions import KERNEL_RIDGES, LINEAR_RIDGES, NEIGHBOURS, validation_split
from fractalman.display import Display
from fractalman.errors import FitError
from fractalman.random.streams import Role, key64, permutation
from fractalman.theory import KernelSpectrum

_SOURCES = 1024
_TESTED = 256
_ORDERS = 3
_GROWTH = 1.5  # ratio of the ranks that are taken together


def risk_with_chosen_ridge(spectrum: KernelSpectrum, sizes: I64, coordinates: int) -> tuple[F64, F64]:
    """Return the risk at every size with the ridge that is best in the mean, and these ridges in the learner's unit.

    Parameters
    ----------
    spectrum : of `theory.spectrum_of`; of a linear kernel, ``coordinates`` = d of the points.
    sizes : training points, 2 or more.

    Raises
    ------
    FitError
        When no ridge has a finite risk.
    """
    linear = spectrum.kernel.startswith("linear")
    ridges = LINEAR_RIDGES[::-1] if linear else KERNEL_RIDGES  # in the order in which ties are decided
    fitted = np.array([max(1, len(validation_split(0, int(n))[0])) for n in sizes])
    mean_square = spectrum.trace / coordinates

    def risks(ridge: float, n: I64) -> F64:
        added = ridge * mean_square * n if linear else np.full(len(n), ridge)
        found = np.asarray(theory.learning_curve_from_spectrum(spectrum, n, added).risk, np.float64)
        return np.where(np.isfinite(found), found, np.inf)

    best = np.argmin(np.stack([risks(ridge, fitted) for ridge in ridges]), axis=0)
    full = np.stack([risks(ridge, sizes) for ridge in ridges])
    risk = full[best, np.arange(len(sizes))]
    if not np.isfinite(risk).all():
        raise FitError("no ridge has a finite predicted risk: expected a kernel whose eigenvalues are finite")
    return np.asarray(risk), np.asarray(ridges)[best]


@dataclass(frozen=True)
class MeasuredVariogram(Display):
    """Mean squared label difference (of classes, share that differ) against distance, noise included.

    Parameters
    ----------
    log_distance : (groups,) float64
        Logarithm of the distance; pairs between two distances make a group.
    difference : (groups,) float64
        Mean squared label difference of the group.
    """

    log_distance: F64
    difference: F64

    def __call__(self, distance: F64) -> F64:
        """Return the difference at distances, linear in between on the logarithm; at 0 that of the nearest."""
        x = np.log(np.maximum(distance, 1e-300))
        return np.asarray(np.interp(x, self.log_distance, self.difference))


def measured_variogram(points: F64, labels: F64, classes: bool, seed: int) -> MeasuredVariogram:
    """Return the variogram at all distances, from 1024 random points to all."""
    from scipy.spatial.distance import cdist

    n = len(points)
    sources = permutation(key64(seed, Role.PREDICTION, 17), n)[:_SOURCES]
    ranks = np.unique(np.rint(_GROWTH ** np.arange(math.ceil(math.log(n) / math.log(_GROWTH)) + 1)).astype(np.int64))
    ranks = np.append(ranks[ranks < n - 1], n - 1)
    edges = np.empty(0)
    logs, differences, pairs = (np.zeros(len(ranks) + 1) for _ in range(3))
    for start in range(0, len(sources), 64):
        part = sources[start : start + 64]
        rows = cdist(points[part], points)
        rows[np.arange(len(part)), part] = 0.0
        if not edges.size:  # distances that part the pairs: those of neighbours whose ranks grow by a ratio
            edges = np.maximum.accumulate(np.median(np.sort(rows, axis=1)[:, ranks], axis=0))
        others = rows > 0.0
        group = np.searchsorted(edges, rows[others])
        apart = (labels - labels[part][:, None])[others]
        apart = (apart != 0.0).astype(np.float64) if classes else np.square(apart)
        logs += np.bincount(group, np.log(rows[others]), len(pairs))
        differences += np.bincount(group, apart, len(pairs))
        pairs += np.bincount(group, minlength=len(pairs))
    full = pairs > 0.0
    return MeasuredVariogram(logs[full] / pairs[full], differences[full] / pairs[full])


@dataclass(frozen=True)
class LabelDifferences(Display):
    """Squared differences of the labels themselves (of classes, whether they differ): of these points and no others.

    Parameters
    ----------
    labels : (n,) float64
        Label or class of every point.
    classes : bool
        Whether they are classes.
    """

    labels: F64
    classes: bool


def risk_with_chosen_neighbours(
    differences: MeasuredVariogram | LabelDifferences, points: F64, sizes: I64, seed: int
) -> tuple[F64, F64]:
    """Return the risk of the mean of k neighbours at every size, with the k that is best in the mean, and these k.

    Parameters
    ----------
    differences : of labels: by distance, or those of the points themselves.
    points : (N, d), labels' points.
    sizes : training points.
    seed : orders them.
    """
    risks, chosen = np.zeros((_ORDERS, len(sizes))), np.zeros((_ORDERS, len(sizes)))
    for i in range(_ORDERS):
        order = permutation(key64(seed, Role.PREDICTION, 18 + i), len(points))
        test = order[-min(_TESTED, len(points) // 4) :]
        for j, n in enumerate(sizes.tolist()):
            train = order[:n]
            fit, held = validation_split(key64(seed, Role.PREDICTION, 21 + i), n)
            numbers = [k for k in NEIGHBOURS if k <= max(1, len(fit))]
            k = 1
            if len(held):
                tried = _means_of_neighbours(differences, points, train[fit], train[held[:_TESTED]], numbers)
                k = numbers[int(np.argmin(tried))]
            risks[i, j] = _means_of_neighbours(differences, points, train, test, [k])[0]
            chosen[i, j] = k
    return np.asarray(risks.mean(axis=0)), np.asarray(np.median(chosen, axis=0))


def _between(differences: MeasuredVariogram | LabelDifferences, distance: F64, some: I64, others: I64) -> F64:
    """Squared differences of pairs of rows (of classes, whether they differ or the share that does)."""
    if isinstance(differences, MeasuredVariogram):
        return differences(distance)
    apart = differences.labels[some] - differences.labels[others]
    return np.asarray(apart != 0.0, np.float64) if differences.classes else np.square(apart)


def _means_of_neighbours(
    differences: MeasuredVariogram | LabelDifferences, points: F64, known: I64, asked: I64, numbers: list[int]
) -> F64:
    """Σ_i γ_ti/k − Σ_ij γ_ij/2k² over the k nearest of rows ``known``, mean over rows ``asked``, for every k."""
    from scipy.spatial.distance import cdist, pdist, squareform

    far = cdist(points[asked], points[known])
    most = numbers[-1]
    near = np.argsort(far, axis=1, kind="stable")[:, :most]
    one = _between(differences, np.take_along_axis(far, near, axis=1), asked[:, None], known[near])
    mean = np.cumsum(one, axis=1).mean(axis=0)
    some, other = np.triu_indices(most, 1)  # in the order of pdist
    pairs = np.zeros(len(some))
    for rows in known[near] if most > 1 else ():
        pairs += _between(differences, pdist(points[rows]), rows[some], rows[other])
    both = squareform(pairs / len(asked)) if most > 1 else np.zeros((1, 1))
    found = np.array([mean[k - 1] / k - both[:k, :k].sum() / (2.0 * k * k) for k in numbers])
    # of labels themselves it is a mean of squares, and below 0 by rounding only
    return np.maximum(found, 0.0) if isinstance(differences, LabelDifferences) else found


def no_risk(sizes: I64, risk: F64) -> tuple[str, ...]:
    """Say from which size on the variogram's risk of k neighbours is none: means over distances do not hold there."""
    without = sizes[risk <= 0.0]
    if not without.size:
        return ()
    return (
        f"from n = {without[0]} on the measured variogram gives k neighbours a risk below 0: labels' differences "
        "depend on more than the distance, as where classes are separated; the curve is of these points' labels",
    )
