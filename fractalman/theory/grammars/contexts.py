"""What the best predictor of a token loses, given the tokens just before it and the rules; exact, in nats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.theory.grammars.entropies import entropy_of_rows, node_marginals
from fractalman.theory.grammars.messages import latent_posterior, log_likelihood, possible_strings
from fractalman.theory.grammars.rules import Grammar

_BELIEFS = 1 << 20  # that are followed
_NUMBERS = 1 << 24  # numbers that are held at once


@dataclass(frozen=True)
class TokenFloor:
    """What the best predictor of a token loses.

    Attributes
    ----------
    entropy : float
        Its cross-entropy, nats: the mean entropy of the posterior.
    zero_one : float
        How often its likeliest token is wrong.
    """

    entropy: float
    zero_one: float


def token_floor(grammar: Grammar, position: int, context: int) -> TokenFloor:
    """Return what the best predictor of one token loses that sees so many tokens just before it.

    Parameters
    ----------
    grammar : Grammar
        The rules, which it knows.
    position : int
        The token's place in the string, 0 … s^L − 1.
    context : int
        Tokens before it that are seen, 0 … position.

    Returns
    -------
    TokenFloor
        Exact.

    Raises
    ------
    RecipeError
        For a position or a context outside, or where it would take more than 2^20 contexts: average over sampled
        strings instead, `theory.discrete_floor`.

    Notes
    -----
    Where the tokens seen are all of those before it in a block of s^j that some symbol derives, and the grammar is
    unambiguous, they are worth the symbols of whole subtrees to the left of the path from that symbol: the posterior is
    followed down this path, one symbol of the path after the other, over all such symbols. Elsewhere all contexts of
    nonzero probability are enumerated, token by token. Source: docs/theory.md §1.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=3, vocabulary=8, synonyms=4)
    >>> [round(token_floor(grammar, 7, context).entropy, 3) for context in (0, 1, 3, 7)]
    [2.003, 1.392, 0.872, 0.591]
    """
    length = grammar.length
    if not 0 <= position < length or not 0 <= context <= position:
        raise RecipeError(
            f"position = {position}, context = {context}: expected a position from 0 to {length - 1} and a context of "
            "at most as many tokens"
        )
    block = _whole_block(grammar, position, context) if grammar.unambiguous else None
    if block is not None:
        floor = block_floor(grammar, position, block)
        if floor is not None:
            return floor
    return _enumerated(grammar, position, context)


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
        As `token_floor`.

    Notes
    -----
    H(x_t | x_<t) = Σ P(x_<t) H(posterior). Over all positions they add up to `string_entropy`.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar, string_entropy
    >>> grammar = random_grammar(seed=0, levels=2, vocabulary=4, synonyms=2)
    >>> total = sum(context_entropy(grammar, t) for t in range(4))
    >>> abs(total - string_entropy(grammar)) < 1e-12
    True
    """
    if not 0 <= context < grammar.length:
        raise RecipeError(f"context = {context}: expected 0 to {grammar.length - 1} tokens")
    return token_floor(grammar, context, context).entropy


def _whole_block(grammar: Grammar, position: int, context: int) -> int | None:
    """The level of the symbol whose block of tokens begins where the context does; None where there is none."""
    first = position - context
    for level in range(grammar.levels + 1):
        width = grammar.branching ** (grammar.levels - level)
        if first % width == 0 and first // width == position // width:
            return level
    return None


def block_floor(grammar: Grammar, position: int, top: int, most: int = _BELIEFS) -> TokenFloor | None:
    """Return what is lost by who sees the tokens before one in the block of its ancestor, in unambiguous grammars.

    Parameters
    ----------
    grammar : Grammar
        The rules.
    position : int
        The token's place.
    top : int
        Level of the ancestor, 0 = the root.
    most : int, default 2^20
        Beliefs that are followed at most.

    Returns
    -------
    TokenFloor or None
        Exact; None where there are more beliefs.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=3, vocabulary=8, synonyms=4)
    >>> block_floor(grammar, 7, 0) == token_floor(grammar, 7, 7), block_floor(grammar, 7, 0, most=10)
    (True, None)
    """
    s, levels = grammar.branching, grammar.levels
    beliefs = node_marginals(grammar)[top][position // s ** (levels - top)][None]
    weight = np.ones(1)
    if top == levels:
        return TokenFloor(float(entropy_of_rows(beliefs)[0]), float(1.0 - beliefs.max()))
    for level in range(top, levels):
        table = _seen_and_next(grammar, level, position // s ** (levels - level - 1) % s)
        groups = table.shape[1]
        last = level == levels - 1
        if not last and len(beliefs) * groups > most:
            return None
        rows = max(1, _NUMBERS // (groups * table.shape[2]))
        entropy, right, kept = 0.0, 0.0, []
        for a in range(0, len(beliefs), rows):
            joint = np.tensordot(beliefs[a : a + rows], table, 1) * weight[a : a + rows, None, None]
            if last:
                seen = joint.sum(axis=2)
                entropy += float(_plogp(joint).sum() - _plogp(seen).sum())
                right += float(joint.max(axis=2).sum())
            else:
                joint = joint.reshape(-1, table.shape[2])
                kept.append(joint[joint.any(axis=1)])
        if last:
            return TokenFloor(entropy, max(0.0, 1.0 - right))
        beliefs = np.concatenate(kept)
        weight = beliefs.sum(axis=1)
        beliefs /= weight[:, None]
    raise RecipeError("a path without an end")  # pragma: no cover (the last level returns)


def _seen_and_next(grammar: Grammar, level: int, place: int) -> F64:
    """(symbols, tuples of symbols left of a place, symbols at that place): how probable they are in a production."""
    rules, chance = grammar.productions[level], grammar.probabilities[level]
    symbols, m, _ = rules.shape
    left = rules[:, :, :place].reshape(symbols * m, place)
    groups, group = np.unique(left, axis=0, return_inverse=True)
    table = np.zeros((symbols, max(1, len(groups)), grammar.sizes[level + 1]))
    np.add.at(table, (np.repeat(np.arange(symbols), m), group.reshape(-1), rules[:, :, place].ravel()), chance.ravel())
    return table


def _enumerated(grammar: Grammar, position: int, context: int) -> TokenFloor:
    """The floor from all contexts that can occur."""
    strings = possible_strings(grammar, position - context, position)
    chance = np.exp(log_likelihood(grammar, strings))
    posterior = latent_posterior(grammar, strings, grammar.levels, position)
    return TokenFloor(float(chance @ entropy_of_rows(posterior)), float(chance @ (1.0 - posterior.max(axis=1))))


def _plogp(p: F64) -> F64:
    """−p ln p, 0 where p is 0."""
    return np.asarray(-p * np.log(np.where(p > 0.0, p, 1.0)), np.float64)
