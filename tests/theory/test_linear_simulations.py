"""Deterministic equivalents against regressions on Gaussian designs."""

from __future__ import annotations

import math

import linear_script
import numpy as np
import pytest

from fractalman.theory import (
    kernel_ridge_risk,
    power_law_spectrum,
    random_features_risk,
)

# ---------------------------------------------------------------------------------------------------- Gaussian designs


@pytest.mark.parametrize(
    ("d", "n", "ridge", "draws"),
    [
        (4, 64, 0.0, 300),
        (64, 64, 0.05, 200),  # on the peak
        (100, 64, 0.0, 200),  # beside it, ridgeless
        (256, 64, 0.0, 100),
        (256, 256, 0.02, 16),  # on it
        (200, 280, 0.0, 24),
        (4096, 64, 0.0, 8),
    ],
)
def test_gaussian_designs_with_label_noise(d: int, n: int, ridge: float, draws: int) -> None:
    """Within 3 % + 2 standard errors; the spectrum with another exponent, and a forgotten noise, are rejected."""
    script = linear_script.load()
    values, v2 = power_law_spectrum(1.5, 2.0, d)
    sample = script.gaussian_risks(values, v2, n, ridge, 0.1, draws, d + n)
    error = sample.std(ddof=1) / math.sqrt(draws)

    def off(values: np.ndarray, noise: float, size: float = n) -> float:
        return abs(sample.mean() / kernel_ridge_risk(values, v2, size, ridge, noise).risk[0] - 1.0)

    assert off(values, 0.1) < 0.03 + 2.0 * error / sample.mean()
    assert off(values, 0.05) > 0.1
    if d > n:
        assert off(power_law_spectrum(2.2, 2.0, d)[0], 0.1) > 0.05


@pytest.mark.parametrize(
    ("n", "k", "ridge"), [(64, 128, 0.0), (128, 64, 0.0), (100, 100, 0.02), (100, 110, 0.02), (64, 300, 0.05)]
)
def test_random_features_against_regressions(n: int, k: int, ridge: float) -> None:
    """Within 3 % + 2 standard errors, n ≈ k included; keeping the k leading directions is another law."""
    script = linear_script.load()
    values, v2 = power_law_spectrum(1.5, 2.0, 300)
    sample = script.gaussian_risks(values, v2, n, ridge, 0.05, 60, n + k, k)
    law = random_features_risk(values, v2, n, k, ridge, 0.05).risk[0]
    error = sample.std(ddof=1) / math.sqrt(sample.size)
    assert abs(sample.mean() / law - 1.0) < 0.03 + 2.0 * error / law
    leading = kernel_ridge_risk(values[:k], v2[:k], n, ridge, 0.05, outside=float(v2[k:].sum())).risk[0]
    kernel = kernel_ridge_risk(values, v2, n, ridge, 0.05).risk[0]
    for wrong in {leading, kernel} if k < 2 * n else {0.9 * law}:
        assert abs(sample.mean() / wrong - 1.0) > 0.06


def test_the_training_risk_is_that_of_a_regression() -> None:
    values, v2 = power_law_spectrum(1.5, 2.0, 150)
    rng, n, ridge, noise = np.random.default_rng(3), 60, 0.3, 0.1
    for k in (None, 80):
        found = []
        for _ in range(120):
            G = rng.standard_normal((n, 150))
            F = G * np.sqrt(values)
            if k is not None:
                F = F @ rng.standard_normal((150, k)) / math.sqrt(k)
            y = G @ (np.sqrt(v2) * rng.choice([-1.0, 1.0], 150)) + math.sqrt(noise) * rng.standard_normal(n)
            found.append(np.mean((ridge * np.linalg.solve(F @ F.T + ridge * np.eye(n), y)) ** 2))
        law = random_features_risk(values, v2, n, math.inf if k is None else k, ridge, noise)
        error = np.std(found, ddof=1) / math.sqrt(len(found))
        assert abs(np.mean(found) - law.train_risk[0]) < 3.0 * error + 0.02 * law.train_risk[0]
        assert law.train_risk[0] < 0.8 * law.risk[0]
