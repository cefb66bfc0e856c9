"""Compiled kernels of rotations."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw_normal

_U = np.uint64
TILE = 16  # rows turned together, so that every operation is a vector instruction across rows in a fixed order


@kernel
def reflections(key, vectors, factors, signs):  # type: ignore[no-untyped-def]
    """Draw the d − 1 reflections of a uniform rotation: row k acts on coordinates k … d − 1.

    u is uniform on the sphere of those m = d − k coordinates. The reflection by w = u ± e_1 (the sign of u_1, so that
    nothing cancels) takes e_1 to ∓u; signs[k] = ∓1 undoes that, and −signs[k] on the last coordinate makes it a
    rotation. ``factors`` is 2/w·w.
    """
    d = vectors.shape[0]
    for k in range(d - 1):
        own = derive(key, _U(k))
        length = 0.0
        for j in range(k, d):
            g = draw_normal(own, _U(j - k))
            vectors[k, j] = g
            length += g * g
        scale = 1.0 / math.sqrt(length)
        for j in range(k, d):
            vectors[k, j] = vectors[k, j] * scale
        sign = 1.0 if vectors[k, k] >= 0.0 else -1.0
        vectors[k, k] = vectors[k, k] + sign
        square = 0.0
        for j in range(k, d):
            square += vectors[k, j] * vectors[k, j]
        factors[k] = 2.0 / square
        signs[k] = -sign


@kernel
def rotate_rows(X, vectors, factors, signs, width):  # type: ignore[no-untyped-def]
    """Turn every row of X (any float dtype) in place, innermost coordinates first, in float64.

    Coordinates from ``width`` on are 0: reflections of these alone have nothing to do.
    """
    n, d = X.shape
    work = np.zeros((d, TILE))
    along = np.empty(TILE)
    for start in range(0, n, TILE):
        rows = min(TILE, n - start)
        for i in range(rows):
            for j in range(d):
                work[j, i] = np.float64(X[start + i, j])
        for k in range(min(d - 2, width - 1), -1, -1):
            for i in range(TILE):
                work[k, i] = signs[k] * work[k, i]
                work[d - 1, i] = -signs[k] * work[d - 1, i]
                along[i] = 0.0
            for j in range(k, d):
                v = vectors[k, j]
                for i in range(TILE):
                    along[i] = along[i] + v * work[j, i]
            for i in range(TILE):
                along[i] = along[i] * factors[k]
            for j in range(k, d):
                v = vectors[k, j]
                for i in range(TILE):
                    work[j, i] = work[j, i] - v * along[i]
        for i in range(rows):
            for j in range(d):
                X[start + i, j] = work[j, i]
