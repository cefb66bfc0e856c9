"""Curves of classifiers that no closed form gives: the learner itself, trained on drawn structures and drawn classes.

Of subclusters and of symbols every smoother, and of all classes logistic regression, whose fit is one minimum whatever
it starts from. The structures and the classes are those of predictions, never those of a sweep, so that a sweep held
against such a curve says whether its points and classes are what the recipe declares; of theory it says nothing, and
`Method.kind` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from fractalman._typing import F32, F64
from fractalman.conventions import CROSS_ENTROPY
from fractalman.learners import Learner, Problem
from fractalman.learners.class_targets import answers, columns_of, cross_entropy
from fractalman.prediction.realization import Compute, Realization, Symbols

INFINITE = "infinite cross-entropy: on some structure a class that came had probability 0; use larger sizes"
CLASS_DRAWS = 4
"""Class vectors drawn on a structure: each is a fit of its own."""


def trained(
    learner: Learner, classes: int, loss: str, redrawn: bool
) -> Callable[[Realization, tuple[int, ...]], Sequence[float]]:
    """Return the row of a learner that is trained, its risk at every size.

    Parameters
    ----------
    learner : Learner
        Whose predictions do not depend on what it starts from.
    classes : int
        C ≥ 2.
    loss : {"0-1", "cross-entropy"}
        Which risk; the second of learners that give probabilities.
    redrawn : bool
        Whether other classes can be drawn for the same points; those that points decide stay what they are.

    Returns
    -------
    function
        (draw, sizes) → risks; nan where a class that came had probability 0, so that the cross-entropy is infinite.
    """

    def row(draw: Realization, sizes: tuple[int, ...]) -> list[float]:
        X = np.asarray((draw.embedded or draw.coordinates)(), np.float32)
        most = max(sizes)
        y = draw.labels(1 + CLASS_DRAWS, most)[:, 1:] if redrawn else draw.labels(1, most)  # the first: a dataset's
        seen = [draw.order[:n] for n in sizes]
        return [_risk(learner, X[s], y[s], X[draw.test], y[draw.test], draw.key, classes, loss) for s in seen]

    return row


class SymbolSource(Protocol):
    """What makes draws of points whose labels are symbols: a family's structures, or the splits of a dataset."""

    def symbols(self, sizes: tuple[int, ...], first: int = 0, last: int | None = None) -> Iterator[Symbols]:
        """Yield the draws first … last − 1, with training orders of at least max(sizes)."""
        ...


def trained_on_symbols(source: SymbolSource, learner: Learner, classes: int, loss: str) -> Compute:
    """Return the computation that trains a learner on every draw of points whose labels are symbols.

    Parameters
    ----------
    source : DrawnRealizations or Splits
        Of such a family.
    learner : Learner
        Whose predictions do not depend on what it starts from.
    classes : int
        C ≥ 2.
    loss : {"0-1", "cross-entropy"}
        Which risk.

    Returns
    -------
    function
        (sizes, first draw, last draw) → risks; nan where a class that came had probability 0.
    """

    def compute(sizes: tuple[int, ...], first: int, last: int) -> F64:
        rows = []
        for draw in source.symbols(sizes, first, last):
            X, y, Z, due = draw.X, draw.y[:, None], draw.X[draw.test], draw.y[draw.test, None]
            seen = [draw.order[:n] for n in sizes]
            rows.append([_risk(learner, X[s], y[s], Z, due, draw.key, classes, loss) for s in seen])
        return np.array(rows, np.float64)

    return compute


def _risk(learner: Learner, X: F32, y: F64, Z: F32, due: F64, key: int, classes: int, loss: str) -> float:
    if learner.probabilities:
        [found] = learner.run([Problem(X, y, Z, key, classes)])
    else:
        [found] = learner.run([Problem(X, columns_of(y, classes), Z, key)])
    if loss == CROSS_ENTROPY:
        nats = cross_entropy(found.prediction, due)
        return nats if np.isfinite(nats) else np.nan
    return float(np.mean(answers(found.prediction, classes, due.shape[1]) != due))
