"""Classes as learners see them: columns of 0 and 1 for least squares, probabilities, and what those cost.

Classes are numbers 0 … C − 1. Least squares learns a column of 0 and 1 for every class and answers the class whose
column is largest; of two classes one column says as much as both.
"""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64
from fractalman.conventions import CLASS_MIDDLE, CROSS_ENTROPY

LOSSES = (CROSS_ENTROPY, "squared")
"""What a learner may minimise where labels are classes."""
_TIES = 1e-9
"""Scores that differ by less are equal: votes of as many neighbours, added in another order."""


def columns_of(y: F64, classes: int) -> F64:
    """Return the columns of values that least squares learns classes from.

    Parameters
    ----------
    y : (n, m) float64
        Classes 0 … C − 1.
    classes : int
        C ≥ 2.

    Returns
    -------
    (n, m) or (n, m·C) float64
        Of two classes y itself; of more one column of 0 and 1 for every class, those of a label column together.

    Examples
    --------
    >>> import numpy as np
    >>> columns_of(np.array([[2.0], [0.0]]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    return y if classes == 2 else one_hot(y, classes).reshape(len(y), -1)


def one_hot(y: F64, classes: int) -> F64:
    """Return (n, m, C) with 1 at every class of y, (n, m), and 0 elsewhere."""
    return np.asarray(y[..., None] == np.arange(classes), np.float64)


def answers(scores: F64, classes: int, columns: int) -> I64:
    """Return the classes that scores answer; a tie is answered by the smallest class of it.

    Parameters
    ----------
    scores : (t, m, C), (t, m·C) or, of two classes, (t, m) float64
        Probabilities, or what least squares on `columns_of` predicts.
    classes : int
        C.
    columns : int
        m.

    Returns
    -------
    (t, m) int64
        0 … C − 1.

    Examples
    --------
    >>> import numpy as np
    >>> answers(np.array([[0.2, 0.5, 0.5]]), 3, 1).tolist(), answers(np.array([[0.5, 0.7]]), 2, 2).tolist()
    ([[1]], [[0, 1]])
    """
    if scores.ndim == 2 and classes == 2:
        return (scores > CLASS_MIDDLE).astype(np.int64)
    table = scores.reshape(len(scores), columns, classes)
    best = table.max(axis=2, keepdims=True)
    return np.asarray(np.argmax(table >= best - _TIES, axis=2), np.int64)


def cross_entropy(probabilities: F64, y: F64) -> float:
    """Return the mean of −ln(probability of the class).

    Parameters
    ----------
    probabilities : (t, m, C) float64
        Of every class.
    y : (t, m) float64
        Classes.

    Returns
    -------
    float
        Nats; infinite where a class that came had probability 0.

    Examples
    --------
    >>> import numpy as np
    >>> round(cross_entropy(np.array([[[0.5, 0.5]], [[0.25, 0.75]]]), np.array([[0.0], [0.0]])), 4)
    1.0397
    """
    of_class = np.take_along_axis(probabilities, y.astype(np.int64)[..., None], axis=2)[..., 0]
    with np.errstate(divide="ignore"):
        return float(-np.mean(np.log(of_class)))


def of_all_classes(probabilities: F64, seen: F64, classes: int, n: int) -> F64:
    """Return probabilities of all classes from those of the classes that a training set has.

    Parameters
    ----------
    probabilities : (t, seen) float64
        Of the classes seen.
    seen : (seen,) float64
        Their numbers, rising.
    classes : int
        C.
    n : int
        Training points. A class that none of them has gets 1/(n + C), the others share the rest in proportion.

    Returns
    -------
    (t, C) float64
        Rows sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> of_all_classes(np.array([[0.25, 0.75]]), np.array([0.0, 2.0]), 3, 7).tolist()
    [[0.225, 0.1, 0.675]]
    """
    rare = 1.0 / (n + classes)
    out = np.full((len(probabilities), classes), rare)
    out[:, seen.astype(np.int64)] = probabilities * (1.0 - rare * (classes - len(seen)))
    return out
