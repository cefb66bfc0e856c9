"""Recipe of the Random Hierarchy Model."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman._typing import F64, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.random.keys import Seeds
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, choice, integer, real, switch
from fractalman.recipes.checks import seed as seed_check

if TYPE_CHECKING:
    from fractalman.theory.grammars import Derivations, Grammar

MAX_RULES = 1 << 22
"""Most productions of one level."""
MAX_LENGTH = 1 << 14
"""Most tokens of a string."""


def _exponent(name: str, value: Any) -> float | None:
    return None if value is None else real(-1.0, 100.0)(name, value)


def _target(name: str, value: Any) -> str | int:
    if isinstance(value, str) and value == "class":
        return value
    if isinstance(value, bool) or not hasattr(value, "__index__") or not 0 <= int(value) <= 64:
        raise RecipeError(
            f"{name} = {shown(value)}: expected 'class' or a level of the grammar, 0 (the class) to levels (the tokens)"
        )
    return int(value)


@dataclass(frozen=True, kw_only=True)
class RandomHierarchyModel(Recipe):
    """Strings of a random grammar whose derivations are regular trees, labelled with a hidden symbol.

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
    embedding : str, default "own"
        X is the family's own: "own".
    feature_directions : str, default "random"
        Of superpositions, which this family has none of; so are the following.
    feature_cosine : float, default 0.5
        Likewise.
    feature_magnitude : str, default "constant"
        Likewise.
    feature_min_size : int, default 2
        Likewise.
    feature_noise : float, default 0
        Likewise.

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
    arXiv 2505.07067 (not verified at the source).

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.RandomHierarchyModel(n_points=100))
    >>> data.X.shape, data.tokens.shape, sorted(set(data.y))[:3]
    ((100, 64), (100, 8), [0.0, 1.0, 2.0])
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
    target: str | int = "class"
    node: int = 0
    seed: int | Seeds = 0
    ambient_dim: int = field(init=False)

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "levels": integer(1, 14),
        "vocabulary": integer(2, 1 << 20),
        "synonyms": integer(1, 1 << 20),
        "branching": integer(2, MAX_LENGTH),
        "classes": integer(1, 1 << 20),
        "encoding": choice("one-hot", "tokens", "embedding"),
        "embedding_dim": integer(1, 4096),
        "zipf_exponent": _exponent,
        "ambiguous": switch,
        "target": _target,
        "node": integer(0, MAX_LENGTH - 1),
        "seed": seed_check,
        "embedding": choice("own"),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        width = {"one-hot": self.vocabulary, "tokens": 1, "embedding": self.embedding_dim}[self.encoding]
        object.__setattr__(self, "ambient_dim", width * self.length)

    def _target_problems(self) -> list[str]:
        problems = []
        if self.noise:
            problems.append(f"noise = {self.noise}: expected 0, for labels are classes; use ambiguous = true instead")
        if self.threshold:
            problems.append(f"threshold = {self.threshold}: expected 0, for labels are classes; leave it out")
        return problems

    def _joint_problems(self) -> list[str]:
        v, m, s, problems = self.vocabulary, self.synonyms, self.branching, []
        if self.length > MAX_LENGTH:
            return [f"levels = {self.levels}, branching = {s}: expected at most {MAX_LENGTH} tokens; use fewer levels"]
        width = {"one-hot": v, "tokens": 1, "embedding": self.embedding_dim}[self.encoding]
        if width * self.length > MAX_DIM:
            problems.append(
                f"encoding = {self.encoding!r} of {self.length} tokens has {width * self.length} coordinates: expected "
                f"at most {MAX_DIM}; use encoding = 'tokens'"
            )
        most = max(self.classes, v if self.levels > 1 else 1) * m
        if most > MAX_RULES:
            problems.append(f"synonyms = {m}: {most} productions of a level, expected at most {MAX_RULES}")
        if v**s > 1 << 62:
            problems.append(f"vocabulary = {v}, branching = {s}: expected at most 2^62 different tuples of symbols")
        elif not self.ambiguous and most > v**s:
            problems.append(
                f"synonyms = {m}: {most} productions of a level, and vocabulary = {v}, branching = {s} give {v**s} "
                "different tuples; use fewer synonyms, a larger vocabulary, or ambiguous = true"
            )
        if self.target_level > self.levels:
            problems.append(f"target = {self.target}: expected 'class' or a level from 0 to {self.levels}")
        elif self.node >= s**self.target_level:
            problems.append(
                f"node = {self.node}: level {self.target_level} has {s**self.target_level} symbols, expected 0 to "
                f"{s**self.target_level - 1}"
            )
        return problems

    @property
    def addressed(self) -> bool:
        """Strings are drawn one by one."""
        return True

    @property
    def classifies(self) -> bool:
        """Labels are symbols."""
        return True

    @property
    def length(self) -> int:
        """Tokens of a string, s^L."""
        return int(self.branching**self.levels)

    @property
    def target_level(self) -> int:
        """The level of the symbol that y is."""
        return 0 if self.target == "class" else int(self.target)

    @property
    def target_classes(self) -> int:
        """How many values y can have."""
        return self.classes if self.target_level == 0 else self.vocabulary

    @property
    def grammar(self) -> Grammar:
        """The rules, drawn from the geometry seed."""
        drawn = (self.levels, self.vocabulary, self.synonyms, self.branching, self.classes)
        return _grammar(self.seeds.geometry, drawn, self.zipf_exponent, self.ambiguous)

    def derivations(self, points: AnyInt) -> Derivations:
        """Return strings with all their hidden symbols.

        Parameters
        ----------
        points : (k,) integer
            Numbers of the strings, ≥ 0, in any order.

        Returns
        -------
        theory.grammars.Derivations
            ``level(l)`` are the symbols of level l, (k, s^l); ``tokens`` the strings, ``classes`` the classes.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.RandomHierarchyModel(n_points=10)
        >>> recipe.derivations(range(3)).level(1).shape
        (3, 2)
        """
        from fractalman.theory.grammars import derive_strings

        return derive_strings(self.grammar, np.asarray(points, np.int64), self.seeds.labels)

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


@lru_cache(maxsize=16)
def _grammar(seed: int, drawn: tuple[int, ...], zipf_exponent: float | None, ambiguous: bool) -> Grammar:
    from fractalman.theory.grammars import random_grammar

    levels, vocabulary, synonyms, branching, classes = drawn
    return random_grammar(
        seed=seed,
        levels=levels,
        vocabulary=vocabulary,
        synonyms=synonyms,
        branching=branching,
        classes=classes,
        zipf_exponent=zipf_exponent,
        ambiguous=ambiguous,
    )
