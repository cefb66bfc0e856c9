"""The rules of a grammar whose derivations are regular trees, and how they are drawn.

Symbols of level 0 are classes, those of level L tokens. A symbol x of level l < L is replaced by one of its m
productions, a tuple of s symbols of level l + 1; strings have s^L tokens. With different productions for all symbols of
a level (``ambiguous=False``) a string has one derivation: the Random Hierarchy Model of Cagnetta et al., arXiv
2307.02129. Letters: L levels, v vocabulary, m synonyms, s branching.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.random.keys import Role, key64
from fractalman.random.streams import draws

_LARGEST_TUPLES = 1 << 62


@dataclass(frozen=True, eq=False)
class Grammar(Display):
    """A probabilistic grammar of regular trees.

    Parameters
    ----------
    productions : tuple of L (v_l, m_l, s) int64
        ``productions[l][x, r]`` are the symbols of level l + 1 by which production r replaces symbol x of level l.
    probabilities : tuple of L (v_l, m_l) float64
        With which probability; rows sum to 1.
    prior : (v_0,) float64
        Probabilities of the classes.
    vocabulary : int
        Number of tokens.

    Raises
    ------
    RecipeError
        When the arrays contradict each other.

    Examples
    --------
    >>> grammar = random_grammar(seed=1, levels=2, vocabulary=4, synonyms=2, branching=2, classes=3)
    >>> grammar.length, grammar.sizes
    (4, (3, 4, 4))
    """

    productions: tuple[I64, ...]
    probabilities: tuple[F64, ...]
    prior: F64
    vocabulary: int

    def __post_init__(self) -> None:
        sizes = (*(len(p) for p in self.productions), self.vocabulary)
        if not self.productions or len(self.productions) != len(self.probabilities) or len(self.prior) != sizes[0]:
            raise RecipeError(
                f"a grammar of {len(self.productions)} levels with {len(self.probabilities)} tables of probabilities "
                f"and {len(self.prior)} classes: expected one table a level and a probability for every class"
            )
        for level, (rules, chance) in enumerate(zip(self.productions, self.probabilities, strict=True)):
            below = sizes[level + 1]
            if rules.ndim != 3 or chance.shape != rules.shape[:2] or rules.shape[2] != self.branching:
                raise RecipeError(f"productions of level {level} have shape {rules.shape}: expected (symbols, m, s)")
            if rules.size and not (rules.min() >= 0 and rules.max() < below):
                raise RecipeError(f"productions of level {level}: expected symbols from 0 to {below - 1}")
            if not ((chance >= 0.0).all() and np.allclose(chance.sum(axis=1), 1.0, atol=1e-12)):
                raise RecipeError(f"probabilities of level {level}: expected rows of numbers >= 0 that sum to 1")
        if not ((self.prior >= 0.0).all() and np.isclose(self.prior.sum(), 1.0, atol=1e-12)):
            raise RecipeError("prior: expected numbers >= 0 that sum to 1")

    @property
    def levels(self) -> int:
        """L, the number of times that symbols are replaced."""
        return len(self.productions)

    @property
    def branching(self) -> int:
        """The length of a production, s."""
        return int(self.productions[0].shape[2])

    @property
    def length(self) -> int:
        """The number of tokens of a string, s^L."""
        return int(self.branching**self.levels)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of symbols of every level, classes first, tokens last."""
        return (*(len(p) for p in self.productions), self.vocabulary)

    @property
    def unambiguous(self) -> bool:
        """Whether no two productions of a level are alike, so that a string has one derivation."""
        return all(
            len(np.unique(rules.reshape(-1, rules.shape[2]), axis=0)) == rules.shape[0] * rules.shape[1]
            for rules in self.productions
        )


def zipf_probabilities(choices: int, exponent: float) -> F64:
    """Return probabilities that fall as rank^−(1 + exponent).

    Parameters
    ----------
    choices : int
        Number of ranks, at least 1.
    exponent : float
        a in rank^−(1 + a), at least −1; −1 makes all equal.

    Returns
    -------
    (choices,) float64
        They sum to 1.

    Raises
    ------
    RecipeError
        For arguments outside these bounds.

    Notes
    -----
    Source: the uneven productions of Cagnetta et al., arXiv 2505.07067 (not verified at the source).

    Examples
    --------
    >>> zipf_probabilities(3, 0.0).round(4).tolist()
    [0.5455, 0.2727, 0.1818]
    """
    if choices < 1 or not (np.isfinite(exponent) and exponent >= -1.0):
        raise RecipeError(f"choices = {choices}, exponent = {exponent}: expected choices >= 1 and exponent >= -1")
    weight = np.arange(1, choices + 1, dtype=np.float64) ** -(1.0 + exponent)
    return np.asarray(weight / weight.sum(), np.float64)


def random_grammar(
    *,
    seed: int,
    levels: int,
    vocabulary: int,
    synonyms: int,
    branching: int = 2,
    classes: int | None = None,
    zipf_exponent: float | None = None,
    ambiguous: bool = False,
) -> Grammar:
    """Draw the rules of a grammar.

    Parameters
    ----------
    seed : int
        Of the rules; level l's are a function of (seed, l) alone.
    levels, vocabulary, synonyms : int
        L, v, m.
    branching : int, default 2
        s.
    classes : int, default vocabulary
        Symbols of level 0, equally likely.
    zipf_exponent : float, default None
        Productions of rank r have probabilities ∝ r^−(1 + a); None makes them equally likely.
    ambiguous : bool, default False
        Draw productions independently, so that two symbols may share one; else all of a level differ.

    Returns
    -------
    Grammar

    Raises
    ------
    RecipeError
        When there are fewer different tuples than productions, v·m > v^s or classes·m > v^s.

    Notes
    -----
    Every choice of different tuples is equally likely: they are drawn one after the other, those that came before are
    drawn again. Source: Cagnetta et al., arXiv 2307.02129.

    Examples
    --------
    >>> random_grammar(seed=0, levels=3, vocabulary=8, synonyms=4).unambiguous
    True
    """
    top = vocabulary if classes is None else classes
    for name, value, least in (
        ("levels", levels, 1),
        ("vocabulary", vocabulary, 1),
        ("synonyms", synonyms, 1),
        ("branching", branching, 1),
        ("classes", top, 1),
    ):
        if isinstance(value, bool) or int(value) != value or value < least:
            raise RecipeError(f"{name} = {value!r}: expected an integer of at least {least}")
    tuples = vocabulary**branching
    most = max(top, vocabulary if levels > 1 else 1)
    if tuples > _LARGEST_TUPLES:
        raise RecipeError(f"vocabulary = {vocabulary}, branching = {branching}: expected at most 2^62 tuples")
    if not ambiguous and most * synonyms > tuples:
        raise RecipeError(
            f"{most} symbols with synonyms = {synonyms} need {most * synonyms} different tuples, and vocabulary = "
            f"{vocabulary}, branching = {branching} give {tuples}: use fewer synonyms or a larger vocabulary"
        )
    chance = np.full(synonyms, 1.0 / synonyms)
    if zipf_exponent is not None:
        chance = zipf_probabilities(synonyms, zipf_exponent)
    productions, probabilities = [], []
    for level in range(levels):
        symbols = top if level == 0 else vocabulary
        chosen = _tuples(key64(seed, Role.GRAMMAR, level), symbols * synonyms, tuples, ambiguous)
        digits = chosen[:, None] // vocabulary ** np.arange(branching - 1, -1, -1) % vocabulary
        productions.append(digits.reshape(symbols, synonyms, branching))
        probabilities.append(np.tile(chance, (symbols, 1)))
    return Grammar(tuple(productions), tuple(probabilities), np.full(top, 1.0 / top), vocabulary)


def _tuples(key: int, count: int, tuples: int, repeated: bool) -> I64:
    """Return tuple numbers below ``tuples``, in the order drawn; all different unless ``repeated``."""
    if not repeated and 2 * count > tuples:  # most are taken: a whole permutation, by sorting draws
        order = np.argsort(draws(key, tuples), kind="stable")
        return np.asarray(order[:count], np.int64)
    found: dict[int, None] = {}
    chosen: list[int] = []
    first = 0
    while len(chosen) < count:
        block = draws(key, 2 * count, first)
        first += block.size
        for word in block.tolist():
            number = (word * tuples) >> 64
            if repeated or number not in found:
                found[number] = None
                chosen.append(number)
                if len(chosen) == count:
                    break
    return np.array(chosen, np.int64)
