"""Datasets that grow: prefixes against fresh datasets, and labels that change no more than is expected.

Fresh datasets are those that do not grow, drawn by other algorithms from other seeds. The least change is that of any
joint law of the labels of the two sizes, given the trees (docs/theory.md §1, "Nested sizes").
"""

from __future__ import annotations

import numpy as np
from scipy import stats

import fractalman as fm
from _long_tier.core import Outcome, count, family, seed_range, z_test
from _long_tier.trees import chosen
from fractalman.trees import restricted_hierarchy
from tests.reference import nested as reference

STATISTICS = (
    "leaves", "largest degree", "largest cluster", "larger side of a cut", "mean depth", "deepest point",
    "one point's depth", "label variance", "label difference along edges", "one label",
)  # fmt: skip
RECIPES: dict[str, fm.Recipe] = {
    "cluster": fm.PercolationCluster(n_points=1, ambient_dim=16),
    "yule-simon,number": fm.PercolationEnsemble(n_points=1, ambient_dim=16),
    "yule-simon,size-biased": fm.PercolationEnsemble(n_points=1, ambient_dim=16, ensemble="size-biased"),
    "borel,number": fm.PercolationEnsemble(n_points=1, ambient_dim=16, sizes="borel"),
    "bethe": fm.BetheLattice(n_points=1, ambient_dim=16),
}


def statistics(data: fm.Dataset, y: np.ndarray, one: int) -> list[float]:
    """`STATISTICS` of the first points, as many as there are labels ``y``; ``one`` is a uniform point."""
    assert data.edges is not None
    assert data.hierarchy is not None
    n = len(y)
    edges = data.edges[(data.edges < n).all(axis=1)]
    degree = np.bincount(edges.ravel(), minlength=n)
    h = restricted_hierarchy(data.hierarchy, np.arange(n), collapse=True)
    half = h.size[h.parent == n].max(initial=1)  # the first cut of the largest cluster
    steps = np.diff(y[edges], axis=1)
    return [
        float((degree <= 1).sum()), float(degree.max()), float(np.bincount(data.cluster[:n]).max()), float(half),
        float(h.depth[:n].mean()), float(h.depth[:n].max()), float(h.depth[one]),
        float(y.var()), float(np.mean(steps**2)) if steps.size else 0.0, float(y[one]),
    ]  # fmt: skip


@family("nesting/fresh/{0}", *RECIPES)
def prefix_against_fresh(scale: float, name: str) -> Outcome:
    """Ten statistics of prefixes (300 of 400 points) and of fresh datasets, Kolmogorov–Smirnov; control: the first 300
    points of a dataset of 400 that does not nest.

    The p-value is ten times the smallest. The control loses a quarter of the points at random and with them edges: its
    leaves alone are apart by several deviations.
    """
    n, larger, m = 300, 400, count(scale, 200, 40)
    fresh, prefix, naive = [], [], []
    for a, b in zip(seed_range(m, 61), seed_range(m, 62), strict=True):
        recipe = RECIPES[name].replace(n_points=n, seed=a)
        data = fm.generate(recipe)
        fresh.append(statistics(data, data.y, chosen(n, a)))
        for rows, growth in ((prefix, "nested"), (naive, "coalescent")):
            other = RECIPES[name].replace(n_points=n, seed=b, growth=growth)
            whole, labels = fm.generate(other.replace(n_points=larger)), fm.generate(other).y
            rows.append(statistics(whole, labels, chosen(n, b)))
    found = [stats.ks_2samp(x, y).pvalue for x, y in zip(np.array(fresh).T, np.array(prefix).T, strict=True)]
    wrong = [stats.ks_2samp(x, y).pvalue for x, y in zip(np.array(fresh).T, np.array(naive).T, strict=True)]
    worst = int(np.argmin(found))
    remark = f"least p of ten {min(found):.2g} ({STATISTICS[worst]})"
    p = [min(1.0, len(found) * float(min(ps))) for ps in (found, wrong)]
    return Outcome(p[0], m, p[1], stats.norm.ppf(np.clip(found, 1e-12, 1 - 1e-12)), remark)


@family("nesting/labels/left-out={0}", 1, 10, 100)
def labels_of_one_cluster(scale: float, left_out: int) -> Outcome:
    """How far labels of 1000 points move when points are added; control: normals that do not turn.

    The mean square is taken over its exact expectation given the trees; that of the control is three to six times as
    much.

    Every point is its own nearest neighbour in the larger cluster (nesting/neighbours), so this is what is seen through
    it.
    """
    n, m = 1000, count(scale, 60, 12)
    rows = [reference.label_change(n, n - left_out, seed, draws=8) for seed in seed_range(m, 63)]
    reached, exact, separate, least = np.array(rows).T
    p, scores = z_test(reached / exact, 1.0)
    means = zip(("reached", "exact", "separate", "least"), np.array(rows).T, strict=True)
    remark = ", ".join(f"{word} {x.mean():.2g} ± {x.std(ddof=1) / np.sqrt(m):.1g}" for word, x in means)
    return Outcome(p, m, z_test(reached / separate, 1.0)[0], scores, f"{remark}, median least {np.median(least):.2g}")


@family("nesting/neighbours/left-out={0}", 1, 10, 100)
def own_nearest_neighbours(scale: float, left_out: int) -> Outcome:
    """Whether points are their own nearest neighbours in the larger cluster; control: directions down the hierarchy.

    1000 points in 100 dimensions, all of which must be; the added points turn what comes down the hierarchy.
    """
    n, m = 1000, count(scale, 20, 4)
    missed = {}
    for directions in ("edges", "hierarchy"):
        missed[directions] = 0
        for seed in seed_range(m, 64):
            recipe = fm.PercolationCluster(
                n_points=n, ambient_dim=100, growth="nested", seed=seed, directions=directions
            )
            large, small = (fm.generate(recipe.replace(n_points=k)).X.astype(float) for k in (n, n - left_out))
            nearest = (np.square(large).sum(1) - 2.0 * small @ large.T).argmin(1)
            missed[directions] += int((nearest != np.arange(n - left_out)).sum())
    total = m * (n - left_out)
    p, control = (0.5 ** min(40, missed[k]) for k in ("edges", "hierarchy"))
    return Outcome(
        p, total, control, remark=f"missed {missed['edges']}, with directions of the hierarchy {missed['hierarchy']}"
    )
