"""What learners and theory share: scaling, length, validation split, random weights, against plain statements."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fractalman import conventions, learners
from fractalman.learners import Problem, protocol
from fractalman.random.streams import Role, key64, normals, permutation


@given(st.integers(1, 40), st.integers(0, 10**6), st.booleans())
@settings(max_examples=20)
def test_inputs_have_one_scale(n: int, key: int, flat: bool) -> None:
    """Mean 0 and |x|² = d on average, ratios of distances as they were; a test point follows the training points."""
    X = np.ones((n, 3), np.float32) if flat else (normals(key, 3 * n).reshape(n, 3) * 1e3 + 7).astype(np.float32)
    Z = X[:1] + np.float32(5.0)
    mine, test = conventions.scaled_inputs(X, Z)
    own = protocol.scaling(Problem(X, np.zeros((n, 1)), Z, key))
    np.testing.assert_array_equal(mine, own.inputs(X))
    np.testing.assert_allclose(test - mine[:1], 5.0 / own.scale, rtol=1e-4)
    np.testing.assert_allclose(mine.mean(axis=0), 0.0, atol=1e-6)
    if n > 1 and not flat:
        assert np.square(mine).sum(axis=1).mean() == pytest.approx(3.0, rel=1e-6)


def test_scales_of_extreme_numbers_neither_overflow_nor_vanish() -> None:
    for size in (1e-200, 1e200):
        assert conventions.root_mean_square(np.array([3.0, -4.0]) * size) == pytest.approx(size * math.sqrt(12.5))
    assert conventions.root_mean_square(np.zeros(3)) == 1.0


@given(st.integers(1, 25), st.integers(0, 10**6))
@settings(max_examples=20)
def test_the_length_is_the_median_of_all_pairs(n: int, key: int) -> None:
    X = normals(key, 2 * n).reshape(n, 2)
    pairs = [math.dist(a, b) for a, b in itertools.combinations(X.tolist(), 2)]
    assert conventions.median_distance(X, key) == pytest.approx(float(np.median(pairs)) if pairs else 1.0)
    assert conventions.median_distance(np.ones((n, 2)), key) == 1.0


def test_grids_are_as_the_learners_say() -> None:
    """The sentences of the reports name the grids: they must be those that are tried."""
    assert conventions.KERNEL_RIDGES == (1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    assert "1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1 (ties" in learners.make("laplace-kernel").conventions
    assert pytest.approx([10.0**power for power in range(-12, 4)], rel=1e-12) == conventions.LINEAR_RIDGES
    assert "1e-12, 1e-11, …, 1e3" in learners.make("ridge").conventions
    assert ", ".join(map(str, conventions.NEIGHBOURS)) in learners.make("k-nn").conventions
    assert conventions.VALIDATION_FRACTION == 1 / 5


def test_validation_points_and_weights_have_addresses() -> None:
    order = permutation(key64(5, Role.VALIDATION), 11)
    fit, held = conventions.validation_split(5, 11)
    np.testing.assert_array_equal(np.concatenate([held, fit]), order)
    assert held.size == 2
    assert conventions.validation_split(5, 1)[1].size == 0
    W, b = conventions.random_projections(5, 3, 7)
    for j in range(7):
        np.testing.assert_array_equal([*W[:, j], b[j]], normals(key64(5, Role.INITIALISATION, 1, j), 4))
