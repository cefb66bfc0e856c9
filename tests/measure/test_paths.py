"""Exponents of paths: the error against a dense matrix, the value against Higuchi's, what is no path."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sampled import some

import fractalman as fm
from fractalman.measure.paths import LAGS, path_error, path_exponent, path_order


def brownian(hurst: float, n: int, draws: int, seed: int) -> np.ndarray:
    """Paths of fractional Brownian motion by the Cholesky factor of their covariance: (draws, n)."""
    t = np.arange(1.0, n)
    power = 2.0 * hurst
    covariance = 0.5 * (t[:, None] ** power + t**power - np.abs(t[:, None] - t) ** power)
    drawn = np.linalg.cholesky(covariance) @ np.random.default_rng(seed).standard_normal((n - 1, draws))
    return np.concatenate([np.zeros((1, draws)), drawn]).T


def higuchi(path: np.ndarray) -> float:
    """The exponent of mean absolute differences at lags 1 … 10."""
    lags = np.arange(1, 11)
    return float(np.polyfit(np.log(lags), np.log([np.abs(path[k:] - path[:-k]).mean() for k in lags]), 1)[0])


@pytest.mark.parametrize("two_h", [0.3, 1.0, 1.7])
def test_the_error_is_that_of_dense_matrices(two_h: float) -> None:
    n = 40
    t = np.arange(float(n))
    gamma = np.abs(t[:, None] - t) ** two_h
    slope = np.log(LAGS) - np.mean(np.log(LAGS))
    slope /= np.square(slope).sum()
    whole = np.zeros((n, n))
    for weight, lag in zip(slope, LAGS, strict=True):
        step = np.eye(n)[lag:] - np.eye(n)[:-lag]
        whole += weight / lag**two_h / (n - lag) * step.T @ step
    centred = whole @ (-0.5 * gamma)  # increments sum to 0, so that −γ/2 does for the covariance
    assert path_error(two_h, n) == pytest.approx(math.sqrt(2.0 * np.trace(centred @ centred)), rel=1e-9)


@pytest.mark.parametrize("hurst", [0.2, 0.5, 0.8])
def test_the_value_is_better_than_higuchis_and_its_interval_holds(hurst: float) -> None:
    count = some(80, fast=40)
    paths = brownian(hurst, 600, count, 3)
    fits = [path_exponent(path) for path in paths]
    values = np.array([fit.value for fit in fits if fit is not None]) / 2.0
    held = sum(fit.interval[0] <= 2.0 * hurst <= fit.interval[1] for fit in fits if fit is not None)
    others = np.array([higuchi(path) for path in paths])
    assert np.square(values - hurst).mean() < np.square(others - hurst).mean()
    assert held >= 0.9 * count
    false = sum(fit.interval[0] <= 2.0 * hurst + 0.3 <= fit.interval[1] for fit in fits if fit is not None)
    assert false < 0.5 * count


def test_smoothness_takes_a_path_for_one_and_nothing_else() -> None:
    path = brownian(0.5, 400, 1, 7)[0]
    t = np.arange(400.0)
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(400)
    X = np.c_[3.0 * t, np.zeros(400)][shuffled]
    due = path_exponent(path)
    assert due is not None
    assert fm.measure.smoothness(X, path[shuffled]).neighbours.value == pytest.approx(due.value, rel=1e-12)
    assert path_order(np.c_[t, t]) is None
    assert path_order(np.delete(t, 200)[:, None]) is None
    assert path_order(np.sort(rng.random(400))[:, None]) is None
    assert path_order(1e-9 * t[:, None] + 5.0) is not None
    assert path_exponent(np.repeat([0.0, 1.0], 8)[np.arange(400) % 2 * 8]) is None  # 0 at even lags
