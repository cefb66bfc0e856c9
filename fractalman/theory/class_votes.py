"""0–1 risks of smoothers that see classes and vote, over drawn labels; of one neighbour exactly.

A smoother H of classes s ∈ {0, 1} answers 1 where Σ_i H_ti s_i > ½. For one neighbour the risk is that of
`neighbour_class_risk`; for everyone else it is an orthant probability without a closed form, so it is a share of wrong
answers over label draws. What the smoother chooses, a ridge or k, it chooses by the expected squared error of
`ClassCovariance`, without a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.conventions import CLASS_MIDDLE
from fractalman.errors import RecipeError
from fractalman.theory.classification import ClassCovariance
from fractalman.theory.covariance import check_points, check_sizes
from fractalman.theory.label_covariance import LabelCovariance
from fractalman.theory.ridged import Smoother
from fractalman.theory.smoothers import Neighbours, smoother_curve, smoother_named


def neighbour_class_curve(
    covariance: LabelCovariance,
    X: AnyFloat,
    order: I64,
    sizes: Sequence[int] | I64,
    test: I64,
    threshold: float = 0.0,
) -> F64:
    """Return the expected 0–1 risk of one neighbour in X, exact over labels, for nested training sets order[:n].

    Parameters
    ----------
    covariance : LabelCovariance
        Of the Gaussian labels that the classes are of.
    X : (n_points, d) float array
        Coordinates.
    order : (≥ max(sizes),) int64
        Points in training order.
    sizes : array or sequence of int
        Training-set sizes n ≥ 1.
    test : (t,) int64
        Point numbers of the test points.
    threshold : float, default 0
        c, in the unit of the labels; 0 is the sign.

    Returns
    -------
    (len(sizes),) float64
        Shares of wrong classes, averaged over the test points.

    Notes
    -----
    docs/theory.md §4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory import FieldCovariance
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> neighbour_class_curve(FieldCovariance(X, 0.5), X, np.array([0]), [1], np.array([1])).round(4).tolist()
    [0.4994]
    """
    classes = ClassCovariance(covariance, threshold)
    return np.asarray(0.25 * smoother_curve(classes, X, order, sizes, test, Neighbours(1)), np.float64)


def vote_curve(
    covariance: LabelCovariance,
    classes: F64,
    X: AnyFloat,
    order: I64,
    sizes: Sequence[int] | I64,
    test: I64,
    learner: str | Smoother,
    threshold: float = 0.0,
    key: int = 0,
) -> F64:
    """Return the 0–1 risk of a smoother of classes over drawn labels, for nested training sets order[:n].

    Parameters
    ----------
    covariance : LabelCovariance
        Of the Gaussian labels that the classes are of; it decides what the smoother chooses.
    classes : (n_points, m) float64
        m draws of the classes, 0 and 1.
    X : (n_points, d) float array
        Coordinates.
    order : (≥ max(sizes),) int64
        Points in training order.
    sizes : array or sequence of int
        Training-set sizes n ≥ 1.
    test : (t,) int64
        Point numbers of the test points.
    learner : str or Smoother
        A name of `SMOOTHERS`, "5-nn" and the like, or a `Smoother`.
    threshold : float, default 0
        c, in the unit of the labels; 0 is the sign.
    key : int, default 0
        The learner's key (`Problem.key`).

    Returns
    -------
    (len(sizes),) float64
        Shares of wrong classes, averaged over test points and draws.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    docs/theory.md §4.1. But for neighbours, the matrix of second moments of the training classes is held: 8n² bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory import FieldCovariance
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    >>> labels = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    >>> vote_curve(FieldCovariance(X, 0.5), labels, X, np.array([0, 1]), [2], np.array([2]), "1-nn").tolist()
    [0.5]
    """
    if classes.ndim != 2 or len(classes) != covariance.n_points or not np.isin(classes, (0.0, 1.0)).all():
        raise RecipeError(f"classes of shape {classes.shape}: expected ({covariance.n_points}, draws), each 0 or 1")
    if X.ndim != 2 or len(X) != covariance.n_points:
        raise RecipeError(f"X of shape {X.shape}: expected a table of {covariance.n_points} points")
    seen, points = check_points("order", order, covariance.n_points), check_points("test", test, covariance.n_points)
    wanted, smoother = check_sizes(sizes, seen.size), smoother_named(learner)
    if not wanted:
        return np.empty(0)
    known = seen[: max(wanted)]
    everyone = np.arange(known.size)
    pairwise = isinstance(smoother, Neighbours)  # asks for the moments of a few pairs only
    moments = None if pairwise else ClassCovariance(covariance.restricted(known), threshold).block(everyone, everyone)
    risks = []
    for n in wanted:
        own: LabelCovariance
        if moments is None:
            own = ClassCovariance(covariance.restricted(known[:n]), threshold)
        else:
            own = _Moments(moments[:n, :n])
        votes = _weights(smoother, own, X[known[:n]], X[points], key) @ classes[known[:n]]
        risks.append(float(((votes > CLASS_MIDDLE) != (classes[points] > 0.5)).mean()))
    return np.array(risks, np.float64)


def _weights(smoother: Smoother, moments: LabelCovariance, X: AnyFloat, Z: AnyFloat, key: int) -> F64:
    """H at the points Z, with the ridge or the k of least expected squared error on held-out training points."""
    train = np.arange(len(X))
    if isinstance(smoother, Neighbours) and smoother.k is not None:
        return smoother.weights(X, Z)
    chosen = smoother.expected(moments, X, X[:1], train, train[:1], key)  # what is chosen knows no test point
    if isinstance(smoother, Neighbours):
        return replace(smoother, k=chosen.k).weights(X, Z)
    return smoother.weights(X, Z, key, chosen.ridge)


class _Moments(LabelCovariance):
    """E s_i s_j of classes ±1 as one matrix."""

    def __init__(self, matrix: F64) -> None:
        self.matrix = matrix

    @property
    def n_points(self) -> int:
        return len(self.matrix)

    def restricted(self, points: I64) -> _Moments:
        return _Moments(self.matrix[np.ix_(points, points)])

    def prior(self, points: I64) -> F64:
        return np.asarray(self.matrix[points, points], np.float64)

    def pairs(self, i: I64, j: I64) -> F64:
        return np.asarray(self.prior(i) + self.prior(j) - 2.0 * self.matrix[i, j], np.float64)

    def block(self, i: I64, j: I64) -> F64:
        return np.asarray(self.matrix[np.ix_(i, j)], np.float64)

    def times(self, vectors: F64) -> F64:
        return np.asarray(self.matrix @ vectors, np.float64)

    def residuals(self, weights: F64, train: I64, test: I64) -> F64:
        across = np.einsum("tn,tn->t", weights, self.block(test, train))
        own = np.einsum("tn,tn->t", weights @ self.block(train, train), weights)
        return np.asarray(np.maximum(self.prior(test) - 2.0 * across + own, 0.0), np.float64)
