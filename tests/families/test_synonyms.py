"""Exchanges of synonyms: what stays, what comes instead, by enumeration; views of datasets."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import fractalman as fm
from fractalman.errors import RecipeError
from tests.reference import grammars as reference

TINY = fm.RandomHierarchyModel(
    n_points=20_000, levels=2, vocabulary=3, synonyms=2, classes=2, encoding="tokens", seed=4, zipf_exponent=0.5
)
SMALL = fm.RandomHierarchyModel(n_points=400, seed=1)
LANGUAGE = fm.GrammarLanguage(n_points=300, target="masked-token", seed=2)


def pair_law(recipe: fm.RandomHierarchyModel, level: int) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
    """Probability of every (string, exchanged string): independent given the symbols down to the level."""
    groups: dict[tuple[tuple[int, ...], ...], Counter[tuple[int, ...]]] = {}
    for p, levels in reference.all_derivations(recipe.grammar):
        groups.setdefault(tuple(levels[: level + 1]), Counter())[levels[-1]] += p
    law: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter()
    for strings in groups.values():
        total = sum(strings.values())
        for a, p in strings.items():
            for b, q in strings.items():
                law[(a, b)] += p * q / total
    return law


@pytest.mark.parametrize("level", [0, 1])
def test_exchanged_strings_have_the_law_of_enumeration(level: int) -> None:
    own, other = TINY.derivations(range(20_000)).tokens, TINY.exchanged(range(20_000), level).tokens
    seen = Counter(zip(map(tuple, own.tolist()), map(tuple, other.tolist()), strict=True))
    law = pair_law(TINY, level)
    assert set(seen) <= set(law)

    def p_value(expected: dict[tuple[tuple[int, ...], tuple[int, ...]], float]) -> float:
        keys = [key for key in law if law[key] > 0.0]
        mean = np.array([20_000 * expected.get(key, 0.0) for key in keys])
        rare = mean < 5.0
        found = np.array([seen[key] for key in keys], np.float64)
        found, mean = np.append(found[~rare], found[rare].sum()), np.append(mean[~rare], mean[rare].sum())
        if found[mean == 0.0].any():
            return 0.0
        found, mean = found[mean > 0.0], mean[mean > 0.0]
        return float(stats.chisquare(found, mean * found.sum() / mean.sum()).pvalue)

    assert p_value(law) > 1e-4
    assert p_value(pair_law(TINY, 1 - level)) < 1e-6  # the control: another level's exchanges


def test_exchanges_of_the_kernel_and_of_its_reference_are_equal() -> None:
    for recipe in (TINY, SMALL, LANGUAGE.replace(levels=2, branching=3)):
        for level in range(recipe.levels):
            for node in (None, recipe.branching**level - 1):
                fast = recipe.exchanged([3, 77], level, node=node, draw=5).symbols
                for row, i in enumerate((3, 77)):
                    slow = reference.exchanged(recipe.grammar, i, recipe.seeds.labels, level, node, 5)
                    assert fast[row].tolist() == slow


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_what_stays_and_what_may_change(data: st.DataObject) -> None:
    recipe = data.draw(st.sampled_from([SMALL, LANGUAGE, SMALL.replace(branching=3, levels=2)]))
    level = data.draw(st.integers(0, recipe.levels - 1))
    node = data.draw(st.none() | st.integers(0, recipe.branching**level - 1))
    draw = data.draw(st.integers(1, 2**40))
    own, other = recipe.derivations(range(50)), recipe.exchanged(range(50), level, node=node, draw=draw)
    for k in range(recipe.levels + 1):
        same = own.level(k) == other.level(k)
        if k <= level:
            assert same.all()
        elif node is not None:
            below = np.arange(recipe.branching**k) // recipe.branching ** (k - level) == node
            assert same[:, ~below].all()
    assert (own.tokens != other.tokens).any()
    part = recipe.exchanged([7, 31], level, node=node, draw=draw)
    np.testing.assert_array_equal(part.symbols, other.symbols[[7, 31]])


@pytest.mark.parametrize("recipe", [SMALL, SMALL.replace(target=1, node=1, nuisance_dim=2, rotate=True), LANGUAGE])
def test_a_view_is_a_dataset_with_other_tokens(recipe: fm.RandomHierarchyModel) -> None:
    data = fm.generate(recipe)
    assert data.tokens is not None
    view = fm.exchange_synonyms(data, level=2, rows=[5, 9, 200])
    derived = recipe.exchanged([5, 9, 200], 2)
    tokens, y = recipe.seen(derived, np.array([5, 9, 200]))
    np.testing.assert_array_equal(view.tokens, tokens)
    np.testing.assert_array_equal(view.y, y)
    assert view.X.shape == (3, data.X.shape[1])
    np.testing.assert_allclose(recipe.target_posterior(view.tokens).sum(axis=1), 1.0)
    whole = fm.exchange_synonyms(recipe, level=2)
    np.testing.assert_array_equal(whole.X[[5, 9, 200]], view.X)
    same = (whole.tokens == data.tokens).all(axis=1)
    assert 0 < same.sum() < 60  # productions come again with their own probability
    if not recipe.rotate:
        np.testing.assert_array_equal(whole.X[same], data.X[same])
        assert (whole.X[~same] != data.X[~same]).any(axis=1).all()
    if isinstance(recipe, fm.RandomHierarchyModel):
        np.testing.assert_array_equal(whole.y, data.y)
        assert (fm.exchange_synonyms(data, level=0, draw=2).tokens != whole.tokens).any()


def test_who_knows_the_rules_is_not_moved_and_who_knows_tokens_is() -> None:
    data = fm.generate(SMALL)
    view = fm.exchange_synonyms(data, level=2)
    np.testing.assert_array_equal(SMALL.target_posterior(view.tokens), fm.theory.posterior(data))
    assert data.tokens is not None
    assert np.mean(view.tokens != data.tokens) > 0.5


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"level": 3}, "level = 3: expected an integer from 0 to 2"),
        ({"level": -1}, "expected an integer from 0"),
        ({"level": 1, "node": 2}, "node = 2: expected an integer from 0 to 1"),
        ({"level": 1, "draw": 0}, "draw = 0"),
        ({"level": 1, "rows": [400]}, "expected 0 to 399"),
        ({"level": 1, "rows": [0.5]}, "expected integers"),
    ],
)
def test_mistakes_are_named(keywords: dict[str, int], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        fm.exchange_synonyms(SMALL, **keywords)
    with pytest.raises(RecipeError, match="has no synonyms"):
        fm.exchange_synonyms(fm.Cascade(n_points=10), level=1)
