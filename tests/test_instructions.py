"""Instructions that kernels ask for: compiled, they have the bits of the plain functions that say what they do."""

from __future__ import annotations

import numpy as np
import pytest

from fractalman import _instructions
from fractalman._instructions import lane_dot, lane_reject
from fractalman._jit import kernel
from fractalman.random import streams


@kernel
def dot(a, b):  # type: ignore[no-untyped-def]
    return lane_dot(a, b)


@kernel
def reject(g, v, along):  # type: ignore[no-untyped-def]
    return lane_reject(g, v, along)


@pytest.mark.parametrize("width", [16, 32, 48, 64, 80, 336])
def test_dot_products_in_lanes_reference(width: int) -> None:
    """Control: NumPy's own order of adding gives other bits for some of them."""
    rng = np.random.default_rng(width)
    same = 0
    for _ in range(20):
        a, b = rng.standard_normal((2, width), np.float32)
        due = _instructions.lane_dot(a, b)
        assert np.float32(dot(a, b)).tobytes() == due.tobytes()
        same += due == np.float32((a * b).astype(np.float64).sum())
        left, compiled = a.copy(), a.copy()
        due = _instructions.lane_reject(left, b, np.float32(0.3))
        assert np.float32(reject(compiled, b, np.float32(0.3))).tobytes() == due.tobytes()
        assert left.tobytes() == compiled.tobytes()
    assert same < 20


def test_minus_nothing_keeps_its_sign_reference() -> None:
    nothing = np.full(16, -0.0, np.float32)
    assert np.signbit(dot(nothing, np.ones(16, np.float32))) == np.signbit(
        _instructions.lane_dot(nothing, np.ones(16, np.float32))
    )


def test_normals_are_the_same_wherever_a_stretch_begins() -> None:
    """They are drawn 512 at once."""
    whole = streams.normals(5, 1100, first=3)
    for at in (0, 1, 511, 512, 513, 1023, 1024, 1099):
        assert streams.normals(5, 1, first=3 + at)[0] == whole[at]
    assert streams.normals(5, 600, first=303).tolist() == whole[300:900].tolist()
