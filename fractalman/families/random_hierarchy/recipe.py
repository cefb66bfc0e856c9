"""Recipe of the Random Hierarchy Model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman._typing import F64, I32, AnyInt
from fractalman.config import is_integer, shown
from fractalman.errors import RecipeError
from fractalman.families._strings.recipe import MAX_LENGTH, RULE_CHECKS, GrammarRecipe, encoded_dimension
from fractalman.random.keys import Seeds
from fractalman.recipes.checks import MAX_POINTS, Check, integer
from fractalman.recipes.checks import seed as seed_check

if TYPE_CHECKING:
    from fractalman.theory.grammars import Derivations


def _target(name: str, value: Any) -> str | int:
    if isinstance(value, str) and value == "class":
        return value
    if not is_integer(value) or not 0 <= int(value) <= 64:
        raise RecipeError(
            f"{name} = {shown(value)}: expected 'class' or a level of the grammar, 0 (the class) to levels (the tokens)"
        )
    return int(value)


@dataclass(frozen=True, kw_only=True)
class RandomHierarchyModel(GrammarRecipe):
    """Strings of a random grammar, labelled with a hidden symbol; their trees are regular, or not balanced.

    A class is replaced by one of its productions, a tuple of s symbols; each of these by one of its own, and so on,
    L times. Strings have s^L tokens. Rules come from the geometry seed, derivations from the label seed; string i is a
    function of the seeds and i, so sizes nest.

    Parameters
    ----------
    n_points : int
        Number of strings n ≥ 1.
    levels : int, default 3
        L ≥ 1, how many times symbols are replaced.
    vocabulary : int, default 8
        v ≥ 2, symbols of every level below the class, tokens included.
    synonyms : int, default 4
        m ≥ 1, productions of every symbol.
    branching : int, default 2
        s ≥ 2, symbols of a production.
    classes : int, default 8
        n_c ≥ 1, equally likely.
    encoding : {"one-hot", "tokens", "embedding"}, default "one-hot"
        What X is: s^L blocks of v coordinates, one of which is 1; the token numbers; s^L random vectors, one for each
        token, independent N(0, 1/embedding_dim).
    embedding_dim : int, default 16
        Coordinates of a token, with encoding = "embedding".
    zipf_exponent : float or None, default None
        a ≥ −1: the r-th production of every symbol has probability ∝ r^−(1 + a). None = equally likely.
    ambiguous : bool, default False
        Draw productions independently, so that a string may have several derivations; else all of a level differ.
    unary_probability : float, default 0
        u, 0 ≤ u < 1: with which probability a symbol between the class and the tokens is passed down to the next level
        as it is, before s − 1 blanks, and not replaced: trees that are not balanced, whose tokens lie 1 to L
        replacements below the class. A blank is token v; with encoding = "one-hot" a token has v + 1 coordinates in X.
    target : "class" or int, default "class"
        What y is: the class, or a hidden symbol of this level, 0 (the class) … L (a token).
    node : int, default 0
        Which symbol of that level, from the left, 0 … s^level − 1.
    seed : int or Seeds, default 0
        0 ≤ integer < 2^63, or one for each layer.
    noise : float, default 0
        Classes have none: 0.
    nuisance_dim : int, default 0
        Further coordinates that know nothing of the label, independent N(0, nuisance_scale²).
    nuisance_scale : float, default 1
        Their standard deviation, in units of X.
    rotate : bool, default False
        Turn all coordinates, nuisance included, by one uniformly random rotation.
    threshold : float, default 0
        Classes have none: 0.
    subclusters : int, default 8
        Of classes that are subclusters, which this family has not: 8.
    embedding : {"own", "superposition"}, default "own"
        The family's own X, or, in as many columns, the sum of the directions of the subclusters that a point lies in.
    feature_directions : str, default "random"
        Of a superposition: "random", "orthogonal", "nested" or "tight", as for `Recipe`.
    feature_cosine : float, default 0.5
        Of nested directions.
    feature_magnitude : str, default "constant"
        Of a superposition: "constant" or "folded-normal"; latents are symbols and have no "value".
    feature_min_size : int, default 2
        Of a superposition: points of the smallest subclusters that have a direction.
    feature_noise : float, default 0
        Of a superposition: standard deviation of noise on every coordinate.

    Attributes
    ----------
    ambient_dim : int
        Columns of X, nuisance apart; it follows from ``encoding``.

    Raises
    ------
    RecipeError
        For values outside, and where the vocabulary has fewer tuples than there are productions.

    Notes
    -----
    The hierarchy has level 0 for all strings, level 1 for those of one class, level l + 1 for those whose derivations
    agree down to the symbols of the grammar's level l. Source: Cagnetta et al., arXiv 2307.02129; uneven productions:
    arXiv 2505.07067 (not verified at the source); trees of several shapes: Parley et al., arXiv 2602.06065 (abstract),
    whose productions have 2 or 3 symbols and leave no blanks.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.RandomHierarchyModel(n_points=100))
    >>> data.X.shape, data.tokens.shape, sorted(set(data.y.tolist()))[:3]
    ((100, 64), (100, 8), [0.0, 1.0, 2.0])
    >>> fm.generate(fm.RandomHierarchyModel(n_points=2, unary_probability=0.5)).tokens.tolist()  # 8 is a blank
    [[5, 0, 2, 8, 2, 8, 4, 8], [0, 2, 8, 8, 5, 0, 3, 8]]
    """

    family: ClassVar[str] = "random-hierarchy-model"
    n_points: int
    levels: int = 3
    vocabulary: int = 8
    synonyms: int = 4
    branching: int = 2
    classes: int = 8
    encoding: str = "one-hot"
    embedding_dim: int = 16
    zipf_exponent: float | None = None
    ambiguous: bool = False
    unary_probability: float = 0.0
    target: str | int = "class"
    node: int = 0
    seed: int | Seeds = 0
    ambient_dim: int = field(init=False)

    _checks: ClassVar[dict[str, Check]] = {
        **RULE_CHECKS,
        "n_points": integer(1, MAX_POINTS),
        "classes": integer(1, 1 << 20),
        "target": _target,
        "node": integer(0, MAX_LENGTH - 1),
        "seed": seed_check,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        width = encoded_dimension(self.encoding, self.length, self.symbols, self.embedding_dim)
        object.__setattr__(self, "ambient_dim", width)

    def _joint_problems(self) -> list[str]:
        if self._length_problems():
            return self._length_problems()
        problems = self._rule_problems(self.length)
        if self.target_level > self.levels:
            problems.append(f"target = {self.target}: expected 'class' or a level from 0 to {self.levels}")
        elif self.node >= self.branching**self.target_level:
            problems.append(
                f"node = {self.node}: level {self.target_level} has {self.branching**self.target_level} symbols, "
                f"expected 0 to {self.branching**self.target_level - 1}"
            )
        return problems

    @property
    def roots(self) -> int:
        """Symbols of level 0: the classes."""
        return self.classes

    @property
    def target_level(self) -> int:
        """The level of the symbol that y is."""
        return 0 if self.target == "class" else int(self.target)

    @property
    def target_place(self) -> tuple[int, int]:
        """Level and node of the symbol that y is."""
        return self.target_level, self.node

    @property
    def target_classes(self) -> int:
        """How many values y can have."""
        return (self.classes, self.vocabulary)[self.target_level] if self.target_level < 2 else self.symbols

    def seen(self, derived: Derivations, points: AnyInt) -> tuple[I32, F64]:  # noqa: ARG002 (all strings alike)
        """Return whole strings and their target symbols.

        Parameters
        ----------
        derived : theory.grammars.Derivations
            The strings.
        points : (k,) integer
            Their numbers.

        Returns
        -------
        tokens : (k, s^L) int32
            The strings.
        targets : (k,) float64
            Numbers of the symbols that y is.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.RandomHierarchyModel(n_points=10)
        >>> recipe.seen(recipe.derivations([4, 5]), [4, 5])[0].shape
        (2, 8)
        """
        targets = derived.level(self.target_level)[:, self.node]
        return np.ascontiguousarray(derived.tokens, np.int32), targets.astype(np.float64)

    def target_posterior(self, tokens: AnyInt) -> F64:
        """Return the probabilities of y given strings and the rules; `theory.posterior` does so for a dataset's rows.

        Parameters
        ----------
        tokens : (k, s^L) integer
            Strings; −1 where a token is not known.

        Returns
        -------
        (k, target_classes) float64
            Rows sum to 1; nan for strings that the grammar cannot make.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.RandomHierarchyModel(n_points=10)
        >>> recipe.target_posterior(recipe.derivations([4]).tokens).max()
        np.float64(1.0)
        """
        from fractalman.theory.grammars import latent_posterior

        return latent_posterior(self.grammar, np.asarray(tokens, np.int64), self.target_level, self.node)
