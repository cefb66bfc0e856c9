"""Curves on strings that follow from the rules: one neighbour and counts, against enumeration and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

from fractalman.errors import RecipeError
from fractalman.theory.grammars import (
    UNOBSERVED,
    Grammar,
    context_table,
    counting_loss,
    derive_strings,
    distance_masses,
    neighbour_risk,
    random_grammar,
    token_floor,
)
from tests.reference import grammars as reference

TINY = [
    random_grammar(seed=2, levels=2, vocabulary=3, synonyms=3, classes=3, zipf_exponent=0.5),
    random_grammar(seed=3, levels=2, vocabulary=3, synonyms=2, classes=2, ambiguous=True),
    random_grammar(seed=4, levels=1, vocabulary=3, synonyms=2, branching=3, classes=4),
    random_grammar(seed=7, levels=2, vocabulary=3, synonyms=2, classes=2, unary_probability=0.3),
]


def _enumerated(grammar: Grammar) -> tuple[np.ndarray, np.ndarray, list[list[tuple[int, ...]]]]:
    """Probabilities, strings and symbols of all derivations."""
    every = list(reference.all_derivations(grammar))
    return np.array([p for p, _ in every]), np.array([levels[-1] for _, levels in every]), [own for _, own in every]


@pytest.mark.parametrize("grammar", TINY)
@pytest.mark.parametrize("even", [True, False])
def test_masses_of_every_distance_against_enumeration_reference(grammar: Grammar, even: bool) -> None:
    """For every latent of every level, with tokens that are not looked at, and with tokens some of which are near."""
    chance, strings, symbols = _enumerated(grammar)
    rng = np.random.default_rng(0)
    v = grammar.vocabulary
    apart = (1 - np.eye(v, dtype=np.int64)) * (1 if even else rng.integers(1, 4, (v, v)))
    asked = strings[rng.integers(0, len(strings), 4)].astype(np.int64)
    asked[rng.random(asked.shape) < 0.3] = UNOBSERVED
    for level in range(grammar.levels + 1):
        for node in range(grammar.branching**level):
            latent = np.array([own[level][node] for own in symbols])
            masses = distance_masses(grammar, asked, level, node, None if even else apart)
            for row, string in zip(masses, asked, strict=True):
                seen = np.flatnonzero(string >= 0)
                far = apart[string[seen], strings[:, seen]].sum(axis=1)
                due = np.zeros(row.shape)
                np.add.at(due, (latent, far), chance)
                np.testing.assert_allclose(row, due, atol=1e-13)


@pytest.mark.parametrize("grammar", TINY)
def test_one_neighbour_against_all_training_sets(grammar: Grammar) -> None:
    """Of one training string all, of two every pair, weighted; ties to the first."""
    chance, strings, symbols = _enumerated(grammar)
    classes = np.array([own[0][0] for own in symbols])
    kept = np.random.default_rng(1).choice(len(strings), min(7, len(strings)), replace=False)
    apart = (strings[:, None] != strings[None, kept]).sum(axis=2)
    for column, own in enumerate(kept):
        masses = distance_masses(grammar, strings[own][None].astype(np.int64))
        posterior = np.array(
            [chance[(strings == strings[own]).all(axis=1) & (classes == c)].sum() for c in range(grammar.sizes[0])]
        )
        posterior /= posterior.sum()
        far = apart[:, column]
        wrong = 1.0 - posterior[classes]
        first, second = np.meshgrid(np.arange(len(strings)), np.arange(len(strings)), indexing="ij")
        nearest = np.where(far[first] <= far[second], first, second)
        due = float((np.outer(chance, chance) * wrong[nearest]).sum())
        assert abs(neighbour_risk(masses, [2])[0, 0] - due) < 1e-12
        assert abs(neighbour_risk(masses, [1])[0, 0] - float(chance @ wrong)) < 1e-12


def test_one_neighbour_against_simulation() -> None:
    grammar = random_grammar(seed=5, levels=2, vocabulary=4, synonyms=3, classes=3, zipf_exponent=0.3)
    drawn = derive_strings(grammar, np.arange(60_000), 3)
    strings, classes = drawn.tokens.astype(np.int64), drawn.classes
    rng, asked = np.random.default_rng(0), np.arange(200)
    predicted = neighbour_risk(distance_masses(grammar, strings[asked]), [20])[:, 0].mean()
    risks = []
    for _ in range(60):
        train = rng.integers(200, 60_000, 20)
        nearest = (strings[train][None] != strings[asked][:, None]).sum(axis=2).argmin(axis=1)
        risks.append((classes[train][nearest] != classes[asked]).mean())
    error = np.std(risks, ddof=1) / math.sqrt(60)
    assert abs(np.mean(risks) - predicted) < 4 * error
    even = random_grammar(seed=5, levels=2, vocabulary=4, synonyms=3, classes=3)  # the control: without the exponent
    assert abs(np.mean(risks) - neighbour_risk(distance_masses(even, strings[asked]), [20])[:, 0].mean()) > 4 * error


@pytest.mark.parametrize("grammar", TINY)
def test_contexts_and_counts_against_enumeration(grammar: Grammar) -> None:
    """Every context with every latent; of two training strings the loss over all pairs."""
    chance, strings, symbols = _enumerated(grammar)
    first, stop = 1, min(3, grammar.length)
    for level, node in ((0, 0), (grammar.levels, grammar.length - 1)):
        latent = np.array([own[level][node] for own in symbols])
        values, which = np.unique(strings[:, first:stop], axis=0, return_inverse=True)
        due = np.zeros((len(values), grammar.sizes[level]))
        np.add.at(due, (which.reshape(-1), latent), chance)
        table = context_table(grammar, first, stop, level, node)
        rows = lambda a: sorted(map(tuple, a.round(12).tolist()))  # noqa: E731
        assert rows(table) == rows(due)
        a, pairs = 0.3, 0.0
        cells = [(c, y) for c, y in itertools.product(range(len(due)), range(due.shape[1])) if due[c, y] > 0.0]
        for seen in itertools.product(cells, repeat=2):
            counts = np.full(due.shape, a)
            np.add.at(counts, tuple(np.array(seen).T), 1.0)
            loss = -(due * np.log(counts / counts.sum(axis=1, keepdims=True))).sum()
            pairs += due[seen[0]] * due[seen[1]] * loss
        assert abs(counting_loss(table, [2], a)[0] - pairs) < 1e-10


def test_counts_fall_to_the_entropy_given_their_context() -> None:
    """What lies above is contexts times (C − 1)/2n in the end, where all have probability."""
    grammar = random_grammar(seed=0, levels=2, vocabulary=3, synonyms=3)
    floor, table = token_floor(grammar, 3, 1).entropy, context_table(grammar, 2, 3, 2, 3)
    sizes = np.array([10**4, 10**5, 10**7])
    above = counting_loss(table, sizes) - floor
    free = sum(np.count_nonzero(row) - 1 for row in table)
    assert (above > 0.0).all()
    np.testing.assert_allclose(above[1:] * 2 * sizes[1:], free, rtol=0.02)
    assert abs(counting_loss(table, [0])[0] - math.log(3)) < 1e-12


@examples(20)
@given(st.integers(1, 2), st.integers(2, 4), st.integers(1, 3), st.integers(0, 2**40), st.floats(0.05, 3.0))
def test_what_holds_of_every_grammar(levels: int, v: int, m: int, seed: int, a: float) -> None:
    grammar = random_grammar(seed=seed, levels=levels, vocabulary=v, synonyms=min(m, v), classes=2)
    strings = derive_strings(grammar, np.arange(5), seed).tokens.astype(np.int64)
    masses = distance_masses(grammar, strings)
    np.testing.assert_allclose(masses.sum(axis=(1, 2)), 1.0, atol=1e-12)
    risks = neighbour_risk(masses, [1, 10, 10**9])
    assert ((risks >= 0.0) & (risks <= 1.0)).all()
    assert (risks[:, -1] < 1e-9).all()  # the string itself has been seen
    loss = counting_loss(context_table(grammar, 0, 1, 0, 0), [0, 10**6], a)
    assert math.log(2) == pytest.approx(loss[0])
    assert loss[1] <= loss[0] + 1e-3


def test_what_cannot_be_asked() -> None:
    grammar = TINY[0]
    string = np.zeros((1, 4), np.int64)
    for apart in (np.eye(2, dtype=np.int64), np.full((3, 3), 0.5), np.full((3, 3), -1)):
        with pytest.raises(RecipeError, match="apart of shape"):
            distance_masses(grammar, string, apart=apart)
    with pytest.raises(RecipeError, match="expected a level"):
        distance_masses(grammar, string, level=3)
    with pytest.raises(RecipeError, match="n >= 1"):
        neighbour_risk(distance_masses(grammar, string), [0])
    with pytest.raises(RecipeError, match="places from 0"):
        context_table(grammar, 3, 5, 0, 0)
    with pytest.raises(RecipeError, match="a count above 0"):
        counting_loss(np.ones((1, 1)), [1], 0.0)
