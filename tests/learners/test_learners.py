"""1-NN, ridge and Laplace-kernel ridge: exactness, scale invariance, validation that never sees a test point."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

from fractalman import conventions, learners
from fractalman import nearest as neighbours
from fractalman.errors import RecipeError
from fractalman.learners import protocol, ridge
from fractalman.learners.protocol import Problem
from fractalman.random.streams import draws, normals

PLAIN = ("1-nn", "ridge", "laplace-kernel")


def problem(key: int, n: int = 60, d: int = 5, t: int = 40, m: int = 1) -> Problem:
    """A smooth nonlinear target on Gaussian points."""
    X = normals(key, (n + t) * d).reshape(n + t, d).astype(np.float32)
    w = normals(key + 1, d * m).reshape(d, m)
    y = np.sin(X.astype(np.float64) @ w)
    return Problem(X[:n], y[:n], X[n:], key)


def dust(key: int, n: int, levels: int, d: int = 8) -> np.ndarray:
    """A one-dimensional fractal far from the origin: the sum of two-way branching steps 2^-level."""
    node = np.zeros(n, np.uint64)
    out = np.full((n, d), 3.0)
    bits = draws(key, n)
    for level in range(levels):
        node = node * np.uint64(2) + ((bits >> np.uint64(level)) & np.uint64(1))
        names, inverse = np.unique(node, return_inverse=True)
        step = np.stack([normals(int(name) + (level << 40), d) for name in names])
        out += 2.0**-level * step[inverse] / np.linalg.norm(step, axis=1)[inverse, None]
    return out.astype(np.float32)


def plain_nearest(X: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """All distances by direct differences in float64; argmin takes the first."""
    A, B = X.astype(np.float64), Z.astype(np.float64)
    return np.array([np.argmin(np.square(A - z).sum(axis=1)) for z in B])


# ---------------------------------------------------------------------------------------------------- 1-nn


@examples(40)
@given(
    key=st.integers(0, 2**63),
    n=st.integers(1, 60),
    t=st.integers(0, 30),
    d=st.integers(1, 6),
    grid=st.booleans(),
    shift=st.sampled_from([0.0, 1.0, 1000.0]),
)
def test_both_paths_agree_with_the_plain_search(key: int, n: int, t: int, d: int, grid: bool, shift: float) -> None:
    values = normals(key, (n + t) * d).reshape(n + t, d) + shift
    if grid:  # exact ties and duplicates
        values = np.round(values)
    X, Z = values[:n].astype(np.float32), values[n:].astype(np.float32)
    expected = plain_nearest(X, Z)
    for path in ("auto", "tree", "products"):
        found = neighbours.nearest(X, Z, path)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, expected, err_msg=path)


def test_both_paths_agree_on_a_fractal_where_the_naive_formula_fails() -> None:
    """The negative control: float32 |x|² − 2x·z picks a wrong neighbour for most points of the same set."""
    X = dust(5, 3000, 26)
    train, test = X[:2500], X[2500:]
    expected = plain_nearest(train, test)
    np.testing.assert_array_equal(neighbours.nearest(train, test, "tree"), expected)
    np.testing.assert_array_equal(neighbours.nearest(train, test, "products"), expected)
    naive = np.argmin(np.square(train).sum(axis=1) - np.float32(2.0) * (test @ train.T), axis=1)
    assert np.mean(naive != expected) > 0.5


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    p = problem(1, n=50, t=33)
    expected = plain_nearest(p.X_train, p.X_test)
    for block in (1, 64, 1000):
        monkeypatch.setattr(neighbours, "_BLOCK", block)
        np.testing.assert_array_equal(neighbours.nearest(p.X_train, p.X_test, "products"), expected)


def test_ties_go_to_the_smallest_training_index() -> None:
    X = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [1.0, 0.0]], np.float32)
    Z = np.array([[0.0, 0.0], [1.0, 0.0]], np.float32)
    for path in ("tree", "products"):
        np.testing.assert_array_equal(neighbours.nearest(X, Z, path), [1, 2])


@pytest.mark.parametrize("d", [1, 12])
def test_the_timed_choice_gives_the_same_answer(d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.outer(normals(1, 300), np.ones(12)) if d == 1 else normals(2, 300 * 12).reshape(300, 12)
    train, test = X[:200].astype(np.float32), X[200:].astype(np.float32)
    expected = plain_nearest(train, test)
    monkeypatch.setattr(neighbours, "_SMALL", 0)
    for clock in ([0.0, 1.0, 3.0], [0.0, 2.0, 3.0]):  # once the products win, once the tree
        ticks = iter(clock)
        monkeypatch.setattr(neighbours, "perf_counter", lambda ticks=ticks: next(ticks))
        np.testing.assert_array_equal(neighbours.nearest(train, test), expected)


def test_one_nn_returns_the_neighbours_labels_and_interpolates() -> None:
    p = problem(3, m=4)
    (outcome,) = learners.make("1-nn").run([p])
    np.testing.assert_array_equal(outcome.prediction, p.y_train[plain_nearest(p.X_train, p.X_test)])
    assert outcome.train_risk == 0.0
    X = np.zeros((2, 3), np.float32)  # an exact duplicate: the first one answers for both
    (doubled,) = learners.make("1-nn").run([Problem(X, np.array([[0.0], [2.0]]), X[:1], 0)])
    assert doubled.train_risk == 2.0


def test_a_search_that_cannot_be_is_refused() -> None:
    X = np.zeros((3, 2), np.float32)
    with pytest.raises(RecipeError, match="n >= 1"):
        neighbours.nearest(X[:0], X)
    with pytest.raises(RecipeError, match="path = 'kdtree'"):
        neighbours.nearest(X, X, "kdtree")


# ---------------------------------------------------------------------------------------------------- ridge


@pytest.mark.parametrize(("n", "d"), [(80, 6), (300, 40), (5, 6)])
def test_ridge_learns_a_linear_target_exactly(n: int, d: int) -> None:
    X = normals(8, (n + 50) * d).reshape(n + 50, d).astype(np.float32)
    y = 3.0 + X.astype(np.float64) @ normals(9, 2 * d).reshape(d, 2)
    (outcome,) = learners.make("ridge").run([Problem(X[:n], y[:n], X[n:], 4)])
    if n > d:
        np.testing.assert_allclose(outcome.prediction, y[n:], atol=1e-9)
        assert outcome.train_risk < 1e-18
    else:  # fewer equations than unknowns: the control that the check above can fail
        assert np.abs(outcome.prediction - y[n:]).max() > 0.1


@examples(30)
@given(key=st.integers(0, 2**63), n=st.integers(2, 30), d=st.integers(1, 30), power=st.integers(-6, 3))
def test_ridge_solutions_satisfy_the_normal_equations(key: int, n: int, d: int, power: int) -> None:
    X, y = normals(key, n * d).reshape(n, d), normals(key + 1, 2 * n).reshape(n, 2)
    penalty = 10.0**power
    w = ridge.ridge_solutions(X, y, [1.0, penalty])[1]
    A, b = X - X.mean(axis=0), y - y.mean(axis=0)
    np.testing.assert_allclose(A.T @ (A @ w - b) + penalty * n * w, 0.0, atol=1e-8 * n * (1.0 + np.abs(w).max()))


@pytest.mark.parametrize("least", [1e-1, 0.99e-2, 1e-4])
def test_ridge_solutions_keep_ten_digits_whatever_the_coordinates_scales(least: float) -> None:
    """Against singular values, on both sides of the bound below which the covariance would lose digits."""
    turned = np.linalg.qr(normals(26, 64).reshape(8, 8))[0]
    X = normals(24, 200 * 8).reshape(200, 8) * np.geomspace(1.0, least, 8) @ turned
    y = normals(25, 400).reshape(200, 2)
    U, s, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    for power, w in zip((-12, -3, 0), ridge.ridge_solutions(X, y, [1e-12, 1e-3, 1.0]), strict=True):
        due = Vt.T @ (s[:, None] / (s[:, None] ** 2 + 10.0**power * 200) * (U.T @ (y - y.mean(axis=0))))
        np.testing.assert_allclose(w, due, rtol=1e-10, atol=1e-10 * np.abs(due).max())


def test_ridge_on_noise_chooses_a_large_penalty_and_on_signal_a_small_one() -> None:
    n, d = 60, 30
    X = normals(21, (n + 400) * d).reshape(-1, d).astype(np.float32)
    signal = X.astype(np.float64) @ normals(22, d)[:, None]
    noise = normals(23, n + 400)[:, None]
    chosen = [learners.make("ridge").run([Problem(X[:n], y[:n], X[n:], 1)])[0].info["ridge"] for y in (signal, noise)]
    assert chosen[0] <= 1e-9
    assert chosen[1] >= 1.0


# ---------------------------------------------------------------------------------------------------- kernel ridge


def test_laplace_interpolates_a_noiseless_target_and_not_noise() -> None:
    p = problem(30, n=150, d=2, t=200)
    truth = np.sin(p.X_test.astype(np.float64) @ normals(31, 2)[:, None])
    (outcome,) = learners.make("laplace-kernel").run([p])
    assert outcome.info["ridge"] <= 1e-4
    assert outcome.train_risk < 1e-7
    assert np.mean((outcome.prediction - truth) ** 2) < 0.02 * truth.var()
    noise = dataclasses.replace(p, y_train=normals(32, 150)[:, None])
    assert learners.make("laplace-kernel").run([noise])[0].info["ridge"] == 1.0


def test_laplace_with_its_ridge_equals_the_dense_smoother() -> None:
    p = problem(40, n=70, d=3, t=20, m=2)
    (outcome,) = learners.make("laplace-kernel").run([p])
    X, Z = p.X_train.astype(np.float64), p.X_test.astype(np.float64)
    r = np.sqrt(np.square(X[:, None] - X[None]).sum(axis=2))
    length = float(np.median(r[np.triu_indices(70, 1)]))
    assert outcome.info["length"] == pytest.approx(length, rel=1e-12)
    K = np.exp(-r / length) + outcome.info["ridge"] * np.eye(70)
    k = np.exp(-np.sqrt(np.square(Z[:, None] - X[None]).sum(axis=2)) / length)
    mean = p.y_train.mean(axis=0)
    np.testing.assert_allclose(outcome.prediction, mean + k @ np.linalg.solve(K, p.y_train - mean), atol=1e-9)


def test_the_sampled_median_distance_is_close_to_the_full_one() -> None:
    X = normals(50, 1500 * 4).reshape(1500, 4)
    square = np.square(X).sum(axis=1)
    full = np.sqrt(np.median((square[:, None] - 2.0 * X @ X.T + square)[np.triu_indices(1500, 1)]))
    sampled = conventions.median_distance(X, 7)
    assert sampled == pytest.approx(full, rel=0.005)
    assert sampled == conventions.median_distance(X, 7)
    assert sampled != conventions.median_distance(X, 8)


def test_duplicated_points_do_not_break_the_factorisation() -> None:
    p = problem(60, n=20)
    X = np.repeat(p.X_train, 3, axis=0)
    y = np.repeat(p.y_train, 3, axis=0)
    (outcome,) = learners.make("laplace-kernel").run([Problem(X, y, p.X_test, 1)])
    assert np.isfinite(outcome.prediction).all()
    assert outcome.train_risk < 0.1


# ---------------------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("factor", [2.0**-20, 2.0**13])
def test_the_unit_of_the_inputs_does_not_matter(name: str, factor: float) -> None:
    p = problem(70, m=2)
    scaled = dataclasses.replace(p, X_train=p.X_train * np.float32(factor), X_test=p.X_test * np.float32(factor))
    learner = learners.make(name)
    before, after = learner.run([p, scaled])
    np.testing.assert_allclose(after.prediction, before.prediction, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", PLAIN)
def test_the_unit_and_origin_of_the_labels_come_back(name: str) -> None:
    p = problem(71)
    before, after = learners.make(name).run([p, dataclasses.replace(p, y_train=5.0 * p.y_train + 100.0)])
    np.testing.assert_allclose(after.prediction, 5.0 * before.prediction + 100.0, rtol=1e-9)
    assert after.train_risk == pytest.approx(25.0 * before.train_risk, rel=1e-6, abs=1e-18)


def test_one_scalar_and_not_one_per_coordinate() -> None:
    X = np.array([[0.0, 0.0], [0.0, 6.0], [8.0, 0.0], [8.0, 6.0]], np.float32)
    scale = protocol.scaling(Problem(X, np.arange(4.0)[:, None], X, 0))
    out = scale.inputs(X)
    assert np.mean(out**2) == pytest.approx(1.0, rel=1e-15)
    assert np.ptp(out[:, 0]) / np.ptp(out[:, 1]) == pytest.approx(8.0 / 6.0, rel=1e-15)


@pytest.mark.parametrize("name", PLAIN)
def test_test_points_are_never_looked_at(name: str) -> None:
    """Other test points change neither the fit nor the prediction of the ones that stay."""
    p = problem(72, m=2)
    other = dataclasses.replace(p, X_test=np.concatenate([p.X_test[:5], 100.0 * p.X_test[5:]]))
    one, two = learners.make(name).run([p, other])
    np.testing.assert_allclose(one.prediction[:5], two.prediction[:5], rtol=1e-12)
    assert one.info == two.info
    assert one.train_risk == two.train_risk


@given(key=st.integers(0, 2**64 - 1), n=st.integers(1, 500))
def test_validation_points_are_training_points_and_the_rest_fits(key: int, n: int) -> None:
    fit, held = conventions.validation_split(key, n)
    np.testing.assert_array_equal(np.sort(np.concatenate([fit, held])), np.arange(n))
    assert fit.size >= 1
    assert held.size == (max(1, round(0.2 * n)) if n > 1 else 0)
    again = conventions.validation_split(key, n)
    np.testing.assert_array_equal(held, again[1])


def test_validation_is_addressed_by_the_key() -> None:
    assert not np.array_equal(conventions.validation_split(1, 100)[1], conventions.validation_split(2, 100)[1])


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_and_constant_training_sets(name: str, n: int) -> None:
    X = np.ones((n, 4), np.float32)
    y = np.full((n, 2), 7.0)
    (outcome,) = learners.make(name).run([Problem(X, y, np.zeros((3, 4), np.float32), 5)])
    np.testing.assert_allclose(outcome.prediction, 7.0, rtol=1e-12)
    assert outcome.prediction.shape == (3, 2)


@pytest.mark.parametrize("name", PLAIN)
def test_an_outcome_does_not_depend_on_the_company_and_survives_json(name: str) -> None:
    learner = learners.make(name)
    a, b = problem(80), problem(90, n=33)
    together = learner.run([a, b])
    alone = learner.run([b])
    np.testing.assert_array_equal(together[1].prediction, alone[0].prediction)
    assert json.loads(json.dumps(together[1].info)) == together[1].info
    assert learner.run([]) == []


def test_names_capacities_and_conventions() -> None:
    assert learners.NAMES == (
        "1-nn", "k-nn", "ridge", "n-gram", "logistic", "random-features", "laplace-kernel", "gaussian-kernel",
        "matern-kernel", "ntk-kernel", "gradient-boosting", "mlp", "convolution", "transformer",
    )  # fmt: skip
    for name in PLAIN:
        learner = learners.make(name)
        assert learner.name == name
        assert learner.capacity in ("grows with n", "fixed")
        assert learner.conventions.startswith(f"{name}: ")
        assert "\n" not in learner.conventions


def test_wrong_names_and_settings_are_refused_with_the_nearest_match() -> None:
    with pytest.raises(RecipeError, match=r"unknown learner 'laplace'.*did you mean 'laplace-kernel'"):
        learners.make("laplace")
    with pytest.raises(RecipeError, match=r"unknown key ridge\.penalty: it has no settings"):
        learners.make("ridge", {"penalty": 1.0})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_train": np.zeros(60)}, "expected X_train"),
        ({"y_train": np.zeros((59, 1))}, "expected X_train"),
        ({"y_train": np.zeros((60, 0))}, "n, d, m >= 1"),
        ({"X_test": np.zeros((4, 6), np.float32)}, "expected X_train"),
        ({"y_train": np.full((60, 1), np.nan)}, "not finite"),
    ],
)
def test_problems_that_cannot_be_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        dataclasses.replace(problem(1), **change)


def test_importing_learners_loads_no_jax() -> None:
    code = "import sys, fractalman.learners; assert not {'jax', 'sklearn', 'optax'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
