"""Recipe of smooth manifolds: the control beside the fractals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fractalman.random.keys import Seeds
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, choice, integer, real
from fractalman.recipes.checks import seed as seed_check

MOST_EXACT = 4096
"""Most points of a field drawn by its covariance: half a minute on one slow core, and 134 MB."""


SMALLEST_HURST = 1e-10
"""Smallest H: its fields are those of H → 0 to four digits; below 1e-12 rounding shows in the label's variance, and
from 1e-16 on it is wrong."""


@dataclass(frozen=True, kw_only=True)
class SmoothManifold(Recipe):
    """Uniform points on a sphere, torus or cube, turned into R^d, with a Gaussian field as target.

    There is no hierarchy: no label tree, no Bayes floor. Source: docs/theory.md §1.

    Parameters
    ----------
    n_points : int
        Number of points drawn; the first m of n are the m.
    ambient_dim : int, default 32
        Dimension d of X, at least that of the space the manifold lives in.
    kind : str, default "sphere"
        "sphere" (radius 1 in R^(D+1)), "torus" (D circles of radius 1/√D in R^(2D), a flat torus) or "cube" (side
        √(12/D) in R^D, centred); for each the mean square distance from the centre is 1.
    dim : int, default 2
        Dimension D ≥ 1 of the manifold.
    hurst : float, default 1
        1e-10 ≤ H ≤ 16. The target's covariance at chordal distance r is K(r) = H·E_{1+H}(2r²), E the generalised
        exponential integral: its spectral density falls as |ω|^−(2H+m), m the dimension of the space the manifold
        lives in. The variogram 2 − 2K(r) goes as r^(2H) for 0 < H < 1, as r² ln(1/r) at H = 1, as r² above; every
        label has prior variance 1.
    seed : int or Seeds, default 0
        0 ≤ integer < 2^63, or one for each layer.
    field : str, default "waves"
        "waves" (2048 plane waves: Gaussian given their frequencies, covariance K averaged over these; any number of
        points, one by one) or "exact" (jointly Gaussian with covariance K to the last digits, but for an independent
        share 2^-36 of the variance; up to 4096 points, at n³/3 operations and 8n² bytes, none of them without those
        before it, so files are not streamed).
    noise : float, default 0
        σ ≥ 0, label noise in units of the label's prior standard deviation: y = clean label + σ·N(0, 1).
    nuisance_dim : int, default 0
        Further coordinates that know nothing of the label, independent N(0, nuisance_scale²).
    nuisance_scale : float, default 1
        Their standard deviation, in units of X.
    rotate : bool, default False
        Turn all coordinates, nuisance included, by one uniformly random rotation.
    target : str, default "value"
        What y is: "value", "sign" or "threshold", as for `Recipe`.
    threshold : float, default 0
        With target = "threshold", in units of the label's prior standard deviation.
    subclusters : int, default 8
        Of target = "classes", which needs a hierarchy: this family has none.
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

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.SmoothManifold(n_points=100, kind="torus", dim=3)
    >>> recipe.own_dim, recipe.addressed
    (6, True)
    """

    family: ClassVar[str] = "smooth-manifold"
    has_hierarchy: ClassVar[bool] = False
    n_points: int
    ambient_dim: int = 32
    kind: str = "sphere"
    dim: int = 2
    hurst: float = 1.0
    seed: int | Seeds = 0
    field: str = "waves"

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "ambient_dim": integer(2, MAX_DIM),
        "kind": choice("sphere", "torus", "cube"),
        "dim": integer(1, 1024),
        "hurst": real(SMALLEST_HURST, 16.0),
        "seed": seed_check,
        "field": choice("waves", "exact"),
    }
    _silent: ClassVar[frozenset[str]] = frozenset({"field"})

    def _joint_problems(self) -> list[str]:
        problems = []
        if self.ambient_dim < self.own_dim:
            problems.append(
                f"ambient_dim = {self.ambient_dim}: a {self.kind} of dim = {self.dim} lives in {self.own_dim} "
                f"dimensions; use ambient_dim = {self.own_dim} or more"
            )
        if self.field == "exact" and self.n_points > MOST_EXACT:
            problems.append(
                f"n_points = {self.n_points} with field = 'exact': expected at most {MOST_EXACT} points; use a "
                'smaller n_points or field = "waves"'
            )
        return problems

    @property
    def addressed(self) -> bool:
        """Points are drawn one by one, and so are their labels if the field is made of waves."""
        return self.field == "waves"

    @property
    def span(self) -> float:
        """Twice the distance from the centre."""
        return 2.0

    @property
    def gaussian_values(self) -> bool:
        """Waves have frequencies of their own in every draw: their covariance is that of the exact field, no more."""
        return self.field == "exact"

    @property
    def own_dim(self) -> int:
        """Dimension m of the space that the manifold lives in before it is turned into R^d."""
        return {"sphere": self.dim + 1, "torus": 2 * self.dim, "cube": self.dim}[self.kind]

    @property
    def least_dim(self) -> int:
        """The manifold's own space, or the plane."""
        return max(2, self.own_dim)
