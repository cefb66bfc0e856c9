"""What every recipe shares: a family, a seed, a size, checks at birth, and the round trips."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from fractalman.config import shown, summary
from fractalman.display import HtmlTable
from fractalman.errors import RecipeError, check_keywords
from fractalman.random.keys import Seeds
from fractalman.recipes.checks import MAX_DIM, Check, choice, integer, real, switch


@dataclass(frozen=True, kw_only=True)
class Recipe(HtmlTable):
    """What every family shares: a name, a seed, a size, what may be added to any dataset, and the round trips.

    Recipes are frozen and compare by value. A family's own class (`Cascade`, …) adds its keywords.

    Parameters
    ----------
    n_points : int or None
        Number of points; None in families whose draw decides it.
    ambient_dim : int
        Dimension d of X, nuisance apart.
    seed : int or Seeds
        An integer, or one for each layer.
    noise : float, default 0
        σ ≥ 0, label noise in units of the label's prior standard deviation: y = clean label + σ·N(0, 1).
    nuisance_dim : int, default 0
        Further coordinates that know nothing of the label, independent N(0, nuisance_scale²).
    nuisance_scale : float, default 1
        Their standard deviation, in units of X.
    rotate : bool, default False
        Turn all coordinates, nuisance included, by one uniformly random rotation.
    target : str, default "value"
        What y is: "value", the label itself; "sign", its class, 1 where it is above 0 and 0 elsewhere; "threshold", the
        same with ``threshold`` for 0. Label noise is added before.
        "classes": the number of the point's subcluster, see ``subclusters``.
    threshold : float, default 0
        In units of the label's prior standard deviation; only with target = "threshold".
    subclusters : int, default 8
        C ≥ 2 with target = "classes": the hierarchy is divided largest subcluster first; the C − 1 largest are classes
        0 … C − 2, all others together the last, at that division whose shares are most even
        (`fractalman.trees.subcluster_classes`).
    embedding : str, default "own"
        Where the points lie: "own", the family's own coordinates; "superposition", the sum of the directions of the
        subclusters that a point lies in, in ambient_dim coordinates. Structure and labels are the same in both.
    feature_directions : str, default "random"
        Of the subclusters: "random" unit vectors; "orthogonal" among siblings; "nested", at feature_cosine from the
        parent's; "tight", all spread as evenly as they can be, as trained networks spread theirs (a unit-norm tight
        frame). This and the following are for superpositions only.
    feature_cosine : float, default 0.5
        Between −1 and 1, both left out.
    feature_magnitude : str, default "constant"
        What a direction is multiplied by: "constant", 1; "value", |the latent's value|; "folded-normal", |N(0, 1)|
        for every point and subcluster anew.
    feature_min_size : int, default 2
        Subclusters of fewer points have no direction.
    feature_noise : float, default 0
        Standard deviation of normal noise on every coordinate.

    Notes
    -----
    Source: docs/theory.md §1.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.Cascade(n_points=100)
    >>> isinstance(recipe, fm.Recipe), recipe.replace(n_points=50).n_points
    (True, 50)
    """

    family: ClassVar[str]
    _checks: ClassVar[dict[str, Check]]
    has_hierarchy: ClassVar[bool] = True
    """Whether datasets of this family carry a hierarchy and a label tree."""
    valued: ClassVar[bool] = True
    """Whether latents have values; those of strings are symbols."""
    table_name: ClassVar[str] = "recipe"
    """Of the table that it is read from: "data" where points are given and not drawn by a family."""
    divided: ClassVar[bool] = False
    """Whether the last points are kept apart, to test: they are then no random part of the points."""
    _silent: ClassVar[frozenset[str]] = frozenset()
    """Keywords that `to_dict` leaves out at their defaults: what was written before they existed stays as it is."""

    n_points: int | None  # None, and no keyword, in families whose draw decides it
    ambient_dim: int
    seed: int | Seeds
    noise: float = 0.0
    nuisance_dim: int = 0
    nuisance_scale: float = 1.0
    rotate: bool = False
    target: str | int = "value"
    threshold: float = 0.0
    subclusters: int = 8
    embedding: str = "own"
    feature_directions: str = "random"
    feature_cosine: float = 0.5
    feature_magnitude: str = "constant"
    feature_min_size: int = 2
    feature_noise: float = 0.0

    def __new__(cls, *args: Any, **keywords: Any) -> Self:
        check_keywords(cls, args, keywords)
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]:
        """What copies and pickles are made with: `__new__` refuses a call without what it needs."""
        return (), {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__repr__ = Recipe.__repr__  # type: ignore[method-assign]  # found in the class, it is not written anew
        cls._checks = {
            **cls._checks,
            **{name: check for name, check in _ADDED_CHECKS.items() if name not in cls._checks},
        }

    def __repr__(self) -> str:
        """The call that makes it, without keywords of every family that add nothing."""
        words = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name, None)
            if field.init and not (self._adds_nothing(field) and value == field.default):
                words.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(words)})"

    def _adds_nothing(self, field: dataclasses.Field[Any]) -> bool:
        """Whether a keyword is left out, at its default, of what is written."""
        return field.name in _ADDED_CHECKS or field.name in self._silent

    def __post_init__(self) -> None:
        problems: list[str] = []
        for name, check in self._checks.items():
            try:
                object.__setattr__(self, name, check(name, getattr(self, name)))
            except RecipeError as error:
                problems += map(str, error.args)
        if not problems:
            problems = [
                *self._target_problems(),
                *self._partition_problems(),
                *self._feature_problems(),
                *self._joint_problems(),
            ]
        if problems:
            raise RecipeError(*summary(problems).splitlines())

    @property
    def addressed(self) -> bool:
        """Whether points are drawn one by one, so that the population is unlimited and sizes nest."""
        return False

    def sized(self, train: int, test: int) -> Self:
        """Return the recipe of so many training points and so many more to test; of addressed points only.

        Parameters
        ----------
        train, test : int
            Points.

        Returns
        -------
        Recipe
            With n_points = train + test.

        Examples
        --------
        >>> import fractalman as fm
        >>> fm.Cascade(n_points=100).sized(20, 10).n_points
        30
        """
        return self.replace(n_points=train + test)

    def no_growth(self) -> str | None:
        """Return why a smaller n_points does not give the first points of a larger one, None where it does.

        Returns
        -------
        str or None
            The reason and what to use.

        Examples
        --------
        >>> import fractalman as fm
        >>> fm.Cascade(n_points=100).no_growth() is None
        True
        """
        if self.superposes:
            return 'embedding = "superposition" adds directions of subclusters, which change; use embedding = "own"'
        if self.partitions:
            return 'target = "classes" divides the subclusters anew with every point; use target = "value"'
        if self.addressed:
            return None
        return f"another n_points draws another {self.family}; use fractalman generate with the n_points wanted"

    @property
    def n_columns(self) -> int:
        """Columns of X: ambient_dim of the family and nuisance_dim more."""
        return self.ambient_dim + self.nuisance_dim

    @property
    def thresholds(self) -> bool:
        """Whether y holds the classes of values, made from them with a threshold."""
        return self.target in ("sign", "threshold")

    @property
    def classifies(self) -> bool:
        """Whether y holds classes, and not values."""
        return self.thresholds or self.partitions

    @property
    def string_layout(self) -> dict[str, int]:
        """What a position of X is to learners that read strings; empty where points are no strings."""
        return {}

    @property
    def partitions(self) -> bool:
        """Whether y holds the number of the point's subcluster."""
        return self.target == "classes"

    @property
    def target_classes(self) -> int:
        """Number of classes C that y counts from 0; 0 where it holds values."""
        return 2 if self.thresholds else self.subclusters if self.partitions else 0

    @property
    def target_varies(self) -> bool:
        """Whether y can have more than one value, as far as the recipe decides it."""
        return not self.classifies or self.target_classes > 1

    @property
    def redraws_labels(self) -> bool:
        """Whether other labels can be drawn for the same points; classes that points decide stay what they are."""
        return self.thresholds or not self.classifies

    @property
    def gaussian_values(self) -> bool:
        """Whether the values behind labels are jointly Gaussian given the points; floors and classes need it."""
        return True

    @property
    def span(self) -> float:
        """About how far apart points lie, at most a few times less than the farthest pair: places of subtasks are apart
        in units of it.
        """
        return 2.0 * math.sqrt(self.ambient_dim)

    def needs_values(self, what: str) -> None:
        """Refuse recipes whose y holds classes.

        Parameters
        ----------
        what : str
            What is done with values only, as the message says it.

        Raises
        ------
        RecipeError
            If `classifies`.

        Examples
        --------
        >>> import fractalman as fm
        >>> fm.Cascade(n_points=100).needs_values("a plan")
        """
        if self.thresholds or self.partitions:
            raise RecipeError(f'target = {self.target!r}: {what} takes labels that are values; use target = "value"')
        if self.classifies:
            raise RecipeError(
                f"family {self.family!r}: {what} takes labels that are values, and these are classes; use a family "
                "whose labels are values, e.g. cascade"
            )

    def _target_problems(self) -> list[str]:
        if self.threshold and self.target != "threshold":
            return [f'threshold = {shown(self.threshold)} with target = {self.target!r}: use target = "threshold"']
        return []

    def _partition_problems(self) -> list[str]:
        if not self.partitions:
            default = next(f.default for f in dataclasses.fields(self) if f.name == "subclusters")
            return [] if self.subclusters == default else ['subclusters: use target = "classes" with it']
        if not self.has_hierarchy:
            return [f'target = "classes": {self.family} has no hierarchy; use target = "sign"']
        if self.noise:
            return [f'noise = {self.noise} with target = "classes": expected 0, for points decide their subcluster']
        if self.n_points is not None and self.subclusters > self.n_points:
            return [f"subclusters = {self.subclusters}: expected at most n_points = {self.n_points}"]
        return []

    @property
    def superposes(self) -> bool:
        """Whether X is a superposition of the latents, and not what the family's laws speak of."""
        return self.embedding == "superposition"

    def needs_own_embedding(self, what: str) -> None:
        """Refuse recipes whose points do not lie where the family puts them.

        Parameters
        ----------
        what : str
            What is done with the family's own coordinates only, as the message says it.

        Raises
        ------
        RecipeError
            If `superposes`.

        Examples
        --------
        >>> import fractalman as fm
        >>> fm.Cascade(n_points=100).needs_own_embedding("a plan")
        """
        if self.superposes:
            raise RecipeError(
                f'embedding = "superposition": {what} is about coordinates that a family draws, and no law is known '
                'of these; use embedding = "own", or fm.recovery'
            )

    def _feature_problems(self) -> list[str]:
        if self.superposes:
            cosine, nested = self.feature_cosine, self.feature_directions == "nested"
            if not self.has_hierarchy:
                return [f'embedding = "superposition": {self.family} has no hierarchy; use embedding = "own"']
            if self.feature_magnitude == "value" and not self.valued:
                return [
                    f'feature_magnitude = "value": latents of {self.family} have no values; use "constant" or '
                    '"folded-normal"'
                ]
            return ['feature_cosine: use feature_directions = "nested" with it'] if cosine != 0.5 and not nested else []
        fields = {f.name: f.default for f in dataclasses.fields(self) if f.name.startswith("feature_")}
        changed = [name for name, default in fields.items() if getattr(self, name) != default]
        return [f'{name}: use embedding = "superposition" with it' for name in changed]

    def _joint_problems(self) -> list[str]:
        """Return what is wrong with the keywords together, each alone being allowed."""
        return []

    @property
    def seeds(self) -> Seeds:
        """The three seeds, whichever way ``seed`` was given."""
        if isinstance(self.seed, Seeds):
            return self.seed
        return Seeds(geometry=self.seed, embedding=self.seed, labels=self.seed)

    def replace(self, **changes: Any) -> Self:
        """Return the recipe with some keywords changed, checked anew.

        Parameters
        ----------
        changes : object
            Keywords of the recipe and their new values.

        Returns
        -------
        Recipe
            Of the same family.

        Raises
        ------
        RecipeError
            If a value is not allowed.
        """
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return family and keywords as plain TOML/JSON values, but for None and defaults that add nothing.

        Returns
        -------
        dict of str to object
            What `from_dict` reads back to an equal recipe.
        """
        out: dict[str, Any] = {"family": self.family}
        for field in dataclasses.fields(self):
            if not field.init:  # follows from the others
                continue
            value = getattr(self, field.name)
            if isinstance(value, Seeds):
                value = dataclasses.asdict(value)
            elif isinstance(value, tuple):
                value = _as_list(value)
            if value is not None and not (self._adds_nothing(field) and value == field.default):
                out[field.name] = value
        return out

    def to_toml(self) -> str:
        """Return the ``[recipe]`` table that `from_toml` reads back to an equal recipe.

        Returns
        -------
        str
            TOML text.
        """
        lines = [f"[{self.table_name}]"]
        for key, value in self.to_dict().items():
            lines.append(f"{key} = {_toml_value(value)}")
        return "\n".join(lines) + "\n"

    @property
    def max_points(self) -> int:
        """Most points that a draw can have: n_points wherever the recipe states it."""
        if self.n_points is None:
            raise NotImplementedError(f"{self.family} states no number of points, and no bound for it")
        return self.n_points

    @property
    def least_dim(self) -> int:
        """The fewest coordinates that such a dataset can be made in; nothing but X depends on them."""
        return 2

    def narrowest(self) -> Self:
        """Return the recipe with as few coordinates as its structure can be made in.

        Returns
        -------
        Recipe
            With least_dim coordinates, none of them nuisance.

        Examples
        --------
        >>> import fractalman as fm
        >>> fm.Cascade(n_points=10, ambient_dim=64).narrowest().n_columns
        2
        """
        return self.replace(ambient_dim=self.least_dim, nuisance_dim=0, rotate=False)

    @property
    def sites(self) -> int | None:
        """Sites that are drawn, where the draw decides how many of them are points; None elsewhere."""
        return None

    def smaller(self, n_points: int) -> Self:
        """Return a recipe of the same law with at most about ``n_points`` points.

        Parameters
        ----------
        n_points : int
            Number of points wanted.

        Returns
        -------
        Recipe
            With at most max_points points.
        """
        return self.replace(n_points=min(self.max_points, n_points))


_ADDED_CHECKS: dict[str, Check] = {
    "noise": real(0.0, 1e6),
    "nuisance_dim": integer(0, MAX_DIM),
    "nuisance_scale": real(0.0, 1e6, open_low=True),
    "rotate": switch,
    "target": choice("value", "sign", "threshold", "classes"),
    "threshold": real(-1e6, 1e6),
    "subclusters": integer(2, 1 << 20),
    "embedding": choice("own", "superposition"),
    "feature_directions": choice("random", "orthogonal", "nested", "tight"),
    "feature_cosine": real(-1.0, 1.0, open_low=True, open_high=True),
    "feature_magnitude": choice("constant", "value", "folded-normal"),
    "feature_min_size": integer(2, 1 << 62),
    "feature_noise": real(0.0, 1e6),
}
"""Keywords of every family that add something to its datasets; at their defaults they are not written out."""


def _as_list(value: Any) -> Any:
    return [_as_list(v) for v in value] if isinstance(value, tuple) else value


def _toml_value(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml_value(v)}" for k, v in value.items()) + " }"
    raise TypeError(type(value))
