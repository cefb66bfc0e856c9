"""Data of the reference implementation: read with their hierarchy, held against a slow reading, refused where wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples, some
from scipy import sparse

import fractalman as fm
from fractalman.errors import FractalmanError, RecipeError


def layout(sizes: tuple[int, ...], seed: int, values: bool = True) -> dict[str, Any]:
    """Return arrays of this layout made point by point in plain Python: binary trees, labels of the layout's law."""
    rng = np.random.default_rng(seed)
    sets: list[tuple[list[int], float]] = []
    cluster: list[int] = []
    first = 0
    for number, size in enumerate(sizes):
        cluster += [number + 10] * size
        stack = [list(range(first, first + size))]
        while stack:
            points = stack.pop()
            if len(points) < 2:
                continue
            sets.append((points, rng.standard_normal()))
            cut = int(rng.integers(1, len(points)))
            stack += [points[:cut], points[cut:]]
        first += size
    n = sum(sizes)
    own = rng.standard_normal(n)
    dense = np.zeros((n, len(sets)))
    for column, (points, value) in enumerate(sets):
        dense[points, column] = value
    height = np.count_nonzero(dense, axis=1)
    y = (dense.sum(axis=1) + own) / np.sqrt(height + 1)
    return {
        "X": rng.standard_normal((n, 3)),
        "y": y,
        "cluster_id": np.array(cluster),
        "cluster_size": np.repeat(sizes, sizes),
        "latent_tree_height": height,
        "features": dense if values else (dense != 0).astype(float),
        "sets": [set(points) for points, _ in sets],
        "own": own,
    }


def write(folder: Path, arrays: dict[str, Any], name: str = "a", **changes: Any) -> Path:
    found = {**arrays, **changes}
    main = {key: value for key, value in found.items() if key not in ("features", "sets", "own") and value is not None}
    np.savez_compressed(folder / f"{name}.npz", **main)
    sparse.save_npz(folder / f"{name}_gt_features.npz", sparse.csr_matrix(found["features"]))
    return folder / f"{name}.npz"


@examples(25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    seed=st.integers(0, 2**16),
    values=st.booleans(),
    mixed=st.booleans(),
)
def test_every_forest_comes_back(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], seed: int, values: bool, mixed: bool
) -> None:
    arrays = layout(tuple(sizes), seed, values)
    n, columns = sum(sizes), len(arrays["sets"])
    rng = np.random.default_rng(seed)
    order = rng.permutation(columns) if mixed else np.arange(columns)  # of a binary tree no two columns are equal
    path = write(tmp_path_factory.mktemp("import"), arrays, features=arrays["features"][:, order])
    data = fm.import_percolation(path)
    h = data.hierarchy
    np.testing.assert_array_equal(data.X, arrays["X"])
    np.testing.assert_array_equal(data.y, arrays["y"])
    assert h.n_points == n
    assert h.n_latents == columns
    for node in range(n, h.n_nodes):
        members = set(h.points(node).tolist())
        assert members == arrays["sets"][order[data.latent[node - n]]]
        assert len(members) == h.size[node]
    np.testing.assert_array_equal(h.depth[:n], arrays["latent_tree_height"])
    counts = np.bincount(data.cluster)
    assert (np.diff(counts) <= 0).all()
    assert counts.sum() == n
    for number in range(counts.size):
        assert np.unique(data.cluster_id[data.cluster == number]).size == 1
    if values and columns:  # one latent of value 1 apart, which does not happen
        assert data.label_tree is not None
        np.testing.assert_allclose(data.label_tree.value[:n], arrays["own"], atol=1e-9)


def test_the_floor_is_that_of_the_dataset(tmp_path: Path) -> None:
    made = fm.generate(fm.PercolationEnsemble(n_points=2000, ambient_dim=4))
    data = fm.import_percolation(fm.export(made, tmp_path / "a.npz", "percolation"))
    train, test = data.split(500, 500)
    np.testing.assert_array_equal(np.concatenate(made.split(500, 500)), np.append(train, test))
    here = fm.theory.bayes_curve(data, train, [10, 100, 500], test)
    there = fm.theory.bayes_curve(made, train, [10, 100, 500], test)
    np.testing.assert_allclose(here, there, rtol=1e-9)
    np.testing.assert_array_equal(data.hierarchy.parent, made.hierarchy.parent)  # type: ignore[union-attr]
    np.testing.assert_array_equal(data.hierarchy.value[2000:], made.hierarchy.value[2000:])  # type: ignore[union-attr]
    assert "follow the layout's law" in repr(data)


@pytest.mark.parametrize("values", [True, False])
def test_the_law_of_labels_is_denied_about_once_in_a_million(tmp_path: Path, values: bool) -> None:
    """No false alarm in many draws; the controls are labels of other laws, all of which lose their floor."""
    for seed in range(some(80, fast=20)):
        path = write(tmp_path, layout((60, 20, 1), seed, values))
        assert fm.import_percolation(path).label_tree is not None, seed
    right = layout((300,), 0, values)
    rng = np.random.default_rng(1)
    others = {
        "without latents": rng.standard_normal(300),
        "of another scale": 1.7 * right["y"],
        "exchanged": right["y"][rng.permutation(300)],
        "coordinates": right["X"][:, 0] ** 3,
    }
    for what, y in others.items():
        data = fm.import_percolation(write(tmp_path, right, y=y))
        assert data.label_tree is None, what
        assert any("do not follow" in note for note in data.notes)
        assert data.hierarchy.n_latents == 299
        with pytest.raises(RecipeError, match="no label tree"):
            fm.theory.bayes_risk(data, np.zeros(300, bool))


def test_earlier_versions_and_filtered_files(tmp_path: Path) -> None:
    arrays = layout((30, 12, 5, 1), 3)
    whole = fm.import_percolation(write(tmp_path, arrays))
    none: dict[str, Any] = dict.fromkeys(("cluster_id", "cluster_size", "latent_tree_height"))
    bare = fm.import_percolation(write(tmp_path, arrays, "bare", **none))  # clusters follow from the features
    np.testing.assert_array_equal(bare.cluster, whole.cluster)
    summary = {name: arrays[name] for name in none}
    path = write(tmp_path, arrays, "early", **none)
    np.savez_compressed(tmp_path / "early_gt_metadata.npz", **summary)
    np.testing.assert_array_equal(fm.import_percolation(path).cluster_id, arrays["cluster_id"])
    np.savez(tmp_path / "other.npz", **{**summary, "cluster_size": arrays["cluster_size"] + 1})
    with pytest.raises(RecipeError, match="cluster_size of row 0 is 31"):
        fm.import_percolation(path, metadata=tmp_path / "other.npz")
    rows = arrays["cluster_size"] < 20  # the largest cluster goes
    part = arrays["features"][rows]
    np.savez(tmp_path / "a_filtered_max20.npz", X=arrays["X"][rows], y=arrays["y"][rows])
    sparse.save_npz(tmp_path / "a_gt_features_filtered_max20.npz", sparse.coo_matrix(part[:, (part != 0).any(axis=0)]))
    data = fm.import_percolation(tmp_path / "a_filtered_max20.npz")
    np.testing.assert_array_equal(data.cluster, whole.cluster[rows] - 1)
    sparse.save_npz(tmp_path / "elsewhere.npz", sparse.csr_matrix(arrays["features"]))
    assert fm.import_percolation(tmp_path / "a.npz", features=tmp_path / "elsewhere.npz").n_points == 48


def damaged(arrays: dict[str, Any]) -> dict[str, tuple[dict[str, Any], str]]:
    """What may be wrong with such files, and what is said."""
    features, X, y = arrays["features"], arrays["X"], arrays["y"]
    root = np.flatnonzero(features[:, 0])
    two = features.copy()
    two[root[3], 0] = 7.0
    crossing = features.copy()
    crossing[0, -1] = features[features[:, -1] != 0, -1][0]
    outside = features.copy()
    outside[-1, 0] = features[root[0], 0]
    return {
        "no y": ({"y": None}, "holds X, .*found no y"),
        "X of words": ({"X": np.full(X.shape, "a")}, "X is <U1"),
        "X flat": ({"X": X[:, 0]}, r"X is float64 of shape \(48,\)"),
        "y short": ({"y": y[1:]}, "expected 48 numbers, one a row of X"),
        "X nan": ({"X": np.where(np.arange(48)[:, None] == 5, np.nan, X)}, "X is not finite in row 5"),
        "y inf": ({"y": np.where(np.arange(48) == 7, np.inf, y)}, "y is not finite in row 7"),
        "pickled": ({"y": y.astype(object)}, "cannot be read"),
        "features short": ({"features": features[1:]}, "has 47 rows: expected 48"),
        "features nan": ({"features": np.where(features == features[0, 0], np.nan, features)}, "no finite numbers"),
        "two values": ({"features": two}, "column 0 holds .* in row .*: expected one value a latent"),
        "crossing": ({"features": crossing, "latent_tree_height": None}, "expected subclusters that nest"),
        "joined": (
            {"features": outside, "latent_tree_height": None, "cluster_size": None},
            "shares its root in the features with another cluster",
        ),
        "latents left out": ({"features": features[:, :9]}, "lies under .* latents, and its latent_tree_height is"),
        "clusters joined": ({"cluster_id": np.zeros(48, int), "cluster_size": None}, "lies under several roots"),
        "size wrong": ({"cluster_size": arrays["cluster_size"] + 1}, "cluster_size of row 0 is 31"),
        "rows left out": (
            {
                key: arrays[key][1:]
                for key in ("X", "y", "cluster_id", "cluster_size", "latent_tree_height", "features")
            },
            "rows that were left out belong to it",
        ),
        "ids of floats": ({"cluster_id": np.linspace(0, 1, 48)}, "cluster_id is float64"),
        "metadata short": ({"latent_tree_height": arrays["latent_tree_height"][1:]}, "expected 48 integers"),
    }


WRONG = damaged(layout((30, 12, 5, 1), 3))


@pytest.mark.parametrize("what", list(WRONG))
def test_what_contradicts_itself_is_refused(tmp_path: Path, what: str) -> None:
    changes, words = WRONG[what]
    with pytest.raises(RecipeError, match=words):
        fm.import_percolation(write(tmp_path, layout((30, 12, 5, 1), 3), **changes))


def test_files_that_are_none(tmp_path: Path) -> None:
    arrays = layout((5,), 0)
    path = write(tmp_path, arrays)
    features = tmp_path / "a_gt_features.npz"
    whole = features.read_bytes()
    features.write_bytes(whole[:-40])
    with pytest.raises(RecipeError, match="cannot be read"):
        fm.import_percolation(path)
    np.savez(features, data=np.zeros(3))
    with pytest.raises(RecipeError, match="holds data: expected the sparse features"):
        fm.import_percolation(path)
    features.write_bytes(whole)
    with np.load(features) as stored:
        parts = dict(stored)
    parts["indices"] = parts["indices"] + 1000
    np.savez(features, **parts)
    with pytest.raises(RecipeError, match="is no sparse matrix"):
        fm.import_percolation(path)
    features.unlink()
    with pytest.raises(FileNotFoundError, match=r"a_gt_features\.npz does not exist: use the path of the sparse"):
        fm.import_percolation(path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(RecipeError, match="single array"):
        fm.import_percolation(tmp_path / "one.npz")
    (tmp_path / "text.npz").write_text("X, y")
    for wrong in (tmp_path / "text.npz", tmp_path):
        with pytest.raises((FractalmanError, IsADirectoryError)):
            fm.import_percolation(wrong)
