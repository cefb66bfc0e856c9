"""Lattice percolation as recipes and datasets: checks at birth, columns, files, golden digests, a sweep."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fractalman as fm
from fractalman import _memory
from fractalman.errors import RecipeError, ResourceError
from fractalman.families import _forests as forests
from fractalman.families.base import memory_of
from fractalman.families.lattice_percolation.box import Lattice, shortest_path_forest
from fractalman.trees import depths, path_sums
from tests.reference.distances import distances_from

# ---------------------------------------------------------------------------------------------------- recipes

RECIPES = {
    f"{percolation}-{boundary}-{clusters}-{label}": fm.LatticePercolation(
        dim=2,
        side=13,
        percolation=percolation,
        boundary=boundary,
        clusters=clusters,
        label=label,
        ambient_dim=6,
        seed=5,
    )
    for percolation, boundary, clusters, label in itertools.product(
        ("site", "bond"), ("free", "periodic"), ("largest", "all"), ("hierarchical", "brownian", "cluster-constant")
    )
    if (clusters, label) != ("largest", "cluster-constant")
}
lattices = st.builds(
    fm.LatticePercolation,
    dim=st.integers(2, 7),
    side=st.integers(3, 50),
    percolation=st.sampled_from(["site", "bond"]),
    occupation=st.none() | st.floats(0.001, 1.0),
    boundary=st.sampled_from(["free", "periodic"]),
    clusters=st.just("all"),
    ambient_dim=st.integers(14, 300),
    label=st.sampled_from(["hierarchical", "brownian", "cluster-constant"]),
    seed=st.integers(0, 2**63 - 1),
)


@given(lattices)
def test_recipes_come_back(recipe: fm.LatticePercolation) -> None:
    assert fm.from_dict(recipe.to_dict()) == recipe
    assert fm.from_toml(recipe.to_toml()) == recipe
    assert "n_points" not in recipe.to_dict()
    assert recipe.n_points is None
    assert (
        memory_of(recipe).peak_bytes() > memory_of(recipe).array_bytes() >= 4 * recipe.max_points * recipe.ambient_dim
    )
    assert recipe.smaller(2000).side <= recipe.side


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"dim": 1, "side": 5}, ["dim = 1", "from 2 to 7"]),
        ({"dim": 8, "side": 5}, ["dim = 8"]),
        ({"dim": 2, "side": 1}, ["side = 1"]),
        ({"dim": 7, "side": 1000}, ["side = 1000", "sites"]),
        ({"dim": 2, "side": 2, "boundary": "periodic"}, ["side = 3 or more"]),
        ({"dim": 3, "side": 5, "ambient_dim": 2}, ["ambient_dim = 3 or more"]),
        ({"dim": 3, "side": 5, "ambient_dim": 5, "boundary": "periodic"}, ["ambient_dim = 6 or more"]),
        ({"dim": 2, "side": 5, "occupation": 0.0}, ["occupation = 0.0"]),
        ({"dim": 2, "side": 5, "occupation": 1.1}, ["occupation = 1.1"]),
        ({"dim": 2, "side": 5, "percolation": "sites"}, ["'site'"]),
        ({"dim": 2, "side": 5, "label": "cluster-constant"}, ['clusters = "all"']),
        ({"dim": 2, "side": 5, "label": "brownian", "label_exponent": 0.5}, ["label_exponent"]),
        ({"dim": 2, "side": 5, "n_points": 7}, ["unknown key recipe.n_points"]),
        ({"dim": 2}, ["missing key recipe.side"]),
    ],
)
def test_mistakes_are_named(table: dict[str, object], words: list[str]) -> None:
    with pytest.raises(RecipeError) as error:
        fm.from_dict({"family": "lattice-percolation", **table})
    for word in words:
        assert word in str(error.value)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ResourceError, match="smaller side"):
        fm.generate(fm.LatticePercolation(dim=3, side=8000))
    with pytest.raises(RecipeError, match="none of 4 sites is occupied"):
        fm.generate(fm.LatticePercolation(dim=2, side=2, occupation=1e-9))


def test_a_box_whose_largest_cluster_fits_is_not_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = fm.LatticePercolation(dim=3, side=60, ambient_dim=32, seed=2)
    n = fm.generate(recipe).n_points
    assert n < recipe.max_points / 10
    need, start = memory_of(recipe).draw_bytes(n), memory_of(recipe).start_bytes()
    assert start is not None
    assert start < need < need + memory_of(recipe).coordinate_bytes(n) < memory_of(recipe).peak_bytes()
    monkeypatch.setattr(_memory, "available_bytes", lambda: need)
    fm.generate(recipe)
    fm.write(recipe, tmp_path / "box.h5")
    for available, words in (
        (need - 1, f"trees of the {n:,} points that this recipe drew need {need:,} bytes .* use a smaller side"),
        (start - 1, f"needs {start:,} bytes at once .* use a smaller side"),
    ):
        monkeypatch.setattr(_memory, "available_bytes", lambda available=available: available)
        with pytest.raises(ResourceError, match=words):
            fm.generate(recipe)
    wide = recipe.replace(ambient_dim=60_000)  # its trees fit, its coordinates don't
    monkeypatch.setattr(_memory, "available_bytes", lambda: need)
    with pytest.raises(ResourceError, match=f"coordinates of {n:,} points need .* or write the recipe to a file"):
        fm.generate(wide)
    with pytest.raises(ResourceError):  # all clusters are known to be too many before the draw
        fm.generate(recipe.replace(clusters="all"))
    huge = memory_of(fm.LatticePercolation(dim=3, side=1024)).start_bytes()
    assert huge is not None
    assert huge < 1 << 30
    added = recipe.replace(noise=0.1, nuisance_dim=3, rotate=True)
    assert (
        memory_of(added).coordinate_bytes(n) == memory_of(recipe).coordinate_bytes(n) + (4 * 3 + 4 * 32) * n + 8 * 35**2
    )


@pytest.mark.parametrize("name", RECIPES)
def test_sizes_are_bounded_before_the_draw(name: str) -> None:
    recipe = RECIPES[name]
    for seed in range(20):
        data = fm.generate(recipe.replace(seed=seed, side=7))
        h, t = data.hierarchy, data.label_tree
        assert data.n_points <= recipe.max_points
        columns = [data.X, data.y, data.cluster, data.edges, h.parent, h.value, h.variance, h.size, h.depth]  # type: ignore[union-attr]
        columns += [t.norm, t.leaf]  # type: ignore[union-attr]
        assert sum(c.nbytes for c in columns if c is not None) <= memory_of(recipe.replace(side=7)).array_bytes()


# ---------------------------------------------------------------------------------------------------- datasets


@pytest.mark.parametrize("name", RECIPES)
def test_datasets_are_what_they_say(name: str) -> None:
    recipe = RECIPES[name]
    data = fm.generate(recipe)
    h, t = data.hierarchy, data.label_tree
    assert h is not None
    assert t is not None
    assert data.edges is not None
    n, clusters = data.n_points, int(data.cluster.max()) + 1
    assert (recipe.clusters == "largest") <= (clusters == 1)
    assert (data.cluster[data.edges[:, 0]] == data.cluster[data.edges[:, 1]]).all()
    assert len({tuple(sorted(e)) for e in data.edges.tolist()}) == len(data.edges)
    assert len(data.edges) >= n - clusters
    length = np.linalg.norm(data.X[data.edges[:, 0]].astype(float) - data.X[data.edges[:, 1]], axis=1)
    np.testing.assert_allclose(length, 1.0, atol=2e-6)
    # other pairs of points are not nearer than neighbours on the lattice are
    gaps = np.linalg.norm(data.X[:, None].astype(float) - data.X[None], axis=2)[np.triu_indices(n, 1)]
    assert gaps.min() > 1 - 2e-6
    assert h.n_latents == n - clusters
    assert (h.parent == -1).sum() == clusters
    assert (depths(h.parent) == h.depth).all()
    assert sorted(h.size[h.parent == -1].tolist(), reverse=True) == np.bincount(data.cluster).tolist()
    variance = path_sums(t.parent, t.variance)[t.leaf] / t.norm**2
    if recipe.label == "brownian":
        assert variance.mean() == pytest.approx(1.0)
    else:
        np.testing.assert_allclose(variance, 1.0)
    np.testing.assert_allclose(path_sums(t.parent, t.value)[t.leaf] / t.norm, data.y, atol=1e-13)
    if recipe.label == "cluster-constant":
        assert np.unique(data.y).size == clusters
    draws = fm.label_draws(data, 3)
    np.testing.assert_array_equal(draws[:, 0], data.y)
    assert (draws[:, 1] != draws[:, 2]).all()


IN_FILES = ("site-free-largest-hierarchical", "site-periodic-all-brownian", "bond-free-all-cluster-constant")


@pytest.mark.parametrize("name", IN_FILES)
def test_files_come_back(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    data = fm.generate(recipe)
    path = fm.write(recipe, tmp_path / "box.h5")
    assert fm.verify(path) == []
    with fm.open(path) as f:
        assert f.recipe == recipe
        np.testing.assert_array_equal(f.X[:], data.X)
        np.testing.assert_array_equal(f.edges[:], data.edges)
        np.testing.assert_array_equal(f.hierarchy.parent, data.hierarchy.parent)  # type: ignore[union-attr]
    fm.rebuild(path, tmp_path / "again.h5")
    bare = fm.write(recipe, tmp_path / "bare.h5", hierarchy=False)
    assert fm.verify(bare) == []
    with fm.open(bare) as f:
        assert f.hierarchy is None
        np.testing.assert_array_equal(f.y[:], data.y)


def digest(data: fm.Dataset) -> str:
    out = hashlib.blake2b(digest_size=16)
    h, t = data.hierarchy, data.label_tree
    assert h is not None
    assert t is not None
    assert data.edges is not None
    out.update(data.X.astype("<f4").tobytes())
    for column in (data.y, h.value, h.variance, t.value, t.variance, t.norm):
        out.update(column.astype("<f8").tobytes())
    for column in (data.cluster, data.edges, h.parent, h.size, h.depth, t.parent, t.leaf):
        out.update(column.astype("<i8").tobytes())
    return out.hexdigest()


def test_golden_digests() -> None:
    """Bytes of released recipes never change without a new STREAM_VERSION and a line in the CHANGELOG."""
    golden = {
        "site-free-largest-hierarchical": "ca72e70d273430b594942e1ed0f927b5",
        "site-periodic-all-brownian": "0d878cf4fe659a2d8d5c747c0e0055f1",
        "bond-free-all-cluster-constant": "1722fce6dc9909e892bddb7e539634e2",
        "bond-periodic-largest-hierarchical": "6acb8ce5e065cbdc2b0004013576d92a",
    }
    assert {name: digest(fm.generate(RECIPES[name])) for name in golden} == golden


def test_layers_have_seeds_of_their_own_and_threads_none(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = fm.LatticePercolation(dim=3, side=22, clusters="all", ambient_dim=9, seed=5)
    base = fm.generate(recipe)
    assert base.n_points > 3000
    labels_only = fm.generate(recipe.replace(seed=fm.Seeds(geometry=5, embedding=5, labels=6)))
    np.testing.assert_array_equal(labels_only.X, base.X)
    assert (labels_only.y != base.y).all()
    embedding_only = fm.generate(recipe.replace(seed=fm.Seeds(geometry=5, embedding=6, labels=5)))
    np.testing.assert_array_equal(embedding_only.y, base.y)
    assert (embedding_only.X != base.X).mean() > 0.99
    for threads in ("1", "3"):
        monkeypatch.setenv("FRACTALMAN_THREADS", threads)
        assert digest(fm.generate(recipe)) == digest(base)


@pytest.mark.parametrize("dim", range(2, 8))
def test_every_dimension(dim: int) -> None:
    for percolation, boundary in itertools.product(("site", "bond"), ("free", "periodic")):
        recipe = fm.LatticePercolation(dim=dim, side=3, percolation=percolation, boundary=boundary, ambient_dim=14)
        data = fm.generate(recipe)
        assert data.X.shape == (data.n_points, 14)
        assert np.isfinite(data.X).all()


def test_breadth_first_trees_keep_distances() -> None:
    made = Lattice((9, 9, 9), "site", 0.4, False, 3).clusters("all")
    parent, distance = shortest_path_forest(made.edges, made.size, 3)
    slow, _ = distances_from(made.edges, made.site.size, int(np.flatnonzero(parent < 0)[0]))
    first = np.arange(made.site.size) < made.size[0]
    assert distance[first].tolist() == np.array(slow)[first].tolist()
    assert (depths(parent.astype(np.int64)) == distance).all()
    with pytest.raises(RecipeError, match="do not connect"):
        shortest_path_forest(made.edges[:0], made.size, 3)


def test_constant_labels() -> None:
    cluster = np.array([0, 0, 0, 1, 1, 2])
    tree, y = forests.constant_labels(cluster, 4)
    assert np.unique(y).size == 3
    assert np.array_equal(y, tree.value[cluster])
    assert not np.array_equal(forests.constant_labels(cluster, 4, draw=1)[1], y)
    assert Lattice((4, 4), "site", 1.0, False, 0).clusters().cluster.max() == 0


# ---------------------------------------------------------------------------------------------------- sweeps


def test_a_sweep_runs_and_is_held_against_the_curve(tmp_path: Path) -> None:
    from fractalman.experiments import run_sweep
    from fractalman.experiments.reading import load_spec

    tables = {
        "recipe": {"family": "lattice-percolation", "dim": 2, "side": 48, "percolation": "bond"},
        "sweep": {"learners": ["1-nn"], "train_sizes": [8, 16, 32], "seeds": 3, "test_size": 50},
    }
    result = run_sweep(load_spec(tables), tmp_path / "run")
    (verdict,) = result.verdicts
    assert verdict.predicted == pytest.approx(0.4036, abs=1e-4)
    assert verdict.predicted_local is not None
    populations = {p.seed: p.n_population for p in result.points}
    assert len(set(populations.values())) == 3  # every replicate has its own
    tables["sweep"]["test_size"] = 2200
    with pytest.raises(RecipeError, match="replicate 0 drew"):
        run_sweep(load_spec(tables), tmp_path / "other")
    tables["sweep"]["test_size"] = 2300
    with pytest.raises(RecipeError, match="use a larger side"):
        load_spec(tables)
