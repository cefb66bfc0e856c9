"""The curve of a trained network: that of its tangent kernel, times what networks were measured to lose against it.

A ReLU network's reference is kernel ridge regression with the tangent kernel of as many hidden layers. Trained until it
interpolates it has more risk than that kernel, by a factor that did not change with n and hardly with the family
(datasets/reference/FINDINGS.md, point 1). The factor and its scatter are measurements, and belong to what was measured:
two hidden layers, widths 128 and 256, Adam, n from 64 to 1024.

The random start (`theory.TangentNetwork`, the network of its tangent to the letter) does not improve on it: on five of
those runs, k = 4, 8, 16, the cluster and the ensemble, the ratio scatters by .020 over the families against this curve,
by .114 against the kernel without ridge, and by .148 where the start is counted, too. The ridge that is chosen on held
out points does for the kernel what the end of training and the finite width do for the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, AnyInt
from fractalman.prediction.realization import Compute
from fractalman.recipes import Recipe

DIMENSIONS = 24
"""Coordinates of the families of the campaign, at least."""


@dataclass(frozen=True)
class NetworkRatio:
    """Risk of networks over that of ridge regression with their tangent kernel.

    Parameters
    ----------
    ratio : float
        Geometric mean over the families.
    shared_error : float
        Standard error, relative, of the ratio of another family, the same at all its sizes.
    size_error : float
        Standard error, relative, at one size beside that, independent from size to size.
    slope_error : float
        Standard error of the difference of exponents of another family.
    families : int
        Families that it was measured on.
    """

    ratio: float
    shared_error: float
    size_error: float
    slope_error: float
    families: int

    def applied(self, kernel: Compute) -> Compute:
        """Return the network's curve, structure by structure, from the kernel's."""

        def compute(sizes: tuple[int, ...], first: int, last: int) -> F64:
            return self.ratio * kernel(sizes, first, last)

        return compute


def exponent_error(size_error: float, slope_error: float, positions: Sequence[float] | AnyInt) -> float:
    """Return the standard error of a measured ratio's exponent: as measured, or what errors of single points leave.

    Over a short window those errors alone move an exponent by more than they did over the campaign's.

    Parameters
    ----------
    size_error, slope_error : float
        Of the ratio, as in `NetworkRatio`.
    positions : (k,) numbers
        Sizes or steps, two or more, > 0.

    Returns
    -------
    float
        In units of the exponent.
    """
    x = np.log(np.asarray(positions, np.float64))
    return max(slope_error, size_error / math.sqrt(float(np.square(x - x.mean()).sum())))


# made by scripts/network_ratio.py
CAMPAIGN = NetworkRatio(ratio=1.223, shared_error=0.037, size_error=0.054, slope_error=0.040, families=8)
# end
"""From the paired points of networks and kernels in datasets/reference/five-*, where the data limit the network."""

# made by scripts/network_domain.py
ELSEWHERE = NetworkRatio(ratio=1.223, shared_error=0.261, size_error=0.085, slope_error=0.123, families=12)
SEVERAL = NetworkRatio(ratio=1.223, shared_error=0.163, size_error=0.054, slope_error=0.040, families=7)
# end
"""Of networks outside the campaign's domain, where they lose twice that or gain, and inside of such that learn several
label vectors at once, which lose more than one alone (datasets/statistics/network_domain.md).

In few coordinates labels of close points differ, which the kernel evens out with its ridge and the network fits; of
nuisance coordinates the network learns that they say nothing. The ratio is the campaign's, errors are root mean squares
about it; over the sizes several label vectors scatter no more than the campaign's.
"""


def measured_ratio(recipe: Recipe, outputs: int = 1) -> NetworkRatio:
    """Return what networks lose against their tangent kernel on a recipe's points.

    Parameters
    ----------
    recipe : Recipe
        Of any family.
    outputs : int, default 1
        Label vectors that a network learns at once.
    """
    if elsewhere(recipe):
        return ELSEWHERE
    return SEVERAL if outputs > 1 else CAMPAIGN


def elsewhere(recipe: Recipe) -> str:
    """Return why the campaign does not tell what a network loses on a recipe's points; "" where it does."""
    if recipe.ambient_dim < DIMENSIONS:
        return f"networks were held against their kernel in {DIMENSIONS} coordinates or more, and here are fewer"
    if recipe.nuisance_dim:
        return "networks were held against their kernel without nuisance coordinates, which they learn to leave out"
    return ""
