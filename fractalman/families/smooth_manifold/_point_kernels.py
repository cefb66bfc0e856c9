"""Compiled kernels of uniform points on a sphere, a flat torus and a cube.

Plain-Python references are in tests/reference.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw_normal, draw_uniform

_U = np.uint64


@kernel
def gaussian_directions(key, points, group, radius, out):  # type: ignore[no-untyped-def]
    """out[i] = directions uniform on spheres: every ``group`` coordinates are one of length ``radius``.

    Normals divided by their length; a sphere is one group, a torus has groups of two.
    """
    for i in range(points.size):
        own = derive(key, _U(points[i]))
        for start in range(0, out.shape[1], group):
            square = 0.0
            for j in range(start, start + group):
                g = draw_normal(own, _U(j))
                out[i, j] = g
                square += g * g
            scale = radius / math.sqrt(square)
            for j in range(start, start + group):
                out[i, j] = scale * out[i, j]


@kernel
def uniform_cube(key, points, side, out):  # type: ignore[no-untyped-def]
    """out[i] = uniform in the centred cube of that side."""
    for i in range(points.size):
        own = derive(key, _U(points[i]))
        for j in range(out.shape[1]):
            out[i, j] = side * (draw_uniform(own, _U(j)) - 0.5)
