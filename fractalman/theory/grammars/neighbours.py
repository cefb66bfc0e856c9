"""One nearest neighbour among strings: how probable every distance is, with every symbol, and the risk that follows.

Letters: x the string that is asked about, h a distance from it, q_h the probability that a string lies there, q_hc that
it does and has symbol c, n training strings. Of n independent ones the nearest lies at h with probability
(1 − Q_h)^n − (1 − Q_h − q_h)^n, Q_h the mass nearer than h, and, since all at that distance are as likely to come
first, it has symbol c with probability q_hc/q_h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, I64, AnyInt
from fractalman.errors import RecipeError
from fractalman.theory.grammars.messages import MOST_NUMBERS, UNOBSERVED, checked_place, checked_strings
from fractalman.theory.grammars.rules import Grammar


def distance_masses(grammar: Grammar, tokens: I64, level: int = 0, node: int = 0, apart: AnyInt | None = None) -> F64:
    """Return how probable strings at every distance from given ones are, and which symbol they have at a place.

    Parameters
    ----------
    grammar : Grammar
        The rules.
    tokens : (k, s^L) int64
        Strings; −1 where a token is not looked at, which then has no part in distances.
    level, node : int, default 0
        The symbol: its level, 0 = the class, L = a token, and its place there from the left.
    apart : (v, v) integer, optional
        Distance of two tokens; distances of strings are sums over their tokens. Default None: 1 where they differ.

    Returns
    -------
    (k, symbols of the level, distances) float64
        Probabilities of symbol and distance 0, 1, …; each table sums to 1.

    Raises
    ------
    RecipeError
        For tokens, levels or nodes outside, and where a table of distances does not fit the vocabulary.

    Notes
    -----
    Messages up the tree whose numbers are polynomials: the coefficient of z^h is the probability of the tokens below
    at distance h. Source: docs/theory.md §1.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=1, vocabulary=4, synonyms=2, classes=2)
    >>> distance_masses(grammar, grammar.productions[0][0, 0][None]).tolist()  # 4 strings, 1 in 4 is this one
    [[[0.25, 0.25, 0.0], [0.0, 0.25, 0.25]]]
    """
    strings = checked_strings(grammar, tokens)
    checked_place(grammar, level, node)
    table = 1 - np.eye(grammar.vocabulary, dtype=np.int64) if apart is None else np.asarray(apart)
    if table.shape != (grammar.vocabulary,) * 2 or table.dtype.kind not in "iu" or (table < 0).any():
        raise RecipeError(
            f"apart of shape {table.shape}, type {table.dtype}: expected integers >= 0, ({grammar.vocabulary}, "
            f"{grammar.vocabulary})"
        )
    symbols = grammar.sizes[level]
    widest = int(table.max()) * grammar.length + 1
    rows = max(1, MOST_NUMBERS // (max(grammar.sizes) * symbols * widest))
    parts = [_masses(grammar, strings[a : a + rows], level, node, table) for a in range(0, max(1, len(strings)), rows)]
    longest = max(part.shape[2] for part in parts)
    out = np.zeros((len(strings), symbols, longest))
    done = 0
    for part in parts:
        out[done : done + len(part), :, : part.shape[2]] = part
        done += len(part)
    return out


def _masses(grammar: Grammar, strings: I64, level: int, node: int, apart: AnyInt) -> F64:
    """(k, symbols, distances) of some strings; every message is (k, symbols of its node, symbols asked for, powers)."""
    s, levels = grammar.branching, grammar.levels
    below = [_leaf(strings[:, place], apart) for place in range(grammar.length)]
    on_path = node * s ** (levels - level)  # a leaf below the node, whose ancestors are the path
    for own in range(levels, -1, -1):
        if own < levels:
            rules, chance = grammar.productions[own], grammar.probabilities[own]
            below = [_parent(below[place * s : (place + 1) * s], rules, chance) for place in range(s**own)]
        if own == level:  # from here on the path remembers which symbol it has
            place = on_path // s ** (levels - level)
            below[place] = below[place] * np.eye(grammar.sizes[level])[None, :, :, None]
    return np.asarray(np.einsum("x,kxch->kch", grammar.prior, below[0]))


def _leaf(tokens: I64, apart: AnyInt) -> F64:
    """z^distance for every symbol that may stand at a place; 1 where nothing is looked at."""
    seen = tokens != UNOBSERVED
    if not seen.any():
        return np.ones((len(tokens), len(apart), 1, 1))
    far = apart[np.where(seen, tokens, 0)] * seen[:, None]
    out = np.zeros((*far.shape, 1, int(far.max()) + 1))
    np.put_along_axis(out[:, :, 0, :], far[:, :, None], 1.0, axis=2)
    return out


def _parent(children: Sequence[F64], rules: I64, chance: F64) -> F64:
    """The message of a symbol from those of its tuple, summed over its productions."""
    out: F64 | None = None
    for r in range(rules.shape[1]):
        term: F64 = chance[None, :, r, None, None] * children[0][:, rules[:, r, 0]]
        for j in range(1, len(children)):
            term = _product(term, children[j][:, rules[:, r, j]])
        out = term if out is None else out + term
    if out is None:
        raise RecipeError("a symbol without productions: expected one or more")
    return out


def _product(a: F64, b: F64) -> F64:
    """The product of polynomials, whose coefficients are the last axis."""
    if a.shape[-1] < b.shape[-1]:
        a, b = b, a
    shape = np.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    out = np.zeros((*shape, a.shape[-1] + b.shape[-1] - 1))
    for power in range(b.shape[-1]):
        out[..., power : power + a.shape[-1]] += a * b[..., power : power + 1]
    return out


def neighbour_risk(masses: F64, sizes: Sequence[int] | AnyInt) -> F64:
    """Return the 0–1 risk of who answers with the symbol of the nearest of n independent training strings.

    Parameters
    ----------
    masses : (k, symbols, distances) float64
        Of `distance_masses`, at the strings that are asked about; only the string itself lies at distance 0.
    sizes : (m,) integer
        Training strings n ≥ 1; equally near ones are as likely to be taken.

    Returns
    -------
    (k, m) float64
        Shares of wrong answers, the string's own symbol being drawn given all of it that is looked at.

    Raises
    ------
    RecipeError
        For sizes below 1.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=1, vocabulary=4, synonyms=2, classes=2)
    >>> masses = distance_masses(grammar, grammar.productions[0][0, 0][None])
    >>> neighbour_risk(masses, [1, 2]).tolist()
    [[0.5, 0.3125]]
    """
    n = np.asarray(sizes, np.float64)
    if n.ndim != 1 or (n < 1).any():
        raise RecipeError("sizes: expected one or more training-set sizes n >= 1")
    at = masses.sum(axis=1)
    nearer = np.minimum(np.cumsum(at, axis=1), 1.0)
    before = np.concatenate([np.zeros((len(at), 1)), nearer[:, :-1]], axis=1)
    with np.errstate(divide="ignore"):
        none = np.exp(n[None, :, None] * np.log1p(-before)[:, None, :])  # of all n strings
        fewer = np.exp(n[None, :, None] * np.log1p(-nearer)[:, None, :])
    own = masses[:, :, 0] / at[:, :1]
    right = np.einsum("kc,kch->kh", own, masses) / np.where(at > 0.0, at, 1.0)
    nearest = np.where(at[:, None, :] > 0.0, none - fewer, 0.0)
    return np.asarray(np.clip(1.0 - np.einsum("kmh,kh->km", nearest, right), 0.0, 1.0))
