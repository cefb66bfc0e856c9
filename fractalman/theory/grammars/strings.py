"""Strings of a grammar with their derivations: string i is a function of the seed and i, so streams have no end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._jit import run_tasks
from fractalman._typing import AnyInt
from fractalman.display import Display
from fractalman.random.keys import Role, key64
from fractalman.theory.grammars import _string_kernels
from fractalman.theory.grammars.rules import Grammar

_ROWS = 1 << 14  # strings in one task


@dataclass(frozen=True, eq=False)
class Derivations(Display):
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
    rules = np.concatenate([p.reshape(-1, s) for p in grammar.productions]).astype(dtype)
    cumulated = np.concatenate([np.cumsum(p, axis=1).ravel() for p in grammar.probabilities])
    first = np.concatenate([[0], np.cumsum([p.size for p in grammar.probabilities])]).astype(np.int64)
    sizes, prior = np.array(grammar.sizes, np.int64), np.cumsum(grammar.prior)
    key, numbers = np.uint64(key64(seed, Role.DERIVATION)), np.asarray(strings, np.int64)
    run_tasks(
        _string_kernels.derivations,
        [
            (key, numbers[a : a + _ROWS], rules, cumulated, first, sizes, prior, symbols[a : a + _ROWS])
            for a in range(0, len(numbers), _ROWS)
        ],
    )
    return Derivations(grammar, symbols)
