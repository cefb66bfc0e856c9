"""Linear regression as a model of generalization: its law on drawn designs, and kriging on the tree where d >> n."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fractalman as fm
from fractalman import theory
from fractalman.studies.granularity.linear_risk import Design, gaussian_design, linear_rows, ridge_risks
from fractalman.studies.sources import RecipeSource

VALUES = {"linear_points": 320, "linear_sizes": (16, 32, 64), "linear_splits": 2}


@pytest.mark.parametrize(("n", "d"), [(12, 30), (40, 6)])
def test_ridge_risks_are_those_of_plain_algebra(n: int, d: int) -> None:
    rng = np.random.default_rng(0)
    X, Z, y, u = rng.normal(size=(n, d)), rng.normal(size=(9, d)), rng.normal(size=(n, 2)), rng.normal(size=(9, 2))
    found = ridge_risks(Design(X, y, Z, u), [0.0, 2.0, math.inf])
    A, b = X - X.mean(axis=0), y - y.mean(axis=0)
    for delta, risk in zip((0.0, 2.0), found, strict=False):
        w = np.linalg.pinv(A) @ b if delta == 0.0 else np.linalg.solve(A.T @ A + delta * np.eye(d), A.T @ b)
        answer = y.mean(axis=0) + (Z - X.mean(axis=0)) @ w
        assert risk == pytest.approx(np.square(u - answer).mean())
    assert found[2] == pytest.approx(np.square(u - y.mean(axis=0)).mean())


def test_gaussian_designs_follow_the_law_of_their_spectrum() -> None:
    """Within 5 % + 2 standard errors, peaks aside, of 12 drawn designs; the law of a reversed target is not met."""
    data = fm.generate(fm.PercolationCluster(n_points=320, ambient_dim=48, seed=2))
    spectrum = theory.spectrum_of(data.X, data.label_tree, kernel="linear")
    met = []
    for n in (16, 32, 96):
        best = theory.optimal_ridge_risk(
            spectrum.eigenvalues, spectrum.coefficients, n, outside=spectrum.outside, intercept=True
        )
        none = theory.kernel_ridge_risk(
            spectrum.eigenvalues, spectrum.coefficients, n, outside=spectrum.outside, intercept=True
        )
        wrong = theory.kernel_ridge_risk(
            spectrum.eigenvalues, spectrum.coefficients[::-1], n, outside=spectrum.outside, intercept=True
        )
        deltas = [0.0, float(best.ridge[0])]
        risks = np.array([ridge_risks(gaussian_design(spectrum, n, 200, 32, 100 * n + k), deltas) for k in range(12)])
        error = risks.std(axis=0, ddof=1) / math.sqrt(12)
        for i, law in enumerate((none, best)):
            predicted = float(law.risk[0])
            assert abs(risks[:, i].mean() - predicted) <= 0.05 * predicted + 2 * error[i], (n, i)
        met.append(abs(risks[:, 0].mean() - float(wrong.risk[0])) <= 0.05 * float(wrong.risk[0]) + 2 * error[0])
    assert not any(met[:2])  # the control


def test_a_study_of_a_cluster_meets_the_law_with_the_best_ridge() -> None:
    source = RecipeSource(fm.PercolationCluster(n_points=320, ambient_dim=8, seed=4), draws=32)
    rows = [row for seed in range(4) for row in linear_rows(source, VALUES, 256, seed)]
    assert {row["design"] for row in rows} == {"data", "gaussian"}
    assert {row["learner"] for row in rows} == {"linear", "random features", "1-nn", "laplace-kernel"}
    for design in ("data", "gaussian"):
        for n in VALUES["linear_sizes"]:
            found = [
                row["risk"] / row["predicted_risk"]
                for row in rows
                if (row["design"], row["n"], row["ridge"], row["learner"]) == (design, n, "best", "linear")
            ]
            ratio, error = np.mean(found), np.std(found, ddof=1) / 2
            assert abs(ratio - 1.0) <= 0.05 + 2 * error, (design, n, ratio, error)


def test_linear_regression_is_kriging_on_the_tree_until_n_nears_d() -> None:
    """docs/theory.md §5, with numbers: ridgeless regression in d = 4096 against kriging with the Brownian covariance of
    the tree itself (all distances exact, d = infinity), the nearest neighbour, and the same regression in d = 64."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import shortest_path

    N, sizes = 400, (16, 32, 64)
    ratios: dict[str, list[np.ndarray]] = {"kriging": [], "1-nn": [], "few": []}
    slopes = []
    for seed in range(3):
        recipe = fm.PercolationCluster(n_points=N, ambient_dim=4096, seed=seed)
        data = fm.generate(recipe)
        few = fm.generate(recipe.replace(ambient_dim=64))
        np.testing.assert_array_equal(data.edges, few.edges)  # the same tree
        covariance = theory.TreeCovariance(data.label_tree)
        a, b = data.edges.T
        D = shortest_path(coo_array((np.ones(N - 1), (a, b)), shape=(N, N)).tocsr(), directed=False)
        centre = np.eye(N) - 1.0 / N
        values, vectors = np.linalg.eigh(-0.5 * centre @ D @ centre)
        exact = vectors[:, 1:] * np.sqrt(np.maximum(values[1:], 0.0))
        train, test = data.split(max(sizes), 200, seed=1)
        curves = {}
        for name, X in (("linear", data.X), ("few", few.X), ("kriging", exact)):
            curves[name] = np.array(
                [
                    theory.expected_risk(
                        covariance, theory.LinearRidge().weights(X[train[:n]], X[test], ridge=0.0), train[:n], test
                    ).mean()
                    for n in sizes
                ]
            )
        curves["1-nn"] = theory.smoother_curve(covariance, data.X, train, sizes, test, "1-nn")
        for name, found in ratios.items():
            found.append(curves["linear"] / curves[name] if name != "few" else curves[name] / curves["linear"])
        slopes.append(
            [-np.polyfit(np.log(sizes), np.log(curves[name]), 1)[0] for name in ("linear", "kriging", "1-nn")]
        )
    kriging, neighbour, few_dims = (np.mean(ratios[name], axis=0) for name in ("kriging", "1-nn", "few"))
    np.testing.assert_allclose(kriging, 1.0, atol=0.05)
    assert ((neighbour > 0.6) & (neighbour < 1.0)).all()  # a constant factor below the nearest neighbour's curve …
    linear, krige, near = np.mean(slopes, axis=0)
    assert linear == pytest.approx(krige, abs=0.03)
    assert linear == pytest.approx(near, abs=0.12)  # … and nearly its slope
    assert few_dims[0] < 1.5  # n = 16 of d = 64: still near it
    assert few_dims[2] > 10.0  # n = d: the peak
