"""Label noise and nuisance coordinates by address: a function of the point's number, noise of the label draw, too."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F32, F64, I64
from fractalman.generation import _noise_kernels as _kernels
from fractalman.random.streams import Role, key64


def label_noise(points: I64, sigma: float, seed: int, draw: int = 0) -> F64:
    """Return the noise of points, (len(points),) float64 in units of the label's prior standard deviation.

    Parameters
    ----------
    points : int64 array
        Int64 point numbers.
    sigma : float
        σ.
    seed : int
        Label seed.
    draw : int, default 0
        Number of the label draw.
    """
    out = np.empty(len(points))
    _kernels.scaled_normals(np.uint64(key64(seed, Role.NOISE, 0, draw)), np.asarray(points, np.int64), sigma, out)
    return out


def nuisance_coordinates(out: F32, points: I64, scale: float, seed: int) -> None:
    """Write independent N(0, scale²) coordinates, a function of the point's number alone.

    Parameters
    ----------
    out : (len(points), columns) float32
        Overwritten.
    points : int64 array
        Int64 numbers.
    scale : float
        Standard deviation.
    seed : int
        Embedding seed.
    """
    _kernels.nuisance(np.uint64(key64(seed, Role.NUISANCE)), np.asarray(points, np.int64), float(scale), out)
