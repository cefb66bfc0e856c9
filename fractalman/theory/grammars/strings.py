"""Strings of a grammar with their derivations: string i is a function of the seed and i, so streams have no end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F64, I32, I64, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.random.keys import Role, key64
from fractalman.theory.grammars import _string_kernels
from fractalman.theory.grammars.drawing import DerivationsDisplay
from fractalman.theory.grammars.rules import Grammar

_ROWS = 1 << 14  # strings in one task


@dataclass(frozen=True, eq=False)
class Derivations(DerivationsDisplay):
    """Strings and the hidden symbols that they derive from.

    Parameters
    ----------
    grammar : Grammar
        The rules.
    symbols : (n, nodes) integer
        Every derivation level by level from the class, from the left; ``levels()`` cuts it.
    """

    grammar: Grammar
    symbols: AnyInt

    @property
    def tokens(self) -> AnyInt:
        """The strings, (n, s^L)."""
        return self.symbols[:, -self.grammar.length :]

    @property
    def classes(self) -> AnyInt:
        """The class of every string, (n,)."""
        return self.symbols[:, 0]

    def level(self, level: int) -> AnyInt:
        """Return the symbols of one level.

        Parameters
        ----------
        level : int
            0 = the class, L = the tokens.

        Returns
        -------
        (n, s^level) int
            Symbols, from left to right.
        """
        s = self.grammar.branching
        first = sum(s**k for k in range(level))
        return self.symbols[:, first : first + s**level]


def derive_strings(grammar: Grammar, strings: AnyInt, seed: int) -> Derivations:
    """Draw strings with their derivations.

    Parameters
    ----------
    grammar : Grammar
        The rules.
    strings : (n,) integer
        Numbers of the strings, any of 0 … 2^63 − 1 in any order; the same number gives the same string.
    seed : int
        Of the derivations.

    Returns
    -------
    Derivations
        Symbols in the smallest of int16, int32 and int64 that holds them.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory.grammars import random_grammar
    >>> drawn = derive_strings(random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2), np.arange(5), seed=1)
    >>> drawn.tokens.shape, drawn.level(1).shape
    ((5, 4), (5, 2))
    """
    widest = max(grammar.sizes)
    dtype = np.int16 if widest <= 1 << 15 else np.int32 if widest <= 1 << 31 else np.int64
    s = grammar.branching
    symbols: AnyInt = np.empty((len(strings), sum(s**k for k in range(grammar.levels + 1))), dtype)
    tables = _tables(grammar, dtype)
    prior = np.cumsum(grammar.prior)
    of_prior = _guides([prior[None]])[0]
    key, numbers = np.uint64(key64(seed, Role.DERIVATION)), np.asarray(strings, np.int64)
    run_tasks(
        _string_kernels.derivations,
        [
            (key, numbers[a : a + _ROWS], *tables, prior, of_prior, symbols[a : a + _ROWS])
            for a in range(0, len(numbers), _ROWS)
        ],
    )
    return Derivations(grammar, symbols)


def exchange_synonyms(
    derived: Derivations, strings: AnyInt, *, level: int, seed: int, node: int | None = None, draw: int = 1
) -> Derivations:
    """Replace the productions below a level by synonyms, drawn anew: strings that share all symbols down to the level.

    Parameters
    ----------
    derived : Derivations
        Strings with their hidden symbols.
    strings : (n,) integer
        Their numbers.
    level : int
        Symbols of levels 0 … level stay, 0 ≤ level < L; those below are derived anew from them.
    seed : int
        Of the exchanges.
    node : int or None, default None
        Only below this symbol of the level, from the left; None = below all.
    draw : int, default 1
        Number of the exchange; others are independent of it.

    Returns
    -------
    Derivations
        Of as many strings. Given the symbols that stay they are independent of the strings given, with the grammar's
        law, so a production comes again with its own probability.

    Raises
    ------
    RecipeError
        For levels, nodes and draws outside.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory.grammars import random_grammar
    >>> drawn = derive_strings(random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2), np.arange(5), seed=1)
    >>> other = exchange_synonyms(drawn, np.arange(5), level=1, seed=1)
    >>> bool((other.level(1) == drawn.level(1)).all()), bool((other.tokens == drawn.tokens).all())
    (True, False)
    """
    grammar = derived.grammar
    for name, value, least, most in (
        ("level", level, 0, grammar.levels - 1),
        ("node", 0 if node is None else node, 0, grammar.branching ** max(0, min(level, grammar.levels)) - 1),
        ("draw", draw, 1, (1 << 62) - 1),
    ):
        if isinstance(value, bool) or int(value) != value or not least <= value <= most:
            raise RecipeError(f"{name} = {shown(value)}: expected an integer from {least} to {most}")
    symbols = derived.symbols.copy()
    tables = _tables(grammar, symbols.dtype)
    key, numbers = np.uint64(key64(seed, Role.EXCHANGE, draw)), np.asarray(strings, np.int64)
    at = -1 if node is None else int(node)
    run_tasks(
        _string_kernels.exchanged,
        [
            (key, numbers[a : a + _ROWS], *tables, int(level), at, symbols[a : a + _ROWS])
            for a in range(0, len(numbers), _ROWS)
        ],
    )
    return Derivations(grammar, symbols)


def transplant(derived: Derivations, donors: Derivations, *, level: int, node: int) -> Derivations:
    """Return strings in which a hidden symbol and all below it are those of other strings.

    Parameters
    ----------
    derived, donors : Derivations
        As many strings of the same grammar.
    level, node : int
        The symbol: its level, 0 … L, and its place there from the left.

    Returns
    -------
    Derivations
        Row i is row i of ``derived`` with that part of row i of ``donors``; above the symbol nothing changes, so that
        rules need not be followed there.

    Raises
    ------
    RecipeError
        For levels and nodes outside, and other numbers of strings.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory.grammars import random_grammar
    >>> drawn = derive_strings(random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2), np.arange(5), seed=1)
    >>> other = transplant(drawn, Derivations(drawn.grammar, drawn.symbols[::-1]), level=1, node=0)
    >>> bool((other.tokens[:, :2] == drawn.tokens[::-1, :2]).all()), bool((other.tokens == drawn.tokens)[:, 2:].all())
    (True, True)
    """
    s, levels = derived.grammar.branching, derived.grammar.levels
    if not 0 <= level <= levels or not 0 <= node < s**level or derived.symbols.shape != donors.symbols.shape:
        raise RecipeError(
            f"level = {level}, node = {node}, {len(derived.symbols)} strings and {len(donors.symbols)} donors: "
            f"expected a level from 0 to {levels}, a node below {s}^level, and as many strings"
        )
    symbols = derived.symbols.copy()
    for below in range(level, levels + 1):
        width, first = s ** (below - level), sum(s**k for k in range(below))
        part = slice(first + node * width, first + (node + 1) * width)
        symbols[:, part] = donors.symbols[:, part]
    return Derivations(derived.grammar, symbols)


def _tables(grammar: Grammar, dtype: Any) -> tuple[AnyInt, F64, I64, I64, I32, I64, I64]:
    """What the kernels read: productions, cumulated probabilities, and where to look for a draw among them.

    All productions, their cumulated probabilities symbol by symbol, the first one of each level, symbols a level; then
    the guides, the first of each level and how many a symbol has there.
    """
    rules = np.concatenate([p.reshape(-1, grammar.branching) for p in grammar.productions]).astype(dtype)
    of_levels = [np.cumsum(p, axis=1) for p in grammar.probabilities]
    guide, first_guide, buckets = _guides(of_levels)
    first = np.concatenate([[0], np.cumsum([p.size for p in of_levels])]).astype(np.int64)
    cumulated = np.concatenate([p.ravel() for p in of_levels])
    return rules, cumulated, first, np.array(grammar.sizes, np.int64), guide, first_guide, buckets


def _guides(of_levels: list[F64]) -> tuple[I32, I64, I64]:
    """Guides of tables (symbols, choices) of cumulated probabilities, where each begins, and how many a symbol has."""
    buckets = np.array([1 << (p.shape[1] - 1).bit_length() for p in of_levels], np.int64)
    sizes = buckets * np.array([len(p) for p in of_levels])
    first = np.cumsum(sizes) - sizes
    guide = np.empty(int(sizes.sum()), np.int32)
    for p, number, begin, size in zip(of_levels, buckets.tolist(), first.tolist(), sizes.tolist(), strict=True):
        _string_kernels.guides(np.ravel(p), p.shape[1], number, guide[begin : begin + size])
    return guide, first, buckets
