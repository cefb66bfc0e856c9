"""Recipe of ensembles of critical mean-field clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fractalman.families._ensembles import ENSEMBLES, LABELS, label_problems
from fractalman.random.keys import Seeds
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, choice, integer, real
from fractalman.recipes.checks import seed as seed_check

CRITICAL_CREATE_PROB = 1.0 / 3.0
"""P(new cluster) at which Yule–Simon clusters have the exponent of mean-field percolation, 5/2."""


@dataclass(frozen=True, kw_only=True)
class PercolationEnsemble(Recipe):
    """Many critical mean-field clusters, each a uniform labelled tree with its cut tree.

    Parameters
    ----------
    n_points : int
        Number of points N ≥ 1 of all clusters together.
    ambient_dim : int, default 128
        Dimension d ≥ 2 of X.
    ensemble : {"number", "size-biased"}, default "number"
        "number" (every site once) or "size-biased" (clusters of random roots, P(s) ~ s^(−3/2)).
    sizes : {"yule-simon", "borel"}, default "yule-simon"
        "yule-simon" (the process in which a point opens a cluster or joins that of an earlier one) or "borel" (the
        mean-field law at its threshold).
    create_prob : float, default 1/3
        p = P(new cluster) of "yule-simon", 0.01 ≤ p ≤ 0.99: cluster numbers fall as s^(−(1+ρ)), ρ = 1/(1−p). 1/3 is the
        mean-field value, s^(−5/2). Nothing else depends on it: clusters keep their shapes, edges the step N^(−1/6).
    growth : str, default "coalescent"
        "coalescent", or "nested": a smaller n_points gives the first points of a larger one, with the same clusters,
        edges, subclusters and latents, and the same coordinates up to the step of their clusters' walks, N^(−1/6). The
        law of sizes, edges, hierarchies and labels is the same; points then stand in order of arrival and clusters in
        the order in which they open, so X[:n] is a smaller ensemble and no random sample (`split` is), and every edge
        has a direction of its own.
    label : {"hierarchical", "brownian", "cluster-constant"}, default "hierarchical"
        "hierarchical" (latents of the cut trees), "brownian" (increments on the edge trees) or "cluster-constant" (one
        value per cluster).
    label_exponent : float, default 0
        Size exponent a > −1/4 of the hierarchical latents, variance size^(2a).
    seed : int or Seeds, default 0
        0 ≤ integer < 2^63, or one for each layer.
    noise : float, default 0
        σ ≥ 0, label noise in units of the label's prior standard deviation: y = clean label + σ·N(0, 1).
    nuisance_dim : int, default 0
        Further coordinates that know nothing of the label, independent N(0, nuisance_scale²).
    nuisance_scale : float, default 1
        Their standard deviation, in units of X.
    rotate : bool, default False
        Turn all coordinates, nuisance included, by one uniformly random rotation.
    target : str, default "value"
        What y is: "value", "sign", "threshold" or "classes", as for `Recipe`.
    threshold : float, default 0
        With target = "threshold", in units of the label's prior standard deviation.
    subclusters : int, default 8
        With target = "classes": their number, as for `Recipe`.
    embedding : str, default "own"
        "own" coordinates, or a "superposition" of latents, as for `Recipe`.
    feature_directions : str, default "random"
        Of a superposition: "random", "orthogonal", "nested" or "tight", as for `Recipe`.
    feature_cosine : float, default 0.5
        Of nested directions.
    feature_magnitude : str, default "constant"
        Of a superposition: "constant", "value" or "folded-normal".
    feature_min_size : int, default 2
        Of a superposition: points of the smallest subclusters that have a direction.
    feature_noise : float, default 0
        Of a superposition: standard deviation of noise on every coordinate.

    Notes
    -----
    Source: Brill & Ingebretsen Carlson, arXiv 2606.20347; docs/theory.md §1, laws A6 and A7.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.PercolationEnsemble(n_points=100, sizes="borel", label="cluster-constant")
    >>> recipe.to_dict()["sizes"]
    'borel'
    """

    family: ClassVar[str] = "percolation-ensemble"
    n_points: int
    ambient_dim: int = 128
    ensemble: str = "number"
    sizes: str = "yule-simon"
    label: str = "hierarchical"
    label_exponent: float = 0.0
    seed: int | Seeds = 0
    create_prob: float = CRITICAL_CREATE_PROB
    growth: str = "coalescent"

    _silent: ClassVar[frozenset[str]] = frozenset({"create_prob", "growth"})
    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "ambient_dim": integer(2, MAX_DIM),
        "ensemble": ENSEMBLES,
        "sizes": choice("yule-simon", "borel"),
        "label": LABELS,
        "label_exponent": real(-0.25, 4.0, open_low=True),
        "seed": seed_check,
        "create_prob": real(0.01, 0.99),
        "growth": choice("coalescent", "nested"),
    }

    def no_growth(self) -> str | None:
        """Why a larger n_points is another dataset; None for nested growth.

        Returns
        -------
        str or None
            The reason, and what to use.
        """
        if self.growth != "nested":
            return f'growth = {self.growth!r} draws other clusters for another n_points; use growth = "nested"'
        return super().no_growth() if self.superposes else None

    def _joint_problems(self) -> list[str]:
        problems = label_problems(self.label, self.label_exponent)
        if self.sizes != "yule-simon" and self.create_prob != CRITICAL_CREATE_PROB:
            problems.append(
                f"create_prob = {self.create_prob!r}: only sizes = 'yule-simon' has one; leave it out, or use "
                "sizes = 'yule-simon'"
            )
        return problems

    @property
    def number_exponent(self) -> float:
        """τ of the cluster numbers, n_s ~ s^−τ: 5/2, or 1 + 1/(1−p) of a Yule–Simon process with another p."""
        if self.create_prob == CRITICAL_CREATE_PROB:
            return 2.5
        return 1.0 + 1.0 / (1.0 - self.create_prob)
