"""Labels on critical clusters: their variogram, exactly."""

from __future__ import annotations

import math

import numpy as np

from _long_tier.core import Outcome, count, family, ratio_test, seed_range
from _long_tier.trees import chosen, distances
from fractalman import trees
from fractalman.families import _forests as forests


def latent_variogram(n: int, length: int) -> float:
    """Expected number of nodes (the two points too) above one and not both of two points ``length`` edges apart.

    An edge's latent lies above a set of points if it is cut before the other edges that join it to them. Edges of the
    path, and E A_q = (N−r)_q (r+q)/(r N^q) edges at height q over each of its r = ℓ + 1 vertices.
    """
    r = length + 1
    k = np.arange(1, length + 1)
    total = 2.0 + float((1.0 / k + 1.0 / (length + 1 - k) - 2.0 / length).sum())
    q = np.arange(1, n - r + 1, dtype=float)
    above = np.cumprod((n - r - q + 1) / n) * (r + q) / r
    for place in range(r):
        total += float((above * (1.0 / (place + q) + 1.0 / (length - place + q) - 2.0 / (length + q))).sum())
    return total


@family("labels/variogram/N={0},l={1}", (1000, 1), (1000, 4), (10_000, 1), (10_000, 4), (10_000, 16), (100_000, 32))
def label_variogram(scale: float, n: int, length: int) -> Outcome:
    """The a = 0 label's variogram before its norm, against its exact form ~ 2ℓ ln(√N/ℓ); control: that of 2N points.

    Twice the points make 4 to 12 % more; the sum over one tree scatters by .17 to .30 of its mean: 14 standard errors
    at the least.
    """
    m, top, bottom = count(scale, {1_000: 20_000, 10_000: 10_000, 100_000: 1_500}[n], 20), [], []
    for s in seed_range(m, 13):
        tree = forests.critical_cluster(n, s)
        common = trees.CommonAncestors(tree.parent, tree.depth)
        total = pairs = 0
        for which in range(16):  # starting points of one tree: together one draw
            root = chosen(n, s, which)
            near = np.flatnonzero(distances(tree.edges, n, root) == length)
            meet = common.of(np.full(near.size, root), near)
            total += int((tree.depth[root] + tree.depth[near] - 2 * tree.depth[meet]).sum())
            pairs += near.size
        top.append(float(total))
        bottom.append(float(pairs))
    exact = latent_variogram(n, length)
    p, scores = ratio_test(top, bottom, exact)
    form = 2 * length * math.log(math.sqrt(n) / length)
    remark = f"exact {exact:.4g}, 2ℓ ln(√N/ℓ) = {form:.4g}, rest {(exact - form) / length:.2f} ℓ"
    return Outcome(p, m, ratio_test(top, bottom, latent_variogram(2 * n, length))[0], scores, remark)
