"""Risks where labels are classes: what a learner is given, which of its answers are wrong, and what chance would do.

Two losses: "0-1", the share of wrong answers, and "cross-entropy", the mean of −ln(probability of the class) in nats,
of learners that give probabilities. Least squares learns a column of 0 and 1 for every class and answers the largest.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fractalman._typing import F32, F64
from fractalman.conventions import CROSS_ENTROPY, ZERO_ONE
from fractalman.learners import Learner, Outcome, Problem
from fractalman.learners.class_targets import answers, columns_of, cross_entropy, one_hot

LOSSES = (ZERO_ONE, CROSS_ENTROPY)


def problem_of(learner: Learner, X: F32, y: F64, X_test: F32, key: int, classes: int) -> Problem:
    """Return the problem that a learner gets where labels are classes; its test points end with the training points.

    Parameters
    ----------
    learner : Learner
        Whoever fits probabilities gets classes, the others columns of values.
    X, y, X_test : (n, d) float32, (n, m) float64, (t, d) float32
        Training inputs, their classes, test inputs.
    key : int
        Of everything random.
    classes : int
        C.
    """
    both = np.concatenate([X_test, X])
    if learner.probabilities:
        return Problem(X, y, both, key, classes)
    return Problem(X, columns_of(y, classes), both, key)


def columns_for(learner: Learner, classes: int) -> int:
    """Return how many columns a label column of C classes is to a learner; 1 where labels are values (C = 0)."""
    return 1 if classes < 2 or (classes == 2 and not learner.probabilities) else classes


def risks_of(outcome: Outcome, y_test: F64, y_train: F64, classes: int, loss: str) -> dict[str, Any]:
    """Return risk and training risk of an outcome of `problem_of`, and what it reports beside.

    Parameters
    ----------
    outcome : Outcome
        At the test points, then at the training points.
    y_test, y_train : (t, m), (n, m) float64
        Their classes.
    classes : int
        C.
    loss : {"0-1", "cross-entropy"}
        Which of the two is the risk; the other is told in ``info`` where it is known. Both are nan where a number is
        none.
    """
    scores, info = np.asarray(outcome.prediction, np.float64), dict(outcome.info)
    parts = {"": (scores[: len(y_test)], y_test), "train_": (scores[len(y_test) :], y_train)}
    risk: dict[str, float] = {}
    for part, (own, y) in parts.items():
        finite = bool(np.isfinite(own).all())
        wrong = class_risk(own, y, classes)
        probabilities = own.ndim == 3
        entropy = cross_entropy(own, y) if probabilities and finite else math.nan
        risk[f"{part}risk"] = entropy if loss == CROSS_ENTROPY else wrong
        if probabilities:
            info[f"{part}zero_one"], info[f"{part}cross_entropy"] = (_plain(wrong), _plain(entropy))
    if loss == CROSS_ENTROPY and math.isinf(risk["risk"]):
        info["failed"] = "a class that came had probability 0, so the cross-entropy is infinite"
    draws = _draw_risks(parts[""][0], y_test, classes) if loss == ZERO_ONE and math.isfinite(risk["risk"]) else ()
    if scores.ndim == 2:
        info["squared_error"] = float(np.mean(np.square(parts[""][0] - columns_of(y_test, classes))))
    return {**risk, "info": info, "draw_risks": draws}


def _draw_risks(prediction: F64, y: F64, classes: int) -> tuple[float, ...]:
    """Return the share of wrong answers in every draw of the classes, () of one draw."""
    if y.shape[1] < 2:
        return ()
    return tuple((answers(prediction, classes, y.shape[1]) != y).mean(axis=0).tolist())


def class_risk(prediction: F64, y: F64, classes: int = 2) -> float:
    """Return the share of wrong answers; nan where a prediction is no number.

    Parameters
    ----------
    prediction : (t, m, C), (t, m·C) or, of two classes, (t, m) float64
        Probabilities, or what least squares predicts.
    y : (t, m) float64
        Classes.
    classes : int, default 2
        C.

    Examples
    --------
    >>> import numpy as np
    >>> class_risk(np.array([[0.9], [0.2], [0.5]]), np.array([[1.0], [1.0], [0.0]])).__round__(4)
    0.3333
    """
    if not np.isfinite(prediction).all():
        return math.nan
    return float(np.mean(answers(prediction, classes, y.shape[1]) != y))


def constant_risk(y: F64, classes: int, loss: str) -> float:
    """Return the risk of the best constant: it answers the class with the largest share, or with the shares themselves.

    Parameters
    ----------
    y : (n, m) float64
        Classes of all points, in m draws.
    classes : int
        C.
    loss : {"0-1", "cross-entropy"}
        Of the two losses.

    Examples
    --------
    >>> import numpy as np
    >>> constant_risk(np.array([[0.0], [1.0], [2.0], [2.0]]), 3, "0-1")
    0.5
    """
    shares = one_hot(y, classes).mean(axis=0)
    if loss == ZERO_ONE:
        return float(np.mean(1.0 - shares.max(axis=1)))
    return float(-np.mean(np.sum(shares * np.log(np.maximum(shares, np.finfo(np.float64).tiny)), axis=1)))


def posterior_risk(posterior: F64, loss: str) -> float:
    """Return the least expected risk of who knows the posterior of every point, averaged over the points.

    Parameters
    ----------
    posterior : (t, C) float64
        Rows sum to 1.
    loss : {"0-1", "cross-entropy"}
        Of the two losses.

    Examples
    --------
    >>> import numpy as np
    >>> posterior_risk(np.array([[0.75, 0.25], [1.0, 0.0]]), "0-1")
    0.125
    """
    if loss == ZERO_ONE:
        return float(np.mean(1.0 - posterior.max(axis=1)))
    return float(-np.mean(np.sum(posterior * np.log(np.maximum(posterior, np.finfo(np.float64).tiny)), axis=1)))


def _plain(value: float) -> float | None:
    """Return what JSON can hold."""
    return value if math.isfinite(value) else None
