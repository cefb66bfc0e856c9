#!/usr/bin/env python3
"""Times drawing strings of a grammar beside vectorised NumPy and a plain loop over rules, as ratios.

scripts/bench_strings.py [--strings 1000000]    10^6 strings of L = 4, s = 2, v = 32, m = 8
"""

from __future__ import annotations

import argparse
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

import fractalman as fm
from fractalman._threads import n_threads
from fractalman.theory.grammars import Grammar, derive_strings, latent_posterior, random_grammar


def vectorised(grammar: Grammar, n: int, rng: np.random.Generator) -> Any:
    """All symbols level by level, one NumPy call for each step; equally likely productions, narrowest types."""
    rules = [p.astype(np.int16) for p in grammar.productions]
    symbols = [rng.integers(0, grammar.sizes[0], (n, 1), dtype=np.int16)]
    for of_level in rules:
        chosen = rng.integers(0, of_level.shape[1], symbols[-1].shape, dtype=np.int16)
        symbols.append(of_level[symbols[-1], chosen].reshape(n, -1))
    return np.concatenate(symbols, axis=1)


def plain(grammar: Grammar, n: int, rng: np.random.Generator) -> list[list[int]]:
    """One string after the other, one rule after the other."""
    strings = []
    for _ in range(n):
        symbols = [int(rng.integers(grammar.sizes[0]))]
        for of_level in grammar.productions:
            symbols = [int(y) for x in symbols for y in of_level[x, rng.integers(of_level.shape[1])]]
        strings.append(symbols)
    return strings


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """Return the least wall time of some runs."""
    return min(timeit.repeat(work, number=1, repeat=repeats))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--strings", type=int, default=1_000_000)
    n = parser.parse_args().strings
    grammar = random_grammar(seed=0, levels=4, vocabulary=32, synonyms=8, classes=8)
    rng = np.random.default_rng(0)
    derive_strings(grammar, np.arange(100), 0)  # compiled before it is timed
    tokens = derive_strings(grammar, np.arange(n // 10), 0).tokens.astype(np.int64)
    latent_posterior(grammar, tokens[:100])
    ours = seconds(lambda: derive_strings(grammar, np.arange(n), 0), 5)
    numpy = seconds(lambda: vectorised(grammar, n, rng), 5)
    loop = seconds(lambda: plain(grammar, n // 1000, rng), 3) * 1000
    floor = seconds(lambda: latent_posterior(grammar, tokens), 1)
    print(f"{n} strings of {grammar.length} tokens, v = 32, m = 8, {n_threads()} threads")
    print(f"derive_strings, addressed    {ours:8.3f} s")
    print(f"vectorised NumPy             {numpy:8.3f} s   {numpy / ours:7.1f} times")
    print(f"plain loop (n/1000, scaled)  {loop:8.3f} s   {loop / ours:7.1f} times")
    print(f"posterior of {len(tokens)} strings  {floor:8.3f} s")
    language = fm.GrammarLanguage(n_points=n, levels=4, vocabulary=32, synonyms=8, encoding="tokens")
    sequences = seconds(lambda: language.seen(language.derivations(np.arange(n)), np.arange(n)), 5)
    print(f"sequences, targets taken out {sequences:8.3f} s   {numpy / sequences:7.1f} times vectorised NumPy")
    next_token = seconds(lambda: language.target_posterior(tokens[:, :-1]), 1)
    print(f"next token of {len(tokens)} sequences {next_token:6.3f} s")


if __name__ == "__main__":
    main()
