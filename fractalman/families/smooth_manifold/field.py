"""Gaussian fields by address: sums of plane waves whose average covariance is stated exactly.

f(x) = Σ_m √share_m · (a_m cos ω_m·x + b_m sin ω_m·x), ω_m = t_m·G_m with G_m, a_m, b_m standard normal. Given the
frequencies f is exactly Gaussian and every point has variance exactly Σ share_m = 1. Averaged over them its covariance
is Σ_m share_m·exp(−t_m² r²/2) (`field_covariance`): the shells t_m are spread evenly over the octaves from t = 2 up,
share_m is t_lo^(−2H) − t_hi^(−2H), and the sum is K(r) = H·E_{1+H}(2r²) but for the waves with t above 2^25, which are
left out; at H = 0.1 they held 3.6 % of the variance, above H = 0.25 less than 0.03 %. Waves rather than a Cholesky
factor, because a wave knows nothing of the other points: labels nest and any number of points costs O(n).

Waves are summed to a precision of their own: each is right to 2.1e-7 of its amplitude, a label to about 1e-7 of its
standard deviation, so the labels are the field's but for rounding errors of 1e-14 of its variance. A cosine to the
last digit of double precision would take five times as long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F32, F64, AnyFloat
from fractalman.families.smooth_manifold import _field_kernels as _kernels
from fractalman.random.streams import Role, key64

FEATURES = 2048
"""Plane waves of a field."""
LOWEST = 2.0  # t of the longest waves: correlations end at r about 1/2, half the radius of the manifold
_OCTAVES = 24.0  # t runs over so many octaves, over fewer where waves of standard deviation 2^-24 are reached before


@dataclass(frozen=True)
class Field:
    """A drawn field on R^m.

    Args:
        turns: (m, FEATURES) float64 frequencies in turns per unit of length.
        offset: (FEATURES,) float64 phases at 0, in turns.
        amplitude: (FEATURES,) float32.
    """

    turns: F64
    offset: F64
    amplitude: F32

    def __call__(self, x: F64) -> F64:
        """Return the field at points x (rows, m) float64: (rows,) float64."""
        out = np.empty(len(x))
        _kernels.field_values(np.ascontiguousarray(x), self.turns, self.offset, self.amplitude, out)
        return out


def shells(hurst: float) -> tuple[F64, F64]:
    """Return the scales t_m and the shares of the variance of a field's waves, (FEATURES,) float64 each."""
    scale, share = np.empty(FEATURES), np.empty(FEATURES)
    _kernels.shells(float(hurst), _OCTAVES / max(1.0, float(hurst)), LOWEST, scale, share)
    return scale, share


def gaussian_field(width: int, hurst: float, seed: int, draw: int = 0) -> Field:
    """Return the field on R^width that belongs to a label seed.

    Args:
        width: m ≥ 1. hurst: H > 0. seed: label seed. draw: number of the label draw, 0 = the dataset's own.
    """
    scale, share = shells(hurst)
    made = Field(np.empty((width, FEATURES)), np.empty(FEATURES), np.empty(FEATURES, np.float32))
    key = np.uint64(key64(seed, Role.FIELD, 0, draw))
    _kernels.frequencies(key, scale, share, made.turns, made.offset, made.amplitude)
    return made


def field_covariance(r: AnyFloat, hurst: float) -> F64:
    """Return the covariance of the field at distances ``r``, averaged over its frequencies; any shape, exact."""
    scale, share = shells(hurst)
    at = np.asarray(r, np.float64)
    return np.asarray(np.exp(-0.5 * np.square(at[..., None] * scale)) @ share, np.float64)
