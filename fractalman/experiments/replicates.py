"""The replicates of a sweep: new geometry, embedding, labels and split each, of which only the used points are kept."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fractalman._typing import F32, F64, I64
from fractalman.conventions import ZERO_ONE
from fractalman.errors import RecipeError
from fractalman.experiments.axes import Number
from fractalman.experiments.class_risks import constant_risk, posterior_risk
from fractalman.experiments.label_law import label_modes
from fractalman.experiments.specification import Spec, given_rules, split_seed
from fractalman.random.streams import Role, key64
from fractalman.theory.gaussian_draws import gaussian_draws

if TYPE_CHECKING:
    from fractalman.recipes import Recipe
    from fractalman.theory import LabelCovariance
    from fractalman.trees import LabelTree

CACHE_BYTES = 2 << 30
"""Replicates kept between tasks; older ones are made again when needed."""

FIELD_LARGEST = 2048
"""Training sets up to which a replicate of an exact field has a floor: three covariances of 32 MiB."""


@dataclass(frozen=True)
class Replicate:
    """The points of one replicate that a sweep uses.

    Args:
        X_train: (largest n, d) float32; the training set of size n is the first n.
        y_train: (largest n, m) float64.
        X_test: (test_size, d) float32.
        y_test: (test_size, m) float64.
        population: N, points of the replicate; inf where points are addressed.
        v_in: V_in of the replicate, in units of the label's prior variance; without a label tree the mean variance of
            its label draws, which estimates it; of classes the risk of the best constant in its label draws.
        bayes: n → Bayes risk, mean over the test points; empty where there is no floor. Of classes that are made of
            values the risk of who knows the training values, of strings that of who knows the rules.
        bayes_seconds: wall time of each of them.
        covariance: of the values of training and test points, in this order, noise included; of classes that are made
            of Gaussian values, of those. None where none is known.
        modes: of the labels against the declared covariance (`label_law`); empty where none is known.
        label_key: of other labels of the same points.
    """

    X_train: F32
    y_train: F64
    X_test: F32
    y_test: F64
    population: float
    v_in: float
    bayes: Mapping[int, float]
    bayes_seconds: float
    covariance: LabelCovariance | None = None
    modes: Sequence[Sequence[float]] = ()
    label_key: int = 0

    def classes(self, largest: int, count: int, threshold: float) -> NDArray[np.bool_]:
        """Return classes drawn anew on the test points and, below, the first training points: (points, count)."""
        known: dict[tuple[int, int, float], NDArray[np.bool_]] = self.__dict__.setdefault("_classes", {})
        address = (min(largest, len(self.X_train)), count, threshold)
        if address not in known:
            if self.covariance is None:
                raise RecipeError("the labels' covariance is not known: expected Gaussian values")
            points = np.concatenate([len(self.X_train) + np.arange(len(self.X_test)), np.arange(address[0])])
            keys = [key64(self.label_key, Role.PREDICTION, draw) for draw in range(count)]
            known[address] = gaussian_draws(self.covariance, points, keys) > threshold
        return known[address]

    @property
    def nbytes(self) -> int:
        """Bytes that it keeps."""
        return self.X_train.nbytes + self.y_train.nbytes + self.X_test.nbytes + self.y_test.nbytes


def make_replicate(spec: Spec, i: int, value: Number | None = None) -> Replicate:
    """Return replicate ``i``: new geometry, embedding, labels and split, a pure function of (spec, i, recipe).

    Args:
        spec: the experiment.
        i: which replicate.
        value: position on the axis; it matters along a keyword of the recipe only. None = the first.
    """
    from fractalman.generation import generate, label_draws
    from fractalman.theory import bayes_risk, class_entropy_floor, class_floor, posterior, within_variance

    value = spec.values[0] if value is None else value
    recipe = spec.replicate_recipe(i, value)
    data = generate(recipe)
    largest = spec.largest(value)
    if largest + spec.test_size > data.n_points:  # of families whose draw decides their number
        raise RecipeError(
            f"replicate {i} drew {data.n_points} points, and train_sizes up to {largest} with test_size = "
            f"{spec.test_size} need {largest + spec.test_size}: use a larger side, or ask for less"
        )
    if math.isinf(spec.population):
        train = np.arange(largest, dtype=np.int64)
        test = np.arange(data.n_points - spec.test_size, data.n_points, dtype=np.int64)
    else:
        train, test = data.split(largest, spec.test_size, seed=split_seed(spec.recipe, i))
    labels = label_draws(data, max(spec.label_draws, spec.network_draws))
    tree, noise = data.label_tree, recipe.noise
    if tree is not None and noise:
        tree = tree.noisy(noise)
    covariance = _covariance(recipe, data.n_points, tree, np.concatenate([train, test]))
    begun = time.perf_counter()
    bayes = {}
    own = spec.train_sizes if spec.axis.shares_points else (spec.condition(value).n,)
    if tree is not None and recipe.redraws_labels and recipe.gaussian_values:
        for n in own:
            observed = np.zeros(data.n_points, dtype=np.bool_)
            observed[train[:n]] = True
            position = np.cumsum(~observed) - 1  # the floor comes back for the unseen points, in point order
            left = bayes_risk(tree, observed=observed)[position[test]]
            if recipe.classifies:
                of = class_floor if spec.loss == ZERO_ONE else class_entropy_floor
                left = of(np.full(test.size, 1.0 + noise**2), left, recipe.threshold)
            bayes[n] = float(np.mean(left))
    elif tree is None and covariance is not None and recipe.gaussian_values:
        bayes = _field_floor(spec, covariance, own, largest + np.arange(test.size))
    elif given_rules(recipe):
        bayes = dict.fromkeys(own, posterior_risk(posterior(data, test), spec.loss))
    if recipe.classifies:
        v_in = constant_risk(labels, recipe.target_classes, spec.loss)
    else:
        v_in = float(labels.var(axis=0).mean() if tree is None else within_variance(tree))
    return Replicate(
        X_train=np.ascontiguousarray(data.X[train]),
        y_train=np.ascontiguousarray(labels[train]),
        X_test=np.ascontiguousarray(data.X[test]),
        y_test=np.ascontiguousarray(labels[test]),
        population=float(data.n_points) if math.isfinite(spec.population) else math.inf,
        v_in=v_in,
        bayes=bayes,
        bayes_seconds=(time.perf_counter() - begun) / max(1, len(bayes)),
        covariance=covariance,
        modes=_modes(recipe, covariance, labels[np.concatenate([train, test])]),
        label_key=recipe.seeds.labels,
    )


def _modes(recipe: Recipe, covariance: LabelCovariance | None, labels: F64) -> list[list[float]]:
    """Return the labels' modes against the declared covariance; [] where none is known."""
    from fractalman.theory import ClassCovariance

    if covariance is None:
        return []
    if recipe.classifies:
        return label_modes(ClassCovariance(covariance, recipe.threshold), 2.0 * labels - 1.0)
    return label_modes(covariance, labels)


def _field_floor(spec: Spec, covariance: LabelCovariance, sizes: Sequence[int], test: I64) -> dict[int, float]:
    """Return the Bayes risk of an exact field at the sizes whose floor double precision holds."""
    from fractalman.prediction.realization import RESOLVED
    from fractalman.theory import class_entropy_floor, class_floor, gaussian_floor_with_error

    found, order = {}, np.arange(int(test[0]))
    reached = [int(n) for n in sizes if n <= FIELD_LARGEST]
    left, error = gaussian_floor_with_error(covariance, order, reached, test)
    for n, own, rounding in zip(reached, left, error, strict=True):
        if rounding.mean() > RESOLVED * own.mean():
            continue
        if spec.recipe.classifies:
            of = class_floor if spec.loss == ZERO_ONE else class_entropy_floor
            own = of(covariance.prior(test), own, spec.recipe.threshold)
        found[n] = float(np.mean(own))
    return found


def _covariance(recipe: Recipe, n_points: int, tree: LabelTree | None, points: I64) -> LabelCovariance | None:
    """Return how the values at the points covary, None where points decide their labels.

    Every label vector of a field of waves has frequencies of its own, so squared errors have the expectation of the
    exact field's. Its classes have not: they would need Gaussian values, which waves are for given frequencies only.
    """
    from fractalman.prediction.drawn import field_of
    from fractalman.theory import TreeCovariance

    if not recipe.redraws_labels or (recipe.classifies and not recipe.gaussian_values):
        return None
    if tree is not None:
        return TreeCovariance(tree).restricted(points)
    field = field_of(recipe, n_points)
    return None if field is None else field.restricted(points)


_replicates: dict[tuple[str, int, Number | None], Replicate] = {}


def remembered(spec: Spec, i: int, value: Number) -> Replicate:
    """`make_replicate` remembered in this process, the oldest forgotten beyond CACHE_BYTES."""
    address = (spec.digest, i, None if spec.axis.shares_points else value)
    if address not in _replicates:
        made = make_replicate(spec, i, value)
        while _replicates and sum(r.nbytes for r in _replicates.values()) + made.nbytes > CACHE_BYTES:
            del _replicates[next(iter(_replicates))]
        _replicates[address] = made
    return _replicates[address]


def forget(spec: Spec) -> None:
    """Let the replicates of a sweep go."""
    for address in [key for key in _replicates if key[0] == spec.digest]:
        del _replicates[address]
