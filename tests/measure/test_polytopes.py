"""Polytopes of ReLU networks, counted: by linear programmes over all patterns, by roots, by the areas they fill."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from scipy.optimize import linprog

from fractalman.errors import RecipeError
from fractalman.measure import affine_map, line_regions, plane_regions, points_per_polytope
from fractalman.measure.polytopes import activation_pattern


def network(seed: int, *widths: int) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(a, b)), rng.normal(size=b)) for a, b in itertools.pairwise(widths)]


def forward(layers: Any, X: Any) -> Any:
    for k, (W, b) in enumerate(layers):
        X = X @ W + b
        X = np.maximum(X, 0.0) if k + 1 < len(layers) else X
    return X


def feasible(layers: Any, pattern: Any, corner: Any, sides: Any) -> bool:
    """Whether a pattern has an interior in corner + [0, 1]^k · sides: a linear programme for the largest margin."""
    slope, constant, rows, bounds, start = sides, corner, [], [], 0
    for W, b in layers[:-1]:
        slope, constant = slope @ W, constant @ W + b
        on = pattern[start : start + W.shape[1]]
        start += W.shape[1]
        sign = np.where(on, -1.0, 1.0)
        rows += list((slope * sign).T)
        bounds += list(-constant * sign)
        slope, constant = slope * on, constant * on
    k = len(sides)
    A = np.column_stack([np.array(rows), np.ones(len(rows))])
    # inside the cell by a margin as well, so that slivers at its edge do not count
    box = np.vstack([np.column_stack([np.eye(k), np.ones(k)]), np.column_stack([-np.eye(k), np.ones(k)])])
    found = linprog(
        [0.0] * k + [-1.0], np.vstack([A, box]), [*bounds, *np.ones(k), *np.zeros(k)], bounds=[(0, 1)] * k + [(None, 1)]
    )
    return bool(found.status == 0 and found.x[-1] > 1e-9)


@pytest.mark.slow(reason="a linear programme for every pattern of four networks", but=["0"])
@pytest.mark.parametrize("seed", range(4))
def test_lines_and_planes_against_all_patterns_reference(seed: int) -> None:
    layers = network(seed, 2, 4, 3, 1)
    rng = np.random.default_rng(seed + 100)
    corner, first, second = 4.0 * rng.normal(size=(3, 2))
    every = [np.array(p) for p in itertools.product([False, True], repeat=7)]
    on_line = {tuple(p) for p in every if feasible(layers, p, corner, (first - corner)[None])}
    found = line_regions(layers, corner, first)
    assert {tuple(p) for p in found.pattern} == on_line
    assert len(found.pattern) == len(on_line)  # a convex set meets a line once
    in_plane = {tuple(p) for p in every if feasible(layers, p, corner, np.stack([first - corner, second - corner]))}
    plane = plane_regions(layers, corner, first, second)
    assert {tuple(p) for p in plane.pattern} == in_plane
    assert len(plane.polygons) == len(in_plane)
    assert plane.areas.sum() == pytest.approx(1.0, abs=1e-12)


@examples(30, deadline=None)
@given(seed=st.integers(0, 10**6), d=st.integers(1, 4), width=st.integers(1, 8), depth=st.integers(1, 3))
def test_a_network_is_affine_in_every_piece_and_bends_between(seed: int, d: int, width: int, depth: int) -> None:
    layers = network(seed, d, *[width] * depth, 2)
    one, two = np.random.default_rng(seed + 1).normal(size=(2, d)) * 3.0
    found = line_regions(layers, one, two)
    assert found.breaks[0] == 0.0
    assert found.breaks[-1] == 1.0
    assert (found.lengths > 0.0).all()
    for a, b, pattern in zip(found.breaks[:-1], found.breaks[1:], found.pattern, strict=True):
        inside = a + (b - a) * np.array([0.25, 0.5, 0.75])
        points = one + inside[:, None] * (two - one)
        values = forward(layers, points)
        assert values[1] == pytest.approx(0.5 * (values[0] + values[2]), abs=1e-9)
        if b - a > 1e-6:
            assert (activation_pattern(layers, points) == pattern).all()
        own = affine_map(layers, points[1])
        assert points[1] @ own.slope + own.constant == pytest.approx(values[1], abs=1e-9)
        assert own.rank <= min(d, 2)
    # a fine grid sees no pattern that is not there
    grid = activation_pattern(layers, one + np.linspace(0, 1, 2001)[:, None] * (two - one))
    assert {tuple(p) for p in grid} - {tuple(p) for p in found.pattern} == set() or found.lengths.min() < 1e-9


def test_points_that_share_a_polytope() -> None:
    layers = network(1, 2, 5, 1)
    X = np.random.default_rng(0).normal(size=(300, 2))
    count = points_per_polytope(layers, X)
    assert count.sum() == 300
    patterns = [tuple(row) for row in activation_pattern(layers, X)]
    assert sorted(count) == sorted(patterns.count(p) for p in set(patterns))
    assert points_per_polytope([(np.ones((2, 1)), np.zeros(1))], X).tolist() == [300]  # a linear network has one


def test_dead_units_lower_the_rank() -> None:
    layers = [(np.eye(3), np.array([5.0, -50.0, -50.0])), (np.eye(3), np.zeros(3))]
    assert affine_map(layers, np.zeros(3)).rank == 1


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"layer 1 has W of shape \(5, 1\).*expected finite numbers \(4, m\)"):
        line_regions([(np.ones((2, 4)), np.ones(4)), (np.ones((5, 1)), np.ones(1))], np.zeros(2), np.ones(2))
    with pytest.raises(RecipeError, match="without layers"):
        line_regions([], np.zeros(2), np.ones(2))
