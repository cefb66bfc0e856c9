"""Subtasks of power-law frequency: who falls where, what each is, their forest, files, the law and its curve."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import cKDTree
from scipy.special import zeta

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.families.base import memory_of
from fractalman.families.subtasks.law import seen_exponent
from fractalman.families.subtasks.parts import place
from fractalman.prediction import LEARNERS, law_of
from fractalman.report.tables import recipe_words
from fractalman.theory.subtasks import subtask_probabilities, subtask_risk
from fractalman.trees import Hierarchy
from tests.reference import subtasks as reference

CASCADE = fm.Cascade(n_points=1, ambient_dim=32, hurst=0.5)
SMALL = fm.Subtasks(n_points=600, within=CASCADE, seed=3)
CLUSTERS = SMALL.replace(within=fm.PercolationCluster(n_points=1, ambient_dim=16))
EVERY = [
    SMALL,
    CLUSTERS,
    SMALL.replace(within=fm.PercolationCluster(n_points=1, ambient_dim=16, label="brownian")),
    SMALL.replace(
        within=fm.Cascade(n_points=1, ambient_dim=8, contraction=(0.6, 0.3)), n_subtasks=4, zipf_exponent=0.3
    ),
]


@pytest.mark.parametrize(("alpha", "most"), [(1.0, None), (0.3, 7), (2.5, None)])
def test_points_fall_to_subtasks_with_their_probabilities(alpha: float, most: int | None) -> None:
    recipe = SMALL.replace(n_points=20_000, zipf_exponent=alpha, n_subtasks=most)
    ranks, sizes = recipe.subtask_ranks()
    seen = np.zeros(8, np.int64)
    np.add.at(seen, np.minimum(ranks, 8) - 1, sizes)
    p = recipe.probabilities(np.arange(1, 8))
    chance = np.append(p, max(0.0, 1.0 - p.sum()))
    kept = slice(0, 7 if most else 8)
    assert stats.chisquare(seen[kept], 20_000 * chance[kept] / chance[kept].sum()).pvalue > 1e-4
    other = recipe.replace(zipf_exponent=1.4 * alpha).probabilities(np.arange(1, 8))
    other = np.append(other, max(0.0, 1.0 - other.sum()))[kept]
    assert stats.chisquare(seen[kept], 20_000 * other / other.sum()).pvalue < 1e-6  # the control
    if most is None:
        np.testing.assert_allclose(p, np.arange(1, 8.0) ** -(1 + alpha) / zeta(1 + alpha), rtol=1e-12)


def test_ranks_of_the_kernel_and_of_its_reference_are_equal() -> None:
    for alpha, most in ((1.0, None), (0.1, None), (0.4, 5), (40.0, None)):
        recipe = SMALL.replace(n_points=200, zipf_exponent=alpha, n_subtasks=most)
        slow = [reference.rank(i, recipe.seeds.geometry, alpha, recipe.most) for i in range(200)]
        ranks, sizes = recipe.subtask_ranks()
        np.testing.assert_array_equal(np.sort(np.repeat(ranks, sizes)), np.sort(slow))


@pytest.mark.parametrize(("alpha", "most"), [(0.5, 40), (1.0, 700), (2.0, 1)])
def test_the_risk_is_the_plain_sum_reference(alpha: float, most: int) -> None:
    def within(x: float) -> float:
        return 0.7 / (1.0 + x) ** 0.6

    for n in (0, 1, 7, 90):
        exact = reference.risk(n, alpha, within, 2.0, most)
        ours = subtask_risk(n, alpha, lambda x: np.array([within(float(i)) for i in x]), 2.0, most)[0]
        assert abs(ours / exact - 1.0) < 1e-5


def test_endless_subtasks_are_the_limit_of_many() -> None:
    def within(x: object) -> np.ndarray:
        return 0.5 / np.asarray(x, np.float64) ** 0.7

    endless = subtask_risk([300, 100_000], 1.5, within, 2.0)
    np.testing.assert_allclose(subtask_risk([300, 100_000], 1.5, within, 2.0, 10**9), endless, rtol=1e-6)
    assert (np.abs(subtask_risk([300, 100_000], 1.5, within, 2.0, 100) / endless - 1) > 0.01).all()  # the control
    with pytest.raises(RecipeError, match="alpha > 0"):
        subtask_probabilities([0], 1.0)


@pytest.mark.parametrize("recipe", EVERY)
def test_every_subtask_is_a_dataset_of_its_own(recipe: fm.Subtasks) -> None:
    data = fm.generate(recipe)
    ranks, sizes = recipe.subtask_ranks()
    h, first = data.hierarchy, 0
    assert h is not None
    assert len(ranks) > 3
    np.testing.assert_array_equal(np.bincount(data.cluster), sizes)
    for number, (rank, size) in enumerate(zip(ranks, sizes, strict=True)):
        rows, own = slice(first, first + size), fm.generate(recipe.subtask(int(rank), int(size)))
        d = own.X.shape[1]
        np.testing.assert_array_equal(data.X[rows, :d], own.X)
        np.testing.assert_array_equal(data.X[rows, d:], np.tile(place(recipe, int(rank)).astype(np.float32), (size, 1)))
        np.testing.assert_array_equal(data.y[rows], own.y)
        assert (data.cluster[rows] == number).all()
        if number < 3 and size > 3:
            assert own.hierarchy is not None
            i, j = np.triu_indices(min(size, 40), 1)
            common = h.lowest_common_ancestors(first + i, first + j)
            inside = own.hierarchy.lowest_common_ancestors(i, j)
            for name in ("size", "value", "variance", "depth"):
                np.testing.assert_array_equal(getattr(h, name)[common], getattr(own.hierarchy, name)[inside])
        first += size
    assert h.lowest_common_ancestors(np.array([0]), np.array([first - 1]))[0] == -1
    assert (h.parent < 0).sum() == len(ranks)


def test_subtasks_are_further_apart_than_their_points() -> None:
    for recipe in (SMALL.replace(n_points=3000), CLUSTERS.replace(n_points=3000)):
        data, d = fm.generate(recipe), recipe.within.ambient_dim
        largest = data.X[data.cluster == 0, :d]
        extent = float(np.sqrt(((largest[:300, None] - largest[None, :300]) ** 2).sum(axis=2)).max())
        assert extent < 1.5 * recipe.extent
        codes = np.unique(data.X[:, d:], axis=0)
        assert cKDTree(codes).query(codes, 2)[0][:, 1].min() > extent
        i, j = np.triu_indices(len(codes), 1)
        mean = np.sqrt(((codes[i] - codes[j]) ** 2).sum(axis=1).mean())
        assert abs(mean / (8 * recipe.extent) - 1) < 0.1


@pytest.mark.parametrize("recipe", EVERY)
def test_files_hold_what_generate_returns(tmp_path: Path, recipe: fm.Subtasks) -> None:
    recipe = recipe.replace(noise=0.1, nuisance_dim=2, rotate=True)
    data = fm.generate(recipe)
    path = fm.write(recipe, tmp_path / "a.h5")
    assert fm.verify(path) == []
    with fm.open(path) as file:
        held = file.dataset()
        assert file.recipe == recipe
    for name in ("X", "y", "cluster", "noise"):
        np.testing.assert_array_equal(getattr(held, name), getattr(data, name))
    assert data.hierarchy is not None
    assert data.label_tree is not None
    for name in ("parent", "value", "variance", "size", "depth"):
        np.testing.assert_array_equal(getattr(held.hierarchy, name), getattr(data.hierarchy, name))
    np.testing.assert_array_equal(held.label_tree.leaf, data.label_tree.leaf)
    labels = fm.label_draws(data, 2)
    np.testing.assert_array_equal(labels[:, 0], data.y)
    assert (labels[:, 1] != data.y).mean() > 0.99
    arrays = (data.X, data.y, data.cluster, data.hierarchy.parent, data.label_tree.norm)
    assert memory_of(recipe).array_bytes() >= sum(a.nbytes for a in arrays)
    with pytest.raises(RecipeError, match="shards of subtasks"):
        fm.write_shards(recipe, tmp_path / "b.h5", 2)


def test_subtasks_stay_the_same_problems_when_there_are_more_points() -> None:
    small, large = SMALL, SMALL.replace(n_points=1500)
    few, many = fm.generate(small), fm.generate(large)
    assert small.subtask_ranks()[0][0] == large.subtask_ranks()[0][0] == 1
    n = int((few.cluster == 0).sum())
    np.testing.assert_array_equal(many.X[:n], few.X[:n])
    np.testing.assert_array_equal(many.y[:n], few.y[:n])


NESTED = [
    SMALL.replace(growth="nested"),
    SMALL.replace(growth="nested", zipf_exponent=0.2, n_subtasks=40, target="sign", noise=0.3),
    SMALL.replace(growth="nested", within=fm.PercolationCluster(n_points=1, ambient_dim=5, growth="nested")),
    SMALL.replace(
        growth="nested",
        within=fm.PercolationCluster(n_points=1, ambient_dim=5, growth="nested", label="brownian"),
    ),
]


@pytest.mark.parametrize("recipe", NESTED)
def test_fewer_points_are_the_first_of_more(recipe: fm.Subtasks) -> None:
    """In order of arrival; every subtask is the dataset of its own recipe all the same, and sorted rows do not nest."""
    n, d = recipe.n_points, recipe.within.ambient_dim
    few, many = fm.generate(recipe), fm.generate(recipe.replace(n_points=1500))
    np.testing.assert_array_equal(many.cluster[:n], few.cluster)
    assert not np.array_equal(many.cluster[:n], fm.generate(recipe.replace(n_points=1500, growth="sorted")).cluster[:n])
    slow = [reference.rank(i, recipe.seeds.geometry, recipe.zipf_exponent, recipe.most) for i in range(60)]
    ranks, sizes = recipe.subtask_ranks()
    np.testing.assert_array_equal(ranks[few.cluster[:60]], slow)
    if recipe.addressed:
        np.testing.assert_array_equal(many.X[:n], few.X)
        np.testing.assert_array_equal(many.y[:n], few.y)
    else:
        assert few.edges is not None
        assert many.edges is not None
        np.testing.assert_array_equal(many.edges[: len(few.edges)], few.edges)
        size = np.bincount(many.cluster)[few.cluster]
        factor = (np.bincount(few.cluster)[few.cluster] / size) ** 0.25  # of the step of every cluster's walk
        np.testing.assert_allclose(many.X[:n, :d], few.X[:, :d] * factor[:, None], atol=3e-5)
    assert few.hierarchy is not None
    assert few.label_tree is not None
    for number in range(3):
        rows = np.flatnonzero(few.cluster == number)
        own = fm.generate(recipe.subtask(int(ranks[number]), int(sizes[number])))
        np.testing.assert_array_equal(few.X[rows, :d], own.X)
        values = few.y if few.value is None else few.value
        noise = 0.0 if few.noise is None else few.noise
        np.testing.assert_allclose((values - noise)[rows], own.y, rtol=0, atol=1e-14)
        i, j = np.triu_indices(min(rows.size, 30), 1)
        assert own.hierarchy is not None
        above = few.hierarchy.lowest_common_ancestors(rows[i], rows[j])
        inside = own.hierarchy.lowest_common_ancestors(i, j)
        for name in ("size", "value", "variance", "depth"):
            np.testing.assert_array_equal(
                getattr(few.hierarchy, name)[above], getattr(own.hierarchy, name)[inside], err_msg=name
            )
    assert (
        fm.predict(recipe, "1-nn").law.data_exponent
        == fm.predict(recipe.replace(growth="sorted"), "1-nn").law.data_exponent
    )


@pytest.mark.parametrize("recipe", NESTED)
def test_nested_files_are_those_of_any_block(
    recipe: fm.Subtasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, path = fm.generate(recipe), fm.write(recipe, tmp_path / "whole.h5")
    monkeypatch.setattr("fractalman.generation.columns.IN_MEMORY_BYTES", 0)
    monkeypatch.setattr("fractalman.families.blocks.BLOCK_BYTES", 8192)
    assert fm.write(recipe, tmp_path / "blocks.h5").read_bytes() == path.read_bytes()
    assert fm.verify(path) == []
    with fm.open(path) as file:
        for name in ("X", "y", "cluster"):
            np.testing.assert_array_equal(getattr(file, name)[:], getattr(data, name))
    part = data.subset(np.arange(100))
    np.testing.assert_array_equal(part.X, data.X[:100])
    assert part.y.size == 100
    if not recipe.addressed:
        with pytest.raises(RecipeError, match="shards of subtasks"):
            fm.write_shards(recipe, tmp_path / "index.h5", 3)


@pytest.mark.slow(reason="sixteen shards of few subtasks", only=["2.0"])
@pytest.mark.parametrize("alpha", [0.2, 2.0])
def test_shards_are_the_whole_and_number_their_subtasks_over_all_rows(tmp_path: Path, alpha: float) -> None:
    recipe = NESTED[0].replace(n_points=200, zipf_exponent=alpha)
    data, whole = fm.generate(recipe), fm.write(recipe, tmp_path / "whole.h5")
    for count in (1, 3, 12):
        index = fm.write_shards(recipe, tmp_path / f"{count}.h5", count)
        with fm.open(index) as file, fm.open(whole) as one:
            assert file.provenance.content == one.provenance.content
            np.testing.assert_array_equal(file.cluster[:], data.cluster)
    assert fm.verify(tmp_path / "3.h5") == []
    shards = sorted((tmp_path / "3.h5.shards").iterdir())
    with fm.open(shards[2]) as last:
        np.testing.assert_array_equal(last.cluster[:], data.cluster[133:])
        if alpha < 1.0:
            assert last.cluster[:].max() >= last.n_points  # more subtasks than rows of its own
    assert fm.rebuild(shards[1], tmp_path / "again.h5").read_bytes() == shards[1].read_bytes()
    fm.extend(tmp_path / "3.h5", 350)
    with fm.open(tmp_path / "3.h5") as longer:
        np.testing.assert_array_equal(longer.X[:], fm.generate(recipe.replace(n_points=350)).X)


@pytest.mark.slow(reason="statistics of many label draws")
def test_one_neighbour_follows_its_curve() -> None:
    """Measured by a plain k-d tree over 16 draws; curves of one subtask alone and of another α differ."""
    sizes = (16, 128, 1024)
    for alpha in (0.5, 2.0):
        rows = []
        recipe = SMALL.replace(n_points=2000, zipf_exponent=alpha)
        for seed in range(16):
            data = fm.generate(recipe.replace(seed=100 + seed))
            order = np.random.default_rng(seed).permutation(2000)
            test = order[1024:]
            nearest = [order[:n][cKDTree(data.X[order[:n]]).query(data.X[test])[1]] for n in sizes]
            rows.append([np.mean((data.y[near] - data.y[test]) ** 2) for near in nearest])
        mean, error = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / math.sqrt(16)
        curve = fm.predict(recipe, "1-nn").curve(sizes)
        assert "summed over subtasks" in curve.kind
        assert (np.abs(mean - curve.risk) < 4 * np.hypot(error, curve.standard_error)).all()
        other = fm.predict(recipe.replace(zipf_exponent=alpha + 0.5), "1-nn").curve(sizes).risk
        assert (np.abs(mean - other) > 4 * error)[2]
        one = fm.predict(CASCADE, "1-nn").curve(sizes).risk
        assert (np.abs(mean - one) > 4 * error).all()


@pytest.mark.parametrize("alpha", [0.5, 2.0, 4.0])
def test_the_curve_reaches_the_laws_exponent(alpha: float) -> None:
    recipe = SMALL.replace(zipf_exponent=alpha, n_points=10**7)  # the curve is a sum, nothing is drawn
    law = law_of(recipe, "1-nn")
    assert law.data_exponent == pytest.approx(min(alpha / (1 + alpha), 0.5))
    assert law.model_exponent == pytest.approx(min(alpha, 0.5))
    sizes = [int(1e6), int(4e6)]
    low, high = fm.predict(recipe, "1-nn").curve(sizes).risk
    slope = -math.log(high / low) / math.log(4)
    assert abs(slope - law.data_exponent) < 0.02
    assert abs(slope - max(alpha / (1 + alpha), 0.5)) > 0.05  # the control: the larger of the two


def test_laws_for_every_learner() -> None:
    assert seen_exponent(SMALL) == 0.5
    tie = law_of(SMALL, "1-nn")
    assert tie.data_logarithms == 1.0
    assert law_of(SMALL.replace(zipf_exponent=3.0), "1-nn").log_period == law_of(CASCADE, "1-nn").log_period
    assert law_of(SMALL.replace(zipf_exponent=0.3), "1-nn").log_period is None
    ending = law_of(SMALL.replace(zipf_exponent=0.5, n_subtasks=10_000), "1-nn")
    assert ending.data_exponent == pytest.approx(0.5)
    assert ending.windows[0].exponent == pytest.approx(1 / 3)
    assert not ending.windows[0].empty
    noisy = law_of(SMALL.replace(zipf_exponent=3.0, noise=0.5), "bayes")
    assert noisy.excess_exponent == pytest.approx(law_of(CASCADE.replace(noise=0.5), "bayes").excess_exponent)
    assert law_of(SMALL.replace(zipf_exponent=0.2, noise=0.5), "bayes").excess_exponent == pytest.approx(1 / 6)
    for recipe in EVERY:
        for learner in LEARNERS:
            law = law_of(recipe, learner)
            assert law.reason
            assert law.data_exponent is None or law.data_exponent <= law_of(recipe.within, learner).data_exponent
    assert not fm.predict(CLUSTERS, "1-nn", draws=3).curve([8, 64]).kind.startswith("1-nn summed")
    assert fm.predict(SMALL.replace(target="sign"), "1-nn", draws=3).curve([8, 64]).risk[0] < 0.6


def test_the_floor_is_below_every_learner() -> None:
    recipe = SMALL.replace(n_points=2000)
    floor, neighbour = (fm.predict(recipe, name, draws=4).curve([32, 256]).risk for name in ("bayes", "1-nn"))
    assert (floor < neighbour).all()
    assert (floor > 0.25 * neighbour).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 60), st.floats(0.1, 5.0), st.none() | st.integers(1, 9), st.integers(0, 2**40))
def test_any_subtasks(n: int, alpha: float, most: int | None, seed: int) -> None:
    within = fm.Cascade(n_points=7, ambient_dim=3, seed=9)
    recipe = fm.Subtasks(n_points=n, within=within, zipf_exponent=alpha, n_subtasks=most, seed=seed)
    assert fm.from_dict(recipe.to_dict()) == fm.from_toml(recipe.to_toml()) == recipe
    assert recipe.within == within.replace(n_points=1, seed=0)
    data = fm.generate(recipe)
    assert data.X.shape == (n, 19)
    assert np.isfinite(data.X).all()
    sizes = np.bincount(data.cluster)
    assert (np.diff(sizes) <= 0).all()
    assert sizes.sum() == n
    assert most is None or sizes.size <= most
    h = data.hierarchy
    assert h is not None
    np.testing.assert_array_equal(h.size[h.parent < 0], sizes[data.cluster[_a_point_below(h)]])


def _a_point_below(h: Hierarchy) -> list[int]:
    """A point of every root, in the order of the roots."""
    top = np.arange(h.n_points)
    while (h.parent[top] >= 0).any():
        top = np.where(h.parent[top] >= 0, h.parent[top], top)
    return [int(np.flatnonzero(top == root)[0]) for root in np.flatnonzero(h.parent < 0)]


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (
            {"within": fm.LatticePercolation(dim=2, side=8)},
            "within = lattice-percolation: expected a family of as many points",
        ),
        ({"within": fm.SmoothManifold(n_points=5, field="exact"), "growth": "nested"}, "a family within that is not"),
        ({"within": fm.RandomHierarchyModel(n_points=1), "target": "sign"}, "labels of random-hierarchy-model are sym"),
        ({"within": fm.RandomHierarchyModel(n_points=1), "noise": 0.5}, "labels of random-hierarchy-model are symbols"),
        ({"within": "cascade"}, "expected a recipe"),
        ({"within": {"family": "cascade", "branchin": 3}}, "within.branchin"),
        ({"within": CASCADE.replace(noise=0.5)}, "within has noise"),
        ({"within": CASCADE.replace(target="sign")}, "within has target"),
        ({"growth": "nested", "within": fm.PercolationCluster(n_points=1)}, 'use growth = "nested" within'),
        ({"growth": "coalescent"}, "expected 'sorted' or 'nested'"),
        ({"zipf_exponent": 0.0}, "zipf_exponent"),
        ({"n_subtasks": 0}, "n_subtasks"),
        ({"separation": 1.0}, "separation"),
        ({"identity_dim": 2}, "identity_dim"),
    ],
)
def test_mistakes_are_named(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        SMALL.replace(**keywords)


def test_a_phrase_names_its_dimension() -> None:
    assert "600 points in 48 dimensions" in recipe_words(SMALL)
