"""Kernels against closed forms, positive definiteness, and the formula that must not be used."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractalman import kernels
from fractalman.errors import RecipeError
from fractalman.seeds import normals


def points(key: int, n: int, d: int) -> np.ndarray:
    return normals(key, n * d).reshape(n, d)


@pytest.mark.parametrize(
    ("name", "r", "length", "value"),
    [
        ("laplace", 3.0, 2.0, math.exp(-1.5)),
        ("gaussian", 3.0, 2.0, math.exp(-9.0 / 8.0)),
        ("matern-3/2", 3.0, 2.0, (1.0 + 1.5 * math.sqrt(3.0)) * math.exp(-1.5 * math.sqrt(3.0))),
        ("matern-5/2", 2.0, 1.0, (1.0 + 2.0 * math.sqrt(5.0) + 20.0 / 3.0) * math.exp(-2.0 * math.sqrt(5.0))),
    ],
)
def test_closed_forms(name: str, r: float, length: float, value: float) -> None:
    assert kernels.by_name(name)(np.array([r]), length)[0] == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("name", kernels.KERNELS)
@given(key=st.integers(0, 2**64 - 1), length=st.floats(0.1, 10.0), factor=st.floats(0.01, 100.0))
def test_every_kernel_is_one_at_zero_decreasing_positive_definite_and_scales(
    name: str, key: int, length: float, factor: float
) -> None:
    kernel = kernels.by_name(name)
    X = points(key, 12, 3)
    r = kernels.distances(X, X)
    K = kernel(r, length)
    assert np.all(np.diag(K) == 1.0)
    assert np.linalg.eigvalsh(K).min() > -1e-12
    line = kernel(np.linspace(0.0, 5.0 * length, 64), length)
    assert np.all(np.diff(line) < 0.0)
    np.testing.assert_allclose(kernel(r * factor, length * factor), K, rtol=1e-12, atol=1e-300)


def test_positive_definiteness_can_fail() -> None:
    """A negative control: exp(−r³) is no kernel, and the check above sees it."""
    r = kernels.distances(points(3, 40, 1), points(3, 40, 1))
    assert np.linalg.eigvalsh(np.exp(-(r**3))).min() < -1e-6


def test_the_roughness_at_zero_tells_the_orders_apart() -> None:
    """1 − k(ε) ~ ε for Laplace, ε² for the smoother ones."""
    eps = np.array([1e-4, 2e-4])
    for name, power in (("laplace", 1.0), ("gaussian", 2.0), ("matern-3/2", 2.0), ("matern-5/2", 2.0)):
        small, large = 1.0 - kernels.by_name(name)(eps, 1.0)
        assert math.log2(large / small) == pytest.approx(power, abs=1e-2)


def test_distances_keep_the_small_scales_that_the_product_formula_loses() -> None:
    gap = 2.0**-20
    X = np.array([[1000.0, 0.0], [1000.0 + gap, 0.0]])
    assert kernels.distances(X, X)[0, 1] == gap
    square = (X**2).sum(axis=1)
    product = square[:, None] - 2.0 * (X @ X.T) + square
    assert abs(math.sqrt(max(product[0, 1], 0.0)) - gap) > 0.01 * gap


def test_distances_of_single_precision_points_are_taken_in_double() -> None:
    X = np.array([[1.0], [1.0 + 2.0**-23]], np.float32)
    assert kernels.distances(X, X)[0, 1] == 2.0**-23


@pytest.mark.parametrize("length", [0.0, -1.0, math.nan, math.inf])
def test_a_length_that_cannot_be_is_refused(length: float) -> None:
    with pytest.raises(RecipeError, match=r"length = .*: allowed is a finite number > 0"):
        kernels.laplace(np.ones(2), length)


def test_an_unknown_kernel_is_refused_with_the_nearest_match() -> None:
    with pytest.raises(RecipeError, match=r"unknown kernel 'laplase'.*did you mean 'laplace'"):
        kernels.by_name("laplase")


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RecipeError, match="the same d"):
        kernels.distances(np.zeros((2, 3)), np.zeros((2, 4)))
