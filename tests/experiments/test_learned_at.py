"""Verdicts on the size at which something is learned: agreement, difference, and what resolves nothing."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import fractalman as fm
from fractalman.experiments import load_spec
from fractalman.experiments.learned_at import FACTOR, half_sizes, size_verdict
from fractalman.experiments.points import Point
from fractalman.experiments.results import conclude
from fractalman.experiments.specification import Spec, tasks_of
from fractalman.families.base import family_of
from fractalman.families.laws import LearnedAt
from fractalman.learners import learner_class
from fractalman.report.tables import verdict_sentence

SIZES = [2**k for k in range(3, 13)]


def _points(at: list[float], sizes: list[int] = SIZES) -> list[Point]:
    """Replicates whose risk falls from 1 to 0, half of it at a size of their own."""
    return [
        Point(
            learner="mlp", n=n, seed=i, risk=1.0 / (1.0 + (n / half) ** 2), train_risk=0.0, v_in=1.0,
            n_population=math.inf, value=n,
        )
        for i, half in enumerate(at)
        for n in sizes
    ]  # fmt: skip


def _due(
    size: float, replicates: int, distinct: float = math.inf, below: float | None = None
) -> list[tuple[LearnedAt, ...]]:
    return [(LearnedAt("half of it", "n_c·m^2", size, below, distinct),)] * replicates


def test_the_size_is_read_off_the_curve() -> None:
    np.testing.assert_allclose(half_sizes(_points([100.0, 300.0])), [100.0, 300.0], rtol=0.05)
    lower = half_sizes(_points([100.0, 300.0]), {0: 0.2, 1: 0.2})
    np.testing.assert_allclose(lower, [200.0, 600.0], rtol=0.08)


@pytest.mark.parametrize(
    ("at", "due", "sizes", "agrees", "words"),
    [
        ([90.0, 100.0, 110.0], 64.0, SIZES, True, "64: of its order of magnitude"),
        ([90.0, 100.0, 110.0], 10.0, SIZES, False, "not of its order"),
        ([90.0, 100.0, 110.0], 1000.0, SIZES, False, "not of its order"),
        ([30.0, 100.0, 330.0], 64.0, SIZES, None, "leaves the law's order"),
        ([1e9, 1e9, 1e9], 64.0, SIZES, False, "in 0 of 3 replicates"),
        ([1e9, 1e9, 1e9], 4000.0, SIZES, None, "use larger train_sizes"),
        ([100.0, 1e9, 1e9], 64.0, SIZES, None, "in 1 of 3 replicates"),
        ([10.0, 10.0, 10.0], 10.0, SIZES[3:], None, "use smaller train_sizes"),
        ([10.0, 10.0, 10.0], 1000.0, SIZES[3:], False, "had learned half of it at n = 64 already"),
        ([100.0], 64.0, SIZES, None, "use seeds = 2 or more"),
    ],
)
def test_verdicts(at: list[float], due: float, sizes: list[int], agrees: bool | None, words: str) -> None:
    found = size_verdict(_points(at, sizes), _due(due, len(at)))
    assert found is not None
    assert found.agrees is agrees
    assert words in found.reason


def test_a_replicate_without_a_risk_leaves_it_open() -> None:
    points = _points([90.0, 100.0, 110.0])
    broken = [*points[:-1], dataclasses.replace(points[-1], risk=math.nan)]
    found = size_verdict(broken, _due(64.0, 3))
    assert found is not None
    assert found.agrees is None


def test_so_few_examples_that_learning_by_heart_is_as_quick_resolve_nothing() -> None:
    points = _points([90.0, 100.0, 110.0])
    few = size_verdict(points, _due(64.0, 3, distinct=600.0))
    assert few is not None
    assert few.agrees is None
    assert "600 different examples" in few.reason
    late = size_verdict(points, _due(10.0, 3, distinct=60.0))
    assert late is not None
    assert late.agrees is False  # a difference is one


def test_steps_are_asked_where_every_replicate_has_them_and_the_worst_one_counts() -> None:
    first, second = (
        LearnedAt("a", "(v·C_1)^−2", 90.0, 0.5, math.inf),
        LearnedAt("b", "(v·C_2)^−2", 9000.0, 0.2, math.inf),
    )
    points = _points([90.0, 100.0, 110.0])
    both = size_verdict(points, [(first, second)] * 3)
    assert both is not None
    assert (both.agrees, "(v·C_2)" in both.reason) == (False, True)
    one = size_verdict(points, [(first, second), (first,), (first, second)])
    assert one is not None
    assert (one.agrees, "(v·C_2)" in one.reason) == (True, False)
    assert size_verdict(points, [(), (), ()]) is None
    assert size_verdict([], _due(64.0, 3)) is None
    assert math.isclose(FACTOR * FACTOR, 10.0)


@pytest.mark.parametrize(
    ("table", "loss", "half", "agrees", "words"),
    [
        ({"family": "random-hierarchy-model", "levels": 3, "synonyms": 2}, "0-1", 100.0, True, "n_c·m^3 = 64"),
        ({"family": "random-hierarchy-model", "levels": 3, "synonyms": 2}, "0-1", 2e5, False, "in 0 of 3 replicates"),
        ({"family": "grammar-language", "levels": 2, "synonyms": 2}, "cross-entropy", 2e5, False, "n-gram (context = "),
    ],
)
def test_a_sweep_of_networks_on_strings_ends_in_such_a_verdict(
    table: dict[str, object], loss: str, half: float, agrees: bool, words: str
) -> None:
    """Of risks that are made up, the network being trained nowhere; kernels are not asked for sizes."""
    spec = load_spec(
        {
            "recipe": {"n_points": 1, **table},
            "sweep": {"learners": ["mlp"], "train_sizes": SIZES, "seeds": 3, "test_size": 256, "loss": loss},
        }
    )
    made = {(point.n, point.seed): point for point in _points([half] * 3)}
    finished = {
        task: [
            dataclasses.replace(made[task.value, i], risk=2.0 * made[task.value, i].risk, v_in=2.0) for i in range(3)
        ]
        for task in tasks_of(spec)
        if task.learner == "mlp"
    }
    [verdict] = conclude(spec, tasks_of(spec), finished, lambda _: None).verdicts
    assert verdict.agrees is agrees, verdict.reason
    assert words in verdict.reason
    assert verdict.sizes in verdict_sentence(verdict)
    assert learned_at_of(spec) == 3


def learned_at_of(spec: Spec) -> int:
    """How many replicates have sizes for a network; none has for a kernel."""
    law = family_of(spec.recipe).laws.learned_at
    assert law is not None
    assert not law(spec.recipe, learner_class("laplace-kernel").properties, spec.loss)
    recipes = [spec.replicate_recipe(i) for i in range(spec.seeds)]
    return sum(bool(law(recipe, learner_class("mlp").properties, spec.loss)) for recipe in recipes)


def test_who_knows_nothing_of_the_tree_does_not_agree() -> None:
    """One neighbour's exact curve, held against the networks' size: it needs nearly all strings."""
    recipe = fm.RandomHierarchyModel(n_points=1, levels=2, vocabulary=16, synonyms=8, classes=16, seed=4)
    rows = fm.predict(recipe, "1-nn", draws=3).replicates(SIZES)
    points = [
        dataclasses.replace(point, risk=float(rows[point.seed, SIZES.index(point.n)]), v_in=15 / 16)
        for point in _points([1.0] * 3)
    ]
    law = family_of(recipe).laws.learned_at
    assert law is not None
    found = size_verdict(points, [law(recipe, learner_class("mlp").properties, "0-1")] * 3)
    assert found is not None
    assert found.agrees is not True, found.reason
