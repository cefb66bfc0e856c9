"""Entropies and correlations of a grammar's tokens, exact from its rules; nats throughout."""

from __future__ import annotations

import itertools

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.theory.grammars.messages import UNOBSERVED, latent_posterior, log_likelihood
from fractalman.theory.grammars.rules import Grammar

_CONTEXTS = 1 << 20  # contexts that are enumerated


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
    for step in _steps(grammar):
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
    steps = _steps(grammar)
    for depth in range(level + 1, levels):
        a, b = (k // s ** (levels - depth - 1) % s for k in (i, j))
        joint = steps[depth][a].T @ joint @ steps[depth][b]
    return np.asarray(joint, np.float64)


def string_entropy(grammar: Grammar) -> float:
    """Return the entropy of a whole string of an unambiguous grammar.

    Parameters
    ----------
    grammar : Grammar
        The rules.

    Returns
    -------
    float
        Nats: H(class) + Σ over nodes of the entropy of the production chosen there.

    Raises
    ------
    RecipeError
        For ambiguous grammars, whose strings have fewer nats than their derivations.

    Examples
    --------
    >>> import math
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=3, vocabulary=8, synonyms=4, classes=8)
    >>> math.isclose(string_entropy(grammar), math.log(8) + 7 * math.log(4))
    True
    """
    if not grammar.unambiguous:
        raise RecipeError("two symbols of this grammar share a production: expected an unambiguous grammar")
    total = _entropy(grammar.prior[None])[0]
    for marginal, chance in zip(node_marginals(grammar), grammar.probabilities, strict=False):
        total += float((marginal @ _entropy(chance)).sum())
    return float(total)


def context_entropy(grammar: Grammar, context: int) -> float:
    """Return the entropy of the next token given all tokens before it, exactly.

    Parameters
    ----------
    grammar : Grammar
        The rules.
    context : int
        How many tokens are known, 0 … s^L − 1.

    Returns
    -------
    float
        Nats; what the best predictor that knows the rules loses at this position.

    Raises
    ------
    RecipeError
        For a context outside, or more than 2^20 contexts of nonzero probability at most: sample strings and average
        −ln of `latent_posterior` there instead.

    Notes
    -----
    H(x_t | x_<t) = Σ P(x_<t) H(posterior), over all contexts that can occur, built token by token.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2)
    >>> total = sum(context_entropy(grammar, t) for t in range(4))
    >>> abs(total - string_entropy(grammar)) < 1e-12
    True
    """
    if not 0 <= context < grammar.length:
        raise RecipeError(f"context = {context}: expected 0 to {grammar.length - 1} tokens")
    prefixes = np.full((1, grammar.length), UNOBSERVED, np.int64)
    for position in range(context):
        after = latent_posterior(grammar, prefixes, grammar.levels, position)
        rows, tokens = np.nonzero(after > 0.0)
        if rows.size > _CONTEXTS:
            raise RecipeError(
                f"{rows.size} contexts of {position + 1} tokens: expected at most {_CONTEXTS}; use the mean of "
                "-ln latent_posterior over sampled strings"
            )
        prefixes = prefixes[rows]
        prefixes[:, position] = tokens
    chance = np.exp(log_likelihood(grammar, prefixes))
    return float(chance @ _entropy(latent_posterior(grammar, prefixes, grammar.levels, context)))


def _entropy(rows: F64) -> F64:
    """Entropy of every row, in nats."""
    safe = np.where(rows > 0.0, rows, 1.0)
    return np.asarray(-(safe * np.log(safe)).sum(axis=-1), np.float64)


def _steps(grammar: Grammar) -> list[F64]:
    """For every level, (s, v_l, v_(l+1)): the chance of a symbol at place j of the production of another."""
    out = []
    for level, (rules, chance) in enumerate(zip(grammar.productions, grammar.probabilities, strict=True)):
        symbols, m, s = rules.shape
        step = np.zeros((s, symbols, grammar.sizes[level + 1]))
        for j, x, r in itertools.product(range(s), range(symbols), range(m)):
            step[j, x, rules[x, r, j]] += chance[x, r]
        out.append(step)
    return out
