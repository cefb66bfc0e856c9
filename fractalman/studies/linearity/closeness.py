"""Is a network's function on a fragment closer to that fragment's own ridge regression than to other learners?

All rivals are trained on the network's training points, in the same space: ridge regression fragment by fragment, one
ridge regression for all, kernel ridge (Laplace), and a random network, ReLU features with a trained readout. The first
three have the ridge that brings them closest to the network on one half of the unseen points; the random network that
with which its risk there comes closest to the network's. On the other half, with d = mean (f − g)²,

    closeness = (d_rival − d_local) / (d_rival + d_local),   d_rival = the least of the three others':

1 where the network *is* the local regressions, 0 where another learner describes it as well, negative where better.
Controls: fragments at random places, of the same sizes; and rivals trained on labels that have changed places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fractalman import kernels
from fractalman._typing import F64, I64, Bool
from fractalman.conventions import median_distance
from fractalman.random.streams import Role, key64, normals, permutation
from fractalman.studies.base import Row
from fractalman.studies.granularity.local_ridge import LocalRidge
from fractalman.studies.sources import Sample

RIVALS = ("global-ridge", "laplace-kernel", "random-network")
CONTROLS = ("none", "random-fragments", "shuffled-labels")
_RIDGES = tuple(10.0**power for power in range(-12, 4))
_FEATURES = 2048
_ROUNDING = 1e-12
"""A distance, in units of the variance of f, below which two functions are the same."""
_TRAINED = 4
"""Training points of a fragment without which its unseen points are left out."""


def closeness_rows(sample: Sample, X: F64, f: F64, scales: Sequence[int], base: Row) -> list[Row]:
    """Return a row per scale and control.

    Args:
        sample: the replicate. X: (n, d) the space, scaled by the training points. f: (n, m) the network's function in
            units of the labels. scales: of the cuts. base: columns of every row.
    Returns: rows "closeness" with scale, control, closeness, local, the rivals' distances and the nearest's name; all
    distances in units of the variance of f over the unseen points.
    """
    labels = sample.y[sample.train]
    moved = labels[permutation(key64(sample.key, Role.LABEL_DRAW, 1), len(labels))]
    paths, of_moved = (_rival_paths(sample, X, y) for y in (labels, moved))
    rows: list[Row] = []
    for scale in scales:
        fragment = sample.hierarchy.cut(scale).fragment
        elsewhere = fragment[permutation(key64(sample.key, Role.MEASUREMENT, scale), fragment.size)]
        cases = ((labels, fragment, paths), (labels, elsewhere, paths), (moved, fragment, of_moved))
        for control, (y, part, rivals) in zip(CONTROLS, cases, strict=True):
            row = _row(sample, X, f, y, part, rivals)
            rows.append({**base, "row": "closeness", "scale": scale, "control": control, **row})
    return rows


def _row(sample: Sample, X: F64, f: F64, y: F64, fragment: I64, paths: dict[str, F64]) -> Row:
    trained = np.bincount(fragment[sample.train], minlength=int(fragment.max()) + 1)
    able = trained[fragment[sample.test]] >= _TRAINED
    nothing: Row = {"closeness": None, "local": None, "nearest": None, "points": int(able.sum())}
    nothing |= dict.fromkeys(RIVALS)
    half = np.arange(able.size) % 2 == 0  # unseen points stand in random order
    choose, score = able & half, able & ~half
    if min(choose.sum(), score.sum()) < _TRAINED:
        return nothing
    at, truth = f[sample.test], sample.y[sample.test]
    fit = LocalRidge(X, fragment).fitted(sample.train, sample.test)
    local = np.stack([fit.weights(ridge) @ y for ridge in _RIDGES])
    variance = float(np.mean(np.square(at - at.mean(axis=0))))
    if not variance > 0.0:
        return nothing
    found = {"local": _nearest(local, at, choose, score)}
    for name, path in paths.items():
        if name == "random-network":
            found[name] = _equal_risk(path, at, truth, choose, score)
        else:
            found[name] = _nearest(path, at, choose, score)
    found = {name: max(value, _ROUNDING * variance) for name, value in found.items()}
    rivals = {name: found[name] for name in RIVALS}
    nearest = min(rivals, key=lambda name: rivals[name])
    one, other = found["local"], rivals[nearest]
    row: Row = {name: value / variance for name, value in found.items()}
    return {**row, "nearest": nearest, "points": int(able.sum()), "closeness": (other - one) / (other + one)}


def _nearest(path: F64, f: F64, choose: Bool, score: Bool) -> float:
    """Return the distance on ``score`` of the member of a path that is nearest to f on ``choose``."""
    best = int(np.argmin(np.square(path[:, choose] - f[choose]).mean(axis=(1, 2))))
    return float(np.mean(np.square(path[best][score] - f[score])))


def _equal_risk(path: F64, f: F64, y: F64, choose: Bool, score: Bool) -> float:
    """Return the distance on ``score`` of the member of a path whose risk on ``choose`` is nearest to that of f."""
    risks = np.square(path[:, choose] - y[choose]).mean(axis=(1, 2))
    own = float(np.mean(np.square(f[choose] - y[choose])))
    best = int(np.argmin(np.abs(np.log(np.maximum(risks, 1e-300)) - math.log(max(own, 1e-300)))))
    return float(np.mean(np.square(path[best][score] - f[score])))


def _rival_paths(sample: Sample, X: F64, y: F64) -> dict[str, F64]:
    """Return rival → (ridges, t, m) predictions at the unseen points."""
    A, B = X[sample.train], X[sample.test]
    length = median_distance(A, sample.key)
    d = A.shape[1]
    W = normals(key64(sample.key, Role.INITIALISATION, 1), (d + 1) * _FEATURES).reshape(d + 1, _FEATURES)
    features = [np.maximum(Z @ W[:d] / math.sqrt(d) + W[d], 0.0) for Z in (A, B)]
    found = {
        "global-ridge": _path(A @ A.T, B @ A.T, y),
        "random-network": _path(features[0] @ features[0].T, features[1] @ features[0].T, y),
    }
    if length > 0.0:
        found["laplace-kernel"] = _path(
            kernels.matrix("laplace", A, A, length=length), kernels.matrix("laplace", B, A, length=length), y
        )
    else:  # all points at one place
        found["laplace-kernel"] = np.broadcast_to(y.mean(axis=0), (len(_RIDGES), len(B), y.shape[1]))
    return found


def _path(known: F64, across: F64, y: F64) -> F64:
    """Return kernel ridge with an intercept for every ridge, in units of the kernel's centred mean diagonal.

    Args:
        known: (n, n) kernel of the training points. across: (t, n). y: (n, m) labels.
    """
    import scipy.linalg

    n = len(known)
    mean = known.mean(axis=0)
    centred = known - mean - known.mean(axis=1, keepdims=True) + mean.mean()
    moved = across - across.mean(axis=1, keepdims=True) - mean + mean.mean()
    s, Q = scipy.linalg.eigh(centred, driver="evd", check_finite=False)
    kept = s > 1e-11 * max(float(s[-1]), 0.0)
    s, Q = s[kept], Q[:, kept]
    unit = float(np.trace(centred)) / n
    left, right = moved @ Q, Q.T @ (y - y.mean(axis=0))
    return np.stack([y.mean(axis=0) + (left / (s + ridge * n * unit)) @ right for ridge in _RIDGES])
