"""Points of one's own, measured, predicted and held against learners that were run on them.

Measured risks are those of cross-validation: each of several splits trains on n random points and is tested on others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman import learners
from fractalman._typing import F64, I64
from fractalman.errors import FractalmanError
from fractalman.learners import Problem
from fractalman.prediction.own_data import for_learner, predict_own_data
from fractalman.prediction.own_display import StudiedDisplay, StudyDisplay
from fractalman.prediction.own_prediction import OwnPrediction

STUDIED = ("1-nn", "k-nn", "laplace-kernel", "ridge")
_SPLITS = 5
_TESTED = 1000  # test points of a split
_LARGEST_KERNEL = 1024  # training points of a kernel: its time grows as their cube
AGREE = 0.15
"""Share by which a prediction may miss beside three standard errors."""
_SIZES = 6


@dataclass(frozen=True)
class StudiedLearner(StudiedDisplay):
    """One learner's predicted and measured risks.

    Parameters
    ----------
    learner : str
        Its name.
    n : (sizes,) int64
        Training points.
    predicted : (sizes,) float64
        nan where there is no prediction.
    measured : (sizes,) float64
        Over splits; of classes the share of wrong answers (1-nn, k-nn), or half the squared error summed over one-hot
        columns.
    standard_error : (sizes,) float64
        Of ``measured``, over splits.
    agrees : bool or None
        Whether every size agrees within 15 % of the prediction and three standard errors, its own and those of the
        splits together; None without a prediction.
    failure : str
        Why it could not be studied, "" where it could.
    """

    learner: str
    n: I64
    predicted: F64
    measured: F64
    standard_error: F64
    agrees: bool | None
    failure: str


@dataclass(frozen=True)
class OwnStudy(StudyDisplay):
    """What `study_own_data` found.

    Parameters
    ----------
    prediction : OwnPrediction
        That of one neighbour, with dimensions and smoothness.
    curves : tuple of StudiedLearner
        One a learner.
    """

    prediction: OwnPrediction
    curves: tuple[StudiedLearner, ...]

    @property
    def verdict(self) -> str:
        """The study in one sentence."""
        held = [curve.learner for curve in self.curves if curve.agrees]
        missed = [curve.learner for curve in self.curves if curve.agrees is False]
        failed = [curve.learner for curve in self.curves if curve.failure]
        parts = [f"measured risks agree with the prediction for {', '.join(held)}"] if held else []
        parts += [f"they do not for {', '.join(missed)}"] if missed else []
        parts += [f"{', '.join(failed)} could not be studied"] if failed else []
        text = "; ".join(parts)
        return f"{text[:1].upper()}{text[1:]}."


def study_own_data(X: ArrayLike, y: ArrayLike, *, seed: int = 0, classes: bool | None = None) -> OwnStudy:
    """Measure, predict and cross-validate on points of one's own.

    Parameters
    ----------
    X : ArrayLike
        As for `predict_own_data`.
    y : ArrayLike
        As for `predict_own_data`.
    seed : int, default 0
        As for `predict_own_data`.
    classes : bool or None, default None
        As for `predict_own_data`.

    Returns
    -------
    OwnStudy

    Raises
    ------
    RecipeError, FitError
        For what cannot be measured at all; a learner that fails is named in its curve.
    """
    first = predict_own_data(X, y, seed=seed, classes=classes)
    points, labels = first.points, first.labels
    return OwnStudy(first, tuple(_studied(name, first, points, labels, seed) for name in STUDIED))


def own_study_work(X: ArrayLike) -> dict[str, Any]:
    """Return what `study_own_data` would fit: of every learner how often, and on how many points at most.

    Parameters
    ----------
    X : (n, d) array
        Points, as they have been read.

    Returns
    -------
    dict
        ``points``, ``columns``, ``tested`` and ``learners``, a row each: learner, fits, largest.
    """
    n, columns = np.shape(X)
    tested = min(_TESTED, n // 4)
    rows = [{"learner": name, "fits": _SPLITS * _SIZES, "largest": _largest(name, n, tested)} for name in STUDIED]
    return {"points": n, "columns": columns, "tested": tested, "learners": rows}


def _largest(name: str, n_points: int, n_tested: int) -> int:
    """Training points of the largest fit; a prediction may end earlier."""
    return min(n_points - n_tested, n_points if name in ("1-nn", "k-nn") else _LARGEST_KERNEL)


def _studied(name: str, first: OwnPrediction, points: F64, labels: F64, seed: int) -> StudiedLearner:
    n_tested = min(_TESTED, len(points) // 4)
    largest = _largest(name, len(points), n_tested)
    nothing = np.empty(0)
    try:
        one = for_learner(first, name, seed)
        low, high = one.sizes
        sizes = np.unique(np.rint(np.geomspace(max(16, low), min(high, largest), _SIZES)).astype(np.int64))
        curve = one.curve(sizes)
        rows = np.array([_split(one, points, labels, sizes, n_tested, seed + s) for s in range(_SPLITS)])
    except FractalmanError as error:
        return StudiedLearner(name, np.empty(0, np.int64), nothing, nothing, nothing, None, str(error))
    measured, error_of = rows.mean(axis=0), rows.std(axis=0, ddof=1) / np.sqrt(_SPLITS)
    allowed = AGREE * curve.risk + 3.0 * np.hypot(error_of, curve.standard_error)
    agrees = bool((np.abs(measured - curve.risk) <= allowed).all())
    return StudiedLearner(name, sizes, curve.risk, measured, error_of, agrees, "")


def _split(one: OwnPrediction, points: F64, labels: F64, sizes: I64, n_tested: int, seed: int) -> F64:
    """Return the risks of one split, at every size, of the kind that is predicted."""
    from fractalman.random.streams import Role, key64, permutation

    order = permutation(key64(seed, Role.PREDICTION, 16), len(points))
    inputs = points.astype(np.float32)
    test = order[-n_tested:]
    targets = (labels[:, None] == np.arange(one.classes)).astype(np.float64) if one.classes else labels[:, None]
    out = []
    for n in sizes.tolist():
        problem = Problem(inputs[order[:n]], targets[order[:n]], inputs[test], seed)
        found = learners.make(one.learner).run([problem])[0].prediction
        if one.shares:
            out.append(float(np.mean(found.argmax(axis=1) != labels[test])))
        else:
            squares = np.square(found - targets[test]).sum(axis=1)
            out.append(float(squares.mean()) / (2.0 if one.classes else 1.0))
    return np.array(out)


def own_study_table(study: OwnStudy) -> dict[str, object]:
    """Return plain JSON values of a study."""
    from fractalman.prediction.own_data_values import own_data_table

    return {
        "verdict": study.verdict,
        "prediction": own_data_table(study.prediction),
        "curves": [
            {
                "learner": curve.learner,
                "agrees": curve.agrees,
                "failure": curve.failure,
                "table": [
                    {"n": int(n), "predicted": float(p), "measured": float(m), "standard_error": float(e)}
                    for n, p, m, e in zip(curve.n, curve.predicted, curve.measured, curve.standard_error, strict=True)
                ],
            }
            for curve in study.curves
        ],
    }
