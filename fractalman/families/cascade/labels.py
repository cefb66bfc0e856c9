"""Labels of a cascade: y = Σ_l R_l^H z(node_l) / norm, z a standard normal at every node, by address.

Every term is rounded to a multiple of 2^-44, so that sums of terms are exact in double precision whatever their
order: the collapsed chains of the induced tree add up to the very label that each point has on its own, and a point's
label does not depend on which other points were drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, I64, U64
from fractalman.families.cascade import _label_kernels as _kernels
from fractalman.random.streams import Role, key64


def cascade_terms(contraction: float, hurst: float, levels: int) -> F64:
    """Return r^(H·l) for l = 0 … levels, (levels + 1,) float64, by IEEE operations only."""
    out = np.empty(levels + 1)
    _kernels.geometric(float(contraction), float(hurst), out)
    return out


def cascade_norm(contraction: float, hurst: float, levels: int) -> float:
    """Return the one constant √(Σ_l r^(2H·l)) that gives every label prior variance 1."""
    amplitude = cascade_terms(contraction, hurst, levels)
    return float(np.sqrt(_kernels.sum_of_squares(amplitude, 0, levels + 1)))


def cascade_path_terms(steps: I64, ratios: F64, hurst: float) -> F64:
    """Return R_l^H on paths with unequal ratios, (rows, levels + 1) float64, by IEEE operations only.

    Args:
        steps: (rows, levels) int64, which child was taken at every level.
        ratios: (children of all kinds of node,) float64. hurst: H.
    """
    factor, out = np.empty(ratios.size), np.empty((steps.shape[0], steps.shape[1] + 1))
    _kernels.powers(ratios, float(hurst), factor)
    _kernels.path_products(steps, factor, out)
    return out


def cascade_average_norm(kinds: Sequence[tuple[Sequence[float], Sequence[float]]], hurst: float, levels: int) -> float:
    """Return the one constant √(Σ_l s^l), s = E Σ_i p_i r_i^(2H): prior variance 1 on average over points.

    Args:
        kinds: equally likely kinds of node, (masses p_i, ratios r_i) each. hurst: H. levels: below the root.
    """
    total = 0.0
    for masses, ratios in kinds:
        power = np.empty(len(ratios))
        _kernels.powers(np.asarray(ratios, np.float64), 2.0 * hurst, power)
        for p, r in zip(masses, power.tolist(), strict=True):
            total += p * r
    share, norm2 = total / len(kinds), 0.0
    for _ in range(levels + 1):
        norm2 = norm2 * share + 1.0
    return math.sqrt(norm2)


def cascade_segments(
    addresses: U64, first: I64, last: I64, amplitude: F64, seed: int, draw: int = 0
) -> tuple[F64, F64]:
    """Return for every row the value and the variance of levels first … last of its path.

    Args:
        addresses: (rows, levels + 1) uint64 node addresses, root first.
        first, last: (rows,) int64 levels, both ends included; last < first gives 0.
        amplitude: (levels + 1,) float64 of `cascade_terms`, or (rows, levels + 1) of `cascade_path_terms`.
        seed: label seed. draw: number of the label draw, 0 = the dataset's own.
    """
    value, variance = np.empty(len(addresses)), np.empty(len(addresses))
    key = np.uint64(key64(seed, Role.LATENT, 0, draw))
    _kernels.cascade_segments(addresses, first, last, np.atleast_2d(amplitude), key, value, variance)
    return value, variance


def sums_are_exact(amplitude: F64) -> bool:
    """Whether sums of terms of these amplitudes are exact in any order, so that paths may be summed piece by piece.

    Terms are multiples of 2^-44, of which float64 holds all below 2^9; a normal drawn from 53 bits is at most 8.66.
    """
    return float(np.sum(8.66 * amplitude + 2.0**-44)) < 2.0**9


def cascade_variances(first: I64, last: I64, amplitude: F64) -> F64:
    """Return the variances of `cascade_segments` alone, for the (levels + 1,) terms of equal ratios."""
    variance = np.empty(first.size)
    _kernels.segment_variances(first, last, amplitude, variance)
    return variance
