"""Uniform points on a sphere, a flat torus or a cube, by address, so that sample sizes nest."""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64, I64
from fractalman.families.smooth_manifold import _point_kernels as _kernels
from fractalman.random.streams import Role, key64

KINDS = ("sphere", "torus", "cube")


def own_dimension(kind: str, dim: int) -> int:
    """Return the dimension of the space in which a manifold of dimension ``dim`` lives."""
    return {"sphere": dim + 1, "torus": 2 * dim, "cube": dim}[kind]


def manifold_points(points: I64, kind: str, dim: int, seed: int) -> F64:
    """Return uniform points, (len(points), m) float64; their mean square distance from the centre is 1.

    Args:
        points: int64 point numbers.
        kind: "sphere" (radius 1, m = D + 1), "torus" (D circles of radius 1/√D, m = 2D), "cube" (side √(12/D), m = D).
        dim: D ≥ 1. seed: geometry seed.
    """
    points = np.ascontiguousarray(points, np.int64)
    m = own_dimension(kind, dim)
    out, key = np.empty((points.size, m)), np.uint64(key64(seed, Role.POSITION))
    if kind == "cube":
        _kernels.uniform_cube(key, points, math.sqrt(12.0 / dim), out)
    elif kind == "sphere":
        _kernels.gaussian_directions(key, points, m, 1.0, out)
    else:
        _kernels.gaussian_directions(key, points, 2, math.sqrt(1.0 / dim), out)
    return out
