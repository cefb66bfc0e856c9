"""Hierarchies from points: linkages and density clusterings against the true tree, by triplets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from trial import Case, Method, Trial

import fractalman as fm


@dataclass(frozen=True)
class Known:
    """Points and, for random triplets, which of the three splits off first."""

    X: np.ndarray
    triplets: np.ndarray
    """(t, 3): the third is the odd one out."""


def _known(recipe: Any) -> Any:
    def make(n: int, seed: int) -> Known:
        data = fm.generate(recipe(n, seed))
        return Known(np.asarray(data.X, np.float64), odd_ones_out(data.hierarchy, n, seed))

    return make


def odd_ones_out(hierarchy: Any, n: int, seed: int, wanted: int = 4000) -> np.ndarray:
    """Return random triplets of points (a, b, c) in which a and b part below where c splits off; ties are left out."""
    drawn = np.random.default_rng([41, seed]).integers(n, size=(4 * wanted, 3))
    drawn = drawn[(drawn[:, 0] != drawn[:, 1]) & (drawn[:, 0] != drawn[:, 2]) & (drawn[:, 1] != drawn[:, 2])]
    pairs = np.array([(0, 1, 2), (0, 2, 1), (1, 2, 0)])
    meet = np.stack([hierarchy.lowest_common_ancestors(drawn[:, i], drawn[:, j]) for i, j, _ in pairs], axis=1)
    level = np.where(meet < 0, -1, hierarchy.depth[meet])
    decided = np.sort(level, axis=1)[:, 1] < level.max(axis=1)
    top = level.argmax(axis=1)
    return np.take_along_axis(drawn, pairs[top], axis=1)[decided][:wanted]


def agreement(cophenetic: np.ndarray, triplets: np.ndarray) -> float:
    """Return the share of triplets whose odd one out a tree's heights show; ties count a third."""
    a, b, c = triplets.T
    near, far = cophenetic[a, b], np.minimum(cophenetic[a, c], cophenetic[b, c])
    return float(np.mean((near < far) + (near == far) / 3.0))


def _linkage(method: str) -> Any:
    def run(known: Known) -> float:
        from scipy.cluster.hierarchy import cophenet, linkage
        from scipy.spatial.distance import squareform

        return agreement(squareform(cophenet(linkage(known.X, method))), known.triplets)

    return run


def _heights(merges: np.ndarray) -> np.ndarray:
    """Return all cophenetic heights of merges (left, right, height, size) as scipy orders them."""
    from scipy.cluster.hierarchy import cophenet
    from scipy.spatial.distance import squareform

    return squareform(cophenet(merges))


def _hdbscan(known: Known) -> float:
    import hdbscan

    found = hdbscan.HDBSCAN(gen_min_span_tree=False).fit(known.X)
    return agreement(_heights(found.single_linkage_tree_.to_numpy()), known.triplets)


def _sklearn_hdbscan(known: Known) -> float:
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(copy=True).fit(known.X)
    tree = found._single_linkage_tree_
    merges = np.column_stack([tree[name].astype(float) for name in tree.dtype.names])
    return agreement(_heights(merges), known.triplets)


def _cascade(**keywords: Any) -> Any:
    return _known(lambda n, s: fm.Cascade(n_points=n, seed=s, **keywords))


TRIAL = Trial(
    name="hierarchies",
    question="Which clustering gives back the hierarchy that the points were made from?",
    quantity="share of triplets right",
    cases=(
        *(
            Case(f"cascade {b}, {c:g}, d = {d}", 1.0, _cascade(branching=b, contraction=c, ambient_dim=d))
            for b, c, d in (
                (2, 0.3, 24),
                (2, 0.5, 24),
                (2, 0.7, 24),
                (4, 0.3, 24),
                (4, 0.5, 24),
                (4, 0.7, 24),
                (4, 0.5, 2),
                (4, 0.5, 128),
                (8, 0.5, 24),
            )
        ),
        Case("cascade (2, 6) random, .4", 1.0, _cascade(branching=(2, 6), contraction=0.4)),
        Case(
            "cascade, 8 nuisance coordinates of .1",
            1.0,
            _cascade(branching=4, contraction=0.5, nuisance_dim=8, nuisance_scale=0.1),
        ),
        Case("critical cluster", 1.0, _known(lambda n, s: fm.PercolationCluster(n_points=n, seed=s))),
    ),
    methods=(
        *(Method(f"scipy {m}", "scipy", _linkage(m), most=3000) for m in ("single", "average", "complete", "ward")),
        Method("hdbscan", "hdbscan", _hdbscan, most=3000),
        Method("scikit-learn HDBSCAN", "scikit-learn", _sklearn_hdbscan, most=3000),
    ),
    sizes=(300, 1000, 3000),
    axis=(0.3, 1.03),
    figure=("cascade 4, 0.3, d = 24", "cascade 4, 0.7, d = 24", "cascade 4, 0.5, d = 2", "critical cluster"),
)
