"""Which cluster every arriving point belongs to, so that the first n arrivals are the ensemble of n points.

*Yule–Simon, number*: the process itself (every point opens a cluster or joins that of an earlier one) nests as it is.

*Lists of draws* (every other law): the points are filled by sizes S_1, S_2, …, each of a law q restricted to what is
left, P(S = s | m left) = q(s)/Q(m) for s ≤ m, Q(m) = q(1) + … + q(m). Keep one uniform number u for every place in the
list, for ever, and take the u-quantile. With m, S never falls, for Q(s)/Q(m) falls with m; and what S leaves, m − S,
never falls if Q is log-concave, Q(m)/Q(m−1) falling with m, which it is where q never rises. So exactly one of the two
gains a point as m becomes m + 1, and if it is the rest, the same holds of the next place. Both are exact at every n.
Proof in docs/theory.md, "Nested ensembles".
"""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, AnyInt
from fractalman.families._forests import _nested_size_kernels, _share_kernels, _size_kernels
from fractalman.random.streams import Role, key64


def arriving_clusters(n_points: int, law: str, ensemble: str, seed: int, create_prob: float) -> AnyInt:
    """Return the cluster that every point belongs to, in order of arrival; clusters are numbered as they open.

    Args:
        n_points: n ≥ 1. law: "yule-simon" or "borel". ensemble: "number" or "size-biased".
        seed: geometry seed. create_prob: P(new cluster) of "yule-simon".
    Returns: (n,) integer (int32 where the ids fit); for n' < n the first n' entries are those of n'.
    Source: docs/theory.md, "Nested ensembles".
    """
    n = int(n_points)
    cluster: AnyInt = np.empty(n, np.int32 if n < 1 << 31 else np.int64)
    key = np.uint64(key64(seed, Role.SIZES))
    if law == "yule-simon" and ensemble == "number":
        _size_kernels.yule_simon_process(key, float(create_prob), cluster, np.empty(n, np.int64))
    else:
        total = cumulative(law, ensemble, create_prob, n)
        _nested_size_kernels.arrivals(key, total, cluster, np.uint64(0), 0.0)
    return cluster


def cumulative(law: str, ensemble: str, create_prob: float, n: int) -> F64:
    """Return Q(0), …, Q(n) of a size law, (n + 1,) float64, up to a factor."""
    if law == "yule-simon":  # size-biased: size s ends with probability p/(1 + s(1 − p))
        s = np.arange(1.0, n + 1.0)
        out = np.zeros(n + 1)
        out[1:] = 1.0 - np.cumprod(1.0 - create_prob / (1.0 + s * (1.0 - create_prob)))
        return out
    weight, pointed = np.empty(max(n + 1, 64)), np.empty(max(n + 1, 64))
    _share_kernels.tree_weights(weight, pointed)
    if ensemble == "number":
        weight[1:] /= np.arange(1.0, weight.size)
    return np.cumsum(weight[: n + 1])
