"""Gaussian fields at given points, exactly: a Cholesky factor of the covariance that `field` approaches by waves.

The covariance is K(r) = H·E_{1+H}(2r²) itself, no sum of waves and no cut at short distances, and the labels are
jointly Gaussian, not only given the frequencies. It costs n²/2 covariances, n³/3 operations and 8n² bytes, and no label
can be drawn without those before it. Rows of the factor know nothing of later points, so the first m labels of n are
the m.

A share NUGGET of every label's variance is independent noise: smooth fields have covariance matrices that are singular
to the last digit, and it keeps their pivots positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F64, AnyFloat
from fractalman.families.smooth_manifold import _exact_field_kernels as _kernels
from fractalman.random.streams import Role, key64

NUGGET = 2.0**-36
"""Independent share of every label's variance."""
_PANEL = 32  # rows of the factor that are subtracted from all rows below at once
_EXACT = 1  # address below Role.FIELD; 0 are the waves


@dataclass(frozen=True)
class ExactField:
    """A field at n points.

    Args:
        factor: (n, n) float64, upper Cholesky factor of the covariance; what stands below the diagonal is not used.
    """

    factor: F64

    def values(self, seed: int, draw: int = 0) -> F64:
        """Return the labels of a label seed and label draw, (n,) float64 of prior variance 1."""
        out = np.empty(len(self.factor))
        _kernels.correlated(np.uint64(key64(seed, Role.FIELD, _EXACT, draw)), self.factor, out)
        return out


def exact_covariance(r: AnyFloat, hurst: float) -> F64:
    """Return K(r) = H·E_{1+H}(2r²) at distances ``r``, any shape, by IEEE operations only."""
    square = np.square(np.asarray(r, np.float64))
    out = np.empty(square.size)
    _kernels.covariances(square.ravel(), float(hurst), out)
    return out.reshape(square.shape)


def exact_field(x: F64, hurst: float) -> ExactField:
    """Return the field at points x, (n, m) float64, for H > 0."""
    x = np.ascontiguousarray(x, np.float64)
    n = len(x)
    matrix = np.empty((n, n))
    step = max(_PANEL, -(-n // 32))
    blocks = [(a, min(a + step, n)) for a in range(0, n, step)]
    run_tasks(_kernels.covariance_rows, [(x, float(hurst), 1.0 - NUGGET, a, b, matrix) for a, b in blocks])
    for first in range(0, n, _PANEL):
        last = min(first + _PANEL, n)
        _kernels.factor_panel(matrix, first, last)
        panel = matrix[first:last].copy()
        run_tasks(_kernels.subtract_panel, [(matrix, panel, max(a, last), b) for a, b in blocks if b > last])
    return ExactField(matrix)
