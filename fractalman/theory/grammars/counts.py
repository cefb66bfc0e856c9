"""Who counts what follows which tokens: its cross-entropy at every number of training strings, exactly.

Letters: c a context, y what follows, p_cy their probability, p_c that of the context, C symbols, n training strings,
N their counts, a > 0 the count that every symbol has before any string was seen. The answer is (N_cy + a)/(N_c + aC),
and counts are binomial, so that the loss is Σ p_cy [E ln(N_c + aC) − E ln(N_cy + a)].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.theory.grammars.messages import (
    checked_place,
    latent_posterior,
    log_likelihood,
    possible_strings,
)
from fractalman.theory.grammars.rules import Grammar

_WIDE = 12.0  # standard deviations of a count that are summed over
_HELD = 1 << 22  # probabilities of counts that are held at once


def context_table(grammar: Grammar, first: int, stop: int, level: int, node: int) -> F64:
    """Return how probable every value of some tokens is together with every symbol of a place.

    Parameters
    ----------
    grammar : Grammar
        The rules.
    first, stop : int
        The tokens at places first … stop − 1 are the context; none where they are equal.
    level, node : int
        The symbol: its level, 0 = the class, L = a token, and its place there from the left.

    Returns
    -------
    (contexts, symbols) float64
        Of contexts that can occur; it sums to 1.

    Raises
    ------
    RecipeError
        For places outside, and where there are more than 2^20 contexts.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> grammar = random_grammar(seed=0, levels=1, vocabulary=4, synonyms=2, classes=2)
    >>> context_table(grammar, 0, 1, level=1, node=1).sum(axis=1).tolist()  # first tokens
    [0.5, 0.5]
    """
    checked_place(grammar, level, node)
    if not 0 <= first <= stop <= grammar.length:
        raise RecipeError(f"tokens {first} to {stop}: expected places from 0 to {grammar.length}")
    contexts = possible_strings(grammar, first, stop, use="fewer tokens")
    chance = np.exp(log_likelihood(grammar, contexts))
    return np.asarray(chance[:, None] * latent_posterior(grammar, contexts, level, node), np.float64)


def counting_loss(table: F64, sizes: Sequence[int] | AnyInt, prior_count: float = 0.5) -> F64:
    """Return the expected cross-entropy of who answers (N_cy + a)/(N_c + aC) from n independent strings.

    Parameters
    ----------
    table : (contexts, C) float64
        p_cy, which sum to 1.
    sizes : (m,) integer
        Training strings n ≥ 0.
    prior_count : float, default 0.5
        a > 0.

    Returns
    -------
    (m,) float64
        Nats. It falls to the entropy of y given the context; what lies above falls like 1/n in the end.

    Raises
    ------
    RecipeError
        For sizes below 0 and counts that are not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> counting_loss(np.array([[0.5, 0.5]]), [0, 1, 10**6]).round(4).tolist()  # a fair coin: 0 flips, 1, a million
    [0.6931, 0.837, 0.6931]
    """
    n = np.asarray(sizes)
    if n.ndim != 1 or (n < 0).any() or not 0.0 < prior_count < np.inf:
        raise RecipeError(
            f"sizes from {shown(n.min(initial=0))}, prior_count = {shown(prior_count)}: expected sizes >= 0 and a "
            "count above 0"
        )
    classes = table.shape[1]
    p_context, which_context = np.unique(table.sum(axis=1).round(15), return_inverse=True)
    p_pair, which_pair = np.unique(table[table > 0.0].round(15), return_inverse=True)
    weight_context = np.bincount(which_context, table.sum(axis=1), p_context.size)
    weight_pair = np.bincount(which_pair, table[table > 0.0], p_pair.size)
    return np.array(
        [
            weight_context @ _mean_log(int(size), p_context, prior_count * classes)
            - weight_pair @ _mean_log(int(size), p_pair, prior_count)
            for size in n
        ]
    )


def _mean_log(n: int, p: F64, plus: float) -> F64:
    """E ln(N + plus), N ~ Binomial(n, p), for every p."""
    from scipy.special import gammaln, xlog1py, xlogy

    mean, spread = n * p, np.sqrt(n * p * (1.0 - np.minimum(p, 1.0))) + 1.0
    low = np.maximum(0.0, np.floor(mean - _WIDE * spread - _WIDE))
    high = np.minimum(n, np.ceil(mean + _WIDE * spread + _WIDE))
    out = np.empty(p.size)
    begin = 0
    while begin < p.size:  # p rises, and so does what is summed over
        end = begin + max(1, int(_HELD // (high[begin:] - low[begin:] + 1.0).max()))
        own, part = np.minimum(p[begin:end], 1.0)[:, None], slice(begin, min(end, p.size))
        count = low[part, None] + np.arange(int((high[part] - low[part]).max()) + 1)
        inside = count <= high[part, None]
        kept = np.where(inside, count, 0.0)
        ways = gammaln(n + 1.0) - gammaln(kept + 1.0) - gammaln(n - kept + 1.0)
        chance = np.where(inside, np.exp(ways + xlogy(kept, own) + xlog1py(n - kept, -own)), 0.0)
        out[part] = (chance * np.log(kept + plus)).sum(axis=1) / chance.sum(axis=1)
        begin = end
    return out
