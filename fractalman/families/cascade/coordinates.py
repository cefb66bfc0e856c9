"""Coordinates of a cascade: x = Σ_l R_l v(node_l), v uniform on the unit sphere, a function of the node's address."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F32, F64, I64, U64
from fractalman.families.cascade import _coordinate_kernels as _kernels
from fractalman.random.streams import Role, key64


def cascade_coordinates(out: F32, addresses: U64, contraction: float | F64, seed: int) -> None:
    """Write the coordinates of a block of points.

    Args:
        out: (block, d) float32, d ≥ 2, overwritten; unit: the root's direction has length 1.
        addresses: (block, levels + 1) uint64 node addresses, root first.
        contraction: ratio r of a child's cell to its parent's; or (block, levels) float64, one for every step.
        seed: embedding seed.
    """
    levels = addresses.shape[1] - 1
    ratios = contraction if isinstance(contraction, np.ndarray) else np.full((1, levels), float(contraction))
    _kernels.cascade_coordinates(addresses, np.uint64(key64(seed, Role.DIRECTION)), ratios, out)


def cascade_segment_vectors(
    addresses: U64, first: I64, last: I64, contraction: float | F64, seed: int, ambient_dim: int
) -> F64:
    """Return what levels first … last of each path add to its points, (rows, ambient_dim) float64.

    Args:
        addresses: (rows, levels + 1) uint64 node addresses, root first.
        first, last: (rows,) int64 levels, both ends included; last < first gives 0.
        contraction: as in `cascade_coordinates`.
        seed: embedding seed.
    """
    levels = addresses.shape[1] - 1
    ratios = contraction if isinstance(contraction, np.ndarray) else np.full((1, levels), float(contraction))
    out = np.empty((len(addresses), ambient_dim))
    key = np.uint64(key64(seed, Role.DIRECTION))
    _kernels.cascade_segment_vectors(addresses, first, last, key, ratios, ambient_dim, out)
    return out
