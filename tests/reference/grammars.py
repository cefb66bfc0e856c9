"""Grammars in plain Python: all derivations of a string space, messages by enumeration, strings drawn one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from fractalman.random.keys import Role, key64
from fractalman.theory.grammars import Grammar
from tests.reference import streams as plain


def all_derivations(grammar: Grammar) -> Iterator[tuple[float, list[tuple[int, ...]]]]:
    """Yield (probability, symbols level by level) of every derivation."""

    def below(level: int, symbols: tuple[int, ...]) -> Iterator[tuple[float, list[tuple[int, ...]]]]:
        if level == grammar.levels:
            yield 1.0, [symbols]
            return
        rules, chance = grammar.productions[level], grammar.probabilities[level]
        for choice in itertools.product(range(rules.shape[1]), repeat=len(symbols)):
            p = float(np.prod([chance[x, r] for x, r in zip(symbols, choice, strict=True)]))
            if p == 0.0:
                continue
            children = tuple(int(y) for x, r in zip(symbols, choice, strict=True) for y in rules[x, r])
            for q, rest in below(level + 1, children):
                yield p * q, [symbols, *rest]

    for x, p in enumerate(grammar.prior):
        for q, levels in below(0, (x,)):
            yield float(p) * q, levels


def posterior(grammar: Grammar, tokens: list[int], level: int, node: int) -> tuple[list[float], float]:
    """Return (posterior of the symbol at a node, likelihood), by summing over all derivations that fit."""
    weight = [0.0] * grammar.sizes[level]
    for p, levels in all_derivations(grammar):
        if all(seen < 0 or seen == token for seen, token in zip(tokens, levels[-1], strict=True)):
            weight[levels[level][node]] += p
    total = sum(weight)
    return [w / total if total else float("nan") for w in weight], total


def derivation(grammar: Grammar, string: int, seed: int) -> list[int]:
    """Return the symbols of one derivation, level by level."""
    own = plain.derive(key64(seed, Role.DERIVATION), string)

    def uniform(counter: int) -> float:
        return (plain.draw(own, counter) >> 11) * 2.0**-53

    def choose(cumulated: list[float], u: float) -> int:
        return next((k for k, c in enumerate(cumulated[:-1]) if u < c), len(cumulated) - 1)

    symbols = [choose(list(np.cumsum(grammar.prior)), uniform(0))]
    begin, nodes = 0, 1
    for rules, chance in zip(grammar.productions, grammar.probabilities, strict=True):
        for node in range(begin, begin + nodes):
            x = symbols[node]
            symbols += [int(y) for y in rules[x, choose(list(np.cumsum(chance[x])), uniform(1 + node))]]
        begin, nodes = begin + nodes, nodes * grammar.branching
    return symbols


def floor(grammar: Grammar, position: int, context: int) -> tuple[float, float]:
    """Return (entropy, 0–1 risk) of the best predictor of a token that sees those just before it, from all strings."""
    joint: dict[tuple[int, ...], dict[int, float]] = {}
    for p, levels in all_derivations(grammar):
        seen = joint.setdefault(levels[-1][position - context : position], {})
        token = levels[-1][position]
        seen[token] = seen.get(token, 0.0) + p
    entropy = -sum(p * np.log(p / sum(seen.values())) for seen in joint.values() for p in seen.values() if p > 0.0)
    return float(entropy), 1.0 - sum(max(seen.values()) for seen in joint.values())


def masked_place(point: int, seed: int, places: int) -> int:
    """Return which of so many tokens of a sequence is hidden."""
    return int(plain.draw_below(plain.derive(key64(seed, Role.MASK), point), 0, places))


def exchanged(grammar: Grammar, string: int, seed: int, level: int, node: int | None, draw: int) -> list[int]:
    """Return the symbols of one derivation, those below a level (or below one node of it) drawn anew."""
    own = plain.derive(key64(seed, Role.EXCHANGE, draw), string)
    before, s = derivation(grammar, string, seed), grammar.branching
    levels, begin = [], 0
    for k in range(grammar.levels + 1):
        levels.append(before[begin : begin + s**k])
        begin += s**k
    begin = 0
    for k in range(grammar.levels):
        for place in range(s**k):
            if k < level or (node is not None and place // s ** (k - level) != node):
                continue
            u = (plain.draw(own, 1 + begin + place) >> 11) * 2.0**-53
            x = levels[k][place]
            cumulated = list(np.cumsum(grammar.probabilities[k][x]))
            r = next((i for i, c in enumerate(cumulated[:-1]) if u < c), len(cumulated) - 1)
            levels[k + 1][place * s : (place + 1) * s] = [int(y) for y in grammar.productions[k][x, r]]
        begin += s**k
    return [symbol for of_level in levels for symbol in of_level]
