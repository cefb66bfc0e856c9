"""What recipes of grammar strings share: the rules, derivations by address, what is wrong with keywords together."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman._typing import F64, I32, AnyInt
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, Check, choice, integer, real, switch

if TYPE_CHECKING:
    from fractalman.theory.grammars import Derivations, Grammar

MAX_RULES = 1 << 22
"""Most productions of one level."""
MAX_LENGTH = 1 << 14
"""Most tokens of a string."""


def _exponent(name: str, value: Any) -> float | None:
    return None if value is None else real(-1.0, 100.0)(name, value)


RULE_CHECKS: dict[str, Check] = {
    "levels": integer(1, 14),
    "vocabulary": integer(2, 1 << 20),
    "synonyms": integer(1, 1 << 20),
    "branching": integer(2, MAX_LENGTH),
    "encoding": choice("one-hot", "tokens", "embedding"),
    "embedding_dim": integer(1, 4096),
    "zipf_exponent": _exponent,
    "ambiguous": switch,
    "unary_probability": real(0.0, 1.0, open_high=True),
}
"""Keywords that all recipes of grammar strings have."""


def encoded_dimension(encoding: str, length: int, vocabulary: int, embedding_dim: int) -> int:
    """Return how many coordinates strings of ``length`` tokens have."""
    return length * {"one-hot": vocabulary, "tokens": 1, "embedding": embedding_dim}[encoding]


class GrammarRecipe(Recipe):
    """A recipe of strings that the random rules of a grammar make; families add what is asked about them."""

    _checks: ClassVar[dict[str, Check]] = {}
    valued: ClassVar[bool] = False
    _silent: ClassVar[frozenset[str]] = frozenset({"unary_probability"})

    levels: int
    vocabulary: int
    synonyms: int
    branching: int
    encoding: str
    embedding_dim: int
    zipf_exponent: float | None
    ambiguous: bool
    unary_probability: float

    @property
    def symbols(self) -> int:
        """Different tokens, a blank included: v, or v + 1 where trees are not balanced."""
        return self.vocabulary + (self.unary_probability > 0.0)

    @property
    def masks(self) -> bool:
        """Whether ``symbols``, which is no token, stands for a hidden one."""
        return False

    @property
    def span(self) -> float:
        """√(2·places) of one-hot blocks, twice that of random vectors, v·√places of numbers."""
        if self.encoding == "tokens":
            return float(self.symbols * math.sqrt(self.ambient_dim))
        if self.encoding == "embedding":
            return 2.0 * math.sqrt(2.0 * self.ambient_dim / self.embedding_dim)
        return math.sqrt(2.0 * self.ambient_dim / self.symbols)

    @property
    def string_layout(self) -> dict[str, int]:
        """Columns of X that are one token, "block", or the number of tokens, "vocabulary"; empty where X is turned."""
        if self.rotate or self.nuisance_dim:
            return {}
        if self.encoding == "tokens":
            return {"vocabulary": self.symbols + self.masks}
        return {"block": self.symbols if self.encoding == "one-hot" else self.embedding_dim}

    @property
    def target_place(self) -> tuple[int, int]:
        """Level and node of the symbol that y is, of targets whose place is the same in all strings."""
        raise NotImplementedError(f"{self.family} does not say where its target stands")

    @property
    def seen_places(self) -> slice:
        """Places in the string of the tokens that are seen."""
        return slice(0, self.length)

    @property
    def target_varies(self) -> bool:
        """Whether y can be more than one symbol; a hidden token can."""
        from fractalman.families._strings.law import possible_symbols

        return self.masks or possible_symbols(self.grammar, *self.target_place).size > 1

    @property
    def roots(self) -> int:
        """Symbols of level 0."""
        return self.vocabulary

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
        """Tokens of a string, s^L; places of them, some blank, where trees are not balanced."""
        return int(self.branching**self.levels)

    @property
    def grammar(self) -> Grammar:
        """The rules, drawn from the geometry seed."""
        drawn = (self.levels, self.vocabulary, self.synonyms, self.branching, self.roots)
        return _grammar(self.seeds.geometry, drawn, self.zipf_exponent, self.ambiguous, self.unary_probability)

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

    def exchanged(self, points: AnyInt, level: int, *, node: int | None = None, draw: int = 1) -> Derivations:
        """Return strings whose productions below a level are replaced by synonyms, drawn anew.

        Parameters
        ----------
        points : (k,) integer
            Numbers of the strings.
        level : int
            Symbols of levels 0 … level stay, level < L.
        node : int or None, default None
            Only below this symbol of the level; None = below all.
        draw : int, default 1
            Number of the exchange.

        Returns
        -------
        theory.grammars.Derivations
            As `derivations`.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.RandomHierarchyModel(n_points=10)
        >>> bool((recipe.exchanged(range(9), 2).level(2) == recipe.derivations(range(9)).level(2)).all())
        True
        """
        from fractalman.theory.grammars import exchange_synonyms

        numbers = np.asarray(points, np.int64)
        own = self.derivations(numbers)
        return exchange_synonyms(own, numbers, level=level, node=node, draw=draw, seed=self.seeds.labels)

    def seen(self, derived: Derivations, points: AnyInt) -> tuple[I32, F64]:
        """Return tokens and targets of strings, as in a dataset.

        Parameters
        ----------
        derived : theory.grammars.Derivations
            The strings.
        points : (k,) integer
            Their numbers.

        Returns
        -------
        tokens : (k, t) int32
            What learners see.
        targets : (k,) float64
            Numbers of the symbols that y is.

        Raises
        ------
        NotImplementedError
            In families that do not say what they show.
        """
        raise NotImplementedError(f"{self.family} does not say what it shows of {derived} and {points}")

    def _target_problems(self) -> list[str]:
        problems = []
        if self.noise:
            problems.append(f"noise = {self.noise}: expected 0, for labels are classes; use ambiguous = true instead")
        if self.threshold:
            problems.append(f"threshold = {self.threshold}: expected 0, for labels are classes; leave it out")
        return problems

    def _rule_problems(self, tokens: int) -> list[str]:
        """Return what is wrong with the rules and with X, which shows so many tokens."""
        v, m, s, problems = self.vocabulary, self.synonyms, self.branching, []
        width = encoded_dimension(self.encoding, tokens, self.symbols, self.embedding_dim)
        if self.unary_probability and self.levels == 1:
            problems.append(
                f"unary_probability = {self.unary_probability} with levels = 1: expected 0, for only symbols between "
                "the first level and the tokens are passed down; use more levels"
            )
        if width > MAX_DIM:
            problems.append(
                f"encoding = {self.encoding!r} of {tokens} tokens has {width} coordinates: expected "
                f"at most {MAX_DIM}; use encoding = 'tokens'"
            )
        if width < 2:
            problems.append(
                f"encoding = {self.encoding!r} of one token has one coordinate: expected 2 or more; use encoding = "
                "'one-hot', or more tokens"
            )
        most = max(self.roots, v if self.levels > 1 else 1) * m
        if most > MAX_RULES:
            problems.append(f"synonyms = {m}: {most} productions of a level, expected at most {MAX_RULES}")
        if v**s > 1 << 62:
            problems.append(f"vocabulary = {v}, branching = {s}: expected at most 2^62 different tuples of symbols")
        elif not self.ambiguous and most > v**s:
            problems.append(
                f"synonyms = {m}: {most} productions of a level, and vocabulary = {v}, branching = {s} give {v**s} "
                "different tuples; use fewer synonyms, a larger vocabulary, or ambiguous = true"
            )
        return problems

    def _length_problems(self) -> list[str]:
        if self.length <= MAX_LENGTH:
            return []
        return [
            f"levels = {self.levels}, branching = {self.branching}: expected at most {MAX_LENGTH} tokens; use fewer "
            "levels"
        ]


@lru_cache(maxsize=16)
def _grammar(
    seed: int, drawn: tuple[int, ...], zipf_exponent: float | None, ambiguous: bool, unary_probability: float
) -> Grammar:
    from fractalman.theory.grammars import random_grammar

    levels, vocabulary, synonyms, branching, roots = drawn
    return random_grammar(
        seed=seed,
        levels=levels,
        vocabulary=vocabulary,
        synonyms=synonyms,
        branching=branching,
        classes=roots,
        zipf_exponent=zipf_exponent,
        ambiguous=ambiguous,
        unary_probability=unary_probability,
    )
