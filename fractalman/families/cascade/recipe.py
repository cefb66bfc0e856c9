"""Recipe of random cascades."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, cast

from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.random.keys import Seeds
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, integer, real
from fractalman.recipes.checks import seed as seed_check

Children: TypeAlias = tuple[float, ...]
"""One number for every child of a node."""
MAX_KINDS = 64
SMALLEST_HURST = 1e-10
"""As of `SmoothManifold`: below it the levels of a label are all alike to double precision."""
SMALLEST_MASS = 1e-12
"""Below it a child's share is lost when the shares are added up, and no draw of any size meets the child."""


def _branching(name: str, value: Any) -> int | tuple[int, ...] | None:
    if value is None:
        return None
    one = integer(1, 4096)
    if isinstance(value, (tuple, list)):
        if not 1 <= len(value) <= 64:
            raise RecipeError(f"{name} = {shown(value)}: expected an integer or 1 to 64 equally likely integers")
        numbers = tuple(one(f"{name}[{i}]", v) for i, v in enumerate(value))
        if max(numbers) < 2:
            raise RecipeError(f"{name} = {shown(value)}: at least one of the numbers must be 2 or more")
        return numbers
    number = one(name, value)
    if number < 2:
        raise RecipeError(
            f"{name} = {shown(value)}: a cascade that never branches is one point; use branching = 2 or more"
        )
    return number


def _per_child(name: str, value: Any, one: Check) -> Children | tuple[Children, ...]:
    """Numbers for the children of every node, or of 1 to 64 equally likely kinds of node."""
    if not isinstance(value, (tuple, list)) or not value:
        raise RecipeError(f"{name} = {shown(value)}: expected one number per child, or such tuples for kinds of nodes")
    if not isinstance(value[0], (tuple, list)):
        if len(value) > 4096:
            raise RecipeError(f"{name} holds {len(value)} numbers: expected at most 4096 children")
        return tuple(one(f"{name}[{i}]", v) for i, v in enumerate(value))
    if len(value) > MAX_KINDS or not all(isinstance(kind, (tuple, list)) and kind for kind in value):
        raise RecipeError(f"{name} = {shown(value)}: expected 1 to {MAX_KINDS} tuples, each of one number per child")
    return tuple(tuple(one(f"{name}[{k}][{i}]", v) for i, v in enumerate(kind)) for k, kind in enumerate(value))


_RATIO = real(0.0, 1.0, open_low=True, open_high=True)


def _contraction(name: str, value: Any) -> float | Children | tuple[Children, ...]:
    if isinstance(value, (tuple, list)):
        return _per_child(name, value, _RATIO)
    ratio: float = _RATIO(name, value)
    return ratio


def _masses(name: str, value: Any) -> Children | tuple[Children, ...] | None:
    if value is None:
        return None
    masses = _per_child(name, value, real(SMALLEST_MASS, 1.0))
    for kind in _kinds_of(masses):
        if abs(math.fsum(kind) - 1.0) > 1e-9:
            raise RecipeError(f"{name}: {shown(kind)} sums to {math.fsum(kind):.10g}: expected masses that sum to 1")
    return masses


def _kinds_of(value: Children | tuple[Children, ...]) -> tuple[Children, ...]:
    """The tuples of a keyword that may hold one or several of them."""
    return tuple(v for v in value if isinstance(v, tuple)) or (value,)  # type: ignore[return-value]


def _depth(name: str, value: Any) -> int | None:
    return None if value is None else integer(1, 4096)(name, value)


@dataclass(frozen=True, kw_only=True)
class Cascade(Recipe):
    """A random cascade: an addressed, self-similar random set with exactly known Moran exponents.

    With unequal ratios R_l = Π r_i along the path, and with it a label's prior variance, depends on the path; the norm
    is one constant that makes the prior variance 1 on average over the natural measure (and over the kinds of nodes).

    Parameters
    ----------
    n_points : int
        Number of points drawn; the first m of n are the m.
    ambient_dim : int, default 32
        Dimension d ≥ 2 of X; d > 2D is needed to embed, d ≳ 24 in practice.
    branching : int, tuple of int or None, default None
        Children of a node; a tuple = equally likely numbers, drawn independently at every node. None = as many as
        masses or contraction list, else 4.
    contraction : float, Children or tuple of Children, default 0.5
        Ratio r of a child's cell to its parent's, 0 < r < 1; a tuple = the ratios r_i of the children.
    masses : Children, tuple of Children or None, default None
        Shares p_i > 0 of the children, summing to 1; None = equal shares. Points choose children by mass. A tuple of
        tuples, here and in contraction, = equally likely kinds of node, drawn independently at every node: masses=((.7,
        .3), (.5, .25, .25)) makes random masses, of random number if the lengths differ.
    hurst : float, default 1
        Hurst exponent H > 0 of the label; the level-l term of y has the standard deviation R_l^H.
    depth : int or None, default None
        Levels below the root; None = until the neglected tails of x and y are below 2^-24 of their scale.
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
    Source: docs/theory.md §1; Mauldin & Williams 1986, Graf 1987 for the sets.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.Cascade(n_points=100, branching=4, contraction=0.5, hurst=0.5)
    >>> recipe.levels
    48
    >>> fm.Cascade(n_points=100, masses=(0.25, 0.75)).branching
    2
    """

    family: ClassVar[str] = "cascade"
    n_points: int
    ambient_dim: int = 32
    branching: int | tuple[int, ...] | None = None
    contraction: float | Children | tuple[Children, ...] = 0.5
    masses: Children | tuple[Children, ...] | None = None
    hurst: float = 1.0
    depth: int | None = None
    seed: int | Seeds = 0

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "ambient_dim": integer(2, MAX_DIM),
        "branching": _branching,
        "contraction": _contraction,
        "masses": _masses,
        "hurst": real(SMALLEST_HURST, 16.0),
        "depth": _depth,
        "seed": seed_check,
    }

    def _joint_problems(self) -> list[str]:
        problem = self._children_problem()
        if problem:
            return [problem]
        if self.depth is None and self.levels > 4096:
            return [
                f"contraction = {shown(self.contraction)} with hurst = {self.hurst!r} needs {self.levels} levels: "
                "expected at most 4096; use a smaller contraction, a larger hurst, or depth = 4096"
            ]
        return []

    def _children_problem(self) -> str | None:
        """Fill in ``branching`` where it was left out; return what does not fit together."""
        listed = {
            name: tuple(map(len, _kinds_of(value)))
            for name, value in (("masses", self.masses), ("contraction", self.contraction))
            if isinstance(value, tuple)
        }
        lengths = next(iter(listed.values()), (4,))
        if len(set(listed.values())) > 1:
            return (
                f"masses are for {listed['masses']} children and contraction for {listed['contraction']}: expected "
                "equal numbers"
            )
        if self.branching is None:
            object.__setattr__(self, "branching", lengths if len(lengths) > 1 else lengths[0])
        if listed and self.branching_numbers != lengths:
            name = next(iter(listed))
            return f"branching = {shown(self.branching)}: {name} lists {lengths} children; leave branching out"
        if max(self.branching_numbers) < 2:
            return f"{next(iter(listed))}: a cascade that never branches is one point; use two numbers or more"
        return None

    @property
    def addressed(self) -> bool:
        """Points are drawn one by one."""
        return True

    @property
    def branching_numbers(self) -> tuple[int, ...]:
        """The equally likely numbers of children, as a tuple also when there is only one."""
        branching = cast("int | tuple[int, ...]", self.branching)  # filled in at birth
        return branching if isinstance(branching, tuple) else (branching,)

    @property
    def span(self) -> float:
        """1/2(1 − r), r the largest ratio: steps at one level are of size 1/2."""
        return 0.5 / (1.0 - max(max(ratios) for _, ratios in self.kinds))

    @property
    def kinds(self) -> tuple[tuple[Children, Children], ...]:
        """The equally likely kinds of node, each (masses p_i, ratios r_i) of its children."""
        numbers = self.branching_numbers
        masses = [(1.0 / k,) * k for k in numbers] if self.masses is None else _kinds_of(self.masses)
        if isinstance(self.contraction, tuple):
            return tuple(zip(masses, _kinds_of(self.contraction), strict=True))
        return tuple((p, (self.contraction,) * len(p)) for p in masses)

    @property
    def equal_ratios(self) -> bool:
        """Whether all cells of a level have one size."""
        return not isinstance(self.contraction, tuple)

    @property
    def equal_children(self) -> bool:
        """Whether the children of a node have equal masses and all cells of a level one size, by construction."""
        return self.masses is None and self.equal_ratios

    @property
    def levels(self) -> int:
        """Levels below the root: ``depth``, or the least L with r^L and r^(H·L) at most 2^-24, r the largest ratio."""
        if self.depth is not None:
            return self.depth
        r = self.contraction if not isinstance(self.contraction, tuple) else max(map(max, _kinds_of(self.contraction)))
        return max(1, math.ceil(24.0 / (min(1.0, self.hurst) * -math.log2(r)) - 1e-9))
