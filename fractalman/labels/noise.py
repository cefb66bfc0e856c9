"""Label noise by address: σ times a standard normal of its own for every point and label draw."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64
from fractalman.labels import _kernels
from fractalman.random.streams import Role, key64


def label_noise(points: I64, sigma: float, seed: int, draw: int = 0) -> F64:
    """Return the noise of points, (len(points),) float64 in units of the label's prior standard deviation.

    Args:
        points: int64 point numbers. sigma: σ. seed: label seed. draw: number of the label draw.
    """
    out = np.empty(len(points))
    _kernels.scaled_normals(np.uint64(key64(seed, Role.NOISE, 0, draw)), np.asarray(points, np.int64), sigma, out)
    return out
