"""Grammars: rules, exact inference against enumeration, entropies, counts, and strings drawn from them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from scipy import stats

from fractalman.errors import RecipeError
from fractalman.theory import grammars
from fractalman.theory.grammars import Grammar, derive_strings, random_grammar
from fractalman.theory.grammars._string_kernels import chosen
from fractalman.theory.grammars.entropies import placement
from fractalman.theory.grammars.laws import zipf_probabilities
from fractalman.theory.grammars.strings import _guides
from tests.reference import grammars as reference

TINY = [
    random_grammar(seed=1, levels=2, vocabulary=3, synonyms=2, classes=2),
    random_grammar(seed=2, levels=2, vocabulary=3, synonyms=3, classes=3, zipf_exponent=0.5),
    random_grammar(seed=3, levels=2, vocabulary=3, synonyms=2, classes=2, ambiguous=True),
    random_grammar(seed=4, levels=1, vocabulary=3, synonyms=2, branching=3, classes=4),
    random_grammar(seed=7, levels=2, vocabulary=3, synonyms=2, classes=2, unary_probability=0.3),
    random_grammar(seed=8, levels=3, vocabulary=2, synonyms=1, classes=2, unary_probability=0.4),
]


@pytest.mark.parametrize("grammar", TINY)
def test_posteriors_against_enumeration_reference(grammar: Grammar) -> None:
    rng = np.random.default_rng(0)
    tokens = derive_strings(grammar, np.arange(12), 5).tokens.astype(np.int64)
    tokens[rng.random(tokens.shape) < 0.4] = grammars.UNOBSERVED
    for level in range(grammar.levels + 1):
        for node in range(grammar.branching**level):
            ours = grammars.latent_posterior(grammar, tokens, level, node)
            like = grammars.log_likelihood(grammar, tokens)
            for row, string in enumerate(tokens.tolist()):
                slow, total = reference.posterior(grammar, string, level, node)
                np.testing.assert_allclose(ours[row], slow, atol=1e-12)
                assert abs(like[row] - math.log(total)) < 1e-12


@pytest.mark.parametrize("grammar", TINY)
def test_strings_of_the_kernel_and_of_its_reference_are_equal(grammar: Grammar) -> None:
    drawn = derive_strings(grammar, np.array([7, 0, 123456789]), 11)
    assert drawn.symbols.tolist() == [reference.derivation(grammar, i, 11) for i in (7, 0, 123456789)]
    whole, part = derive_strings(grammar, np.arange(50), 11), derive_strings(grammar, np.arange(20, 30), 11)
    np.testing.assert_array_equal(whole.symbols[20:30], part.symbols)


@pytest.mark.parametrize("choices", [1, 2, 3, 7, 8, 13])
@pytest.mark.parametrize("exponent", [-1.0, 0.4, 6.0])
def test_choices_are_found_from_where_the_guide_says(choices: int, exponent: float) -> None:
    """As by a search of all cumulated probabilities, at their very values, too; a guide moved up is noticed."""
    cumulated = np.cumsum([zipf_probabilities(choices, exponent)] * 2, axis=1)
    guide, _, (buckets,) = _guides([cumulated])
    edges = np.concatenate([cumulated[0], np.nextafter(cumulated[0], 0.0), np.arange(64) / 64])
    draws = np.concatenate([edges[edges < 1.0], np.random.default_rng(choices).random(500)])
    due = np.minimum(np.searchsorted(cumulated[0], draws, side="right"), choices - 1)
    for symbol in (0, 1):
        first, bucket = symbol * choices, symbol * buckets
        found = [chosen(u, first, choices, cumulated.ravel(), guide, bucket, buckets) - first for u in draws]
        np.testing.assert_array_equal(found, due)
    if choices > 1:  # the control
        late = [chosen(u, 0, choices, cumulated.ravel(), np.minimum(guide + 1, choices - 1), 0, buckets) for u in draws]
        assert (np.array(late) != due).any()


@pytest.mark.parametrize("grammar", TINY)
def test_strings_have_the_law_of_the_grammar(grammar: Grammar) -> None:
    law: Counter[tuple[int, ...]] = Counter()
    for p, levels in reference.all_derivations(grammar):
        law[levels[-1]] += p
    n = 20_000
    seen = Counter(map(tuple, derive_strings(grammar, np.arange(n), 3).tokens.tolist()))
    assert set(seen) <= set(law)
    expected = np.array([n * law[k] for k in law])
    found = np.array([seen[k] for k in law])
    assert stats.chisquare(found, expected).pvalue > 1e-4
    flat = np.full(found.size, n / found.size)  # the control: another law is rejected, unless it is that of the grammar
    if not np.allclose(expected, flat):
        assert stats.chisquare(found, flat).pvalue < 1e-4


@pytest.mark.parametrize("grammar", TINY)
def test_marginals_pairs_and_parses_against_enumeration(grammar: Grammar) -> None:
    every = list(reference.all_derivations(grammar))
    chance = np.array([p for p, _ in every])
    tokens = np.array([levels[-1] for _, levels in every])
    one_hot = tokens[:, :, None] == np.arange(grammar.vocabulary)
    np.testing.assert_allclose(grammars.token_marginal(grammar), np.einsum("d,dpv->pv", chance, one_hot), atol=1e-12)
    for i in range(grammar.length):
        for j in range(grammar.length):
            if i != j:
                slow = np.einsum("d,dv,dw->vw", chance, one_hot[:, i], one_hot[:, j])
                np.testing.assert_allclose(grammars.pair_distribution(grammar, i, j), slow, atol=1e-12)
    strings, number = np.unique(tokens, axis=0, return_counts=True)
    np.testing.assert_array_equal(grammars.number_of_parses(grammar, strings), number)
    if grammar.unambiguous:
        assert number.max() == 1
    else:
        assert number.max() > 1  # the control: parses are counted, not assumed


@pytest.mark.parametrize("grammar", TINY)
def test_entropies_are_those_of_blocks(grammar: Grammar) -> None:
    law: Counter[tuple[int, ...]] = Counter()
    for p, levels in reference.all_derivations(grammar):
        law[levels[-1]] += p
    blocks = [0.0]
    for t in range(1, grammar.length + 1):
        prefix: Counter[tuple[int, ...]] = Counter()
        for string, p in law.items():
            prefix[string[:t]] += p
        blocks.append(-sum(p * math.log(p) for p in prefix.values()))
    for t in range(grammar.length):
        assert abs(grammars.context_entropy(grammar, t) - (blocks[t + 1] - blocks[t])) < 1e-12
    assert abs(grammars.string_entropy(grammar) - blocks[-1]) < 1e-12
    derivations = -sum(p * math.log(p) for p, _ in reference.all_derivations(grammar))
    assert (derivations - blocks[-1] < 1e-9) == grammar.unambiguous  # the control: what strings do not tell


def test_entropies_of_ambiguous_grammars_end_where_strings_cannot_be_enumerated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Grammar((np.zeros((2, 1, 2), np.int64),), (np.ones((2, 1)),), np.full(2, 0.5), 2)
    assert grammars.entropy_rate(one) == 0.0  # two classes, one string
    monkeypatch.setattr("fractalman.theory.grammars.messages.MOST_STRINGS", 8)
    with pytest.raises(RecipeError, match="log_likelihood over strings"):
        grammars.string_entropy(random_grammar(seed=0, levels=2, vocabulary=4, synonyms=3, ambiguous=True))


@pytest.mark.parametrize(
    "grammar", [*TINY, random_grammar(seed=6, levels=2, vocabulary=3, synonyms=1, branching=3, classes=3)]
)
def test_floors_at_every_context_against_enumeration(grammar: Grammar) -> None:
    wrong = False
    for position in range(grammar.length):
        for context in range(position + 1):
            floor = grammars.token_floor(grammar, position, context)
            slow = reference.floor(grammar, position, context)
            np.testing.assert_allclose((floor.entropy, floor.zero_one), slow, atol=1e-12)
            wrong |= abs(floor.entropy - reference.floor(grammar, position, 0)[0]) > 1e-3
    assert wrong  # the control: contexts say something
    with pytest.raises(RecipeError, match="expected a position from 0"):
        grammars.token_floor(grammar, 0, 1)


def test_the_entropy_rate_is_that_of_blocks_that_follow_each_other() -> None:
    grammar = random_grammar(seed=0, levels=3, vocabulary=8, synonyms=4, zipf_exponent=0.7)
    blocks = np.cumsum([grammars.context_entropy(grammar, t) for t in range(grammar.length)])
    assert abs(blocks[-1] / grammar.length - grammars.entropy_rate(grammar)) < 1e-12
    assert (np.diff(blocks / np.arange(1, grammar.length + 1)) < 0.0)[1:].any()
    assert grammars.block_floor(grammar, 7, 0, most=5) is None
    with pytest.raises(RecipeError, match="discrete_floor"):  # a context that begins inside a block
        grammars.token_floor(random_grammar(seed=0, levels=2, vocabulary=1100, synonyms=64), 3, 2)


@pytest.mark.parametrize("grammar", [*TINY, random_grammar(seed=5, levels=3, vocabulary=5, synonyms=3)])
def test_correlations_are_those_of_all_pairs(grammar: Grammar) -> None:
    squares: list[list[float]] = [[] for _ in range(grammar.levels)]
    single = grammars.token_marginal(grammar)
    for i in range(grammar.length):
        for j in range(i):
            height = next(
                h for h in range(grammar.levels + 1) if i // grammar.branching**h == j // grammar.branching**h
            )
            both = grammars.pair_distribution(grammar, i, j)
            squares[height - 1].append(float(((both - np.outer(single[i], single[j])) ** 2).mean()))
    slow = np.sqrt([np.mean(of_height) for of_height in squares])
    np.testing.assert_allclose(grammars.token_correlations(grammar), slow, rtol=1e-9, atol=1e-15)


def test_correlations_over_random_rules_follow_their_law() -> None:
    """At v = 32, m = 8 the mean square is the law's within a fifth; exponents off by one level are refused."""
    options = {"vocabulary": 32, "synonyms": 8}
    drawn = [grammars.token_correlations(random_grammar(seed=k, levels=3, **options)) ** 2 for k in range(30)]
    square, error = np.mean(drawn, axis=0), np.std(drawn, axis=0) / np.sqrt(30)
    law = np.array([grammars.expected_correlation(**options, height=height) ** 2 for height in (1, 2, 3)])
    assert (np.abs(square / law - 1.0) < 0.2).all()
    assert (np.abs(square[1:] - law[:-1] / 8) > 10 * error[1:]).all()  # the control: m^−l instead of m^−(2l−1)
    sizes = [grammars.correlation_sample_complexity(**options, height=height) for height in (1, 2)]
    np.testing.assert_allclose(sizes, [32 * 8 / (1 - 8 / 32), 32 * 8**3 / (1 - 8 / 32)])
    all_tuples = {"vocabulary": 4, "synonyms": 4, "height": 1}
    assert grammars.correlation_sample_complexity(**all_tuples) == math.inf
    np.testing.assert_allclose(
        grammars.token_correlations(random_grammar(seed=1, levels=1, vocabulary=4, synonyms=4)), 0, atol=1e-12
    )
    with pytest.raises(RecipeError, match="expected branching"):
        grammars.expected_correlation(vocabulary=4, synonyms=5, height=1)


@examples(40)
@given(
    st.integers(0, 2**63 - 1),
    st.integers(1, 3),
    st.integers(2, 9),
    st.integers(1, 4),
    st.integers(2, 3),
    st.integers(1, 9),
    st.sampled_from([0.0, 0.5]),
)
def test_what_holds_of_every_grammar(
    seed: int, levels: int, vocabulary: int, synonyms: int, branching: int, classes: int, unary_probability: float
) -> None:
    tuples, most = vocabulary**branching, max(classes, vocabulary if levels > 1 else 1)
    options = {
        "seed": seed, "levels": levels, "vocabulary": vocabulary, "synonyms": synonyms, "branching": branching,
        "classes": classes, "unary_probability": unary_probability if levels > 1 else 0.0,
    }  # fmt: skip
    if most * synonyms > tuples:
        with pytest.raises(RecipeError, match="different tuples"):
            random_grammar(**options)
        return
    grammar = random_grammar(**options)
    assert grammar.unambiguous
    drawn = derive_strings(grammar, np.arange(8), seed)
    tokens = drawn.tokens.astype(np.int64)
    np.testing.assert_array_equal(grammars.number_of_parses(grammar, tokens), 1)
    for level in range(levels):  # every hidden symbol follows from the string
        posterior = grammars.latent_posterior(grammar, tokens, level, branching**level - 1)
        np.testing.assert_allclose(posterior[np.arange(8), drawn.level(level)[:, -1]], 1.0)
    if options["unary_probability"]:
        return
    count = grammars.number_of_data(classes, synonyms, branching, levels)
    np.testing.assert_allclose(grammars.log_likelihood(grammar, tokens), -math.log(count), rtol=1e-10)


def test_strings_of_trees_that_are_not_balanced_are_counted() -> None:
    """How many strings there are, and how many tokens they have, against enumeration; regular trees' counts are not."""
    for grammar, drawn in ((TINY[4], (2, 2, 2, 2)), (TINY[5], (2, 1, 2, 3))):
        law: Counter[tuple[int, ...]] = Counter()
        for p, levels in reference.all_derivations(grammar):
            law[levels[-1]] += p
        assert len(law) == grammars.number_of_data(*drawn, unary=True) > grammars.number_of_data(*drawn)
        tokens: Counter[int] = Counter()
        for string, p in law.items():
            tokens[sum(token != grammar.vocabulary - 1 for token in string)] += p
        u = float(grammar.probabilities[1][0, -1])
        found = grammars.number_of_tokens_law(branching=2, levels=grammar.levels, unary_probability=u)
        np.testing.assert_allclose(found, [tokens[k] for k in range(grammar.length + 1)], atol=1e-12)
        mean = 2 * (u + (1 - u) * 2) ** (grammar.levels - 1)
        assert found @ np.arange(found.size) == pytest.approx(mean, abs=1e-12)
    for wrong in ({"unary_probability": 1.0}, {"unary_probability": 0.1, "levels": 1}, {"unary_probability": math.nan}):
        with pytest.raises(RecipeError, match="unary_probability"):
            random_grammar(**{"seed": 0, "levels": 2, "vocabulary": 3, "synonyms": 1, **wrong})


def test_a_symbol_passed_down_keeps_its_correlation_with_the_class() -> None:
    """Squared correlations fall by u² + (1 − u)²/m a level at the first place, and by 1/m at the last."""
    u, m, squares = 0.4, 8, np.zeros((2, 3))
    for seed in range(20):
        grammar = random_grammar(seed=seed, levels=3, vocabulary=32, synonyms=m, unary_probability=u)
        for last in (0, 1):
            chance = np.eye(32)
            for level, step in enumerate(placement(grammar)):
                chance = chance @ step[last]
                given = chance[:, :32] / chance[:, :32].sum(axis=1, keepdims=True)  # that the place is not blank
                squares[last, level] += float(((given - given.mean(axis=0)) ** 2).mean())
    first, last = squares[:, 1:] / squares[:, :-1]
    np.testing.assert_allclose(first, u**2 + (1 - u) ** 2 / m, rtol=0.05)
    np.testing.assert_allclose(last, 1 / m, rtol=0.1)


def test_rules_are_drawn_uniformly() -> None:
    counts = Counter(
        int(
            random_grammar(seed=k, levels=1, vocabulary=2, synonyms=1, classes=2).productions[0].reshape(-1)
            @ [8, 4, 2, 1]
        )
        for k in range(3000)
    )
    assert len(counts) == 12  # 4 tuples, two of them in order
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


@pytest.mark.parametrize(
    ("tokens", "level", "node"),
    [([[0, 1]], 0, 0), ([[0, 1, 2, 9]], 0, 0), ([[0, 1, 2, -2]], 0, 0), ([[0, 1, 2, 0]], 3, 0), ([[0, 1, 2, 0]], 1, 2)],
)
def test_what_cannot_be_asked(tokens: list[list[int]], level: int, node: int) -> None:
    with pytest.raises(RecipeError, match="expected"):
        grammars.latent_posterior(TINY[0], np.array(tokens), level, node)
