"""Sequences of a hidden tree language: the law of what is seen, posteriors, floors, addresses, files, laws."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.families._strings.encodings import token_vectors
from fractalman.families.base import memory_of
from fractalman.families.grammar_language.law import correlation_sizes, floors_by_height, heights
from fractalman.prediction import LEARNERS, law_of
from fractalman.theory.grammars import correlation_sample_complexity, entropy_rate, token_floor
from tests.reference import grammars as reference

TINY = fm.GrammarLanguage(n_points=20_000, levels=2, vocabulary=3, synonyms=2, seed=4, encoding="tokens")
UNEVEN = TINY.replace(synonyms=3, zipf_exponent=0.5, position=2)
AMBIGUOUS = TINY.replace(ambiguous=True, seed=5, context=2)
MASKED = UNEVEN.replace(target="masked-token")
SMALL = fm.GrammarLanguage(n_points=300, levels=3, vocabulary=8, synonyms=4, seed=1)
UNBALANCED = UNEVEN.replace(vocabulary=2, synonyms=2, levels=3, unary_probability=0.3)
EVERY = [TINY, UNEVEN, AMBIGUOUS, MASKED, UNBALANCED, UNBALANCED.replace(target="masked-token", context=1)]


def joint_law(recipe: fm.GrammarLanguage) -> dict[tuple[int, tuple[int, ...]], float]:
    """Every (target, tokens) with its probability, by enumeration."""
    law: Counter[tuple[int, tuple[int, ...]]] = Counter()
    for p, levels in reference.all_derivations(recipe.grammar):
        window = levels[-1][recipe.window]
        if not recipe.masks:
            law[(window[-1], window[:-1])] += p
            continue
        for place, token in enumerate(window):
            law[(token, (*window[:place], recipe.symbols, *window[place + 1 :]))] += p / len(window)
    return law


@pytest.mark.parametrize("recipe", EVERY)
def test_targets_and_what_is_seen_have_the_law_of_the_grammar(recipe: fm.GrammarLanguage) -> None:
    data, law = fm.generate(recipe), joint_law(recipe)
    assert data.tokens is not None
    seen = Counter(zip(data.y.astype(int).tolist(), map(tuple, data.tokens.tolist()), strict=True))
    assert set(seen) <= set(law)
    found = np.array([seen[key] for key in law])
    assert stats.chisquare(found, [recipe.n_points * p for p in law.values()]).pvalue > 1e-4
    other = joint_law(recipe.replace(zipf_exponent=2.0))  # control: the same rules, taken with other probabilities
    assert stats.chisquare(found, [recipe.n_points * other[key] for key in law]).pvalue < 1e-6


@pytest.mark.parametrize("recipe", EVERY)
def test_posterior_and_floor_are_those_of_enumeration(recipe: fm.GrammarLanguage) -> None:
    data, law = fm.generate(recipe.replace(n_points=80)), joint_law(recipe)
    assert data.tokens is not None
    chance = fm.theory.posterior(data)
    assert chance.shape == (80, recipe.symbols)
    for row, seen in enumerate(map(tuple, data.tokens.tolist())):
        weight = np.array([law.get((c, seen), 0.0) for c in range(recipe.symbols)])
        np.testing.assert_allclose(chance[row], weight / weight.sum(), atol=1e-12)
    contexts: Counter[tuple[int, ...]] = Counter()
    for (_, seen), p in law.items():
        contexts[seen] += p
    entropy = -sum(p * math.log(p / contexts[seen]) for (_, seen), p in law.items() if p)
    right = sum(max(law.get((c, seen), 0.0) for c in range(recipe.symbols)) for seen in contexts)
    floor = fm.theory.discrete_floor(fm.generate(recipe))
    assert abs(floor.cross_entropy - entropy) < 4 * floor.cross_entropy_error + 1e-12
    assert abs(floor.zero_one - (1 - right)) < 4 * floor.zero_one_error + 1e-12
    assert floor.rows == 20_000
    if not recipe.masks:
        exact = recipe.floors()[-1]
        np.testing.assert_allclose((exact.entropy, exact.zero_one), (entropy, 1 - right), atol=1e-12)
    for wrong in (data.tokens[:, 1:], data.tokens * 0 if recipe.masks else data.tokens[0]):
        with pytest.raises(RecipeError, match="expected"):
            recipe.target_posterior(wrong)


def test_the_error_of_a_floor_covers() -> None:
    """Of 200 datasets of 50 rows about 95 % have the exact floor within 1.96 errors; half the error does not do."""
    recipe = UNEVEN.replace(n_points=10_000)
    data, exact = fm.generate(recipe), recipe.floors()[-1]
    floors = [fm.theory.discrete_floor(data, np.arange(k, k + 50)) for k in range(0, 10_000, 50)]
    z = np.array([(f.cross_entropy - exact.entropy) / f.cross_entropy_error for f in floors])
    assert 0.90 <= np.mean(np.abs(z) < 1.96) <= 0.99
    assert np.mean(np.abs(z) < 0.98) < 0.8
    assert math.isnan(fm.theory.discrete_floor(data, [3]).zero_one_error)
    with pytest.raises(RecipeError, match="at least one"):
        fm.theory.discrete_floor(data, [])


def test_longer_contexts_say_more_and_the_rate_is_the_mean_over_positions() -> None:
    floors = SMALL.floors()
    assert len(floors) == 8
    assert all(a.entropy > b.entropy for a, b in pairwise(floors))
    assert floors_by_height(SMALL) == tuple(floors[c].entropy for c in (0, 1, 3, 7))
    every = [token_floor(SMALL.grammar, t, t).entropy for t in range(8)]
    assert abs(np.mean(every) - entropy_rate(SMALL.grammar)) < 1e-12


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_language(data: st.DataObject) -> None:
    levels, s = data.draw(st.sampled_from([(1, 2), (2, 2), (3, 2), (1, 3), (2, 3)]))
    vocabulary = data.draw(st.integers(2, 5))
    synonyms = data.draw(st.integers(1, vocabulary ** (s - 1)))
    position = data.draw(st.integers(1, s**levels - 1))
    context = data.draw(st.integers(1, position))
    recipe = fm.GrammarLanguage(
        n_points=30,
        levels=levels,
        vocabulary=vocabulary,
        synonyms=synonyms,
        branching=s,
        position=position,
        context=context,
        target=data.draw(st.sampled_from(["next-token", "masked-token"])),
        unary_probability=data.draw(st.sampled_from([0.0, 0.4])) if levels > 1 else 0.0,
        seed=data.draw(st.integers(0, 2**40)),
    )
    vocabulary = recipe.symbols
    assert fm.from_dict(recipe.to_dict()) == fm.from_toml(recipe.to_toml()) == recipe
    made, strings = fm.generate(recipe), recipe.derivations(range(30)).tokens
    assert made.tokens is not None
    assert made.X.shape == (30, vocabulary * recipe.shown)
    window = strings[:, position - context : position + 1]
    blocks = made.X.reshape(30, recipe.shown, vocabulary)
    if recipe.masks:
        hidden = made.tokens == vocabulary
        np.testing.assert_array_equal(hidden.sum(axis=1), 1)
        np.testing.assert_array_equal(window[hidden], made.y)
        np.testing.assert_array_equal(window[~hidden], made.tokens[~hidden])
        np.testing.assert_array_equal(blocks.sum(axis=2), ~hidden)
        places = [reference.masked_place(i, recipe.seeds.labels, context + 1) for i in range(30)]
        np.testing.assert_array_equal(hidden.argmax(axis=1), places)
    else:
        np.testing.assert_array_equal(window[:, :-1], made.tokens)
        np.testing.assert_array_equal(window[:, -1], made.y)
        np.testing.assert_array_equal(blocks.argmax(axis=2), made.tokens)
    chance = fm.theory.posterior(made)
    np.testing.assert_allclose(chance.sum(axis=1), 1.0, atol=1e-12)
    assert (chance[np.arange(30), made.y.astype(int)] > 0.0).all()


def test_sequences_do_not_depend_on_how_many_there_are() -> None:
    small, large = fm.generate(MASKED.replace(n_points=300)), fm.generate(MASKED.replace(n_points=700))
    np.testing.assert_array_equal(large.X[:300], small.X)
    np.testing.assert_array_equal(large.y[:300], small.y)
    vectors = fm.generate(MASKED.replace(n_points=300, encoding="embedding", embedding_dim=5))
    assert small.tokens is not None
    expected = token_vectors(4, 5, MASKED.seeds.embedding)[small.tokens]
    np.testing.assert_array_equal(vectors.X.reshape(expected.shape), expected)
    np.testing.assert_array_equal(small.X, small.tokens)
    labels = fm.label_draws(small, 2)
    assert (labels[:, 1] != labels[:, 0]).any()
    assert set(labels[:, 1].tolist()) <= {0.0, 1.0, 2.0}


@pytest.mark.parametrize(
    "recipe",
    [SMALL, SMALL.replace(target="masked-token", context=4, nuisance_dim=2, rotate=True, unary_probability=0.3)],
)
def test_files_hold_what_generate_returns(tmp_path: Path, recipe: fm.GrammarLanguage) -> None:
    data = fm.generate(recipe)
    path = fm.write(recipe, tmp_path / "a.h5")
    assert fm.verify(path) == []
    with fm.open(path) as file:
        held = file.dataset()
        np.testing.assert_array_equal(fm.theory.posterior(file, [3]), fm.theory.posterior(data, [3]))
    for name in ("X", "y", "cluster", "tokens"):
        np.testing.assert_array_equal(getattr(held, name), getattr(data, name))
    assert data.hierarchy is not None
    np.testing.assert_array_equal(held.hierarchy.parent, data.hierarchy.parent)
    assert fm.verify(fm.write_shards(recipe, tmp_path / "c.h5", 3)) == []
    fm.write(recipe.replace(n_points=100), tmp_path / "b.h5")
    fm.extend(tmp_path / "b.h5", 300)
    with fm.open(tmp_path / "b.h5") as grown, fm.open(path) as whole:
        assert grown.provenance.content == whole.provenance.content
    assert memory_of(recipe).array_bytes() >= sum(a.nbytes for a in (data.X, data.y, data.cluster, data.tokens))


def test_laws_say_at_which_sizes_and_how_much_is_left() -> None:
    assert heights(SMALL) == 3
    assert heights(SMALL.replace(context=2)) == 2
    assert heights(SMALL.replace(position=4, context=1)) == 3
    law = law_of(SMALL, "mlp")
    sizes = correlation_sizes(SMALL)
    assert [window.low for window in law.windows] == [1.0, *sizes]
    expected = [correlation_sample_complexity(vocabulary=8, synonyms=4, height=h) for h in (1, 2, 3)]
    assert all(0.5 < size / law_size < 5 for size, law_size in zip(sizes, expected, strict=True))
    many = SMALL.replace(vocabulary=2048, synonyms=4, encoding="tokens")
    assert correlation_sizes(many)[0] == correlation_sample_complexity(vocabulary=2048, synonyms=4, height=1)
    assert correlation_sizes(many.replace(zipf_exponent=0.5)) == ()
    assert floors_by_height(many) == ()
    unbalanced = SMALL.replace(unary_probability=0.3)
    assert correlation_sizes(unbalanced) == law_of(unbalanced, "mlp").windows == ()
    assert floors_by_height(unbalanced) == tuple(unbalanced.floors()[c].entropy for c in (0, 1, 3, 7))
    for recipe in (SMALL, MASKED, AMBIGUOUS, many, unbalanced):
        for learner in LEARNERS:
            found = law_of(recipe, learner)
            assert found.data_exponent is None
            assert found.reason
            assert found.nearest
            unknown = ("bayes", "mlp", "gradient-boosting", "transformer", "convolution")
            assert fm.predict(recipe, learner).has_curve == (learner not in unknown)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"context": 0}, "context = 0"),
        ({"context": 8}, "expected 1 to 7"),
        ({"position": 8}, "strings have 8"),
        ({"position": 3, "context": 4}, "ends at token 3"),
        ({"target": "last"}, "next-token"),
        ({"synonyms": 9}, "use fewer synonyms"),
        ({"noise": 0.5}, "labels are classes"),
        ({"levels": 14, "branching": 3}, "use fewer levels"),
        ({"vocabulary": 1 << 14, "levels": 9}, "use encoding = 'tokens'"),
    ],
)
def test_mistakes_are_named(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        SMALL.replace(**keywords)


@pytest.mark.parametrize("one", [{"encoding": "tokens"}, {"encoding": "embedding", "embedding_dim": 1}])
def test_one_token_in_one_column_is_refused_at_birth(one: dict[str, Any]) -> None:
    """A file's points have two coordinates or more: said before they are made, not when they are written."""
    with pytest.raises(RecipeError, match="one coordinate: expected 2 or more"):
        SMALL.replace(context=1, **one)
    assert SMALL.replace(context=2, **one).ambient_dim == 2
    assert SMALL.replace(context=1, target="masked-token", **one).ambient_dim == 2
