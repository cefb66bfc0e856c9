"""What laws of strings share: targets that are always the same symbol, and numbers too large for a float."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fractalman._typing import I64
from fractalman.theory.laws.law import Law

if TYPE_CHECKING:
    from fractalman.theory.grammars import Grammar


def possible_symbols(grammar: Grammar, level: int, node: int) -> I64:
    """Return the symbols that can stand at a node, followed down its path from the root.

    Args:
        grammar: the rules. level, node: of the symbol, 0 = root.
    """
    found = np.flatnonzero(np.asarray(grammar.prior) > 0.0)
    for above in range(level):
        place = node // grammar.branching ** (level - above - 1) % grammar.branching
        rules, chance = grammar.productions[above][found], grammar.probabilities[above][found]
        found = np.unique(rules[..., place][chance > 0.0])
    return found


def constant(domain: str) -> Law:
    """Return the law of a target that is the same symbol in every string."""
    return Law.none(
        "the target is always the same symbol",
        "nothing is to be learned: the floor is 0, and whoever has seen one example is never wrong",
        because="the rules leave one symbol at the target's place",
        nearest="none: it does not fall",
        domain=domain,
        evidence="exact",
        irreducible=0.0,
    )


def counting(domain: str) -> Law:
    """Return what is known of who counts how often a symbol came after the last tokens.

    Args:
        domain: where this is said.
    """
    return Law.none(
        "counts of what came with the last tokens",
        "no power law of the loss itself: its cross-entropy falls to the entropy of y given those tokens, and what "
        "lies above falls like (contexts)·(C − 1)/2n once every context has been met",
        because="with finitely many contexts all is known of them in the end, and nothing of the tokens before them",
        nearest="variance-limited: what lies above the entropy given the context falls like 1/n",
        domain=domain,
        source="binomial counts; docs/theory.md §1",
        evidence="the curve is an exact sum over binomial counts, held against simulation and enumeration",
        excess_exponent=1.0,
    )


def counted(number: int) -> str:
    """Return a count in words, as a power of ten beyond what a float holds."""
    if number < 10**300:
        return f"{float(number):.4g}"
    return f"10^{math.floor(number.bit_length() * math.log10(2.0))}"
