"""Recipe of subtasks of power-law frequency."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np

from fractalman._typing import F64, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.random.keys import Role, Seeds, key64
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_POINTS, Check, choice, integer, real
from fractalman.recipes.checks import seed as seed_check
from fractalman.recipes.reading import from_dict

MOST = 1 << 62
"""Ranks of an endless list of subtasks end here; the mass beyond is below .014."""
_ADDED = ("noise", "nuisance_dim", "rotate", "target", "threshold", "embedding")


def _within(name: str, value: Any) -> Recipe:
    if isinstance(value, Mapping):
        value = from_dict({"n_points": 1, **value}, name)
    if not isinstance(value, Recipe) or value.divided or value.table_name != "recipe":
        raise RecipeError(
            f"{name} = {shown(value)}: expected a recipe of one subtask; use e.g. within = fm.Cascade(n_points=1)"
        )
    if value.n_points is None:
        raise RecipeError(
            f"{name} = {value.family}: expected a family of as many points as are asked for, and here the draw decides "
            "how many there are; use e.g. within = fm.PercolationCluster(n_points=1)"
        )
    own = ("target",) if _symbols(value) else ()
    changed = [key for key in _ADDED if key not in own and getattr(value, key) != getattr(type(value), key)]
    if changed:
        raise RecipeError(
            f"{name} has {', '.join(changed)}: expected the family's own points and labels; use these keywords of "
            "Subtasks, which hold for all points"
        )
    return value.replace(n_points=1, seed=0)


def _symbols(recipe: Recipe) -> bool:
    """Whether labels are symbols, and no values that Subtasks could make classes of."""
    return recipe.classifies and not recipe.thresholds and not recipe.partitions


def _number(name: str, value: Any) -> int | None:
    return None if value is None else integer(1, MOST)(name, value)


@dataclass(frozen=True, kw_only=True)
class Subtasks(Recipe):
    """Subtasks of power-law frequency, each an independent copy of one problem.

    A point belongs to subtask k = 1, 2, … with probability ∝ k^−(1 + α), independently; subtask k is a dataset of the
    family of ``within`` with seeds of its own and as many points as fell to it. Coordinates are those of the family,
    then identity_dim more that are the same for all points of a subtask: a random place, so that subtasks are
    separated in space and distances within one are the family's. Which points fall where comes from the geometry seed.

    Parameters
    ----------
    n_points : int
        Number of points n ≥ 1.
    within : Recipe or mapping
        The problem within a subtask: any recipe of so many points as are asked for (on lattices the draw decides), also
        as a table. Its n_points and seed do not count and are stored as 1 and 0; what is added to points and labels is
        said here, not there. Where its labels are symbols (strings, parities), so are those of all: numbers of a
        subtask's own symbols, whose rules are its own.
    zipf_exponent : float, default 1
        α from .1 to 100.
    n_subtasks : int or None, default None
        How many there are; None = without end.
    growth : {"sorted", "nested"}, default "sorted"
        "sorted", subtask by subtask, the largest first; or "nested", in order of arrival: a smaller n_points gives the
        first points of a larger one, so that files grow (`extend`). Subtasks of points that are made by address keep
        every row as it is and can be written by shards; clusters within need growth = "nested", too, and their
        coordinates change by the step of their walk. The law of points, trees and labels is the same; subtasks are then
        numbered in the order in which they open.
    identity_dim : int, default 16
        Coordinates that say which subtask it is, ≥ 8.
    separation : float, default 8
        Root-mean-square distance of two subtasks, in units of the extent of one (`extent`), ≥ 4.
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
    embedding : {"own", "superposition"}, default "own"
        The family's own X, or, in as many columns, the sum of the directions of the subclusters that a point lies in.
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

    Attributes
    ----------
    ambient_dim : int
        Columns of X, nuisance apart: those of ``within`` and identity_dim more.

    Raises
    ------
    RecipeError
        For values outside, and for families within whose draw decides how many points there are.

    Notes
    -----
    ``cluster`` numbers the subtasks that were drawn (not the clusters of an ensemble within) by falling number of
    points, `subtask_ranks` says which they are; points are sorted by it, so another n_points draws another dataset
    whose subtasks are the same problems (but see growth). The hierarchy has the trees of every subtask, those of the
    family within; subtasks share nothing. Law: docs/theory.md §3.4.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.Subtasks(n_points=1000, within=fm.Cascade(n_points=1, ambient_dim=8), zipf_exponent=1.0)
    >>> data = fm.generate(recipe)
    >>> data.X.shape, fm.predict(recipe, "1-nn").law.data_exponent
    ((1000, 24), 0.5)
    """

    family: ClassVar[str] = "subtasks"
    n_points: int
    within: Recipe
    zipf_exponent: float = 1.0
    n_subtasks: int | None = None
    identity_dim: int = 16
    separation: float = 8.0
    seed: int | Seeds = 0
    growth: str = "sorted"
    ambient_dim: int = field(init=False)

    _silent: ClassVar[frozenset[str]] = frozenset({"growth"})
    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "within": _within,
        "zipf_exponent": real(0.1, 100.0),
        "n_subtasks": _number,
        "identity_dim": integer(8, 4096),
        "separation": real(4.0, 1e6),
        "seed": seed_check,
        "growth": choice("sorted", "nested"),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "ambient_dim", self.within.ambient_dim + self.identity_dim)

    def to_dict(self) -> dict[str, Any]:
        """Return family and keywords as plain TOML/JSON values, the family within as a table.

        Returns
        -------
        dict of str to object
            What `from_dict` reads back to an equal recipe.
        """
        inner = {key: value for key, value in self.within.to_dict().items() if key not in ("n_points", "seed")}
        return {**super().to_dict(), "within": inner}

    def narrowest(self) -> Self:
        """Return the recipe with as few coordinates as its structure can be made in.

        Returns
        -------
        Recipe
            With as few as a subtask can be made in, and eight that say which it is.
        """
        own = next(field for field in fields(self.within) if field.name == "ambient_dim")
        free = own.init or isinstance(self.within, Subtasks)  # of strings it follows from how they are encoded
        within = self.within.narrowest() if free else self.within
        return self.replace(within=within, identity_dim=8, nuisance_dim=0, rotate=False)

    def no_growth(self) -> str | None:
        """Why a larger n_points is another dataset: points are sorted by the sizes of their subtasks; None if nested.

        Returns
        -------
        str or None
            The reason, and what to use.
        """
        if self.superposes or self.partitions:
            return super().no_growth()
        if self.growth == "nested":
            return None
        return (
            f"growth = {self.growth!r} sorts points by the size of their subtask, so further ones come between them "
            '(subtasks stay the same problems); use growth = "nested"'
        )

    @property
    def addressed(self) -> bool:
        """Whether rows are drawn one by one: subtasks of addressed points in order of arrival."""
        return self.growth == "nested" and self.within.addressed

    @property
    def gaussian_values(self) -> bool:
        """As of the points of each subtask."""
        return self.within.gaussian_values

    def _joint_problems(self) -> list[str]:
        reason = self.within.no_growth() if self.growth == "nested" else None
        problems = [] if reason is None else [f"growth = 'nested' with a family within that is not: {reason} within"]
        if _symbols(self.within) and self.target != "value":
            problems.append(f"target = {self.target!r}: labels of {self.within.family} are symbols; leave it out")
        if _symbols(self.within) and self.noise:
            problems.append(f"noise = {self.noise}: labels of {self.within.family} are symbols; expected 0")
        return problems

    @property
    def has_hierarchy(self) -> bool:  # type: ignore[override]
        """Whether the family within has one."""
        return self.within.has_hierarchy

    @property
    def valued(self) -> bool:  # type: ignore[override]
        """Whether latents of the family within have values."""
        return self.within.valued

    @property
    def classifies(self) -> bool:
        """Whether y holds classes: its own, or symbols of the family within."""
        return super().classifies or self.within.classifies

    @property
    def target_classes(self) -> int:
        """Number of classes that y counts from 0."""
        return super().target_classes if super().classifies else self.within.target_classes

    @property
    def target_varies(self) -> bool:
        """Whether y can have more than one value."""
        return super().target_varies if super().classifies else self.within.target_varies

    @property
    def redraws_labels(self) -> bool:
        """Whether other labels can be drawn for the same points."""
        return super().redraws_labels if super().classifies else self.within.redraws_labels

    @property
    def most(self) -> int:
        """The last rank."""
        return MOST if self.n_subtasks is None else self.n_subtasks

    @property
    def extent(self) -> float:
        """About how far apart points of a subtask lie: the span of the family within."""
        return self.within.span

    @property
    def span(self) -> float:
        """Of the subtasks' places, and of what lies within."""
        return math.hypot(self.extent, 2.0 * self.separation * self.extent)

    def subtask(self, rank: int, n_points: int) -> Recipe:
        """Return the recipe of one subtask.

        Parameters
        ----------
        rank : int
            k ≥ 1; 1 is the most frequent.
        n_points : int
            How many points it has.

        Returns
        -------
        Recipe
            Of the family within.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.Subtasks(n_points=100, within=fm.Cascade(n_points=1))
        >>> recipe.subtask(3, 50).n_points
        50
        """
        words = {
            layer: key64(getattr(self.seeds, layer), Role.SUBTASK_SEED, rank, i) >> 1
            for i, layer in enumerate(("geometry", "embedding", "labels"))
        }
        return self.within.replace(n_points=n_points, seed=Seeds(**words))

    def subtask_posterior(self, tokens: AnyInt, cluster: AnyInt) -> F64:
        """Return the probabilities of y given strings, the subtasks that they belong to and all rules.

        Parameters
        ----------
        tokens : (k, t) integer
            Strings, as in a dataset.
        cluster : (k,) integer
            Numbers of their subtasks, as in `Dataset.cluster`.

        Returns
        -------
        (k, classes) float64
            Rows sum to 1; those of every subtask follow from its own rules.

        Raises
        ------
        RecipeError
            Where the family within has no rules.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.Subtasks(n_points=40, within=fm.RandomHierarchyModel(n_points=1, levels=2))
        >>> data = fm.generate(recipe)
        >>> bool((recipe.subtask_posterior(data.tokens, data.cluster).argmax(axis=1) == data.y).all())
        True
        """
        if not hasattr(self.within, "target_posterior"):
            raise RecipeError(
                f"family {self.within.family!r} within has no rules from which a posterior follows: expected strings "
                "or parities; use e.g. within = fm.RandomHierarchyModel(n_points=1)"
            )
        ranks, sizes = self.subtask_ranks()
        out = np.empty((len(tokens), self.target_classes))
        for number in np.unique(cluster):
            rows, own = cluster == number, self.subtask(int(ranks[number]), int(sizes[number]))
            out[rows] = own.target_posterior(tokens[rows])  # type: ignore[attr-defined]
        return out

    def probabilities(self, ranks: AnyInt) -> F64:
        """Return the probabilities of subtasks.

        Parameters
        ----------
        ranks : (m,) integer
            k ≥ 1.

        Returns
        -------
        (m,) float64
            ∝ k^−(1 + α).

        Examples
        --------
        >>> import fractalman as fm
        >>> fm.Subtasks(n_points=9, within=fm.Cascade(n_points=1), n_subtasks=2).probabilities([1, 2]).round(3).tolist()
        [0.8, 0.2]
        """
        from fractalman.theory.subtasks import subtask_probabilities

        return subtask_probabilities(ranks, self.zipf_exponent, self.n_subtasks)

    def subtask_ranks(self) -> tuple[AnyInt, AnyInt]:
        """Return which subtasks were drawn.

        Returns
        -------
        ranks : (K,) int64
            k of every cluster, in the order of `Dataset.cluster`.
        sizes : (K,) int64
            Points of each; falling, unless growth = "nested".

        Examples
        --------
        >>> import fractalman as fm
        >>> ranks, sizes = fm.Subtasks(n_points=1000, within=fm.Cascade(n_points=1)).subtask_ranks()
        >>> int(ranks[0]), int(sizes.sum())
        (1, 1000)
        """
        from fractalman.families.subtasks.ranks import arrivals, drawn_ranks

        if self.growth == "nested":
            found = arrivals(self.n_points, self.zipf_exponent, self.most, self.seeds.geometry)
            return found.ranks, found.sizes
        return drawn_ranks(self.n_points, self.zipf_exponent, self.most, self.seeds.geometry)
