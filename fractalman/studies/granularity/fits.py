"""The learners of a granularity study on one split: what they miss between the fragments of every cut, and within.

A row "risk" is one learner at one cut: its risk over the unseen points, the part of it within the cut's fragments, and
both as they are expected from the labels' covariance alone, None where nobody knows it. A row "labels" is the same of
the labels. All are sums over a file's columns, and means over a recipe's label draws, in units of the prior variance.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from fractalman import learners
from fractalman._typing import F64
from fractalman.errors import FitError
from fractalman.learners import DIVERGED, Problem, learner_class
from fractalman.studies.base import Row
from fractalman.studies.granularity.labels import covariance_of, overall
from fractalman.studies.granularity.local_ridge import IndicatorRidge, LocalRidge, scaled
from fractalman.studies.granularity.parts import ExpectedParts, compact, expected_within_labels, within_square
from fractalman.studies.granularity.spec import Granularity, is_trained
from fractalman.studies.sources import Sample
from fractalman.theory import Neighbours

FLOOR, NOTHING = "bayes", "nothing"
NETWORK = "network"
"""The one that came with the points, among the learners of all points."""
EXPECTED = 2048
"""Training points up to which expected parts are computed: all pairs with the unseen are held."""


_last: dict[tuple[str, int], _Split] = {}


def _prepared(study: Granularity, seed: int) -> _Split:
    """Return a replicate's split; the last is remembered, for its tasks come one after the other."""
    address = (study.digest, seed)
    if address not in _last:
        _last.clear()
        _last[address] = _Split(study, seed)
    return _last[address]


class _Split:
    """A replicate with its cuts and what is expected on it."""

    def __init__(self, study: Granularity, seed: int) -> None:
        self.sample = sample = study.sample(seed)
        self.scales = study.scales
        self.fragment = {s: sample.hierarchy.cut(s).fragment for s in study.scales}
        self.unseen = {s: compact(f[sample.test]) for s, f in self.fragment.items()}
        self.whole = len(sample.X)
        self.unseen[self.whole] = np.zeros(sample.test.size, np.int64)
        self.covariance = covariance_of(sample)
        self.expected: ExpectedParts | None = None
        if self.covariance is not None and sample.train.size <= EXPECTED:
            used = np.concatenate([sample.train, sample.test])
            n = sample.train.size
            self.expected = ExpectedParts(self.covariance.restricted(used), np.arange(n), np.arange(n, used.size))

    def rows(self, learner: str, prediction: F64 | None, weights: F64 | None, more: Row) -> list[Row]:
        """Return a row a cut for a learner's prediction (t, m) and its expected weights (t, n), either absent."""
        sample = self.sample
        errors = None if prediction is None else sample.y[sample.test] - prediction
        law = None if weights is None or self.expected is None else self.expected.smoother(weights)
        return [
            {
                "row": "risk",
                "learner": learner,
                "scale": scale,
                "risk": None if errors is None else overall(np.square(errors).mean(axis=0), sample),
                "within": None if errors is None else overall(within_square(errors, fragment), sample),
                "expected_risk": None if law is None else law.risk,
                "expected_within": None if law is None else law.within(scale, fragment),
                **more,
            }
            for scale, fragment in self.unseen.items()
        ]


def _problem(sample: Sample) -> Problem:
    return Problem(
        np.ascontiguousarray(sample.X[sample.train]),
        np.ascontiguousarray(sample.y[sample.train]),
        np.ascontiguousarray(sample.X[sample.test]),
        sample.key,
    )


def _smoother_weights(split: _Split, name: str) -> tuple[F64 | None, float | None]:
    """Return the expected weights of a learner of all points and its ridge; None where it is no linear smoother.

    A network's are those of its limit of infinite width, trained by plain descent.
    """
    reference = learner_class(name).reference or name
    smoother = learners.make(reference).smoother() if learner_class(reference).linear_smoother else None
    if smoother is None or split.covariance is None or split.expected is None:
        return None, None
    sample = split.sample
    X, Z = sample.X[sample.train], sample.X[sample.test]
    found = smoother.expected(split.covariance, X, Z, sample.train, sample.test, sample.key)
    if found.k is not None:
        return Neighbours(found.k).weights(X, Z, sample.key), None
    return smoother.weights(X, Z, sample.key, found.ridge), found.ridge


def fit_rows(study: Granularity, seed: int) -> list[Row]:
    """Return the labels' own parts at every cut, the floor's, and those of the learners of closed form."""
    split = _prepared(study, seed)
    sample, rows = split.sample, []
    y = sample.y[sample.test]
    for scale, fragment in split.unseen.items():
        row: Row = {
            "row": "labels",
            "replicate": seed,
            "scale": scale,
            "within": overall(within_square(y, fragment), sample),
            "variance": overall(y.var(axis=0), sample),
            "expected_within": None,
            "expected_variance": None,
            "fragments": int(fragment.max()) + 1,
            **(_seen(split, scale) if scale != split.whole else {"seen": 1.0, "median_points": float(split.whole)}),
        }
        if split.expected is not None:
            row["expected_within"] = expected_within_labels(split.expected, scale, fragment)
            row["expected_variance"] = expected_within_labels(split.expected, split.whole, split.unseen[split.whole])
        rows.append(row)
    common: Row = {"replicate": seed, "own_scale": None}
    if split.expected is not None:
        best = split.expected.best()
        rows += split.rows(FLOOR, best @ sample.y[sample.train], best, {**common, "ridge": None})
    for name in study.learners:
        if is_trained(name):
            continue
        outcome = learners.make(name, study.settings.get(name, {})).run([_problem(sample)])[0]
        weights, _ = _smoother_weights(split, name) if not study.settings.get(name) else (None, None)
        ridge = _finite(outcome.info.get("ridge"))
        rows += split.rows(name, outcome.prediction, weights, {**common, "ridge": ridge})
    if sample.predicted is not None:
        rows += split.rows(NETWORK, sample.predicted[sample.test], None, {**common, "ridge": None})
    return rows


def _seen(split: _Split, scale: int) -> Row:
    """How many unseen points lie in a fragment that training points saw, and how large the fragment of one is."""
    sample, of = split.sample, split.fragment[scale]
    known = np.bincount(of[sample.train], minlength=int(of.max()) + 1)
    size = np.bincount(of)
    return {
        "seen": float((known[of[sample.test]] > 0).mean()),
        "median_points": float(np.median(size[of[sample.test]])),
    }


def _finite(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def fragment_rows(study: Granularity, scale: int, seed: int) -> list[Row]:
    """Return the parts of local ridge and of ridge on indicators, at one scale of theirs and every cut."""
    split = _prepared(study, seed)
    sample, rows = split.sample, []
    X, of = scaled(sample.X, sample.train), split.fragment[scale]
    y = sample.y[sample.train]
    for name, ridge in (("local-ridge", LocalRidge(X, of)), ("indicators", IndicatorRidge(X, of))):
        measured = ridge.by_labels(sample.train, y, sample.test, sample.key)
        weights = None
        if split.expected is not None and split.covariance is not None:
            weights = ridge.by_covariance(split.covariance, sample.train, sample.test, sample.key).weights
        more: Row = {"replicate": seed, "own_scale": scale, "ridge": _finite(measured.ridge)}
        rows += split.rows(name, measured.weights @ y, weights, more)
    return rows


def trained_rows(study: Granularity, name: str, seed: int, checkpoint: Path | None) -> list[Row]:
    """Return the parts of a trained learner; a network has one output a label column.

    Errors: FitError when the network diverges.
    """
    split = _prepared(study, seed)
    sample = split.sample
    learner = learners.make(name, study.settings.get(name, {}))
    outcome = learner.resume([_problem(sample)], checkpoint)[0]
    if outcome.info.get("stopped") == DIVERGED:
        raise FitError(f"the network of replicate {seed} diverged: use a smaller {name}.learning_rate")
    weights, _ = _smoother_weights(split, name)
    more: Row = {"replicate": seed, "own_scale": None, "ridge": None, "train_risk": float(outcome.train_risk)}
    return split.rows(name, outcome.prediction, weights, more)
