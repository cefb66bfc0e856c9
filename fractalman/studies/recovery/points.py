"""The points of one replicate of a study of recovery: to train on, to score on, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import F32, I64
from fractalman.experiments.specification import replicate_seeds, split_seed
from fractalman.measure.recovery import Truth
from fractalman.measure.recovery.downstream import LEAST_POINTS
from fractalman.studies.recovery.prediction import Expected
from fractalman.studies.recovery.spec import RecoveryStudySpec
from fractalman.theory.dictionaries import MAGNITUDES

_TABLE = 1 << 14
"""Rows of a stream that dictionaries get which take a table."""
_FAR = 1 << 40
"""Row of a stream from which scores are taken: no training comes there."""


@dataclass(frozen=True)
class Studied:
    """Points of one replicate.

    Parameters
    ----------
    train : (n, d) float32, or callable
        A table, or a function from the number of a step to its batch.
    truth : Truth
        Features and points that scores are taken on.
    expected : Expected
        What theory says of these features.
    size : (m,) int64
        Points of every feature's subcluster.
    n_points : int
        In all.
    """

    train: F32 | Callable[[int], F32]
    truth: Truth
    expected: Expected
    size: I64
    n_points: int

    def table(self, spec: RecoveryStudySpec) -> Any:
        """Return points to train on as a table: of a stream as many rows as autoencoders see, at most 16,384."""
        if not callable(self.train):
            return self.train
        steps = max(1, min(spec.steps, _TABLE // spec.batch_size))
        return np.concatenate([self.train(k) for k in range(steps)])


def studied(spec: RecoveryStudySpec, replicate: int) -> Studied:
    """Return the points of a replicate.

    Parameters
    ----------
    spec : RecoveryStudySpec
        The study.
    replicate : int
        Number, from 0.
    """
    from fractalman.generation import generate, stream

    recipe = spec.source.recipe.replace(seed=replicate_seeds(spec.source.recipe, replicate))
    seed = split_seed(spec.source.recipe, replicate)
    data = generate(recipe)
    known = data.dictionary(spec.min_size)
    m, n = known.size.size, known.codes.shape[0]
    if spec.stream:
        endless = stream(recipe, spec.batch_size, seed=seed)
        rows = stream(recipe, spec.test_size, seed=seed).rows(_FAR // spec.test_size)
        train: Any = endless.batch
        codes, X, y = endless.codes(rows)[:, :m].tocsr(), endless.X(rows), data.y[rows % n]
    else:
        chosen, rows = data.split(n - spec.test_size, spec.test_size, seed=seed)
        train, codes = np.asarray(known.X[chosen]), known.codes[rows]
        X, y = np.asarray(known.X[rows]), data.y[rows]
    law = recipe.feature_magnitude if recipe.superposes and recipe.feature_magnitude in MAGNITUDES else None
    # else points are more than these features
    whole = recipe.superposes and spec.min_size <= recipe.feature_min_size and not recipe.nuisance_dim
    expected = Expected(
        codes.tocsc(), known.parent, X, share=known.size / n, magnitude=law,
        directions=known.directions if whole else None, noise=recipe.feature_noise,
    )  # fmt: skip
    truth = Truth(
        known.directions, codes, known.parent, X, y if len(y) >= LEAST_POINTS else None, recipe.target_classes
    )
    return Studied(train, truth, expected, known.size, n)
