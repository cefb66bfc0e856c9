"""Linear probes: a planted code scores 1 and noise scores chance, with the stated rate of false alarms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

import fractalman as fm
from fractalman.random.streams import normals
from fractalman.studies.probes import linear_probes as probes
from fractalman.studies.probes.latents import LEAST, choose_latents, targets_of
from fractalman.studies.sources import RecipeSource


def noise(seed: int, *shape: int) -> np.ndarray:
    return normals(seed, int(np.prod(shape))).reshape(shape)


@pytest.mark.parametrize(("n", "d"), [(60, 8), (30, 80)])
def test_a_planted_code_scores_one_and_noise_scores_chance(n: int, d: int) -> None:
    X = noise(1, 2 * n, d)
    code = noise(2, d, 3)
    member = X @ code > np.quantile(X @ code, 0.7, axis=0)
    clean = np.where(member, 1.0, -1.0) @ noise(3, 3, d)  # the representation is a linear image of the memberships
    for space, good in ((clean, True), (noise(4, 2 * n, d), False)):
        made = probes.basis(space[:n], space[n:])
        for scores in (
            probes.ridge_scores(made, member[:n].astype(float)),
            probes.logistic_scores(made, member[:n]),
        ):
            areas = [probes.auc(scores[:, k], member[n:, k]) for k in range(3)]
            assert areas == [1.0] * 3 if good else 0.3 < np.mean(areas) < 0.7
    value = clean @ code
    made = probes.basis(clean[:n], clean[n:])
    found = probes.r_squared(probes.ridge_scores(made, value[:n]), value[n:], value[:n].mean(axis=0))
    assert found > 1.0 - 1e-6
    strange = noise(6, 2 * n, 3)
    found = probes.r_squared(probes.ridge_scores(made, strange[:n]), strange[n:], strange[:n].mean(axis=0))
    assert found < 0.3


def test_ridge_probes_leave_one_out_exactly() -> None:
    X, y = noise(1, 25, 6), noise(2, 25, 1)
    T = noise(3, 5, 6)
    centre, scale = X.mean(axis=0), np.sqrt(np.mean(np.square(X - X.mean(axis=0))))
    best, expected = np.inf, None

    def fit(rows: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
        # the intercept is not penalized; inputs stay centred as for all points
        A = np.column_stack([np.ones(len(rows)), (X[rows] - centre) / scale])
        penalty = np.diag([0.0, *[ridge * 25] * 6])
        w = np.linalg.solve(A.T @ A + penalty, A.T @ y[rows, 0])
        return w[1:], float(w[0])

    for ridge in sorted(probes.RIDGES, reverse=True):
        error = 0.0
        for i in range(25):
            w, b = fit(np.delete(np.arange(25), i), ridge)
            error += (y[i, 0] - b - (X[i] - centre) / scale @ w) ** 2
        if error < best * (1 - 1e-9):
            w, b = fit(np.arange(25), ridge)
            best, expected = error, b + (T - centre) / scale @ w
    found = probes.ridge_scores(probes.basis(X, T), y)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-8, atol=1e-10)


def test_logistic_probes_maximize_the_penalized_likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PENALTIES", (0.01,))
    X, T = noise(1, 40, 3), noise(2, 6, 3)
    y = X[:, 0] + noise(3, 40) > 0.3
    made = probes.basis(X, T)
    total = np.square(made.fitted).sum() / 40
    A = np.column_stack([np.ones(40), made.fitted / np.sqrt(total)])

    def loss(w: np.ndarray) -> float:
        z = A @ w
        return float(np.logaddexp(0.0, np.where(y, -z, z)).mean() + 0.005 * np.sum(w[1:] ** 2))

    w = optimize.minimize(loss, np.zeros(4), tol=1e-12).x
    expected = w[0] + made.scored / np.sqrt(total) @ w[1:]
    np.testing.assert_allclose(probes.logistic_scores(made, y[:, None])[:, 0], expected, atol=1e-4)


@pytest.mark.slow(reason="statistics of fifty choices")
def test_the_approximate_leave_one_out_choice_is_the_exact_one_in_most_cases() -> None:
    same = 0
    for seed in range(6):
        X = noise(10 + seed, 50, 4)
        y = X[:, 0] + 0.7 * noise(40 + seed, 50) > 0.0
        made = probes.basis(X, X)
        found = probes.logistic_scores(made, y[:, None])[:, 0]
        risks, fits = [], []
        for penalty in probes.PENALTIES:
            held = np.empty(50)
            A = np.column_stack([np.ones(50), made.fitted / np.sqrt(np.square(made.fitted).sum() / 50)])
            w0 = _newton(A, y, penalty, 50)
            for i in range(50):
                keep = np.arange(50) != i
                held[i] = A[i] @ _newton(A[keep], y[keep], penalty, 50)
            risks.append(np.logaddexp(0.0, np.where(y, -held, held)).mean())
            fits.append(A @ w0)
        chosen = int(np.argmin([np.abs(found - fit).max() for fit in fits]))
        assert np.abs(found - fits[chosen]).max() < 1e-3
        same += chosen == int(np.argmin(risks))
        assert risks[chosen] < min(risks) + 0.02
    assert same >= 4


def _newton(A: np.ndarray, y: np.ndarray, penalty: float, n: int) -> np.ndarray:
    w, ridge = np.zeros(A.shape[1]), np.array([1e-9, *[penalty] * (A.shape[1] - 1)])
    for _ in range(40):
        p = 1.0 / (1.0 + np.exp(-A @ w))
        step = np.linalg.solve((A * (p * (1 - p))[:, None]).T @ A / n + np.diag(ridge), A.T @ (p - y) / n + ridge * w)
        w = w - step
    return w


# ---------------------------------------------------------------------------------------------------- scores


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_areas_against_all_pairs(points: list[tuple[int, bool]]) -> None:
    score, member = np.array([s for s, _ in points], float), np.array([m for _, m in points])
    if member.all() or not member.any():
        return
    wins = [(a > b) + 0.5 * (a == b) for a in score[member] for b in score[~member]]
    assert probes.auc(score, member) == pytest.approx(np.mean(wins))
    assert probes.auc(-score, member) == pytest.approx(1.0 - np.mean(wins))
    assert probes.auc_difference_p_value(score, 2.0 * score + 1.0, member) == 1.0
    assert 0.0 <= probes.auc_p_value(score, member) <= 1.0


@pytest.mark.slow(reason="statistics of many probes")
def test_false_alarms_are_as_rare_as_stated() -> None:
    """Global null: a run of 15 latents has any discovery with probability RATE at most; binomial bound at 1e-4."""
    runs, latents, rate = 200, 15, 0.05
    member = np.arange(60) < 12
    p = np.array([[probes.auc_p_value(noise(1000 * r + k, 60), member) for k in range(latents)] for r in range(runs)])
    bound = stats.binom.isf(1e-4, runs, rate)
    alarms = sum(probes.discoveries(row, rate).any() for row in p)
    assert alarms <= bound
    assert sum((row <= rate).any() for row in p) > bound  # the control: without the correction
    assert stats.kstest(p.ravel(), "uniform").pvalue > 1e-4
    shifted = [noise(5000 + k, 60) + member * (k < 10) * 1.5 for k in range(latents)]
    found = probes.discoveries(np.array([probes.auc_p_value(s, member) for s in shifted]), rate)
    assert found[:10].sum() >= 9
    assert found[10:].sum() <= 2


def test_differences_of_areas_are_calibrated_and_seen() -> None:
    """Two noisy readings of one signal: 5 % of p-values below .05, binomial bounds at 1e-4."""
    member = np.arange(200) < 60
    p, better = [], []
    for r in range(300):
        signal = noise(9000 + r, 200) + member
        one, two = signal + 0.5 * noise(19000 + r, 200), signal + 0.5 * noise(29000 + r, 200)
        p.append(probes.auc_difference_p_value(one, two, member))
        better.append(probes.auc_difference_p_value(signal + 0.2 * member, two, member))
    low, high = stats.binom.isf([1 - 1e-4, 1e-4], 300, 0.05)
    assert low <= np.sum(np.array(p) < 0.05) <= high
    assert np.sum(np.array(better) < 0.05) > high  # the control


@given(st.lists(st.floats(0.0, 1.0), min_size=0, max_size=20))
def test_discoveries_are_those_of_the_definition(p: list[float]) -> None:
    found = probes.discoveries(np.array([*p, np.nan]), 0.1)
    ranks = [k for k in range(1, len(p) + 1) if sorted(p)[k - 1] <= 0.1 * k / len(p)]
    limit = sorted(p)[max(ranks) - 1] if ranks else -1.0
    assert found[:-1].sum() == (max(ranks) if ranks else 0)
    assert all(q <= limit for q, yes in zip(p, found, strict=False) if yes)
    assert not found[-1]


# ---------------------------------------------------------------------------------------------------- latents


def test_chosen_latents_are_disjoint_subclusters_with_random_doubles() -> None:
    data = fm.generate(fm.PercolationCluster(n_points=2000, ambient_dim=8, seed=1))
    h = data.hierarchy
    _, points = data.split(500, 1000, seed=2)
    chosen = choose_latents(h, points, 500, (32, 128, 512), 5, key=9)
    assert chosen.node.size > 5
    for k, node in enumerate(chosen.node):
        inside = np.isin(points, h.points(int(node)))
        np.testing.assert_array_equal(chosen.member[:, k], inside)
        assert chosen.scale[k] / 2 < chosen.size[k] <= chosen.scale[k]
        for half in (slice(0, 500), slice(500, 1000)):
            assert chosen.random[half, k].sum() == inside[half].sum() >= LEAST
        assert np.all(chosen.around[inside, k])
        others = chosen.around[500:, k] & ~inside[500:]
        assert others.sum() >= max(LEAST, inside[500:].sum())
    for scale in (32, 128, 512):
        members = chosen.member[:, chosen.scale == scale]
        assert members.shape[1] <= 5
        assert members.sum(axis=1).max(initial=0) <= 1
    again = choose_latents(h, points, 500, (32, 128, 512), 5, key=9)
    np.testing.assert_array_equal(again.random, chosen.random)
    other = choose_latents(h, points, 500, (32, 128, 512), 5, key=10)
    assert not np.array_equal(other.random, chosen.random)
    assert choose_latents(h, points, 500, (2,), 5, key=9).node.size == 0


def test_what_ridge_probes_read_off_adds_up_over_scales() -> None:
    recipe = fm.PercolationCluster(n_points=600, ambient_dim=8, seed=3)
    sample = RecipeSource(recipe).sample(0, 100, 400)
    found = targets_of(sample, (1, 16, 128))
    total = sum(targets["r2-band"] for targets in found.values())
    np.testing.assert_allclose(total, found[1]["r2-path"], atol=1e-12)
    norm = sample.label_tree.norm[sample.test]
    np.testing.assert_allclose(found[1]["r2-path"][:, 0] / norm, sample.y[sample.test, 0], atol=1e-9)
    for targets in found.values():
        assert np.unique(targets["r2-value"]).size >= np.unique(targets["r2-path"]).size / 2
    guessed = dataclasses.replace(sample, hierarchy=dataclasses.replace(
        sample.hierarchy, variance=np.zeros_like(sample.hierarchy.variance)))  # fmt: skip
    means = targets_of(guessed, (1, 16))
    assert set(means[16]) == {"r2-path", "r2-band"}
    np.testing.assert_allclose(means[1]["r2-path"], sample.y[sample.test])
    fragment = sample.hierarchy.cut(16).fragment
    point = int(sample.test[0])
    expected = sample.y[fragment == fragment[point]].mean(axis=0)
    np.testing.assert_allclose(means[16]["r2-path"][0], expected)
