"""Whether a sweep's labels are those that its recipe declares: their modes, one by one, against the declared variances.

Where the labels' covariance on a replicate's points is known, labels in its eigenvectors over the square roots of its
eigenvalues have mean square 1, mode by mode, whatever the points are. A risk sees the sum of what they are wrong by,
weighted by what its learner leaves; where little can be learned, labels of another kind hardly move it, and a verdict
that it agrees would say nothing about them. Modes are taken together in bands from smooth to rough. Of Gaussian labels
the sum of squares is χ², of others (classes, waves) its scatter is that of the label vectors.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64
from fractalman.experiments.points import Point
from fractalman.recipes import Recipe
from fractalman.theory import LabelCovariance

INFO = "label_modes"
"""Under which a point's ``info`` holds what `label_modes` found."""
SIGNIFICANCE = 1e-3
"""Labels are others than declared where so improbable a band, or a more improbable one, was found."""
_POINTS = 512
_BANDS = (4, 16, 64, 256)  # edges, in modes from the smoothest …
_ROUGHEST = 32  # … and the last of all, where noise that was not declared is largest
_SMALLEST = 1e-8  # of the largest eigenvalue; labels are no more precise than that


@dataclass(frozen=True)
class LabelLaw:
    """What the modes of all replicates say together.

    Parameters
    ----------
    p_value : float
        Of the least probable band, counted once for every band.
    reason : str
        What it is, in words.
    """

    p_value: float
    reason: str

    @property
    def broken(self) -> bool:
        """Whether the labels are others than declared."""
        return self.p_value < SIGNIFICANCE


def label_modes(covariance: LabelCovariance, labels: F64) -> list[list[float]]:
    """Return for every band of modes their number, their mean square and its scatter over the label vectors.

    Parameters
    ----------
    covariance : LabelCovariance
        Of the labels at all points; of classes their second moments.
    labels : (n, m) float64
        m label vectors.

    Returns
    -------
    list of [modes, mean, standard deviation]
        From smooth to rough, to eight digits; the last is 0 of one vector.
    """
    n = len(labels)
    used = np.unique(np.linspace(0, n - 1, min(n, _POINTS)).astype(np.int64))
    values, vectors = np.linalg.eigh(covariance.block(used, used))
    values, vectors = values[::-1], vectors[:, ::-1]
    known = values > _SMALLEST * max(values[0], 0.0)
    squares = np.square(vectors[:, known].T @ labels[used]) / values[known, None]
    count = len(squares)
    edges = sorted({0, *(edge for edge in (*_BANDS, count - _ROUGHEST) if 0 < edge < count), count})
    found = []
    for low, high in itertools.pairwise(edges):
        mean = squares[low:high].mean(axis=0)
        scatter = float(mean.std(ddof=1)) if mean.size > 1 else 0.0
        found.append([float(high - low), *(float(f"{number:.8g}") for number in (mean.mean(), scatter))])
    return found


def gaussian(recipe: Recipe) -> bool:
    """Whether a recipe's labels are jointly Gaussian given its points."""
    return not recipe.classifies and recipe.gaussian_values


def label_law(points: Sequence[Point], vectors: int, gaussian: bool) -> LabelLaw | None:
    """Return what is known of the labels of a learner's points; None where nothing is.

    Parameters
    ----------
    points : sequence of Point
        Of one learner; those without ``info["label_modes"]`` are left out.
    vectors : int
        Label vectors of a replicate, m.
    gaussian : bool
        Whether labels are jointly Gaussian.
    """
    from scipy.special import chdtr, chdtrc, stdtr

    rows = [np.array(point.info[INFO], np.float64) for point in points if point.info.get(INFO) and not point.doubled]
    bands = min((len(row) for row in rows), default=0)
    if not bands or (not gaussian and vectors < 2):
        return None
    worst: tuple[float, float, float, int, int] | None = None
    first = 0
    for b in range(bands):
        modes, mean, scatter = np.array([row[b] for row in rows]).T
        ratio = float(np.average(mean, weights=modes))
        if gaussian:
            freedom = float(modes.sum()) * vectors
            total = ratio * freedom
            p_value = 2.0 * float(min(chdtr(freedom, total), chdtrc(freedom, total), 0.5))
            error = math.sqrt(2.0 / freedom)
        else:
            error = float(np.sqrt(np.square(scatter * modes).sum() / vectors) / modes.sum())
            t = abs(ratio - 1.0) / error if error > 0.0 else 0.0
            p_value = 2.0 * float(stdtr(len(rows) * (vectors - 1), -t))
        last = first + int(modes.max())
        if worst is None or p_value < worst[0]:
            worst = (p_value, ratio, error, first + 1, last)
        first = last
    if worst is None:
        return None
    said = (
        f"modes {worst[3]} to {worst[4]} of the labels have {worst[1]:.3g} ± {2.0 * worst[2]:.2g} times the variance "
        "that the recipe declares"
    )
    return LabelLaw(min(1.0, bands * worst[0]), said)
