"""Recipes of percolation clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fractalman.config import shown
from fractalman.random.keys import Seeds
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, choice, integer, real
from fractalman.recipes.checks import seed as seed_check


@dataclass(frozen=True, kw_only=True)
class PercolationCluster(Recipe):
    """One critical mean-field percolation cluster: a uniform labelled tree with its cut tree.

    Parameters
    ----------
    n_points : int
        Number of points N ≥ 1.
    ambient_dim : int, default 128
        Dimension d ≥ 2 of X.
    label : {"hierarchical", "brownian"}, default "hierarchical"
        "hierarchical" (latents of the cut tree) or "brownian" (increments on the edge tree).
    label_exponent : float, default 0
        Size exponent a > −1/4 of the hierarchical latents, variance size^(2a); a = 0 is Brill's label.
    seed : int or Seeds, default 0
        0 ≤ integer < 2^63, or one for each layer.
    growth : str, default "coalescent"
        "coalescent", or "nested": a smaller n_points gives the first points of a larger one, with the same edges,
        subclusters and latents, and the same coordinates up to the factor of the step, N^(−1/4). The law of edges,
        hierarchy and labels is the same; points then stand in order of birth, so X[:n] is a smaller cluster and no
        random sample (`split` is), and it takes about 1 µs a point more.
    directions : str or None, default None
        Where the walk's increments come from: "hierarchy", so that edges of a subcluster point alike, or "edges", an
        independent direction for every edge. Only the second nests. None is "edges" for nested growth, else
        "hierarchy".
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
    Source: Brill & Ingebretsen Carlson, arXiv 2606.20347; docs/theory.md §1, nested growth: "Nested sizes".

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.PercolationCluster(n_points=100, ambient_dim=8, seed=1)
    >>> recipe.replace(nuisance_dim=2).n_columns
    10
    """

    family: ClassVar[str] = "percolation-cluster"
    n_points: int
    ambient_dim: int = 128
    label: str = "hierarchical"
    label_exponent: float = 0.0
    seed: int | Seeds = 0
    growth: str = "coalescent"
    directions: str | None = None

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "ambient_dim": integer(2, MAX_DIM),
        "label": choice("hierarchical", "brownian"),
        "label_exponent": real(-0.25, 4.0, open_low=True),
        "seed": seed_check,
        "growth": choice("coalescent", "nested"),
        "directions": lambda name, value: None if value is None else choice("hierarchy", "edges")(name, value),
    }

    @property
    def edge_directions(self) -> bool:
        """Whether every edge has a direction of its own."""
        return self.directions == "edges" or (self.directions is None and self.growth == "nested")

    def no_growth(self) -> str | None:
        """Why a larger n_points is another dataset; None for nested growth whose edges have directions of their own.

        Returns
        -------
        str or None
            The reason, and what to use.
        """
        if self.growth != "nested":
            return f'growth = {self.growth!r} draws another cluster for another n_points; use growth = "nested"'
        if not self.edge_directions:
            return 'directions = "hierarchy" turns the older points with every added one; use directions = "edges"'
        return super().no_growth() if self.superposes or self.partitions else None

    def _joint_problems(self) -> list[str]:
        if self.label == "brownian" and self.label_exponent != 0.0:
            return [f"label_exponent = {shown(self.label_exponent)}: only label = 'hierarchical' has one; leave it out"]
        return []
