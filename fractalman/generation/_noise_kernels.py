"""Compiled kernels of label noise and nuisance coordinates."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw_normal

_U = np.uint64


@kernel
def scaled_normals(key, points, sigma, out):  # type: ignore[no-untyped-def]
    """out[i] = sigma × normal number points[i] of ``key``."""
    for i in range(points.size):
        out[i] = sigma * draw_normal(key, _U(points[i]))


@kernel
def nuisance(key, points, scale, out):  # type: ignore[no-untyped-def]
    """out[i, j] = scale × normal number j of point points[i]."""
    for i in range(points.size):
        own = derive(key, _U(points[i]))
        for j in range(out.shape[1]):
            out[i, j] = np.float32(scale * draw_normal(own, _U(j)))
