"""Sparse parities: kernels against plain Python, exact laws, addresses, files, the hierarchy of tasks, laws."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.families.base import memory_of
from fractalman.families.sparse_parities.law import windows
from fractalman.prediction import LEARNERS, law_of
from tests.reference import parities as reference

SMALL = fm.SparseParities(n_points=400, n_tasks=6, n_bits=7, task_size=3, seed=2)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 130), st.integers(1, 5), st.floats(-1, 3), st.integers(0, 2**50))
def test_points_and_tasks_are_those_of_the_reference(T: int, bits: int, k: int, zipf: float, seed: int) -> None:
    keywords = {"n_tasks": T, "n_bits": bits, "task_size": k, "zipf_exponent": zipf, "seed": seed}
    if k > bits:
        with pytest.raises(RecipeError, match="at most n_bits"):
            fm.SparseParities(n_points=9, **keywords)  # type: ignore[arg-type]
        return
    recipe = fm.SparseParities(n_points=9, **keywords)  # type: ignore[arg-type]
    assert fm.from_dict(recipe.to_dict()) == fm.from_toml(recipe.to_toml()) == recipe
    data = fm.generate(recipe)
    assert data.tokens is not None
    assert recipe.task_bits.tolist() == [reference.task_bits(seed, t, bits, k) for t in range(T)]
    cumulated = np.cumsum(recipe.task_probabilities).tolist()
    for i in range(9):
        string = reference.string(seed, i, cumulated, bits)
        assert data.tokens[i].tolist() == string
        assert data.y[i] == sum(string[1 + b] for b in recipe.task_bits[string[0]]) % 2
        assert data.X[i].tolist() == [float(t == string[0]) for t in range(T)] + string[1:]
    np.testing.assert_array_equal(fm.theory.posterior(data)[:, 1], data.y)


def test_tasks_and_bits_have_their_law() -> None:
    data = fm.generate(SMALL.replace(n_points=20_000))
    assert data.tokens is not None
    seen = np.bincount(data.tokens[:, 0], minlength=6)
    assert stats.chisquare(seen, 20_000 * SMALL.task_probabilities).pvalue > 1e-4
    even = SMALL.replace(zipf_exponent=-1.0).task_probabilities
    assert stats.chisquare(seen, 20_000 * even).pvalue < 1e-6  # control
    patterns = data.tokens[:, 1:] @ (1 << np.arange(7))
    assert stats.chisquare(np.bincount(patterns, minlength=128)).pvalue > 1e-4
    joint = np.bincount(2 * data.tokens[:, 0] + data.y.astype(np.int64), minlength=12).reshape(6, 2)
    assert stats.chi2_contingency(joint).pvalue > 1e-4  # the parity is uniform whatever the task
    assert stats.chisquare(np.bincount(patterns[data.tokens[:, 1] == 0], minlength=128)).pvalue < 1e-6  # control


def test_sets_of_bits_are_uniform() -> None:
    drawn = fm.SparseParities(n_points=1, n_tasks=20_000, n_bits=6, task_size=3).task_bits
    sets = list(itertools.combinations(range(6), 3))
    seen = [int((drawn == chosen).all(axis=1).sum()) for chosen in sets]
    assert sum(seen) == 20_000  # all different bits, rising
    assert stats.chisquare(seen).pvalue > 1e-4
    uneven = 1.0 + 0.2 * (np.arange(20) % 2)
    assert stats.chisquare(seen, 20_000 * uneven / uneven.sum()).pvalue < 1e-6  # control


def test_no_coordinate_says_anything_of_the_parity() -> None:
    """Over all strings of bits the best linear function of task and bits is the constant ½; of one bit it is not."""
    strings = np.array(list(itertools.product((0, 1), repeat=7)))
    for size, constant in ((3, True), (1, False)):
        bits = SMALL.replace(task_size=size).task_bits
        X = np.concatenate([np.concatenate([np.eye(6)[[t] * 128], strings], axis=1) for t in range(6)])
        y = np.concatenate([strings[:, b].sum(axis=1) % 2 for b in bits])
        fitted = X @ np.linalg.lstsq(X, y, rcond=None)[0]
        assert np.allclose(fitted, 0.5) == constant


def test_the_hierarchy_is_that_of_tasks_and_of_what_they_read() -> None:
    data = fm.generate(SMALL)
    h, tokens = data.hierarchy, data.tokens
    assert h is not None
    assert h.level is not None
    assert tokens is not None
    assert data.label_tree is None
    i, j = np.triu_indices(400, 1)
    task = tokens[:, 0]
    read = np.take_along_axis(tokens, 1 + SMALL.task_bits[task], axis=1)
    same = task[i] == task[j]
    expected = same.astype(int) + (same & (read[i] == read[j]).all(axis=1))
    np.testing.assert_array_equal(h.level[h.lowest_common_ancestors(i, j)], expected)
    assert set(expected.tolist()) == {0, 1, 2}


def test_sizes_nest_and_files_hold_what_generate_returns(tmp_path: Path) -> None:
    data, larger = fm.generate(SMALL), fm.generate(SMALL.replace(n_points=500))
    np.testing.assert_array_equal(larger.X[:400], data.X)
    other = fm.generate(SMALL.replace(seed=fm.Seeds(geometry=9, labels=2, embedding=2)))
    np.testing.assert_array_equal(other.X, data.X)  # other sets of bits, the same points
    assert (other.y != data.y).any()
    np.testing.assert_array_equal(fm.label_draws(data, 2)[:, 1], data.y)
    recipe = SMALL.replace(nuisance_dim=2, rotate=True)
    data, path = fm.generate(recipe), fm.write(recipe, tmp_path / "a.h5")
    assert fm.verify(path) == fm.verify(fm.write_shards(recipe, tmp_path / "c.h5", 3)) == []
    with fm.open(fm.rebuild(path, tmp_path / "b.h5")) as f, fm.open(tmp_path / "c.h5") as parts:
        held = f.dataset()
        np.testing.assert_array_equal(parts.X[:], data.X)
        np.testing.assert_array_equal(fm.theory.posterior(f, [7]), fm.theory.posterior(data, [7]))
    for name in ("X", "y", "cluster", "tokens"):
        np.testing.assert_array_equal(getattr(held, name), getattr(data, name))
    for name in ("parent", "size", "depth", "level"):
        np.testing.assert_array_equal(getattr(held.hierarchy, name), getattr(data.hierarchy, name))
    assert memory_of(recipe).array_bytes() >= sum(a.nbytes for a in (data.X, data.y, data.cluster, held.tokens))


@pytest.mark.parametrize("recipe", [SMALL, SMALL.replace(zipf_exponent=-0.5), SMALL.replace(task_size=1)])
def test_every_learner_has_a_law_or_a_reason(recipe: fm.SparseParities) -> None:
    for learner in (*LEARNERS, "5-nn"):
        law, prediction = law_of(recipe, learner), fm.predict(recipe, learner)
        assert all([law.name, law.statement, law.source, law.evidence, law.reason, law.domain, law.nearest])
        assert law.data_exponent is None
        assert prediction.why()
        unknown = ("bayes", "n-gram", "mlp", "gradient-boosting", "transformer", "convolution")
        assert prediction.has_curve == (learner not in unknown)
        assert not prediction.has_floor
    with pytest.raises(RecipeError, match="labels that are values"):
        fm.plan(recipe)


@pytest.mark.parametrize(("bits", "size"), [(3, 1), (4, 2), (3, 3)])
def test_who_is_not_told_the_bits_lies_between_its_bounds(bits: int, size: int) -> None:
    """Against the Bayes risk summed over all examples and further points; the plain posterior of the sets."""
    strings = np.array(list(itertools.product((0, 1), repeat=bits)))
    labels = np.stack([strings[:, list(s)].sum(axis=1) % 2 for s in itertools.combinations(range(bits), size)])
    low, high = fm.theory.ideal_parity_risk(3, n_bits=bits, task_size=size)
    exact = []
    for examples in range(4):
        risks = []
        for seen in itertools.product(range(len(strings)), repeat=examples):
            fits = (labels[:, list(seen)] == labels[0, list(seen)]).all(axis=1)
            chance = labels[fits].mean(axis=0)
            risks.append(np.minimum(chance, 1.0 - chance).mean())
        exact.append(float(np.mean(risks)))
    assert np.all(low <= np.array(exact) + 1e-15)
    assert np.all(np.array(exact) <= high + 1e-15)
    assert (exact[0] > 0.0) == (len(labels) > 1)  # control: nothing is left where there is one set
    both = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    one, two = (fm.theory.ideal_parities_risk(3, p, n_bits=bits, task_size=size) for p in both)
    assert one == pytest.approx((low[3], high[3]))
    assert two == pytest.approx(tuple(np.array([1, 3, 3, 1]) / 8 @ bound for bound in (low, high)))


@pytest.mark.parametrize(("alpha", "exponent"), [(0.5, 1 / 3), (1.0, 0.5), (2.0, 2 / 3)])
def test_the_ideal_learner_has_the_exponent_of_the_window(alpha: float, exponent: float) -> None:
    recipe = fm.SparseParities(n_points=1, n_tasks=4096, n_bits=30, zipf_exponent=alpha)
    low, high = next((w.low, w.high) for w in windows(recipe, recipe.examples_to_identify) if w.exponent)
    middle = math.sqrt(low * high)
    near, far = (np.array(recipe.ideal_risk(int(middle * factor))) for factor in (0.5, 2.0))
    assert np.log(near / far) / math.log(4.0) == pytest.approx([exponent, exponent], abs=0.03)
    assert abs(float(np.log(near / far)[0] / math.log(4.0)) - exponent) < abs(alpha - exponent) + 0.001


def test_the_mass_of_tasks_not_learned_is_a_power_inside_the_window_only() -> None:
    """Tasks are learned at τ examples sharply: their mass, summed exactly, has the window's exponent to 15 %."""
    recipe = fm.SparseParities(n_points=1, n_tasks=100_000, zipf_exponent=1.0)
    tau = recipe.examples_to_identify
    assert tau == math.log2(50 * 49 * 48 / 6)
    staircase, window = windows(recipe, tau)
    chance = recipe.task_probabilities

    def left(n: float) -> float:
        return float(chance[chance * n < tau].sum())

    def slope(low: float, high: float) -> float:
        return -math.log(left(high) / left(low)) / math.log(high / low)

    assert window.exponent == 0.5
    assert staircase.high == window.low
    middle = math.sqrt(window.low * window.high)
    assert abs(slope(middle, window.high) / 0.5 - 1) < 0.15
    assert slope(window.high * 3, window.high * 30) > 0.5 * 1.3  # control: beyond


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"target": "value"}, "expected 'class'"),
        ({"noise": 0.1}, "labels are classes"),
        ({"task_size": 8}, "at most n_bits = 7"),
        ({"n_tasks": 0, "n_bits": 0}, "n_tasks = 0.*n_bits = 0"),
    ],
)
def test_mistakes_are_named(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        SMALL.replace(**keywords)
