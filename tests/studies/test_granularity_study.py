"""Granularity: shares that add to one, the targets whose shares are known, smoothers against plain algebra, laws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

import fractalman as fm
from fractalman import theory
from fractalman.errors import RecipeError
from fractalman.learners import Problem, make
from fractalman.studies.estimated import estimated_hierarchy
from fractalman.studies.granularity import parts
from fractalman.studies.granularity.local_ridge import IndicatorRidge, LocalRidge, scaled
from fractalman.studies.granularity.result import SHARES, GranularityResult, mean_and_half_width, share
from fractalman.studies.granularity.spec import read_granularity

CLUSTER = {"family": "percolation-cluster", "n_points": 512, "ambient_dim": 48, "seed": 3}
SMALL: dict[str, Any] = {
    "recipe": CLUSTER,
    "granularity": {"scales": [8, 64], "train_size": 128, "seeds": 2, "draws": 4, "curve_scales": [64]},
}


def fragments_of(seed: int, points: int, most: int) -> np.ndarray:
    return parts.compact(np.random.default_rng(seed).integers(0, most, points))


# ---------------------------------------------------------------------------------------------------- parts


@examples(25)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 12))
def test_between_and_within_are_all(seed: int, points: int, most: int) -> None:
    errors = np.random.default_rng(seed).normal(size=(points, 3))
    of = fragments_of(seed, points, most)
    means = np.array([errors[of == f].mean(axis=0) for f in of])
    within = parts.within_square(errors, of)
    np.testing.assert_allclose(within, np.square(errors - means).mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(within + np.square(means).mean(axis=0), np.square(errors).mean(axis=0))
    assert parts.within_square(errors, np.arange(points)).max() == pytest.approx(0.0, abs=1e-30)


@pytest.mark.parametrize("most", [4, 30, 200])
def test_expected_parts_are_those_of_the_dense_covariance(most: int) -> None:
    data = fm.generate(fm.PercolationCluster(n_points=220, ambient_dim=16, seed=1))
    train, test = data.split(40, 180, seed=2)
    covariance = theory.TreeCovariance(data.label_tree)
    of = fragments_of(5, 180, most)
    expected = parts.ExpectedParts(covariance, train, test)
    H = theory.LinearRidge().weights(data.X[train], data.X[test], ridge=0.1)
    everyone = np.arange(220)
    sigma = covariance.block(everyone, everyone)
    G = np.zeros((180, 220))
    G[np.arange(180), test] = 1.0
    G[:, train] -= H
    P = np.eye(180) - (of[:, None] == of[None, :]) / np.bincount(of)[of][:, None]
    law = expected.smoother(H)
    assert law.risk == pytest.approx(np.trace(G @ sigma @ G.T) / 180)
    assert law.within(most, of) == pytest.approx(np.trace(P @ G @ sigma @ G.T @ P.T) / 180)
    S = sigma[np.ix_(test, test)]
    assert parts.expected_within_labels(expected, most, of) == pytest.approx(np.trace(P @ S @ P.T) / 180)
    floor = expected.smoother(expected.best())
    observed = np.zeros(220, np.bool_)
    observed[train] = True
    assert floor.risk == pytest.approx(theory.bayes_risk(data, observed).mean(), rel=1e-9)
    assert floor.within(most, of) <= law.within(most, of)


# ---------------------------------------------------------------------------------------------------- ridges


@pytest.mark.parametrize("ridge", [1e-3, 1.0])
def test_local_ridge_solves_every_fragment_by_itself(ridge: float) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
    of, train, test = np.arange(60) % 4, np.arange(0, 36), np.arange(36, 60)
    of[59] = 9  # a fragment without training points
    found = LocalRidge(X, of).fitted(train, test).weights(ridge) @ y[train]
    for t, answer in zip(test, found, strict=True):
        own = train[of[train] == of[t]]
        if not own.size:
            np.testing.assert_allclose(answer, y[train].mean(axis=0))
            continue
        A = X[own] - X[own].mean(axis=0)
        w = np.linalg.solve(A.T @ A + ridge * own.size * np.eye(3), A.T @ y[own])
        np.testing.assert_allclose(answer, y[own].mean(axis=0) + (X[t] - X[own].mean(axis=0)) @ w)


def test_one_fragment_is_the_ridge_of_all_points() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 6)).astype(np.float32)
    y = X @ rng.normal(size=(6, 2)) + 0.3 * rng.normal(size=(50, 2))
    train, test = np.arange(30), np.arange(30, 50)
    chosen = LocalRidge(scaled(X, train), np.zeros(50, np.int64)).by_labels(train, y[train], test, key=7)
    outcome = make("ridge").run([Problem(X[train], y[train], X[test], 7)])[0]
    assert chosen.ridge == outcome.info["ridge"]
    np.testing.assert_allclose(chosen.weights @ y[train], outcome.prediction, atol=1e-6)


@pytest.mark.parametrize("ridge", [1e-4, 0.1])
def test_ridge_on_indicators_is_ridge_on_indicators(ridge: float) -> None:
    rng = np.random.default_rng(2)
    of, y = rng.integers(0, 5, 40), rng.normal(size=(40, 2))
    of[39] = 7
    train, test = np.arange(25), np.arange(25, 40)
    A = (of[:, None] == np.arange(8)[None, :]).astype(float)
    F = A[train] - A[train].mean(axis=0)
    w = np.linalg.solve(F.T @ F + ridge * 25 * np.eye(8), F.T @ (y[train] - y[train].mean(axis=0)))
    wanted = y[train].mean(axis=0) + (A[test] - A[train].mean(axis=0)) @ w
    found = IndicatorRidge(np.zeros((40, 1)), of).fitted(train, test).weights(ridge) @ y[train]
    np.testing.assert_allclose(found, wanted)
    constant = IndicatorRidge(np.zeros((40, 1)), of).fitted(train, test).weights(np.inf)
    np.testing.assert_allclose(constant, 1 / 25)


# ---------------------------------------------------------------------------------------------------- shares


def checked(result: GranularityResult) -> GranularityResult:
    """What holds of every result."""
    for row in result.shares:
        for prefix in ("", "expected_"):
            if row[f"{prefix}between"] is not None:
                assert sum(row[f"{prefix}{name}"] or 0.0 for name in SHARES) == pytest.approx(1.0, abs=1e-9)
        assert min(row["linear"], row["nonlinear"]) >= 0.0
        assert max(row["finer_linear"], row["alone"]) <= row["nonlinear"] + 1e-12
    assert [row["between"] for row in result.shares] == sorted((r["between"] for r in result.shares), reverse=True)
    assert result.shares[-1]["between"] == pytest.approx(0.0, abs=1e-12)
    return result


@pytest.fixture(scope="module")
def cluster() -> GranularityResult:
    return checked(fm.granularity(SMALL))


def test_measured_parts_are_the_expected_ones() -> None:
    # Expected risks are exact over labels: measured ones scatter about them by the few draws alone.
    many = {**SMALL, "granularity": {**SMALL["granularity"], "draws": 64, "seeds": 1, "curve_scales": []}}
    result = checked(fm.granularity(many))
    for row in result.table:
        if row["learner"] == "bayes" or row["learner"].startswith("local"):
            assert row["within"] == pytest.approx(row["expected_within"], rel=0.12)
    # a negative control: the expectation of another learner is not met
    ridge, floor = (next(r for r in result.table if r["learner"] == name) for name in ("ridge", "bayes"))
    assert ridge["risk"] != pytest.approx(floor["expected_risk"], rel=0.12)


def test_nobody_beats_the_floor_in_expectation(cluster: GranularityResult) -> None:
    floor = {row["scale"]: row for row in cluster.table if row["learner"] == "bayes"}
    for row in cluster.table:
        if row["expected_risk"] is not None:
            assert row["expected_risk"] >= floor[row["scale"]]["expected_risk"] * (1 - 1e-9)
            assert row["expected_within"] >= floor[row["scale"]]["expected_within"] * (1 - 1e-9)


def saved(tmp_path: Path, X: np.ndarray, y: np.ndarray) -> str:
    np.savez(tmp_path / "points.npz", X=X, y=y)
    return str(tmp_path / "points.npz")


@pytest.mark.parametrize("linear", [True, False])
def test_a_linear_target_has_no_nonlinear_share(tmp_path: Path, linear: bool) -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(600, 4)).astype(np.float32)
    y = X @ np.array([1.0, -2.0, 0.5, 0.0]) if linear else np.abs(X[:, 0]) + np.square(X[:, 1])
    spec = {
        "data": {"file": saved(tmp_path, X, y)},
        "granularity": {"scales": [64, 256], "train_size": 300, "seeds": 2},
    }
    whole = checked(fm.granularity(spec)).shares[-1]
    assert whole["floor"] is None
    if linear:
        assert whole["linear"] == pytest.approx(1.0, abs=1e-6)
        assert whole["nonlinear"] <= max(1e-9, 2 * whole["nonlinear_half_width"])
    else:  # the negative control
        assert whole["nonlinear"] > 0.3


@pytest.mark.parametrize("noise", [True, False])
def test_random_labels_have_nothing_above_chance(tmp_path: Path, noise: bool) -> None:
    """At scale 4 means of one or two unseen points are half of pure noise; that is chance, and is taken off."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(600, 3)).astype(np.float32)
    y = rng.normal(size=600) if noise else X[:, 0] + 0.5 * rng.normal(size=600)
    table = {"scales": [4, 16, 64], "train_size": 300, "seeds": 3, "learners": ["ridge", "k-nn"]}
    result = checked(fm.granularity({"data": {"file": saved(tmp_path, X, y)}, "granularity": table}))
    for row in result.shares:
        assert sum(row[f"{name}_chance"] or 0.0 for name in SHARES) == pytest.approx(1.0)
        for name in SHARES[:4]:
            above, half = row[f"{name}_above_chance"], row[f"{name}_above_chance_half_width"]
            assert above == pytest.approx(row[name] - row[f"{name}_chance"])
            if noise:
                assert abs(above) <= max(half, 1e-12), (row["scale"], name)
    first = result.shares[0]
    assert first["scale"] == 4
    assert first["between_chance"] == pytest.approx((first["fragments"] - 1.0) / 299.0)
    assert first["between_chance"] > 0.4
    if not noise:  # the negative control
        assert all(row["between_above_chance"] > row["between_above_chance_half_width"] for row in result.shares[:3])


def test_labels_constant_on_clusters_have_nothing_within_them() -> None:
    recipe = {"family": "percolation-ensemble", "n_points": 600, "ambient_dim": 16, "label": "cluster-constant"}
    spec = {"recipe": recipe, "granularity": {"scales": [4, 599], "train_size": 128, "seeds": 2, "draws": 4,
                                                      "learners": ["ridge"]}}  # fmt: skip
    result = checked(fm.granularity(spec))
    for row in result.shares[:2]:  # whole clusters at most, or fragments of them
        assert row["between"] == pytest.approx(1.0, abs=1e-9)
        assert row["expected_between"] == pytest.approx(1.0, abs=1e-9)
    assert result.shares[-1]["between"] == pytest.approx(0.0, abs=1e-9)  # the control: all clusters in one fragment


def circle(points: int, hurst: float) -> fm.SmoothManifold:
    return fm.SmoothManifold(kind="sphere", dim=1, n_points=points, ambient_dim=4, hurst=hurst, seed=2)


@pytest.mark.parametrize(("hurst", "power"), [(0.5, 1.0), (3.0, 2.0)])
def test_a_smooth_control_has_taylors_within_variance(hurst: float, power: float) -> None:
    """Within fragments of s of N points of a D-dimensional field the variance goes as (s/N)^(2 min(H, 1)/D): D = 1."""
    data = fm.generate(circle(1600, hurst))
    field = theory.FieldCovariance(data.X, hurst)
    hierarchy = estimated_hierarchy(data.X, "ward", 0)
    within, sizes = [], []
    for s in (16, 32, 64, 128):
        of = hierarchy.cut(s).fragment
        count = np.bincount(of)
        within.append(1.0 - (parts.covariance_sums(field, np.arange(1600), of) / count).sum() / 1600)
        sizes.append(count[of].mean())
    slope = np.polyfit(np.log(sizes), np.log(within), 1)[0]
    assert slope == pytest.approx(power, abs=0.12)
    assert abs(slope - (3.0 - power)) > 0.5  # the control: not the other's law


def test_of_a_smooth_control_a_plane_takes_all_that_is_within() -> None:
    """What a plane leaves of a smooth field goes as (s/N)^(4/D) where all goes as (s/N)^(2/D); a rough one has none."""
    shares = {}
    for hurst in (0.5, 3.0):
        table = {"scales": [32, 64], "train_size": 300, "test_size": 300, "seeds": 2, "learners": ["ridge"]}
        recipe = circle(600, hurst).to_dict()
        rows = checked(fm.granularity({"recipe": recipe, "granularity": table})).shares[:-1]
        shares[hurst] = np.array([row["linear"] / (1.0 - row["between"]) for row in rows])
        expected = np.array([row["expected_linear"] / (1.0 - row["expected_between"]) for row in rows])
        np.testing.assert_allclose(shares[hurst], expected, atol=0.1)
    assert shares[3.0].min() > 0.95
    assert shares[0.5].max() < 0.8  # the control


def test_shares_and_means_by_hand() -> None:
    value, half = share(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    assert value == 1.0
    assert half == pytest.approx(12.7062047 * 0.5, rel=1e-6)
    assert mean_and_half_width([1.0]) == (1.0, None)
    assert mean_and_half_width([1.0, None]) == (None, None)
    assert mean_and_half_width([]) == (None, None)


# ---------------------------------------------------------------------------------------------------- curves


def test_curves_inside_fragments_have_exponents(cluster: GranularityResult) -> None:
    rows = {(row["scale"], row["learner"]): row for row in cluster.exponents}
    assert {learner for _, learner in rows} == {"ridge", "laplace-kernel", "bayes"}
    for row in rows.values():
        assert 0.0 < row["expected_exponent"] < 1.0
    for row in cluster.curves:
        assert row["risk"] is None or row["risk"] > 0.0
        assert row["pca_slope"] < -0.5
        if row["learner"] == "ridge" and row["n"] >= 8:
            assert row["spectral_risk"] == pytest.approx(row["expected_risk"], rel=0.35)


# ---------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"granularity": {"scale": [8], "train_size": 64}}, "unknown key granularity.scale.*did you mean 'scales'"),
        ({"granularity": {"scales": [8, 4], "train_size": 64}}, "rising values"),
        ({"granularity": {"scales": [8, 512], "train_size": 64}}, "scales below the 512 points"),
        ({"granularity": {"scales": [8], "train_size": 512}}, "leave 2 unseen points"),
        ({"granularity": {"scales": [8], "train_size": 64, "learners": ["k-nn"]}}, "ridge, the linear learner"),
        ({"granularity": {"scales": [8], "train_size": 64, "learners": ["ridge", "nn"]}}, "unknown learner 'nn'"),
        ({"granularity": {"scales": [8], "train_size": 64, "curve_scales": [16]}}, "some of granularity.scales"),
        ({"granularity": {"scales": [8], "train_size": 64}, "k-nn": {"kk": 3}}, "unknown key k-nn.kk"),
        ({"granularity": {"scales": [8], "train_size": 64}, "mpl": {}}, r"unknown table mpl.*did you mean 'mlp'"),
        ({}, r"no table \[granularity\] found"),
    ],
)
def test_bad_specifications_are_refused_by_key(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        read_granularity({"recipe": CLUSTER, **changes})


def test_reading_again_gives_an_equal_study() -> None:
    study = read_granularity(SMALL)
    again = read_granularity(study.to_dict())
    assert again == study
    assert again.digest == study.digest
    assert read_granularity({**SMALL, "recipe": {**CLUSTER, "seed": 4}}).digest != study.digest
