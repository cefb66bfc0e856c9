"""Learning curves of linear smoothers by name: k nearest neighbours, kernel ridge, ridge; from covariances alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import shown
from fractalman.conventions import NEIGHBOURS, validation_split
from fractalman.errors import RecipeError
from fractalman.errors import nearest as nearest_word
from fractalman.nearest import nearest_k
from fractalman.theory.covariance import check_points, check_sizes
from fractalman.theory.kernel_smoothers import KernelRidge
from fractalman.theory.label_covariance import LabelCovariance
from fractalman.theory.linear_smoothers import LinearRidge, RandomFeatures
from fractalman.theory.ridged import Expected, Smoother

_PAIRS_OF_NEIGHBOURS = 64  # up to so many neighbours risks are taken pair by pair, beyond by walks of the whole tree


@dataclass(frozen=True)
class Neighbours(Smoother):
    """The mean label of the k nearest training points in X, of all where there are fewer; ties to the smaller index.

    Parameters
    ----------
    k : int or None, default 1
        Number of neighbours ≥ 1; None = chosen on a fifth of the training points by the smallest expected risk.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0], [1.0], [3.0]])
    >>> Neighbours(k=2).weights(X, np.array([[0.4]])).tolist()
    [[0.5, 0.5, 0.0]]
    """

    k: int | None = 1

    @property
    def turns(self) -> bool:
        """Distances are all that it looks at."""
        return True

    def expected(
        self, covariance: LabelCovariance, X_train: AnyFloat, X_test: AnyFloat, train: I64, test: I64, key: int
    ) -> Expected:
        """Return Σ_i γ_ti/k − Σ_ij γ_ij/2k² over the neighbours, γ the variogram.

        Parameters
        ----------
        covariance : LabelCovariance
            Of the labels.
        X_train : (n, d) float array
            Training inputs.
        X_test : (t, d) float array
            Test inputs.
        train : (n,) int64
            Point numbers of the training points.
        test : (t,) int64
            Point numbers of the test points.
        key : int
            The learner's key, of its validation points.

        Returns
        -------
        Expected
            Risk at every test point, and the k chosen, if it was to be chosen.
        """
        if self.k is not None:
            near = nearest_k(X_train, X_test, self._allowed(self.k, train.size))
            return Expected(_mean_of_neighbours(covariance, near, train, test))
        chosen, validation = 1, None
        if train.size > 1:
            part, held = validation_split(key, train.size)
            numbers = [k for k in NEIGHBOURS if k <= part.size]
            near = nearest_k(X_train[part], X_train[held], numbers[-1])
            risks = {
                k: float(_mean_of_neighbours(covariance, near[:, :k], train[part], train[held]).mean()) for k in numbers
            }
            chosen = min(numbers, key=lambda k: (risks[k], k))
            validation = risks[chosen]
        near = nearest_k(X_train, X_test, chosen)
        return Expected(_mean_of_neighbours(covariance, near, train, test), None, validation, chosen)

    def weights(self, X_train: AnyFloat, X_test: AnyFloat, _key: int = 0, _ridge: float | None = None) -> F64:
        """Return H, 1/k at the neighbours; where k is to be chosen, 1.

        Parameters
        ----------
        X_train : (n, d) float array
            Training inputs.
        X_test : (t, d) float array
            Test inputs.

        Returns
        -------
        (t, n) float64
            Rows sum to 1.
        """
        near = nearest_k(X_train, X_test, self._allowed(self.k or 1, len(X_train)))
        return _means(near, len(X_train))

    @staticmethod
    def _allowed(k: int, n: int) -> int:
        if k < 1:
            raise RecipeError(f"k = {shown(k)} neighbours: expected an integer of at least 1")
        return min(k, n)


def _mean_of_neighbours(covariance: LabelCovariance, near: I64, train: I64, test: I64) -> F64:
    """Expected risk of the mean over (t, k) neighbours, given by their places in ``train``."""
    k, points = near.shape[1], train[near]
    if k > _PAIRS_OF_NEIGHBOURS:
        return covariance.residuals(_means(near, train.size), train, test)
    risk = covariance.pairs(points.ravel(), np.repeat(test, k)).reshape(-1, k).mean(axis=1)
    if k > 1:
        one, other = np.triu_indices(k, 1)
        both = covariance.pairs(points[:, one].ravel(), points[:, other].ravel()).reshape(-1, one.size)
        risk = risk - both.sum(axis=1) / k**2
    return np.asarray(risk, np.float64)


def _means(near: I64, n: int) -> F64:
    H = np.zeros((near.shape[0], n))
    np.put_along_axis(H, near, 1.0 / near.shape[1], axis=1)
    return H


# ---------------------------------------------------------------------------------------------------- by name

SMOOTHERS: dict[str, Smoother] = {
    "1-nn": Neighbours(1),
    "k-nn": Neighbours(None),
    "ridge": LinearRidge(),
    "random-features": RandomFeatures(),
    "laplace-kernel": KernelRidge("laplace"),
    "gaussian-kernel": KernelRidge("gaussian"),
    "matern-kernel": KernelRidge("matern-3/2"),
    "matern-3/2-kernel": KernelRidge("matern-3/2"),
    "matern-5/2-kernel": KernelRidge("matern-5/2"),
    "ntk-kernel": KernelRidge("ntk"),
}
"""Learners whose expected risk follows from their name; the others are made: `Neighbours`, `KernelRidge`, …"""


def smoother_named(learner: str | Smoother) -> Smoother:
    """Return the smoother that a learner's name stands for ("5-nn" is Neighbours(5)), or the smoother itself.

    Parameters
    ----------
    learner : str or Smoother
        A name of `SMOOTHERS`, "5-nn" and the like, or a smoother, which is returned as it is.

    Returns
    -------
    Smoother
        What computes the learner's expected risk.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Examples
    --------
    >>> smoother_named("5-nn").k
    5
    """
    if isinstance(learner, Smoother):
        return learner
    if learner in SMOOTHERS:
        return SMOOTHERS[learner]
    number, _, rest = str(learner).partition("-")
    if rest == "nn" and number.isdigit() and int(number) > 0:
        return Neighbours(int(number))
    raise RecipeError(
        f"no smoother is called {shown(learner)}: expected {', '.join(SMOOTHERS)}, and '5-nn' with any number"
        f"{nearest_word(str(learner), SMOOTHERS)}"
    )


def smoother_risk(
    covariance: LabelCovariance,
    X: AnyFloat,
    train: I64,
    test: I64,
    learner: str | Smoother = "1-nn",
    key: int = 0,
) -> Expected:
    """Return the expected risk of a learner at every test point, with the ridge that theory chooses.

    Parameters
    ----------
    covariance : LabelCovariance
        Of the labels of all points.
    X : (n_points, d) float array
        Coordinates.
    train : (n ≥ 1,) int64
        Point numbers of the training points.
    test : (t,) int64
        Point numbers of the test points.
    learner : str or Smoother, default "1-nn"
        A name of `SMOOTHERS`, "5-nn" and the like, or a `Smoother`.
    key : int, default 0
        The learner's key (`Problem.key`).

    Returns
    -------
    Expected
        Risk at every test point, and what was chosen.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.trees import LabelTree
    >>> tree = LabelTree(np.array([-1, 0, 0]), np.zeros(3), np.ones(3), np.full(2, 2**0.5), np.array([1, 2]))
    >>> from fractalman.theory import TreeCovariance
    >>> X = np.array([[0.0], [1.0]])
    >>> smoother_risk(TreeCovariance(tree), X, np.array([0]), np.array([1])).risk.round(6).tolist()
    [1.0]
    """
    smoother = smoother_named(learner)
    if X.ndim != 2 or X.shape[0] != covariance.n_points:
        raise RecipeError(f"X of shape {X.shape}: expected a table of {covariance.n_points} points")
    known, points = check_points("train", train, len(X)), check_points("test", test, len(X))
    if known.size == 0:
        raise RecipeError("train is empty: expected at least one training point")
    return smoother.expected(covariance, X[known], X[points], known, points, key)


def smoother_curve(
    covariance: LabelCovariance,
    X: AnyFloat,
    order: I64,
    sizes: Sequence[int] | I64,
    test: I64,
    learner: str | Smoother = "1-nn",
    key: int = 0,
) -> F64:
    """Return the expected risk of a learner, averaged over the test points, for nested training sets order[:n].

    Parameters
    ----------
    covariance : LabelCovariance
        Of the labels of all points.
    X : (n_points, d) float array
        Coordinates.
    order : (≥ max(sizes),) int64
        Points in training order.
    sizes : array or sequence of int
        Training-set sizes n ≥ 1.
    test : (t,) int64
        Point numbers of the test points.
    learner : str or Smoother, default "1-nn"
        A name of `SMOOTHERS`, "5-nn" and the like, or a `Smoother`.
    key : int, default 0
        The learner's key (`Problem.key`).

    Returns
    -------
    (len(sizes),) float64
        In units of the label's prior variance.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.trees import LabelTree
    >>> tree = LabelTree(np.array([-1, 0, 0]), np.zeros(3), np.ones(3), np.full(2, 2**0.5), np.array([1, 2]))
    >>> from fractalman.theory import TreeCovariance
    >>> X = np.array([[0.0], [1.0]])
    >>> smoother_curve(TreeCovariance(tree), X, np.array([0]), [1], np.array([1])).round(6).tolist()
    [1.0]
    """
    seen = check_points("order", order, covariance.n_points)
    wanted = check_sizes(sizes, seen.size)
    points = check_points("test", test, covariance.n_points)
    if not wanted:
        return np.empty(0)

    def risk_at(n: int) -> float:
        """On the points of this size alone, so that no bit depends on which other sizes are asked for."""
        used, place = np.unique(np.concatenate([seen[:n], points]), return_inverse=True)
        local = covariance.restricted(used)
        return float(smoother_risk(local, X[used], place[:n], place[n:], learner, key).risk.mean())

    return np.array([risk_at(n) for n in wanted])
