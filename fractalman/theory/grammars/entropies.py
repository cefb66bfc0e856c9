"""Entropies and correlations of a grammar's tokens, exact from its rules; nats throughout."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.theory.grammars.messages import log_likelihood, possible_strings
from fractalman.theory.grammars.rules import Grammar


def node_marginals(grammar: Grammar) -> list[F64]:
    """Return the distribution of the symbol at every node, level by level.

    Parameters
    ----------
    grammar : Grammar
        The rules.

    Returns
    -------
    list of L + 1 (s^l, v_l) float64
        Rows sum to 1; the last entry is the tokens'.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> [m.shape for m in node_marginals(random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2, classes=3))]
    [(1, 3), (2, 4), (4, 4)]
    """
    out = [grammar.prior[None, :]]
    for step in placement(grammar):
        above = out[-1]
        out.append(np.stack([above @ step[j] for j in range(len(step))], axis=1).reshape(-1, step.shape[2]))
    return out


def token_marginal(grammar: Grammar) -> F64:
    """Return the distribution of the token at every position, (s^L, v) float64.

    Parameters
    ----------
    grammar : Grammar
        The rules.

    Returns
    -------
    (s^L, v) float64
        Rows sum to 1.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> token_marginal(random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2)).sum(axis=1).round(12).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return node_marginals(grammar)[-1]


def pair_distribution(grammar: Grammar, i: int, j: int) -> F64:
    """Return the joint distribution of two tokens.

    Parameters
    ----------
    grammar : Grammar
        The rules.
    i, j : int
        Different positions.

    Returns
    -------
    (v, v) float64
        Its sum is 1; minus the outer product of the marginals it is the covariance of the tokens' indicators.

    Raises
    ------
    RecipeError
        For equal positions or positions outside.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2)
    >>> float(pair_distribution(grammar, 0, 3).sum().round(12))
    1.0
    """
    if i == j or not (0 <= i < grammar.length and 0 <= j < grammar.length):
        raise RecipeError(f"i = {i}, j = {j}: expected two different positions from 0 to {grammar.length - 1}")
    s, levels = grammar.branching, grammar.levels
    level = next(k for k in range(levels - 1, -1, -1) if i // s ** (levels - k) == j // s ** (levels - k))
    node = i // s ** (levels - level)
    own = node_marginals(grammar)[level][node]
    rules, chance = grammar.productions[level], grammar.probabilities[level]
    left, right = (k // s ** (levels - level - 1) % s for k in (i, j))
    below = grammar.sizes[level + 1]
    joint = np.zeros((below, below))
    np.add.at(joint, (rules[:, :, left], rules[:, :, right]), own[:, None] * chance)
    steps = placement(grammar)
    for depth in range(level + 1, levels):
        a, b = (k // s ** (levels - depth - 1) % s for k in (i, j))
        joint = steps[depth][a].T @ joint @ steps[depth][b]
    return np.asarray(joint, np.float64)


def string_entropy(grammar: Grammar) -> float:
    """Return the entropy of a whole string.

    Parameters
    ----------
    grammar : Grammar
        The rules.

    Returns
    -------
    float
        Nats: H(class) + Σ over nodes of the entropy of the production chosen there; of ambiguous grammars, whose
        strings have fewer nats than their derivations, −Σ p ln p over all strings.

    Raises
    ------
    RecipeError
        For ambiguous grammars that make more than 2^20 strings.

    Examples
    --------
    >>> import math
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=3, vocabulary=8, synonyms=4, classes=8)
    >>> math.isclose(string_entropy(grammar), math.log(8) + 7 * math.log(4))
    True
    """
    if not grammar.unambiguous:
        use = "the mean of −theory.grammars.log_likelihood over strings of a dataset"
        log_chance = log_likelihood(grammar, possible_strings(grammar, 0, grammar.length, use))
        return float(abs(np.exp(log_chance) @ log_chance))
    total = entropy_of_rows(grammar.prior[None])[0]
    for marginal, chance in zip(node_marginals(grammar), grammar.probabilities, strict=False):
        total += float((marginal @ entropy_of_rows(chance)).sum())
    return float(total)


def entropy_rate(grammar: Grammar) -> float:
    """Return the entropy a token of strings that follow each other without end, independently.

    Parameters
    ----------
    grammar : Grammar
        The rules.

    Returns
    -------
    float
        Nats a token: `string_entropy` over s^L. It is the mean over the positions of a string of the next token's
        entropy given all tokens of the string before it.

    Raises
    ------
    RecipeError
        As `string_entropy`.

    Examples
    --------
    >>> import math
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=1, vocabulary=8, synonyms=4, classes=8)
    >>> math.isclose(entropy_rate(grammar), math.log(8 * 4) / 2)
    True
    """
    return string_entropy(grammar) / grammar.length


def entropy_of_rows(rows: F64) -> F64:
    """Return the entropy of every row, in nats."""
    safe = np.where(rows > 0.0, rows, 1.0)
    return np.asarray(-(safe * np.log(safe)).sum(axis=-1), np.float64)


def placement(grammar: Grammar) -> list[F64]:
    """Return for every level, (s, v_l, v_(l+1)), the chance of a symbol at place j of the production of another."""
    out = []
    for level, (rules, chance) in enumerate(zip(grammar.productions, grammar.probabilities, strict=True)):
        symbols, _, s = rules.shape
        step = np.zeros((s, symbols, grammar.sizes[level + 1]))
        for j in range(s):
            np.add.at(step[j], (np.arange(symbols)[:, None], rules[:, :, j]), chance)
        out.append(step)
    return out
