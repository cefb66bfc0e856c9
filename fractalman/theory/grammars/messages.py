"""Exact inference on the derivation tree: what tokens say of any symbol above or beside them, given the rules."""

from __future__ import annotations

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.theory.grammars import _kernels
from fractalman.theory.grammars.rules import Grammar

UNOBSERVED = -1
"""Stands in place of a token that is not known."""
MOST_STRINGS = 1 << 20  # contexts or strings that are enumerated
MOST_NUMBERS = 1 << 24  # numbers that are held at once
_ROWS = 512  # strings in one task


def latent_posterior(grammar: Grammar, tokens: I64, level: int = 0, node: int = 0) -> F64:
    """Return the probabilities of a hidden symbol given the tokens that are observed.

    Parameters
    ----------
    grammar : Grammar
        The rules, which are known.
    tokens : (n, s^L) int64
        Strings; `UNOBSERVED` (−1) where a token is not known.
    level : int, default 0
        Level of the symbol: 0 the class, L a token.
    node : int, default 0
        Its position among the s^level symbols of that level, from the left.

    Returns
    -------
    (n, symbols of the level) float64
        Rows sum to 1; nan for strings that the grammar cannot make.

    Raises
    ------
    RecipeError
        For tokens, levels or nodes outside.

    Notes
    -----
    Messages up the tree and down the path to the node (inside–outside), O(nodes · v · m · s) a string.
    Source: Pearl 1988; Baker 1979 for grammars.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=1, vocabulary=4, synonyms=2, classes=3)
    >>> string = grammar.productions[0][2, 1]  # the second production of class 2
    >>> latent_posterior(grammar, string[None]).tolist()
    [[0.0, 0.0, 1.0]]
    """
    return _run(grammar, tokens, level, node)[0]


def log_likelihood(grammar: Grammar, tokens: I64) -> F64:
    """Return ln P(tokens), those that are not observed summed over.

    Parameters
    ----------
    grammar : Grammar
        The rules.
    tokens : (n, s^L) int64
        Strings; −1 where a token is not known.

    Returns
    -------
    (n,) float64
        In nats; −inf for strings that the grammar cannot make.

    Raises
    ------
    RecipeError
        For tokens outside.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2)
    >>> float(log_likelihood(grammar, np.full((1, 4), UNOBSERVED))[0])
    0.0
    """
    return _run(grammar, tokens, 0, 0)[1]


def number_of_parses(grammar: Grammar, tokens: I64) -> I64:
    """Return how many derivations every string has; 1 for all strings of an unambiguous grammar.

    Parameters
    ----------
    grammar : Grammar
        The rules; productions of probability 0 do not count, and otherwise their probabilities do not.
    tokens : (n, s^L) int64
        Strings, all tokens observed.

    Returns
    -------
    (n,) int64
        Exact below 2^53.

    Raises
    ------
    RecipeError
        For tokens outside.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=1, vocabulary=4, synonyms=2)
    >>> number_of_parses(grammar, grammar.productions[0][0]).tolist()
    [1, 1]
    """
    strings = checked_strings(grammar, tokens, observed=True)
    counts: F64 = (strings[:, :, None] == np.arange(grammar.vocabulary)).astype(np.float64)
    for rules, chance in zip(reversed(grammar.productions), reversed(grammar.probabilities), strict=True):
        symbols, m, s = rules.shape
        above = np.zeros((len(strings), counts.shape[1] // s, symbols))
        for r in range(m):
            term = np.broadcast_to((chance[:, r] > 0.0).astype(np.float64), above.shape).copy()
            for j in range(s):
                term *= counts[:, j::s, :][:, :, rules[:, r, j]]
            above += term
        counts = above
    return np.asarray(np.rint(counts[:, 0, :].sum(axis=1)), np.int64)


def checked_strings(grammar: Grammar, tokens: I64, observed: bool = False) -> I64:
    """Return strings of a grammar as a table; RecipeError where they are none."""
    strings = np.atleast_2d(np.asarray(tokens))
    if strings.ndim != 2 or strings.dtype.kind not in "iu" or strings.shape[1] != grammar.length:
        raise RecipeError(
            f"tokens of shape {strings.shape} and type {strings.dtype}: expected integers (n, {grammar.length})"
        )
    lowest = 0 if observed else UNOBSERVED
    if strings.size and (strings.min() < lowest or strings.max() >= grammar.vocabulary):
        raise RecipeError(f"tokens: expected integers from {lowest} to {grammar.vocabulary - 1}")
    return np.ascontiguousarray(strings, np.int64)


def checked_place(grammar: Grammar, level: int, node: int) -> None:
    """Refuse a symbol that no derivation has."""
    if not 0 <= level <= grammar.levels or not 0 <= node < grammar.branching**level:
        raise RecipeError(
            f"level = {level}, node = {node}: expected a level from 0 to {grammar.levels} and a node below "
            f"{grammar.branching}^level"
        )


def _run(grammar: Grammar, tokens: I64, level: int, node: int) -> tuple[F64, F64]:
    strings = checked_strings(grammar, tokens)
    checked_place(grammar, level, node)
    s = grammar.branching
    rules = np.concatenate([p.reshape(-1, s) for p in grammar.productions])
    chance = np.concatenate([p.ravel() for p in grammar.probabilities])
    first = np.concatenate([[0], np.cumsum([p.size for p in grammar.probabilities])]).astype(np.int64)
    sizes = np.array(grammar.sizes, np.int64)
    posterior, like = np.empty((len(strings), grammar.sizes[level])), np.empty(len(strings))
    run_tasks(
        _kernels.messages,
        [
            (strings[a:b], rules, chance, first, sizes, grammar.prior, level, node, posterior[a:b], like[a:b])
            for a, b in ((a, min(a + _ROWS, len(strings))) for a in range(0, len(strings), _ROWS))
        ],
    )
    return posterior, like


def possible_strings(
    grammar: Grammar, first: int, stop: int, use: str = "theory.discrete_floor of a dataset, the mean over its strings",
    length: int | None = None,
) -> I64:  # fmt: skip
    """Return all values that the tokens at places first … stop − 1 can have, as strings of which nothing else is seen.

    ``length``: tokens of the whole strings, where the grammar is that of a block.

    Raises
    ------
    RecipeError
        Where there are more than 2^20.
    """
    length = length or grammar.length
    most = min(MOST_STRINGS, MOST_NUMBERS // length)
    strings: I64 = np.full((1, grammar.length), UNOBSERVED, np.int64)
    for place in range(first, stop):
        after = latent_posterior(grammar, strings, grammar.levels, place)
        rows, tokens = np.nonzero(after > 0.0)
        if rows.size > most:
            raise RecipeError(
                f"context = {stop - first}: {rows.size} values of its first {place + 1 - first} tokens, "
                f"expected at most {most} for strings of {length} tokens; use {use}"
            )
        strings = strings[rows]
        strings[:, place] = tokens
    return strings
