"""Recipe of clusters of the Bethe lattice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fractalman.families._ensembles import ENSEMBLES, LABELS, label_problems
from fractalman.random.keys import Seeds
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, choice, integer, real
from fractalman.recipes.checks import seed as seed_check


def _probability(name: str, value: Any) -> float | None:
    return None if value is None else real(0.0, 1.0)(name, value)


@dataclass(frozen=True, kw_only=True)
class BetheLattice(Recipe):
    """Clusters of bond percolation on the Bethe lattice, their hierarchy by random removal of bonds.

    Above the threshold the infinite cluster takes its share of the points and is shown through a window, its first
    sites breadth first from a random one; the size-biased ensemble meets it sooner or later, and then it takes all
    points left.

    Parameters
    ----------
    n_points : int
        Number of points N ≥ 1 of all clusters together.
    coordination : int, default 6
        Number z of neighbours of every site, 3 … 64.
    bond_probability : float or None, default None
        Probability p of a bond; None = the threshold 1/(z − 1).
    ensemble : {"number", "size-biased"}, default "number"
        "number" (every site once) or "size-biased" (clusters of random roots).
    ambient_dim : int, default 128
        Dimension d ≥ 2 of X.
    label : {"hierarchical", "brownian", "cluster-constant"}, default "hierarchical"
        As in `PercolationEnsemble`.
    label_exponent : float, default 0
        Size exponent a > −1/4 of the hierarchical latents, variance size^(2a).
    growth : str, default "coalescent"
        "coalescent", or "nested", as in `PercolationEnsemble`: the first n points of a larger ensemble are the ensemble
        of n points; the window of the infinite cluster grows breadth first.
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
    Source: docs/theory.md §1, Bethe lattice.

    Examples
    --------
    >>> import fractalman as fm
    >>> fm.BetheLattice(n_points=100, coordination=3).probability
    0.5
    """

    family: ClassVar[str] = "bethe-lattice"
    n_points: int
    coordination: int = 6
    bond_probability: float | None = None
    ensemble: str = "number"
    ambient_dim: int = 128
    label: str = "hierarchical"
    label_exponent: float = 0.0
    seed: int | Seeds = 0
    growth: str = "coalescent"

    _silent: ClassVar[frozenset[str]] = frozenset({"growth"})
    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "coordination": integer(3, 64),
        "bond_probability": _probability,
        "ensemble": ENSEMBLES,
        "ambient_dim": integer(2, MAX_DIM),
        "label": LABELS,
        "label_exponent": real(-0.25, 4.0, open_low=True),
        "seed": seed_check,
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
        return label_problems(self.label, self.label_exponent)

    @property
    def probability(self) -> float:
        """The bond probability, the threshold 1/(z − 1) where none was given."""
        return 1.0 / (self.coordination - 1) if self.bond_probability is None else self.bond_probability
