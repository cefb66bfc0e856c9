"""Errors of one curve whose neighbouring sizes miss their law together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

import fractalman as fm
from fractalman.measure.serial import LEAST, _correlations, serial_covariance

STEPS = 100.0 * np.arange(1, 41)


def series(rho: float, draws: int, seed: int) -> np.ndarray:
    """Unit noise in which neighbours are correlated, (draws, steps)."""
    rng = np.random.default_rng(seed)
    out = rng.standard_normal((draws, STEPS.size))
    for i in range(1, STEPS.size):
        out[:, i] = rho * out[:, i - 1] + np.sqrt(1.0 - rho * rho) * out[:, i]
    return out


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_intervals_of_a_training_curve_cover(rho: float) -> None:
    """Errors of independent residuals, the control, cover less than half where neighbours go together."""
    covered, alone = [], []
    x = np.log(STEPS) - np.log(STEPS).mean()
    for noise in 0.01 * series(rho, 100, 3):
        fit = fm.measure.fit_power_law(STEPS, 30.0 * STEPS**-0.4 * np.exp(noise))
        covered.append(abs(fit.value - 0.4) < fit.half_width)
        missed = noise - np.polyval(np.polyfit(x, noise, 1), x)
        plain = np.sqrt(missed @ missed / 38 / (x @ x))
        alone.append(abs(fit.value - 0.4) < stdtrit(38, 0.975) * plain)
    assert np.mean(covered) > 0.92
    assert np.mean(covered) - np.mean(alone) > rho - 0.5
    assert rho < 0.8 or np.mean(alone) < 0.6


def test_a_series_is_said_and_independent_sizes_are_not() -> None:
    def said(noise: np.ndarray) -> bool:
        fit = fm.measure.fit_power_law(STEPS, STEPS**-0.4 * np.exp(0.01 * noise))
        return any("neighbouring sizes miss the law together" in text for text in fit.warnings)

    assert np.mean([said(noise) for noise in series(0.9, 20, 1)]) > 0.9
    assert np.mean([said(noise) for noise in series(0.0, 60, 2)]) < 0.15


def test_the_reference_with_whole_matrices_agrees() -> None:
    """Moments and filters against dense correlations, ρ by ρ."""
    rng = np.random.default_rng(0)
    for count in (LEAST, 50):
        x = np.linspace(0.0, 3.0, count)
        X = np.stack([np.ones(count), x - x.mean(), 1e-3 * np.exp(-x)], axis=1)
        y = np.cumsum(rng.standard_normal(count))
        y -= X @ np.linalg.lstsq(X, y, rcond=None)[0]
        hat, logs, found = np.linalg.pinv(X), [], []
        for rho in _correlations()[0]:
            R = rho ** np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
            root = np.linalg.inv(np.linalg.cholesky(R))
            missed = root @ y - root @ X @ np.linalg.lstsq(root @ X, root @ y, rcond=None)[0]
            variance = missed @ missed / (count - 3)
            logs.append(
                -0.5 * (np.linalg.slogdet(R)[1] + np.linalg.slogdet((root @ X).T @ root @ X)[1])
                - 0.5 * (count - 3) * np.log(variance)
            )
            found.append(variance * hat @ R @ hat.T)
        weight = np.exp(np.array(logs) - max(logs)) * _correlations()[1]
        expected = np.tensordot(weight / weight.sum(), np.array(found), axes=1)
        assert np.allclose(serial_covariance(X, y)[0], expected, rtol=1e-6)


def test_few_sizes_and_exact_curves_have_the_errors_of_independent_residuals() -> None:
    X = np.stack([np.ones(LEAST - 1), np.arange(LEAST - 1.0)], axis=1)
    y = np.sin(np.arange(LEAST - 1.0))
    covariance, rho = serial_covariance(X, y)
    assert rho == 0.0
    assert np.allclose(covariance, np.linalg.inv(X.T @ X) * (y @ y) / (LEAST - 3))
    exact = fm.measure.fit_power_law(STEPS, STEPS**-0.4)
    assert exact.half_width < 1e-9
