"""Curves of classifiers without a closed form, against plain learners on structures of their own; losses of classes."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.special import expit, xlogy

import fractalman as fm
from fractalman import generation, theory
from fractalman.errors import RecipeError

SIGN = fm.Cascade(n_points=640, branching=4, contraction=0.5, hurst=0.5, ambient_dim=3, target="sign", seed=1)
SUBCLUSTERS = fm.PercolationCluster(n_points=500, ambient_dim=12, target="classes", subclusters=4, seed=2)
RIDGE, SIZES = 0.1, (32, 128)


def plain_logistic(X: np.ndarray, y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Newton's method on the penalised mean of −ln(probability); the intercept is free."""
    scale = math.sqrt(np.mean(np.square(X - X.mean(axis=0))))
    A = np.column_stack([(X - X.mean(axis=0)) / scale, np.ones(len(X))])
    penalty = np.append(np.full(X.shape[1], RIDGE), 0.0)
    w = np.zeros(A.shape[1])
    for _ in range(50):
        p = expit(A @ w)
        step = np.linalg.solve(
            A.T * (p * (1.0 - p)) @ A / len(X) + np.diag(penalty), A.T @ (p - y) / len(X) + penalty * w
        )
        w -= step
        if np.abs(step).max() < 1e-10:
            break
    return expit(np.column_stack([(Z - X.mean(axis=0)) / scale, np.ones(len(Z))]) @ w)


@cache
def simulated(hurst: float) -> np.ndarray:
    """(structures, sizes, 2): share of wrong answers and nats of plain logistic regression."""
    rows = []
    for i in range(24):
        data = fm.generate(SIGN.replace(seed=900 + i, hurst=hurst))
        labels, X = generation.label_draws(data, 4), np.asarray(data.X, np.float64)
        order, row = np.random.default_rng(i).permutation(data.n_points), []
        test = order[-128:]
        for n in SIZES:
            found = []
            for y in labels.T:
                if y[order[:n]].min() == y[order[:n]].max():
                    p = np.full(128, (y[order[0]] * n + 1.0) / (n + 2.0))
                else:
                    p = plain_logistic(X[order[:n]], y[order[:n]], X[test])
                due = y[test]
                found.append([((p > 0.5) != (due > 0.5)).mean(), -(xlogy(due, p) + xlogy(1.0 - due, 1.0 - p)).mean()])
            row.append(np.mean(found, axis=0))
        rows.append(row)
    return np.array(rows)


@pytest.mark.slow(reason="logistic regressions on drawn structures", but=["0-1-0"])
@pytest.mark.parametrize(("loss", "which"), [("0-1", 0), ("cross-entropy", 1)])
def test_logistic_regression_is_that_of_plain_newton_steps(loss: str, which: int) -> None:
    pytest.importorskip("sklearn")
    curve = fm.predict(SIGN, fm.learners.make("logistic", {"ridge": RIDGE}), loss=loss, draws=12).curve(SIZES)
    assert "trained on drawn structures" in curve.kind

    def sigma(rows: np.ndarray) -> np.ndarray:
        error = np.hypot(rows.std(axis=0, ddof=1) / math.sqrt(len(rows)), curve.standard_error)
        return np.abs(rows.mean(axis=0) - curve.risk) / error

    assert (sigma(simulated(0.5)[..., which]) < 3.5).all()
    assert sigma(simulated(0.15)[..., which]).max() > 4.0  # rougher labels are told from these


def test_the_floor_in_nats_is_that_of_posterior_variances() -> None:
    nats, values = fm.predict(SIGN, "bayes", loss="cross-entropy", draws=3), SIGN.replace(target="value")
    rows = []
    for draw in fm.predict(values, "bayes", draws=3)._source.draws(SIZES, 0, 3):
        left = theory.bayes_curve(draw.tree, draw.order, list(SIZES), draw.test)
        rows.append(theory.class_entropy_floor(1.0, left).mean(axis=1))
    np.testing.assert_allclose(nats.curve(SIZES).risk, np.mean(rows, axis=0), rtol=1e-12)
    assert (nats.floor(SIZES).risk < nats.within_variance).all()
    assert nats.within_variance < math.log(2.0)
    assert nats.data_exponent is None
    assert "no law of cross-entropies" in nats.why()


def test_subclusters_have_curves_of_learners_that_one_training_decides() -> None:
    """One neighbour is counted plainly on structures of a sweep's seeds; labels shuffled among points are not it."""
    curve, rows, shuffled = fm.predict(SUBCLUSTERS, "1-nn").curve(SIZES), [], []
    for i in range(16):
        data = fm.generate(SUBCLUSTERS.replace(seed=400 + i))
        X, y = np.asarray(data.X, np.float64), data.y
        order = np.random.default_rng(i).permutation(data.n_points)
        near = [np.linalg.norm(X[order[-100:]][:, None] - X[order[:n]][None], axis=2).argmin(axis=1) for n in SIZES]
        rows.append([(y[order[:n]][j] != y[order[-100:]]).mean() for n, j in zip(SIZES, near, strict=True)])
        y = y[np.random.default_rng(99 + i).permutation(len(y))]
        shuffled.append([(y[order[:n]][j] != y[order[-100:]]).mean() for n, j in zip(SIZES, near, strict=True)])
    error = np.hypot(np.std(rows, axis=0, ddof=1) / 4.0, curve.standard_error)
    assert (np.abs(np.mean(rows, axis=0) - curve.risk) < 3.5 * error).all()
    assert (np.mean(shuffled, axis=0) - curve.risk > 5.0 * error).all()
    assert fm.predict(SUBCLUSTERS, "laplace-kernel", draws=3).curve([32]).risk[0] < curve.risk[0] * 1.5
    with pytest.raises(RecipeError, match="classes are subclusters"):
        fm.predict(SUBCLUSTERS, "gradient-boosting").curve([32])
    with pytest.raises(RecipeError, match="no floor of who sees X"):
        fm.predict(SUBCLUSTERS).floor([32])


def test_losses_that_labels_do_not_have() -> None:
    with pytest.raises(RecipeError, match="labels are values"):
        fm.predict(SIGN.replace(target="value"), loss="0-1")
    with pytest.raises(RecipeError, match="loss = 'hinge'"):
        fm.predict(SIGN, loss="hinge")
    with pytest.raises(RecipeError, match="no curve of cross-entropy"):
        fm.predict(SIGN, "mlp", loss="cross-entropy").curve([32])
