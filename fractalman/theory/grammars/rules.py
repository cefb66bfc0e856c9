"""The rules of a grammar whose derivations are regular trees, and how they are drawn.

Symbols of level 0 are classes, those of level L tokens. A symbol x of level l < L is replaced by one of its m
productions, a tuple of s symbols of level l + 1; strings have s^L tokens. With different productions for all symbols of
a level (``ambiguous=False``) a string has one derivation: the Random Hierarchy Model of Cagnetta et al., arXiv
2307.02129. Letters: L levels, v vocabulary, m synonyms, s branching, u the chance of a unary production.

**Trees that are not balanced** are regular trees with blanks. With u > 0 a symbol below the class has one production
more, of probability u: itself, followed by s − 1 blanks; a blank is replaced by blanks. Productions of one symbol left
out, tokens lie 1 to L replacements below the class. Parley, Cagnetta & Wyart, arXiv 2602.06065 (abstract), mix
productions of 2 and 3 symbols and leave no gaps, so that a string has to be parsed first; here blanks keep every symbol
at its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64
from fractalman.config import shown
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
    blank : int or None, default None
        Number of the symbol that stands for nothing, in trees that are not balanced.

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
    blank: int | None = None

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
        """Whether no two productions of a level that occur are alike, so that a string has one derivation."""
        return all(
            len(np.unique(rules[chance > 0.0], axis=0)) == np.count_nonzero(chance > 0.0)
            for rules, chance in zip(self.productions, self.probabilities, strict=True)
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
    unary_probability: float = 0.0,
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
    unary_probability : float, default 0
        u, 0 ≤ u < 1: with which probability a symbol below the class is not replaced but passed down a level, followed
        by s − 1 blanks. Where it is above 0, a blank is symbol v of levels 2 … L, so that there are v + 1 tokens; all
        other productions are those of u = 0, and 1 − u times as probable.

    Returns
    -------
    Grammar

    Raises
    ------
    RecipeError
        When there are fewer different tuples than productions, v·m > v^s or classes·m > v^s; for a unary_probability
        above 0 where there is one level, or one symbol a production.

    Notes
    -----
    Every choice of different tuples is equally likely: they are drawn one after the other, those that came before are
    drawn again. Source: Cagnetta et al., arXiv 2307.02129.

    Examples
    --------
    >>> random_grammar(seed=0, levels=3, vocabulary=8, synonyms=4).unambiguous
    True
    >>> unbalanced = random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2, unary_probability=0.3)
    >>> unbalanced.sizes, unbalanced.productions[1][2].tolist()  # two of two tokens, and symbol 2 alone before a blank
    ((4, 4, 5), [[3, 2], [2, 2], [2, 4]])
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
            raise RecipeError(f"{name} = {shown(value)}: expected an integer of at least {least}")
    tuples = vocabulary**branching
    most = max(top, vocabulary if levels > 1 else 1)
    if tuples > _LARGEST_TUPLES:
        raise RecipeError(f"vocabulary = {vocabulary}, branching = {branching}: expected at most 2^62 tuples")
    if not ambiguous and most * synonyms > tuples:
        raise RecipeError(
            f"{most} symbols with synonyms = {synonyms} need {most * synonyms} different tuples, and vocabulary = "
            f"{vocabulary}, branching = {branching} give {tuples}: use fewer synonyms or a larger vocabulary"
        )
    if not 0.0 <= unary_probability < 1.0 or (unary_probability and (levels < 2 or branching < 2)):
        raise RecipeError(
            f"unary_probability = {shown(unary_probability)}, levels = {levels}, branching = {branching}: expected "
            "0 <= unary_probability < 1, and levels and branching >= 2 where it is above 0, for only symbols below the "
            "class are passed down"
        )
    chance = np.full(synonyms, 1.0 / synonyms)
    if zipf_exponent is not None:
        chance = zipf_probabilities(synonyms, zipf_exponent)
    productions, probabilities = [], []
    for level in range(levels):
        symbols = top if level == 0 else vocabulary
        chosen = _tuples(key64(seed, Role.GRAMMAR, level), symbols * synonyms, tuples, ambiguous)
        digits = chosen[:, None] // vocabulary ** np.arange(branching - 1, -1, -1) % vocabulary
        rules, rows = digits.reshape(symbols, synonyms, branching), np.tile(chance, (symbols, 1))
        if unary_probability and level:
            rules, rows = _with_unary(rules, rows, unary_probability, blanks=level > 1)
        productions.append(rules)
        probabilities.append(rows)
    prior, blank = np.full(top, 1.0 / top), vocabulary if unary_probability else None
    return Grammar(tuple(productions), tuple(probabilities), prior, vocabulary + (blank is not None), blank)


def _with_unary(rules: I64, chance: F64, unary_probability: float, blanks: bool) -> tuple[I64, F64]:
    """One production more for every symbol, itself before blanks; and where blanks can stand, those of the blank."""
    symbols, _, s = rules.shape
    alone = np.full((symbols, 1, s), symbols, np.int64)
    alone[:, 0, 0] = np.arange(symbols)
    rules = np.concatenate([rules, alone], axis=1)
    chance = np.concatenate([(1.0 - unary_probability) * chance, np.full((symbols, 1), unary_probability)], axis=1)
    if blanks:  # all alike, and only the first occurs
        rules = np.concatenate([rules, np.full((1, *rules.shape[1:]), symbols, np.int64)])
        chance = np.concatenate([chance, np.eye(1, chance.shape[1])])
    return rules, chance


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
