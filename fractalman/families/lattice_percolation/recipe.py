"""Recipe of percolation on a hypercubic lattice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from fractalman.config import shown
from fractalman.random.keys import Seeds
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, choice, integer, real
from fractalman.recipes.checks import seed as seed_check
from fractalman.thresholds import THRESHOLDS


def _occupation(name: str, value: Any) -> float | None:
    return None if value is None else real(0.0, 1.0, open_low=True)(name, value)


@dataclass(frozen=True, kw_only=True)
class LatticePercolation(Recipe):
    """Percolation on a box of Z^dim: its clusters, loops and all, at their places in space.

    The number of points is decided by the draw, so the recipe has none; `max_points` bounds it. Points that are
    neighbours on the lattice are at distance 1. A free box is laid out as it is, centred at 0; a periodic one as a flat
    torus, a circle of side·1 chords for every axis, which needs two coordinates an axis.

    Parameters
    ----------
    dim : int
        Dimension of the lattice, 2 … 7.
    side : int
        Sites along every axis, 2 or more (periodic: 3 or more).
    percolation : str, default "site"
        "site" (sites occupied, neighbours joined) or "bond" (all sites, bonds occupied).
    occupation : float or None, default None
        Probability p of a site or bond, 0 < p ≤ 1; None = the best known threshold.
    boundary : str, default "free"
        "free" or "periodic".
    clusters : str, default "largest"
        "largest" or "all".
    ambient_dim : int, default 32
        Dimension d of X: dim or more (periodic: 2·dim or more); the box lies in it randomly rotated.
    label : str, default "hierarchical"
        "hierarchical" (latents of the cut tree of each cluster's spanning tree), "brownian" (increments along that
        tree) or "cluster-constant" (one normal for every cluster; needs clusters = "all").
    label_exponent : float, default 0
        Size exponent a > −1/4 of the hierarchical latents, variance size^(2a).
    seed : int or Seeds, default 0
        0 ≤ integer < 2^63, or one for each layer.
    spanning_tree : str, default "breadth-first"
        "breadth-first" (shortest paths from a uniform point; its edges are cut in uniform random order) or "minimum"
        (every bond has a random weight, and *all* bonds of the cluster, loops included, are cut by falling weight;
        those whose cut splits something are the minimum spanning tree's. Bond percolation's weights are the numbers
        that occupied the bonds, so subclusters are the clusters of a lower occupation).
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
    Source: docs/theory.md §1; Grassberger 2003, Mertens & Moore 2018 for the thresholds.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.LatticePercolation(dim=2, side=16, percolation="bond")
    >>> recipe.probability, recipe.max_points
    (0.5, 256)
    """

    family: ClassVar[str] = "lattice-percolation"
    n_points: ClassVar[None] = None  # type: ignore[misc]  # no keyword: the draw decides
    dim: int
    side: int
    percolation: str = "site"
    occupation: float | None = None
    boundary: str = "free"
    clusters: str = "largest"
    ambient_dim: int = 32
    label: str = "hierarchical"
    label_exponent: float = 0.0
    seed: int | Seeds = 0
    spanning_tree: str = "breadth-first"

    _checks: ClassVar[dict[str, Check]] = {
        "dim": integer(2, 7),
        "side": integer(2, MAX_POINTS),
        "percolation": choice("site", "bond"),
        "occupation": _occupation,
        "boundary": choice("free", "periodic"),
        "clusters": choice("largest", "all"),
        "ambient_dim": integer(2, MAX_DIM),
        "label": choice("hierarchical", "brownian", "cluster-constant"),
        "label_exponent": real(-0.25, 4.0, open_low=True),
        "seed": seed_check,
        "spanning_tree": choice("breadth-first", "minimum"),
    }
    _silent: ClassVar[frozenset[str]] = frozenset({"spanning_tree"})

    def _joint_problems(self) -> list[str]:
        problems = []
        if self.side**self.dim > MAX_POINTS:
            problems.append(
                f"side = {shown(self.side)} in dim = {self.dim} makes {self.side**self.dim} sites: "
                f"expected at most {MAX_POINTS}"
            )
        if self.boundary == "periodic" and self.side < 3:
            problems.append("side = 2: a periodic box of side 2 joins sites twice; use side = 3 or more")
        if self.ambient_dim < self.space_dim:
            what = "a periodic box needs 2·dim coordinates" if self.boundary == "periodic" else "the box needs dim"
            problems.append(f"ambient_dim = {self.ambient_dim}: {what}; use ambient_dim = {self.space_dim} or more")
        if self.label != "hierarchical" and self.label_exponent != 0.0:
            problems.append(
                f"label_exponent = {shown(self.label_exponent)}: only label = 'hierarchical' has one; leave it out"
            )
        if self.label == "cluster-constant" and self.clusters == "largest":
            problems.append(
                "label = 'cluster-constant' on clusters = 'largest' is one constant; use clusters = \"all\""
            )
        return problems

    @property
    def probability(self) -> float:
        """The occupation p, the threshold where none was given."""
        return THRESHOLDS[self.percolation][self.dim] if self.occupation is None else self.occupation

    @property
    def space_dim(self) -> int:
        """Coordinates that the box needs: dim, or 2·dim for a torus."""
        return 2 * self.dim if self.boundary == "periodic" else self.dim

    @property
    def least_dim(self) -> int:
        """The box's own coordinates."""
        return self.space_dim

    @property
    def sites(self) -> int:
        """Sites of the box."""
        return int(self.side**self.dim)

    @property
    def max_points(self) -> int:
        """Most points that a draw can have (site percolation: but for one draw in 10^15)."""
        return self.sites if self.percolation == "bond" else _most(self.sites, self.probability)

    @property
    def max_edges(self) -> int:
        """Most edges that a draw can have, in the same sense."""
        bonds = self.dim * self.sites
        if self.percolation == "bond":
            return _most(bonds, self.probability)
        # a pair is joined with probability p²; pairs that share a site are correlated, hence the wider margin
        return min(bonds, _most(bonds, self.probability**2, 2.0 * self.dim), self.dim * self.max_points)

    def smaller(self, n_points: int) -> Self:
        """Return a recipe of the same law with at most about ``n_points`` points: another box, of a smaller side.

        Parameters
        ----------
        n_points : int
            Number of points wanted.

        Returns
        -------
        LatticePercolation
            With another side.
        """
        share = 1.0 if self.percolation == "bond" else self.probability
        side = max(3, math.floor((n_points / share) ** (1.0 / self.dim)))
        return self.replace(side=min(self.side, side))


def _most(trials: int, probability: float, widening: float = 1.0) -> int:
    """A count that a binomial does not pass but once in 10^15: mean + 8 standard deviations + 32."""
    deviation = math.sqrt(widening * trials * probability * (1.0 - probability))
    return min(trials, math.ceil(trials * probability + 8.0 * deviation + 32.0))
