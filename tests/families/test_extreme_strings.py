"""Recipes of strings and parities at the ends of what is allowed: no law promises what these points cannot have."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.experiments import load_spec
from fractalman.families._strings.law import counted, possible_symbols
from fractalman.prediction import LEARNERS, law_of
from fractalman.studies.levels.spec import Levels
from fractalman.theory.grammars import random_grammar

STRINGS = fm.RandomHierarchyModel(n_points=300, seed=4)
PARITIES = fm.SparseParities(n_points=300, n_tasks=5, n_bits=6, seed=4)

CONSTANT = {
    "one class": STRINGS.replace(classes=1),
    "one derivation": STRINGS.replace(classes=1, synonyms=1, target=2, node=3),
    "one class, one level": STRINGS.replace(classes=1, levels=1, zipf_exponent=5.0),
    "one class, unbalanced": STRINGS.replace(classes=1, unary_probability=0.99),
}
VARYING = {
    "one production": STRINGS.replace(synonyms=1),
    "another symbol of one class": STRINGS.replace(classes=1, target=1),
    "two symbols": STRINGS.replace(vocabulary=2, synonyms=2, classes=2),
    "language of one production": fm.GrammarLanguage(n_points=300, synonyms=1),
}


@pytest.mark.parametrize("name", [*CONSTANT, *VARYING])
def test_a_target_that_never_changes_has_nothing_to_be_learned(name: str) -> None:
    recipe = {**CONSTANT, **VARYING}[name]
    same = len(set(fm.generate(recipe).y.tolist())) == 1
    assert same == (name in CONSTANT)
    for learner in LEARNERS:
        law = law_of(recipe, learner)
        assert ("nothing is to be learned" in law.statement) == same
        assert not same or law.irreducible == 0.0
        assert not same or not law.windows
    if same:
        with pytest.raises(RecipeError, match="the same symbol in every string"):
            Levels.read({"recipe": recipe.to_dict(), "levels": {"learner": "mlp", "train_sizes": [16, 32]}})
        with pytest.raises(RecipeError, match="expected 2 or more; use"):
            load_spec({"recipe": recipe.to_dict(), "sweep": {"learners": ["1-nn"], "train_sizes": [8, 16], "seeds": 2}})


def test_what_cannot_be_exchanged_stays_as_it_is() -> None:
    """With one production a symbol there are no synonyms; with two, the control, strings change."""
    for synonyms in (1, 2):
        data = fm.generate(STRINGS.replace(synonyms=synonyms, levels=2))
        for level in (0, 1):
            changed = fm.exchange_synonyms(data, level).tokens != data.tokens
            assert changed.any() == (synonyms > 1)


@pytest.mark.slow(reason="networks trained on strings")
def test_levels_of_what_cannot_be_exchanged() -> None:
    """With one production a symbol there are no synonyms: every exchange leaves the string as it is."""
    recipe = STRINGS.replace(synonyms=1, levels=2)
    found = fm.levels(
        {
            "recipe": recipe.to_dict(),
            "levels": {"learner": "mlp", "train_sizes": [16, 24], "test_size": 32, "seeds": 2},
            "mlp": {"steps": 5, "width": 8, "depth": 1, "batch_size": 8},
        },
        progress=False,
    )
    numbers = {q: [row["number"] for row in found.rows if row["quantity"] == q] for q in ("sensitivity", "relative")}
    assert set(numbers["sensitivity"]) == {0.0}
    assert set(numbers["relative"]) == {None}


def test_possible_symbols_are_those_of_all_derivations() -> None:
    for seed in range(4):
        grammar = random_grammar(seed=seed, levels=2, vocabulary=3, synonyms=1 + seed % 2, classes=2)
        strings = [
            tuple(itertools.chain(*(grammar.productions[1][x, r].tolist() for x, r in zip(top, below, strict=True))))
            for c in range(2)
            for top in grammar.productions[0][c].tolist()
            for below in itertools.product(range(1 + seed % 2), repeat=2)
        ]
        for node in range(4):
            assert possible_symbols(grammar, 2, node).tolist() == sorted({string[node] for string in strings})


@pytest.mark.parametrize(
    ("a", "power"), [(None, False), (-1.0, False), (-0.5, False), (0.0, False), (5.0, False), (1.0, True)]
)
def test_a_power_of_rare_rules_is_promised_where_its_window_is_not_empty(a: float | None, power: bool) -> None:
    recipe = STRINGS.replace(vocabulary=64, classes=4, synonyms=64 if power else 4, zipf_exponent=a)
    law = law_of(recipe, "mlp")
    assert not any(window.empty for window in law.windows)
    assert ("in a window" in law.statement) == power == any(window.exponent is not None for window in law.windows)
    assert ("equally likely" in law.statement) == (a in (None, -1.0))
    if a == 0.0:  # of probability ∝ 1/r the rarest of four has 3/25, so takes 25/12 times as many as an even one
        assert law.windows[-1].high == pytest.approx(4 * 4**3 * 25 / 12)


@pytest.mark.parametrize(
    ("tasks", "a", "power"), [(1, 0.4, False), (5, 0.0, False), (5, -1.0, False), (10**4, 1.0, True)]
)
def test_a_power_of_rare_tasks_likewise(tasks: int, a: float, power: bool) -> None:
    recipe = PARITIES.replace(n_tasks=tasks, zipf_exponent=a)
    law = law_of(recipe, "mlp")
    assert not any(window.empty for window in law.windows)
    assert ("in a window" in law.statement) == power
    if not power:
        examples = max(1.0, recipe.examples_to_identify) / recipe.task_probabilities[-1]
        assert law.windows[-1].high == pytest.approx(examples)


def test_a_single_bit_that_all_tasks_read_is_linear() -> None:
    one = PARITIES.replace(n_tasks=1, task_size=1)
    data = fm.generate(one)
    np.testing.assert_array_equal(data.X[:, 1 + one.task_bits[0, 0]], data.y)
    assert law_of(one, "ridge").irreducible == 0.0
    assert law_of(PARITIES.replace(task_size=1), "ridge").irreducible is None
    assert "1 bit among" in law_of(one, "1-nn").statement


def test_a_target_that_is_seen_is_no_puzzle() -> None:
    recipe = STRINGS.replace(target=3, node=5)
    data = fm.generate(recipe)
    np.testing.assert_array_equal(data.X[:, 40:48].argmax(axis=1), data.y)
    for learner in LEARNERS:
        assert ("string itself" in law_of(recipe, learner).statement) == (learner != "bayes")


def test_counts_beyond_floats_are_powers_of_ten() -> None:
    assert counted(3 * 10**7) == "3e+07"
    assert counted(2 * 10**5000) == "10^5000"
    long = fm.RandomHierarchyModel(n_points=1, levels=12, vocabulary=4, synonyms=2, classes=4, encoding="tokens")
    derivations = 4 * 2 ** (2**12 - 1)
    assert f"10^{int(math.log10(derivations))} derivations" in law_of(long, "1-nn").statement


def test_floors_are_of_what_follows_and_say_how_long_they_can_be() -> None:
    hidden = fm.GrammarLanguage(n_points=10, target="masked-token")
    with pytest.raises(RecipeError, match=r"expected 'next-token'.*use theory\.discrete_floor"):
        hidden.floors()
    long = fm.GrammarLanguage(n_points=1, levels=12, vocabulary=4, synonyms=2, context=20, encoding="tokens")
    with pytest.raises(RecipeError, match="expected at most 4096 for strings of 4096 tokens"):
        long.floors()
