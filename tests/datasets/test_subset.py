"""Subsets in memory and in files: rows, trees, floors, provenance, and plain words for what is no choice of points."""

from __future__ import annotations

import functools
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import edited, replace
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

import fractalman as fm
from fractalman import cli, theory
from fractalman.datasets import Dataset, subset
from fractalman.datasets.inspection import check_file
from fractalman.errors import FileFormatError, RecipeError

RECIPES = {
    "cluster": fm.PercolationCluster(n_points=90, ambient_dim=4, seed=1, noise=0.2),
    "brownian": fm.PercolationCluster(n_points=90, ambient_dim=4, label="brownian"),
    "ensemble": fm.PercolationEnsemble(n_points=120, ambient_dim=4, seed=2, label_exponent=0.3),
    "constant": fm.PercolationEnsemble(n_points=90, ambient_dim=4, label="cluster-constant", target="sign"),
    "bethe": fm.BetheLattice(n_points=90, ambient_dim=4, coordination=3, bond_probability=0.4),
    "lattice": fm.LatticePercolation(side=10, dim=2, occupation=0.6, ambient_dim=4),
    "cascade": fm.Cascade(n_points=90, ambient_dim=4, branching=3, nuisance_dim=2, rotate=True),
    "manifold": fm.SmoothManifold(n_points=60, ambient_dim=4, dim=2, hurst=0.5),
    "strings": fm.RandomHierarchyModel(n_points=60),
    "superposed": fm.PercolationCluster(n_points=80, ambient_dim=8, embedding="superposition"),
}


@functools.cache
def data_of(name: str) -> Dataset:
    """Return the dataset of a recipe: made once, and by a process that needs it, not whenever tests are collected."""
    return fm.generate(RECIPES[name])


def columns(data: Dataset) -> dict[str, Any]:
    return subset.dataset_columns(data)


def same(a: Dataset, b: Dataset, without: tuple[str, ...] = ()) -> None:
    left, right = columns(a), columns(b)
    assert left.keys() - set(without) == right.keys() - set(without)
    for name in left.keys() - set(without):
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)
        assert left[name].dtype == right[name].dtype


@pytest.mark.parametrize("name", RECIPES)
def test_all_points_are_the_dataset(name: str) -> None:
    data = data_of(name)
    all_rows = data.subset(np.ones(data.n_points, bool))
    same(data, all_rows, without=("rows",))
    assert all_rows.origin is not None
    assert np.array_equal(all_rows.origin.rows, np.arange(data.n_points))
    assert all_rows.recipe == data.recipe


@examples(40, deadline=None)
@given(name=st.sampled_from(sorted(RECIPES)), seed=st.integers(0, 2**32 - 1), options=st.integers(0, 2))
def test_rows_and_edges_are_those_of_the_whole(name: str, seed: int, options: int) -> None:
    data, rng = data_of(name), np.random.default_rng(seed)
    rows = rng.permutation(data.n_points)[: rng.integers(1, data.n_points + 1)]
    part = data.subset(rows, drop_empty=options == 1, collapse=options == 2)
    for column in ("X", "y", "noise", "value", "tokens"):
        whole = getattr(data, column)
        assert whole is None or np.array_equal(getattr(part, column), whole[rows]), column
    assert np.array_equal(part.clean, data.clean[rows])
    numbers = np.unique(data.cluster[rows])
    assert np.array_equal(numbers[part.cluster], data.cluster[rows])
    if data.edges is not None and part.edges is not None:
        old = {tuple(pair) for pair in data.edges.tolist()}
        assert {tuple(pair) for pair in rows[part.edges].tolist()} == {e for e in old if set(e) <= set(rows.tolist())}
    if data.label_tree is not None and part.label_tree is not None:
        covariance = theory.TreeCovariance(data.label_tree)
        i, j = rng.integers(0, rows.size, (2, 20))
        found = theory.TreeCovariance(part.label_tree).pairs(i, j)
        assert np.allclose(found, covariance.pairs(rows[i], rows[j]), atol=1e-12)
    again = rng.permutation(rows.size)[: rng.integers(1, rows.size + 1)]
    twice, once = part.subset(again), data.subset(rows[again], drop_empty=options == 1)
    trees = tuple(name for name in columns(twice) if "/" in name)  # whose equally large latents have another order
    same(twice, once, without=trees)
    if twice.hierarchy is not None and once.hierarchy is not None and options < 2:
        assert np.array_equal(twice.hierarchy.size, once.hierarchy.size)
        assert np.array_equal(twice.hierarchy.depth[: again.size], once.hierarchy.depth[: again.size])
    assert twice.origin is not None
    assert once.origin is not None
    assert np.array_equal(twice.origin.rows, rows[again])
    assert twice.origin.content == once.origin.content


@pytest.mark.slow(
    reason="every family with every option",
    but=["cluster-all", "cluster-drop", "ensemble-collapse", "cascade-all", "manifold-all", "strings-all",
         "superposed-all"],
)  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"drop_empty": True}, {"collapse": True}], ids=["all", "drop", "collapse"])
@pytest.mark.parametrize("name", RECIPES)
def test_files_hold_what_memory_holds(name: str, options: dict[str, bool], tmp_path: Path) -> None:
    data, rng = data_of(name), np.random.default_rng(5)
    mask = rng.random(data.n_points) < 0.4
    path = fm.write(RECIPES[name], tmp_path / "whole.h5")
    part = data.subset(mask, **options)
    with fm.open(path) as file:
        assert part.origin is not None
        assert part.origin.content == file.provenance.content
        in_memory = file.subset(mask, **options)
        assert isinstance(in_memory, Dataset)
        same(part, in_memory)
        streamed = file.subset(mask, tmp_path / "part.h5", **options)
    assert fm.verify(streamed) == []
    assert fm.write(part, tmp_path / "memory.h5").read_bytes() == Path(str(streamed)).read_bytes()
    with fm.open(tmp_path / "part.h5") as file:
        same(part, file.dataset())
        assert file.recipe == data.recipe
        assert file.info()["subset_of"] == part.origin.content
        inner = file.subset([0, 2, 1])
        assert isinstance(inner, Dataset)
        assert inner.origin is not None
        assert inner.origin.content == part.origin.content
        assert np.array_equal(inner.origin.rows, np.flatnonzero(mask)[[0, 2, 1]])
    fm.write(inner, tmp_path / "inner.h5")
    assert fm.verify(tmp_path / "inner.h5") == []
    with pytest.raises(FileFormatError, match="subset of a subset"):
        fm.rebuild(tmp_path / "inner.h5", tmp_path / "never.h5")
    rebuilt = fm.rebuild(tmp_path / "part.h5", tmp_path / "again.h5")
    assert rebuilt.read_bytes() == Path(str(streamed)).read_bytes()
    with pytest.raises(FileFormatError, match="is a subset: expected a whole"):
        fm.extend(tmp_path / "part.h5", 1000)
    for use in (fm.generate, fm.plan):
        with pytest.raises(RecipeError, match="are a subset"):
            use(tmp_path / "part.h5")


@pytest.mark.parametrize("name", ["cluster", "brownian", "ensemble", "bethe", "cascade"])
def test_floors_are_those_of_the_points(name: str) -> None:
    """Against conditioning the dense covariances of the whole; the subset's trees thinned in every way."""
    data, rng = data_of(name), np.random.default_rng(3)
    assert data.label_tree is not None
    rows = np.sort(rng.permutation(data.n_points)[:50])
    train, test = np.arange(30), np.arange(30, 50)
    full = theory.TreeCovariance(data.label_tree.noisy(data.recipe.noise))
    grid = full.block(rows, rows)
    known, cross = grid[np.ix_(train, train)], grid[np.ix_(test, train)]
    exact = np.diag(grid)[test] - np.einsum("ij,ji->i", cross, np.linalg.solve(known, cross.T))
    for options in ({}, {"drop_empty": True}, {"collapse": True}):
        part = data.subset(rows, **options)
        assert part.label_tree is not None
        tree = part.label_tree.noisy(data.recipe.noise)
        floor = theory.bayes_curve(tree, np.arange(50), [30], test)[0]
        assert np.allclose(floor, exact, rtol=1e-9, atol=1e-12)


def test_predictions_are_about_the_subset() -> None:
    whole = fm.generate(fm.PercolationEnsemble(n_points=600, ambient_dim=16, ensemble="size-biased", seed=3))
    large, random = whole.subset(min_cluster=100), whole.subset(np.arange(0, 600, 3))
    assert 0 < large.n_points < 600
    risk = {name: fm.predict(data, "bayes").floor([40]).risk[0] for name, data in (("l", large), ("w", whole))}
    assert risk["l"] < 0.9 * risk["w"]  # without small clusters less is unseen
    prediction = fm.predict(random, "1-nn")
    assert prediction.data_exponent is None
    assert "random sample" in str(prediction.law.nearest)
    field = data_of("manifold")
    same_risk = [fm.predict(data, "bayes", draws=3).floor([20]).risk[0] for data in (field, field.subset(range(60)))]
    assert same_risk[0] == same_risk[1]


@pytest.mark.parametrize("name", ["ensemble", "manifold", "constant"])
def test_labels_are_drawn_with_the_subset_s_law(name: str) -> None:
    data = data_of(name)
    rows = np.array([3, 50, 4, 20])
    part = data.subset(rows, collapse=True)
    labels = fm.label_draws(part, 5 if name == "manifold" else 4000)
    assert np.array_equal(labels[:, 0], part.y)
    if name == "manifold":
        assert np.array_equal(labels, fm.label_draws(data, 5)[rows])
        return
    if name == "constant":
        assert set(np.unique(labels)) == {0.0, 1.0}
        return
    assert data.label_tree is not None
    full = theory.TreeCovariance(data.label_tree)
    expected = full.block(rows, rows)
    found = np.cov(labels[:, 1:])
    assert np.abs(found - expected).max() < 0.12
    assert np.abs(found - np.eye(4)).max() > 0.12  # control: independent labels would be told apart


def test_clusters_are_chosen_by_their_size_in_the_whole() -> None:
    data = data_of("ensemble")
    size = np.bincount(data.cluster)[data.cluster]
    part = data.subset(min_cluster=2, max_cluster=20)
    assert part.origin is not None
    assert np.array_equal(part.origin.rows, np.flatnonzero((size >= 2) & (size <= 20)))
    both = data.subset(np.arange(119, -1, -1), max_cluster=1)
    assert both.origin is not None
    assert np.array_equal(both.origin.rows, np.flatnonzero(size == 1)[::-1])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "no points are chosen"),
    ({"rows": np.zeros(120, bool)}, "no point is chosen"),
    ({"rows": []}, "no point is chosen"),
    ({"rows": np.ones(119, bool)}, "a mask of 119 values: expected 120"),
    ({"rows": [0, 120]}, "rows name 120: expected 0 to 119"),
    ({"rows": [-1]}, "rows name -1: expected 0 to 119"),
    ({"rows": [4, 5, 4]}, "rows name 4 twice"),
    ({"rows": [0.0, 1.0]}, "rows of type float64"),
    ({"rows": np.zeros((2, 2), int)}, "expected one axis"),
    ({"rows": "first"}, "expected a mask, row numbers or a slice"),
    ({"min_cluster": 0}, "min_cluster = 0: expected a number of points from 1 up"),
    ({"max_cluster": True}, "max_cluster = True"),
    ({"min_cluster": 3, "max_cluster": 2}, "min_cluster <= max_cluster"),
    ({"min_cluster": 5000, "max_cluster": 9999}, "no cluster has 5000 to 9999 points"),
    ({"rows": [1], "drop_empty": 1}, "drop_empty = 1: expected true or false"),
]


@pytest.mark.parametrize(("keywords", "words"), WRONG)
def test_what_is_no_choice_is_refused(keywords: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=words):
        data_of("ensemble").subset(**keywords)
    path = fm.write(RECIPES["ensemble"], tmp_path / "whole.h5")
    with fm.open(path) as file, pytest.raises(RecipeError, match=words):
        file.subset(path=tmp_path / "part.h5", **keywords)
    assert not (tmp_path / "part.h5").exists()


def test_a_file_is_not_written_over_by_what_is_made_of_it(tmp_path: Path) -> None:
    path = fm.write(RECIPES["ensemble"], tmp_path / "whole.h5")
    before, other = path.read_bytes(), tmp_path / "link.h5"
    other.symlink_to(path)
    for name in (path, other, tmp_path / "." / "whole.h5"):
        with fm.open(path) as file:
            with pytest.raises(RecipeError, match="is the file that is read"):
                file.subset([1, 2], name, overwrite=True)
            with pytest.raises(RecipeError, match="is the file that is read"):
                fm.explore(file, name, overwrite=True)
        with pytest.raises(RecipeError, match="is the file that is read"):
            fm.explore(str(path), name, overwrite=True)
    assert path.read_bytes() == before


def test_memory_is_that_of_a_block_and_of_the_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subset, "READ_BYTES", 1 << 20)
    n, d = 20_000, 400
    path = fm.write(fm.PercolationCluster(n_points=n, ambient_dim=d), tmp_path / "whole.h5")
    rows = np.arange(0, n, 2)
    with fm.open(path) as file:
        file.subset(rows[:10], tmp_path / "warm.h5")
        tracemalloc.start()
        file.subset(rows, tmp_path / "part.h5", collapse=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 200 * 2 * n + 16 * (1 << 20)  # of X's 16 MB half are written; trees of 2n nodes
    assert list(check_file(tmp_path / "part.h5")) == []


def test_damaged_rows_are_noticed(tmp_path: Path) -> None:
    part = data_of("cluster").subset(np.arange(5, 60))
    for number, place in enumerate((0, 30, 54)):
        path = fm.write(part, tmp_path / f"{number}.h5")
        with edited(path) as handle:
            handle["rows"][place] += 1
        assert "rows" in {problem.path for problem in fm.verify(path)}
        with fm.open(path) as file, pytest.raises(fm.errors.CorruptFileError, match="rows"):
            _ = file.origin
    replace(path, "rows", np.arange(55, dtype=np.int32))
    with pytest.raises(fm.errors.CorruptFileError, match="rows: has type"):
        fm.open(path)
    with edited(path) as handle:
        del handle["rows"]
    assert "rows" in {problem.path for problem in fm.verify(path)}


def test_the_command_writes_subsets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = str(fm.write(RECIPES["ensemble"], tmp_path / "whole.h5"))
    np.save(tmp_path / "rows.npy", np.array([5, 3, 99]))
    wanted = {"::2": np.arange(0, 120, 2), ":10": np.arange(10), str(tmp_path / "rows.npy"): np.array([5, 3, 99])}
    for k, (typed, rows) in enumerate(wanted.items()):
        out = tmp_path / f"{k}.h5"
        assert cli.main(["subset", whole, "-o", str(out), "--rows", typed]) == 0
        assert fm.verify(out) == []
        with fm.open(out) as file:
            same(file.dataset(), data_of("ensemble").subset(rows))
    assert cli.main(["subset", whole, "-o", str(tmp_path / "c.h5"), "--min-cluster", "4", "--collapse"]) == 0
    with fm.open(tmp_path / "c.h5") as file:
        same(file.dataset(), data_of("ensemble").subset(min_cluster=4, collapse=True))
    for words in ([], ["--rows", "1:2:0"], ["--rows", "three"], ["--rows", "gone.npy"], ["--rows", "500:"]):
        capsys.readouterr()
        assert cli.main(["subset", whole, "-o", str(tmp_path / "no.h5"), *words]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "no.h5").exists()


def test_slices_and_what_is_said_of_bounds() -> None:
    data = fm.generate(fm.PercolationEnsemble(n_points=200, ambient_dim=4, seed=2))
    np.testing.assert_array_equal(data.subset(slice(0, None, 3)).X, data.subset(np.arange(0, 200, 3)).X)
    np.testing.assert_array_equal(data.subset(slice(-5, None)).y, data.y[-5:])
    for wrong, said in (
        (slice("a"), "expected integers in a slice"), (slice(0, 9, 0), "expected integers in a slice"),
        ("::2", r"use e\.g\. slice"), (slice(5, 5), "no point is chosen"),
    ):  # fmt: skip
        with pytest.raises(RecipeError, match=said):
            data.subset(wrong)
    with pytest.raises(RecipeError, match="no cluster has 1000 points or more: the smallest has"):
        data.subset(min_cluster=1000)
