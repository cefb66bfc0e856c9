"""The nearest training point of every test point, exact in float64, ties to the smallest training index.

Two exact paths lead to the same indices, whichever is faster. Both only propose candidates; the winner is always
chosen by direct float64 differences, because in float32 |x|² − 2x·z picks the wrong neighbour of most points of a set
with small scales.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import shown
from fractalman.errors import RecipeError

_BLOCK = 1 << 21
"""Distances held at once by the product path: 16 MiB of float64."""

_SMALL = 1 << 19
"""Up to this many distances either path takes a few hundredths of a second, and the products are used."""

_FEW = 0.125
"""Up to this share of the training points products propose candidates; beyond, all direct distances are sorted."""

_PILOT = 64
"""Test points on which the two paths are timed beyond that."""


def squared_distances(X_train: F64, X_test: F64, train: I64, test: I64) -> F64:
    """Return Σ (x − z)² of the index pairs (train, test) by direct float64 differences, the one that decides ties."""
    out = np.empty(train.size)
    rows = max(1, _BLOCK // max(1, X_train.shape[1]))
    for start in range(0, train.size, rows):
        part = slice(start, start + rows)
        difference = X_train[train[part]] - X_test[test[part]]
        out[part] = np.square(difference).sum(axis=1)
    return out


def _choose(X_train: F64, X_test: F64, train: I64, test: I64, k: int = 1) -> I64:
    """Return every test point's k nearest candidates, (t, k).

    The pairs (train, test) hold k or more of each test point; where they are no more than k, in rising order.
    """
    distance = squared_distances(X_train, X_test, train, test)
    best = np.empty((X_test.shape[0], k), np.int64)
    no_more = np.bincount(test, minlength=len(best)) == k
    of_those = no_more[test]
    order = np.argsort(distance[of_those].reshape(-1, k), axis=1, kind="stable")
    best[no_more] = np.take_along_axis(train[of_those].reshape(-1, k), order, axis=1)
    train, test, distance = train[~of_those], test[~of_those], distance[~of_those]
    by_distance = np.lexsort((train, distance, test))
    first = np.searchsorted(test[by_distance], np.flatnonzero(~no_more))
    best[~no_more] = train[by_distance[first[:, None] + np.arange(k)]]
    return best


def _nearest_by_tree(X_train: F64, X_test: F64, tree: Any = None) -> I64:
    """k-d tree; every test point whose two best are within rounding of each other has its ties looked up."""
    from scipy.spatial import cKDTree

    if X_train.shape[0] == 1:
        return np.zeros(X_test.shape[0], np.int64)
    tree = cKDTree(X_train) if tree is None else tree
    distance, index = tree.query(X_test, k=2)
    best: I64 = index[:, 0].astype(np.int64)
    slack = 1.0 + 1e-12 * (X_train.shape[1] + 8)
    tied = np.flatnonzero(distance[:, 1] <= distance[:, 0] * slack)
    if tied.size:
        balls = tree.query_ball_point(X_test[tied], distance[tied, 0] * slack)
        count = np.array([len(ball) for ball in balls])
        candidates = np.fromiter((j for ball in balls for j in ball), np.int64, int(count.sum()))
        best[tied] = _choose(X_train, X_test[tied], candidates, np.repeat(np.arange(tied.size), count))[:, 0]
    return best


def _nearest_by_products(X_train: F64, X_test: F64, k: int = 1) -> I64:
    """Centred float64 products in blocks, (t, k); all points within their rounding of the k-th are candidates."""
    n, d = X_train.shape
    centre = X_train.mean(axis=0)
    A = X_train - centre
    a2 = np.square(A).sum(axis=1)
    reach = float(np.sqrt(a2.max()))
    best = np.empty((X_test.shape[0], k), np.int64)
    rows = max(1, _BLOCK // n)
    for start in range(0, X_test.shape[0], rows):
        Z = X_test[start : start + rows]
        B = Z - centre
        near = B @ A.T
        near *= -2.0
        near += a2
        last = near.min(axis=1) if k == 1 else np.partition(near, k - 1, axis=1)[:, k - 1]
        # |error| of a2 − 2a·b ≤ (d + 4)·2^-53·(|a| + |b|)² for any order of summation, with something left over
        bound = 4.0 * (d + 8) * np.finfo(np.float64).eps * (reach + np.sqrt(np.square(B).sum(axis=1))) ** 2
        test, train = np.nonzero(~(near > (last + bound)[:, None]))  # beyond floats everything is a candidate
        best[start : start + rows] = _choose(X_train, Z, train, test, k)
    return best


def _nearest_by_the_faster(X_train: F64, X_test: F64) -> I64:
    """Time both paths on a few test points spread over the set, and send the rest down the faster one."""
    from scipy.spatial import cKDTree

    tree = cKDTree(X_train)
    pilot = X_test[:: max(1, X_test.shape[0] // _PILOT)]
    start = perf_counter()
    _nearest_by_products(X_train, pilot)
    middle = perf_counter()
    _nearest_by_tree(X_train, pilot, tree)
    if perf_counter() - middle < middle - start:
        return _nearest_by_tree(X_train, X_test, tree)
    return _nearest_by_products(X_train, X_test)[:, 0]


def nearest(X_train: AnyFloat, X_test: AnyFloat, path: str = "auto") -> I64:
    """Return the index of every test point's nearest training point, exact in float64; ties to the smallest index.

    "auto" takes the products up to 2^19 distances, where the choice is worth nothing; beyond, it times both paths on
    64 test points and takes the faster: the tree up to intrinsic dimension 4 or 5 (n = 32768, 1024 test points, one
    thread: .13 s against .64 s on a set of dimension 4 in 24 coordinates), the products above (25 s against 2.3 s on
    one of dimension 6 in 128). The choice cannot change the answer.

    Args:
        X_train: (n, d), X_test: (t, d), any float dtype, the same unit; n ≥ 1.
        path: "auto", "tree" or "products".
    Returns: (t,) int64.
    Errors: RecipeError for shapes that do not fit or an unknown path.
    """
    if X_train.ndim != 2 or X_test.ndim != 2 or X_train.shape[1] != X_test.shape[1] or X_train.shape[0] < 1:
        raise RecipeError(
            f"X_train {X_train.shape} and X_test {X_test.shape}: expected tables (n, d) and (t, d) with n >= 1"
        )
    if path not in ("auto", "tree", "products"):
        raise RecipeError(f"path = {shown(path)}: expected 'auto', 'tree' or 'products'")
    A = np.ascontiguousarray(X_train, np.float64)
    B = np.ascontiguousarray(X_test, np.float64)
    if B.shape[0] == 0:
        return np.zeros(0, np.int64)
    if path == "auto" and A.shape[0] * B.shape[0] > _SMALL:
        return _nearest_by_the_faster(A, B)
    return _nearest_by_tree(A, B) if path == "tree" else _nearest_by_products(A, B)[:, 0]


def nearest_k(X_train: AnyFloat, X_test: AnyFloat, k: int) -> I64:
    """Return the indices of every test point's k nearest training points, nearest first, ties to the smaller index.

    Args:
        X_train: (n, d), X_test: (t, d), any float dtype, the same unit. k: 1 ≤ k ≤ n.
    Returns: (t, k) int64, exact in float64: distances are direct differences.
    Errors: RecipeError for shapes that do not fit or a k outside.
    """
    if X_train.ndim != 2 or X_test.ndim != 2 or X_train.shape[1] != X_test.shape[1] or not 1 <= k <= X_train.shape[0]:
        raise RecipeError(
            f"X_train {X_train.shape}, X_test {X_test.shape}, k = {k}: expected (n, d) and (t, d), 1 <= k <= n"
        )
    if k == 1:
        return nearest(X_train, X_test)[:, None]
    A, B = np.ascontiguousarray(X_train, np.float64), np.ascontiguousarray(X_test, np.float64)
    if k <= _FEW * A.shape[0]:
        return _nearest_by_products(A, B, k)
    from scipy.spatial.distance import cdist

    out = np.empty((B.shape[0], k), np.int64)
    rows = max(1, _BLOCK // A.shape[0])
    for start in range(0, B.shape[0], rows):
        square = cdist(B[start : start + rows], A, "sqeuclidean")
        out[start : start + rows] = np.argsort(square, axis=1, kind="stable")[:, :k]
    return out
