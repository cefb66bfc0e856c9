"""The Random Hierarchy Model: laws by enumeration, addresses, files, posteriors, the hierarchy of shared symbols."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from damage import problems, replace
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import fractalman as fm
from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.families._strings.encodings import token_vectors
from fractalman.families.base import memory_of
from fractalman.families.laws import KINDS
from fractalman.families.random_hierarchy.law import learned_at, threshold
from fractalman.learners.registry import learner_class
from fractalman.prediction import LEARNERS, law_of
from fractalman.theory.grammars import number_of_data, number_of_parses, rare_rules_window, zipf_probabilities
from tests.reference import grammars as reference

TINY = fm.RandomHierarchyModel(
    n_points=20_000, levels=2, vocabulary=3, synonyms=2, classes=2, encoding="tokens", seed=4
)
UNEVEN = TINY.replace(synonyms=3, classes=3, zipf_exponent=0.5)
AMBIGUOUS = TINY.replace(ambiguous=True, synonyms=3, seed=5)
UNBALANCED = TINY.replace(levels=3, vocabulary=2, synonyms=1, unary_probability=0.3)
SMALL = fm.RandomHierarchyModel(n_points=300, seed=1)


def joint_law(recipe: fm.RandomHierarchyModel) -> dict[tuple[float, tuple[int, ...]], float]:
    """Every (label, string) with its probability, by enumeration."""
    law: Counter[tuple[float, tuple[int, ...]]] = Counter()
    for p, levels in reference.all_derivations(recipe.grammar):
        law[(float(levels[recipe.target_level][recipe.node]), levels[-1])] += p
    return law


@pytest.mark.parametrize(
    "recipe", [TINY, UNEVEN, AMBIGUOUS, UNEVEN.replace(target=1, node=1), UNBALANCED.replace(target=2, node=1)]
)
def test_labels_and_strings_have_the_law_of_the_grammar(recipe: fm.RandomHierarchyModel) -> None:
    data, law = fm.generate(recipe), joint_law(recipe)
    assert data.tokens is not None
    seen = Counter(zip(data.y.tolist(), map(tuple, data.tokens.tolist()), strict=True))
    assert set(seen) <= set(law)
    found = np.array([seen[key] for key in law])
    assert stats.chisquare(found, [recipe.n_points * p for p in law.values()]).pvalue > 1e-4
    changed = {"unary_probability": 0.35} if recipe.unary_probability else {"zipf_exponent": 2.0}
    other = joint_law(recipe.replace(**changed))  # control: the same rules, taken with other probabilities
    assert set(other) == set(law)
    assert stats.chisquare(found, [recipe.n_points * other[key] for key in law]).pvalue < 1e-6


@pytest.mark.slow(reason="all strings of a language are enumerated", but=["recipe0", "recipe2"])
@pytest.mark.parametrize(
    "recipe",
    [TINY, UNEVEN, AMBIGUOUS, AMBIGUOUS.replace(target=1, node=1), UNBALANCED, UNBALANCED.replace(ambiguous=True)],
)
def test_the_posterior_is_that_of_enumeration(recipe: fm.RandomHierarchyModel) -> None:
    data, law = fm.generate(recipe.replace(n_points=60)), joint_law(recipe)
    assert data.tokens is not None
    chance = fm.theory.posterior(data)
    assert chance.shape == (60, recipe.target_classes)
    for row, string in enumerate(map(tuple, data.tokens.tolist())):
        weight = np.array([law.get((float(c), string), 0.0) for c in range(recipe.target_classes)])
        np.testing.assert_allclose(chance[row], weight / weight.sum(), atol=1e-12)
    np.testing.assert_array_equal(fm.theory.posterior(data, [5, 2]), chance[[5, 2]])
    if not recipe.ambiguous and recipe.target_level == 0:
        np.testing.assert_array_equal(chance.argmax(axis=1), data.y)
        np.testing.assert_array_equal(number_of_parses(recipe.grammar, data.tokens), 1)
    else:
        assert chance.max(axis=1).min() < 0.99  # a control: there are strings that do not decide their label
    for rows, message in (([60], "expected 0 to 59"), ([-1], "expected 0 to 59"), ([0.5], "expected integers")):
        with pytest.raises(RecipeError, match=message):
            fm.theory.posterior(data, rows)
    with pytest.raises(RecipeError, match="random-hierarchy-model"):
        fm.theory.posterior(fm.generate(fm.Cascade(n_points=10, ambient_dim=3)), [0])


def test_label_draws_follow_the_posterior() -> None:
    """Given its string a label drawn again has the posterior's law: 1[y = 1] − p is uncorrelated with p."""
    data = fm.generate(AMBIGUOUS.replace(n_points=5000))
    p = fm.theory.posterior(data)[:, 1]
    labels = fm.label_draws(data, 3)

    def z(column: F64) -> float:
        return float(((column - p) * (p - 0.4)).sum() / math.sqrt((p * (1.0 - p) * (p - 0.4) ** 2).sum()))

    assert (p * (1.0 - p)).max() > 0.0
    assert all(abs(z(column)) < 4.0 for column in labels.T)
    assert abs(z(np.random.default_rng(0).permutation(labels[:, 1]))) > 10.0  # control: the same labels elsewhere
    assert (labels[:, 1] != labels[:, 2]).any()
    same = fm.label_draws(fm.generate(SMALL), 2)
    np.testing.assert_array_equal(same[:, 0], same[:, 1])


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 3), st.integers(2, 6), st.integers(1, 3), st.integers(2, 3), st.integers(1, 4), st.integers(0, 2**40)
)
def test_any_grammar(levels: int, vocabulary: int, synonyms: int, branching: int, classes: int, seed: int) -> None:
    keywords = {"levels": levels, "vocabulary": vocabulary, "synonyms": synonyms, "branching": branching}
    if max(classes, vocabulary if levels > 1 else 1) * synonyms > vocabulary**branching:
        with pytest.raises(RecipeError, match="different tuples"):
            fm.RandomHierarchyModel(n_points=10, classes=classes, seed=seed, **keywords)
        return
    recipe = fm.RandomHierarchyModel(n_points=40, classes=classes, seed=seed, **keywords)
    assert fm.from_dict(recipe.to_dict()) == fm.from_toml(recipe.to_toml()) == recipe
    data = fm.generate(recipe)
    assert data.tokens is not None
    assert data.hierarchy is not None
    assert data.X.shape == (40, vocabulary * branching**levels) == (40, recipe.ambient_dim)
    np.testing.assert_array_equal(data.X.reshape(40, -1, vocabulary).argmax(axis=2), data.tokens)
    np.testing.assert_array_equal(data.X.reshape(40, -1, vocabulary).sum(axis=2), 1.0)
    np.testing.assert_array_equal(fm.theory.posterior(data).argmax(axis=1), data.y)
    part = recipe.derivations([7, 31])
    np.testing.assert_array_equal(part.tokens, data.tokens[[7, 31]])
    assert len(np.unique(data.tokens, axis=0)) <= number_of_data(classes, synonyms, branching, levels)


@pytest.mark.parametrize(
    "recipe",
    [
        SMALL,
        AMBIGUOUS.replace(n_points=300),
        SMALL.replace(branching=4, levels=2),
        SMALL.replace(unary_probability=0.4, branching=3),
    ],
)
def test_nodes_of_a_level_hold_the_strings_that_share_their_symbols(recipe: fm.RandomHierarchyModel) -> None:
    data, derived = fm.generate(recipe), recipe.derivations(range(recipe.n_points))
    h = data.hierarchy
    assert h is not None
    assert h.level is not None
    assert data.label_tree is None
    assert not h.value.any()
    assert set(h.level[: recipe.n_points]) == {recipe.levels + 1}
    shared = np.full((recipe.n_points, recipe.n_points), 0)
    same = np.full(shared.shape, True)
    for level in range(recipe.levels + 1):  # slowly: how many levels of symbols every pair has in common
        symbols = derived.level(level)
        same &= (symbols[:, None] == symbols[None]).all(axis=2)
        shared[same] = level + 1
    i, j = np.triu_indices(recipe.n_points, 1)
    common = h.lowest_common_ancestors(i, j)
    np.testing.assert_array_equal(h.level[common], shared[i, j])
    assert len(set(shared[i, j].tolist())) > 2


def test_trees_that_are_not_balanced_keep_the_rules_and_leave_others_as_they_were() -> None:
    """Blanks follow a symbol that was passed down; rules are those of regular trees, and one more for every symbol."""
    unbalanced = SMALL.replace(unary_probability=0.4)
    for level, (own, old) in enumerate(zip(unbalanced.grammar.productions, SMALL.grammar.productions, strict=True)):
        np.testing.assert_array_equal(own[: len(old), : old.shape[1]], old)
        assert own.shape[1] == old.shape[1] + (level > 0)
    assert "unary_probability" not in SMALL.to_dict()
    derived = unbalanced.derivations(range(300))
    for level in (1, 2):
        above, below = derived.level(level), derived.level(level + 1).reshape(300, -1, 2)
        blank = above == 8
        assert (below[blank] == 8).all()
        passed = below[..., 1] == 8
        np.testing.assert_array_equal(below[..., 0][passed], above[passed])
        assert 0.3 < passed[~blank].mean() < 0.5
    blocks = fm.generate(unbalanced).X.reshape(300, 8, 9)
    np.testing.assert_array_equal(blocks.argmax(axis=2), derived.tokens)
    view = fm.exchange_synonyms(unbalanced, 1)
    np.testing.assert_array_equal(view.X.reshape(300, 8, 9).argmax(axis=2), view.tokens)
    assert ((view.tokens == 8) != (derived.tokens == 8)).any()
    assert set(fm.generate(unbalanced.replace(target=2, node=3)).y.tolist()) == set(range(9))


def test_points_do_not_depend_on_how_many_there_are_or_on_what_is_asked_of_them() -> None:
    small, large = fm.generate(SMALL), fm.generate(SMALL.replace(n_points=700))
    np.testing.assert_array_equal(large.X[:300], small.X)
    np.testing.assert_array_equal(large.tokens[:300], small.tokens)  # type: ignore[index]
    other = fm.generate(SMALL.replace(target=2, node=3))
    np.testing.assert_array_equal(other.X, small.X)
    np.testing.assert_array_equal(other.y, SMALL.derivations(range(300)).level(2)[:, 3])
    rules = fm.generate(SMALL.replace(seed=fm.Seeds(geometry=2, embedding=1, labels=1)))
    np.testing.assert_array_equal(rules.y, small.y)  # classes come from the label seed, the rules do not touch them
    assert (rules.X != small.X).any()
    vectors = fm.generate(SMALL.replace(encoding="embedding", embedding_dim=5))
    assert small.tokens is not None
    np.testing.assert_array_equal(vectors.X.reshape(300, 8, 5), token_vectors(8, 5, 1)[small.tokens])
    np.testing.assert_array_equal(fm.generate(SMALL.replace(encoding="tokens")).X, small.tokens)


@pytest.mark.parametrize(
    "recipe",
    [SMALL, AMBIGUOUS.replace(n_points=200, nuisance_dim=2, rotate=True, target=1, unary_probability=0.3)],
)
def test_files_hold_what_generate_returns(tmp_path: Path, recipe: fm.RandomHierarchyModel) -> None:
    data = fm.generate(recipe)
    path = fm.write(recipe, tmp_path / "a.h5")
    assert fm.verify(path) == []
    with fm.open(path) as file:
        held = file.dataset()
        content = file.provenance.content
        np.testing.assert_array_equal(fm.theory.posterior(file, [3]), fm.theory.posterior(data, [3]))
    for name in ("X", "y", "cluster", "tokens"):
        np.testing.assert_array_equal(getattr(held, name), getattr(data, name))
    for name in ("parent", "value", "variance", "size", "depth", "level"):
        np.testing.assert_array_equal(getattr(held.hierarchy, name), getattr(data.hierarchy, name))
    assert held.label_tree is None
    with fm.open(fm.rebuild(path, tmp_path / "b.h5")) as file:
        assert file.provenance.content == content
    assert fm.verify(fm.write_shards(recipe, tmp_path / "c.h5", 3)) == []
    with fm.open(tmp_path / "c.h5") as file:
        np.testing.assert_array_equal(file.dataset().tokens, data.tokens)
    with fm.open(fm.write(recipe, tmp_path / "d.h5", hierarchy=False)) as file:
        assert file.hierarchy is None
    assert memory_of(recipe).array_bytes() >= sum(a.nbytes for a in (data.X, data.y, data.cluster, data.tokens))


def test_damaged_strings_are_noticed(tmp_path: Path) -> None:
    path = fm.write(SMALL, tmp_path / "a.h5")
    with fm.open(path) as file:
        tokens, y = file.columns["tokens"][:], file.y[:]
    for column, wrong, message in (
        ("tokens", np.where(np.arange(8) == 2, -1, tokens).astype(np.int32), "≥ 0"),
        ("tokens", tokens.astype(np.int64), "expected <i4"),
        ("tokens", tokens[:-1], "expected (300, 8)"),
        ("tokens", tokens ^ 1, "digest"),
        ("y", y + 0.5, "number of a symbol"),
    ):
        copy = tmp_path / "b.h5"
        copy.write_bytes(path.read_bytes())
        replace(copy, column, wrong)
        assert message in problems(copy)[column]


def test_a_tree_without_a_label_tree_is_refused_where_there_are_no_tokens() -> None:
    from fractalman.datasets.spec import structure_problems

    data = fm.generate(SMALL)
    assert data.hierarchy is not None
    assert data.tokens is not None
    found = {"X": ("<f4", data.X.shape), "y": ("<f8", (300,)), "cluster": ("<i8", (300,))}
    for name in ("parent", "value", "variance", "size", "depth"):
        column = getattr(data.hierarchy, name)
        found[f"hierarchy/{name}"] = (column.dtype.str, column.shape)
    assert [p.path for p in structure_problems(found)[1]] == [
        f"label_tree/{name}" for name in ("parent", "value", "variance", "norm", "leaf")
    ]
    assert structure_problems({**found, "tokens": ("<i4", (300, 8))})[1] == []


@pytest.mark.parametrize(
    "recipe",
    [
        SMALL,
        SMALL.replace(zipf_exponent=1.0, unary_probability=0.2),
        SMALL.replace(ambiguous=True, target=1, zipf_exponent=1.0),
    ],
)
def test_every_learner_has_a_law_or_a_reason(recipe: fm.RandomHierarchyModel) -> None:
    for learner in (*LEARNERS, "5-nn"):
        prediction = fm.predict(recipe, learner)
        law = law_of(recipe, learner)
        assert all([law.name, law.statement, law.source, law.evidence, law.reason, law.domain, law.nearest])
        assert law.data_exponent is None
        assert prediction.why()
        assert not prediction.has_floor
        assert prediction.has_curve == (
            learner not in ("bayes", "mlp", "gradient-boosting", "transformer", "convolution")
        )
        if prediction.has_curve:
            continue
        with pytest.raises(RecipeError, match=r"are classes, and no theory|use theory\.posterior where"):
            prediction.curve([10])
    assert set(KINDS) == {"local", "kernel", "linear", "trees", "network", "counts", "floor"}
    with pytest.raises(RecipeError, match="a plan takes labels that are values"):
        fm.plan(recipe)


def test_the_sizes_of_the_law() -> None:
    assert threshold(SMALL) == 8 * 4**3
    assert threshold(SMALL.replace(target=1)) == 8 * 4**2
    unbalanced = law_of(SMALL.replace(unary_probability=0.25), "mlp")
    assert "needs 910.2" in (unbalanced.nearest or "")  # 512/(3/4)^2
    assert unbalanced.windows == ()
    network = learner_class("mlp").properties
    [named] = learned_at(SMALL, network, "0-1")
    assert (named.size, named.symbol, named.distinct) == (512.0, "n_c·m^3", 131072.0)
    assert learned_at(SMALL.replace(unary_probability=0.25), network, "0-1") == ()
    assert learned_at(SMALL, network, "cross-entropy") == ()
    few = law_of(SMALL.replace(zipf_exponent=1.0), "mlp").windows
    assert [window.exponent for window in few] == [None]  # four productions have no range of ranks
    many = SMALL.replace(vocabulary=64, synonyms=64, zipf_exponent=2.0)
    window = law_of(many, "mlp").windows[1]
    assert (window.low, window.high) == pytest.approx(tuple(8 * 64**2 * x for x in rare_rules_window(64, 2.0)))
    assert window.high > 50 * window.low


@pytest.mark.parametrize(("a", "m"), [(0.5, 4096), (1.0, 512), (1.0, 65536), (2.0, 64), (4.0, 512)])
def test_the_mass_of_rare_rules_is_a_power_inside_its_window_only(a: float, m: int) -> None:
    chance = zipf_probabilities(m, a)

    def slope(x: float) -> float:
        left = [float((chance * np.exp(-chance * place)).sum()) for place in (x / 1.1, x * 1.1)]
        return -math.log(left[1] / left[0]) / math.log(1.21)

    low, high = rare_rules_window(m, a)
    exponent = a / (1 + a)
    assert all(abs(slope(x) / exponent - 1) < 0.15 for x in np.geomspace(low, high, 20))
    assert slope(30 * high) > 1.15 * exponent  # control: beyond it is none


def test_rules_not_met_are_as_many_as_counted() -> None:
    """The share of new strings whose class and production were not among n others is Σ p (1 − p)^n."""
    recipe = fm.RandomHierarchyModel(
        n_points=40_000, levels=1, vocabulary=64, synonyms=512, classes=2, zipf_exponent=1.0, encoding="tokens", seed=3
    )
    pairs = recipe.derivations(range(recipe.n_points)).tokens.astype(np.int64) @ np.array([64, 1])
    chance = np.tile(zipf_probabilities(512, 1.0) / 2, 2)
    for n in (32, 256, 2048):
        blocks = pairs[: 40_000 // (2 * n) * 2 * n].reshape(-1, 2, n)
        unseen = np.array([np.mean(~np.isin(new, old)) for old, new in blocks])
        error = max(unseen.std(ddof=1) / math.sqrt(len(unseen)), 1e-9)
        exact = float((chance * (1 - chance) ** n).sum())
        assert abs(unseen.mean() - exact) < 4 * error
        assert abs(unseen.mean() - (1 - 1 / 1024) ** n) > 10 * error  # control: equally likely productions


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"target": "clas"}, "expected 'class' or a level"),
        ({"target": 4}, "a level from 0 to 3"),
        ({"node": 1}, "expected 0 to 0"),
        ({"synonyms": 9}, "use fewer synonyms"),
        ({"noise": 0.5}, "labels are classes"),
        ({"threshold": 0.5}, "labels are classes"),
        ({"levels": 14, "branching": 3}, "use fewer levels"),
        ({"vocabulary": 1 << 20, "branching": 4}, "2\\^62"),
        ({"vocabulary": 1 << 20, "synonyms": 16}, "productions of a level"),
        ({"encoding": "onehot"}, "did you mean"),
        ({"unary_probability": 1.0}, "0 <= unary_probability < 1"),
        ({"unary_probability": 0.1, "levels": 1}, "use more levels"),
        ({"levels": 0, "vocabulary": 1}, "levels = 0.*vocabulary = 1"),
    ],
)
def test_mistakes_are_named(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        SMALL.replace(**keywords)


@pytest.mark.parametrize(
    ("n", "classes", "synonyms"), [(0, 2, 2), (1, 2, 2), (2, 2, 2), (3, 2, 2), (2, 3, 1), (2, 4, 1), (2, 2, 1)]
)
def test_the_risk_of_who_is_not_told_the_rules_is_that_of_all_draws_of_rules(
    n: int, classes: int, synonyms: int
) -> None:
    """Strings of one level and four tuples: summed over all rules, training strings and further strings."""
    slots = [c for c in range(classes) for _ in range(synonyms)] + [-1] * (4 - classes * synonyms)
    rules = sorted(set(itertools.permutations(slots)))
    joint: dict[object, list[float]] = {}
    for drawn in rules:
        strings = [(tuple_, c) for tuple_, c in enumerate(drawn) if c >= 0]
        for seen in itertools.product(strings, repeat=n):
            for tuple_, c in strings:
                joint.setdefault((seen, tuple_), [0.0] * classes)[c] += 1.0 / (len(rules) * len(strings) ** (n + 1))
    expected = 1.0 - sum(max(chances) for chances in joint.values())
    found = fm.theory.grammars.unknown_rules_risk(n, classes=classes, synonyms=synonyms)
    assert found == pytest.approx(expected, abs=1e-12)
