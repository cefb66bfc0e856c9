"""Gaussian labels drawn at some points alone, from their covariance: what the points between them have is not asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, I64
from fractalman.random.streams import normals
from fractalman.theory.label_covariance import LabelCovariance

_NUGGET = 2.0**-36  # independent share of every label, as exact fields have it: points may coincide


def gaussian_draws(covariance: LabelCovariance, points: I64, keys: Sequence[int]) -> F64:
    """Return one label vector a key at k points, in k³/3 operations: (k, keys) float64.

    Further points at the end change nothing at those before them but rounding.

    Parameters
    ----------
    covariance : LabelCovariance
        Of the labels, noise included.
    points : (k,) int64
        Point numbers, each at most once.
    keys : sequence of int
        Of the random numbers.
    """
    from scipy.linalg import cholesky

    everyone = np.arange(points.size)
    own = covariance.restricted(points).block(everyone, everyone)
    own[np.diag_indices(points.size)] += _NUGGET
    factor = cholesky(own, lower=True, overwrite_a=True, check_finite=False)
    return np.asarray(factor @ np.stack([normals(key, points.size) for key in keys], axis=1), np.float64)
