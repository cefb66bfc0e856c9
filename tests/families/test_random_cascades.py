"""β and α_P of random cascades against trees that were grown here, in plain NumPy, without a line of the package."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from sampled import examples

from fractalman.theory import log_period, moran_exponent, quantization_exponent, shared_by_one_tree

TREES = 12


def neighbour_risk(k: list[int], r: float, hurst: float, sizes: list[int], rng: np.random.Generator) -> list[float]:
    """What one neighbour pays on one tree, up to a factor: Σ_l r^(2Hl) × the mass of the cells that hold no point."""
    n, found = sizes[-1], np.zeros(len(sizes))
    cell, mass, power = np.zeros(n, np.int64), np.ones(1), 1.0
    while mass.sum() > 1e-3:
        children = rng.choice(k, mass.size)
        number = np.concatenate([[0], np.cumsum(children)])
        at = number[cell] + (rng.random(n) * children[cell]).astype(np.int64)
        held, cell = np.unique(at, return_inverse=True)
        mass = (mass / children)[np.searchsorted(number, held, side="right") - 1]
        power *= r ** (2.0 * hurst)
        for i, size in enumerate(sizes):  # nested training sets
            found[i] += power * (1.0 - mass[np.unique(cell[:size])].sum())
    return (found + power / (r ** (-2.0 * hurst) - 1.0)).tolist()  # no point below shares a cell with the test point


def quantizer_risk(
    k: list[int], r: float, hurst: float, thresholds: list[float], rng: np.random.Generator
) -> list[float]:
    """(cells, Σ μ R^(2H)) of one tree whose cells are split until none weighs more than each threshold."""
    weight, cells, risk = np.ones(1), np.zeros(len(thresholds)), np.zeros(len(thresholds))
    while weight.size:
        children = rng.choice(k, weight.size)
        parent = np.repeat(weight, children)
        weight = np.repeat(weight * r ** (2.0 * hurst) / children, children)
        for i, least in enumerate(thresholds):
            done = (weight <= least) & (parent > least)
            cells[i] += done.sum()
            risk[i] += weight[done].sum()
        weight = weight[weight > thresholds[-1]]
    return [*cells, *risk]


def slope_and_error(rows: np.ndarray, at: np.ndarray | None = None) -> tuple[float, float]:
    """Slope of the mean of rows against their sizes (columns ``at``, or the rows' own first half), and its error."""

    def slope(mean: np.ndarray) -> float:
        x, y = (np.log(at), np.log(mean)) if at is not None else np.log(mean.reshape(2, -1))
        return -float(np.polyfit(x, y, 1)[0])

    without = np.array([slope(np.delete(rows, i, axis=0).mean(axis=0)) for i in range(len(rows))])
    return slope(rows.mean(axis=0)), float(np.sqrt((len(rows) - 1) * np.mean((without - without.mean()) ** 2)))


@examples(6, fast=4, derandomize=True)
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=3, unique=True),
    st.floats(0.3, 0.7),
    st.floats(0.3, 1.0),
    st.integers(0, 2**32),
)
def test_exponents_of_random_recipes(k: list[int], r: float, hurst: float, seed: int) -> None:
    """Both within 4 errors and .05 over a factor 256; those of another H, half as large again, are rejected."""
    beta, model = moran_exponent(k, r, hurst), quantization_exponent(k, r, hurst)
    assume(0.25 < beta < 1.0)
    assume(shared_by_one_tree(k, beta))
    assume((log_period(k) or 1.0) < 8.0)
    rng, sizes = np.random.default_rng(seed), [2**j for j in range(5, 14)]
    data = np.array([neighbour_risk(k, r, hurst, sizes, rng) for _ in range(TREES)])
    found, error = slope_and_error(data, np.array(sizes))
    assert abs(found - beta) < 4.0 * error + 0.05
    assert abs(found - moran_exponent(k, r, 1.5 * hurst)) > 4.0 * error + 0.05
    cells = [2.0**-j for j in range(6, 14)]
    best = np.array([quantizer_risk(k, r, hurst, cells, rng) for _ in range(TREES)])
    found, error = slope_and_error(best)
    assert abs(found - model) < 4.0 * error + 0.05
    assert abs(found - quantization_exponent(k, r, 1.5 * hurst)) > 4.0 * error + 0.05
