"""Labels of a cascade: y = Σ_l r^(H·l) z(node_l) / norm, z a standard normal at every node, by address.

Every term is rounded to a multiple of 2^-44, so that sums of terms are exact in double precision whatever their
order: the collapsed chains of the induced tree add up to the very label that each point has on its own, and a point's
label does not depend on which other points were drawn.
"""

from __future__ import annotations

import numpy as np

from fractalman._arrays import F64, I64, U64
from fractalman.labels import _kernels
from fractalman.seeds import Role, key64


def cascade_terms(contraction: float, hurst: float, levels: int) -> F64:
    """Return r^(H·l) for l = 0 … levels, (levels + 1,) float64, by IEEE operations only."""
    out = np.empty(levels + 1)
    _kernels.geometric(float(contraction), float(hurst), out)
    return out


def cascade_norm(contraction: float, hurst: float, levels: int) -> float:
    """Return the one constant √(Σ_l r^(2H·l)) that gives every label prior variance 1."""
    amplitude = cascade_terms(contraction, hurst, levels)
    return float(np.sqrt(_kernels.sum_of_squares(amplitude, 0, levels + 1)))


def cascade_segments(
    addresses: U64, first: I64, last: I64, amplitude: F64, seed: int, draw: int = 0
) -> tuple[F64, F64]:
    """Return for every row the value and the variance of levels first … last of its path.

    Args:
        addresses: (rows, levels + 1) uint64 node addresses, root first.
        first, last: (rows,) int64 levels, both ends included; last < first gives 0.
        amplitude: (levels + 1,) float64 of `cascade_terms`.
        seed: label seed. draw: number of the label draw, 0 = the dataset's own.
    """
    value, variance = np.empty(len(addresses)), np.empty(len(addresses))
    key = np.uint64(key64(seed, Role.LATENT, 0, draw))
    _kernels.cascade_segments(addresses, first, last, amplitude, key, value, variance)
    return value, variance


def cascade_labels(addresses: U64, contraction: float, hurst: float, seed: int, draw: int = 0) -> F64:
    """Return the labels of a block of points, (rows,) float64 of prior variance 1."""
    rows, width = addresses.shape
    amplitude = cascade_terms(contraction, hurst, width - 1)
    whole = np.zeros(rows, np.int64), np.full(rows, width - 1)
    value, _ = cascade_segments(addresses, *whole, amplitude, seed, draw)
    return value / cascade_norm(contraction, hurst, width - 1)
