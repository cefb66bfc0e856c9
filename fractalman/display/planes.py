"""Points in the plane in which they are spread most."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F32, F64


def principal_plane(X: F32 | F64, fitted: int = 2000) -> tuple[F64, F64]:
    """Return (coordinates in the plane of largest variance (n, 2), shares of the variance along its axes (2,)).

    Args:
        X: (n, d) coordinates.
        fitted: the plane is found from the first so many rows.
    """
    centred = X.astype(np.float64) - X[:fitted].mean(axis=0, dtype=np.float64)
    _, singular, axes = np.linalg.svd(centred[:fitted], full_matrices=False)
    total = float(np.sum(singular**2)) or 1.0
    plane, shares = np.zeros((X.shape[0], 2)), np.zeros(2)
    shown = min(2, singular.size)  # a single point spans no plane
    plane[:, :shown], shares[:shown] = centred @ axes[:shown].T, singular[:shown] ** 2 / total
    return plane, shares
