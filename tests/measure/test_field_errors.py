"""Errors of label differences over fields: the formula against traces of dense matrices, intervals against paths."""

from __future__ import annotations

import numpy as np
import pytest

import fractalman as fm
from fractalman.measure.field_errors import Pairs, slope_error
from fractalman.measure.neighbours import spatial_blocks
from fractalman.prediction.label_scatter import fields


def covariance(points: np.ndarray, two_h: float) -> np.ndarray:
    """Fractional Brownian motion that is 0 at the first point."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) ** two_h
    return 0.5 * (apart[0][:, None] + apart[0] - apart)


@pytest.mark.parametrize(("two_h", "dim"), [(0.3, 1), (1.0, 2), (1.8, 1), (1.4, 5)])
def test_the_error_equals_its_reference(two_h: float, dim: int) -> None:
    """The variance of yᵀAy is 2·tr(AΣAΣ), with A the slope's weights on squared differences."""
    points = np.random.default_rng(1).normal(size=(40, dim))
    ranks = np.array([1, 2, 4, 9])
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    partner = np.argsort(apart, axis=1)[:, ranks]
    log = np.log(ranks)
    slope = (log - log.mean()) / np.square(log - log.mean()).sum()
    A = np.zeros((40, 40))
    for b, weight in enumerate(slope / (np.take_along_axis(apart, partner, axis=1) ** two_h).mean(axis=0) / 40):
        for i, j in enumerate(partner[:, b]):
            A[[i, j], [i, j]] += weight
            A[[i, j], [j, i]] -= weight
    product = A @ covariance(points, two_h)
    exact = np.sqrt(2.0 * np.trace(product @ product))
    found = slope_error(two_h, points, Pairs(np.arange(40), partner, partner), ranks.astype(float), 40)
    assert found == pytest.approx(exact, rel=1e-9)


def test_two_partners_in_a_bin_say_less_than_many_sources_and_more_than_one() -> None:
    """A mean over a bin has no error of its pairs' own: with other partners only what they share counts."""
    rng = np.random.default_rng(2)
    points, sources = rng.normal(size=(60, 3)), np.arange(20)
    first, second = rng.integers(20, 60, (2, 20, 3))
    x = np.array([1.0, 2.0, 4.0])
    one = slope_error(0.8, points, Pairs(sources, first, first), x, 20)
    two = slope_error(0.8, points, Pairs(sources, first, second), x, 20)
    many = slope_error(0.8, points, Pairs(sources, first, first), x, 10**6)
    assert two < one
    assert many < one


def test_halves_across_the_principal_axis() -> None:
    """Of a long thin set the blocks follow each other along it, one far point or not."""
    rng = np.random.default_rng(3)
    points = rng.normal(size=(400, 2)) * (20.0, 1.0)
    points[0] = (0.0, 70.0)  # the farthest from the centre
    block = spatial_blocks(points, 8, principal=True)
    along = np.argsort(points[:, 0])
    assert np.count_nonzero(np.diff(block[along] // 2)) == 3, "four quarters, one after the other"
    assert np.count_nonzero(np.diff(spatial_blocks(points, 4)[along])) > 100, "the control"
    assert np.bincount(block).tolist() == [50] * 8


@pytest.mark.slow(reason="sixty drawn paths", but=["0.9"])
@pytest.mark.parametrize("hurst", [0.2, 0.6, 0.9])
def test_intervals_hold_the_exponent_of_paths(hurst: float) -> None:
    """Blocks alone held 2H = 1.8 in about half of them: paths so smooth remember themselves over their whole length."""
    line = np.arange(400.0)[:, None] / 400.0
    held, narrow = [], []
    for path in fields(line, 2.0 * hurst, 24 if hurst == 0.9 else 60, 5).T:
        found = fm.measure.smoothness(line, path)
        for fit in (found.variogram, found.neighbours):
            held.append(fit.interval[0] <= 2.0 * hurst <= fit.interval[1])
            narrow.append(abs(fit.value - 2.0 * hurst) < 0.5 * fit.half_width)
    assert np.mean(held) >= 0.85
    assert np.mean(narrow) < 0.9, "the control: intervals half as wide would not do"
