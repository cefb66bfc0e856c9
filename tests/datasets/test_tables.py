"""Datasets as pandas tables and AnnData objects: the same numbers, from memory and from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import columns, recipe

import fractalman as fm
from fractalman.datasets.memory import Dataset
from fractalman.datasets.writer import write_columns
from fractalman.errors import RecipeError
from fractalman.trees import Hierarchy

pandas = pytest.importorskip("pandas", reason="pandas is not installed: pip install 'fractalman[tables]'")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = columns()
    return write_columns(tmp_path_factory.mktemp("tables") / "a.h5", made, recipe=recipe(made))


@pytest.fixture(params=["file", "memory"])
def data(request: pytest.FixtureRequest, path: Path) -> Any:
    with fm.open(path) as f:
        yield f if request.param == "file" else f.dataset()


def bare() -> Dataset:
    """A dataset without hierarchy, graph or noise."""
    made = fm.SmoothManifold(n_points=5, ambient_dim=3)
    return Dataset(made, np.ones((5, 3), np.float32), np.arange(5.0), np.zeros(5, np.int64), None, None, None)


def test_the_table_of_points(data: Any) -> None:
    made = columns()
    table = fm.to_pandas(data)
    assert list(table.columns) == ["y", "cluster", "noise", "cluster_size", "depth", "path_sum"]
    for name in ("y", "cluster", "noise"):
        np.testing.assert_array_equal(table[name], made[name], strict=True)
    assert table.index.name == "point"
    assert table.attrs == {"recipe": recipe(made), "n_points": 11}
    parent, value = made["hierarchy/parent"], made["hierarchy/value"]
    for point in range(11):  # climb, the plainest way
        path = [point]
        while parent[path[-1]] >= 0:
            path.append(parent[path[-1]])
        row = table.loc[point]
        assert row["depth"] == len(path) - 1
        assert row["path_sum"] == pytest.approx(value[path].sum(), rel=1e-12)
        assert row["cluster_size"] == (made["cluster"] == made["cluster"][point]).sum()
    wide = fm.to_pandas(data, coordinates=True)
    assert list(wide.columns) == [*table.columns, "x0", "x1", "x2"]
    np.testing.assert_array_equal(wide[["x0", "x1", "x2"]], made["X"], strict=True)


def test_the_tables_of_nodes_and_edges(data: Any) -> None:
    made = columns()
    nodes = fm.to_pandas(data, "nodes")
    assert list(nodes.columns) == ["parent", "value", "variance", "size", "depth", "level"]
    for name in nodes.columns:
        np.testing.assert_array_equal(nodes[name], made[f"hierarchy/{name}"], strict=True)
    assert nodes.index.name == "node"
    edges = fm.to_pandas(data, "edges")
    np.testing.assert_array_equal(edges[["a", "b"]], made["edges"], strict=True)


def test_what_is_not_there_is_left_out_or_refused() -> None:
    assert list(fm.to_pandas(bare()).columns) == ["y", "cluster", "cluster_size"]
    for arguments, said in (
        ({"table": "nodes"}, "needs the hierarchy"),
        ({"table": "edges"}, "no graph"),
        ({"table": "point"}, "did you mean 'points'"),
        ({"table": "nodes", "coordinates": True}, "only points have them"),
    ):
        with pytest.raises(RecipeError, match=said):
            fm.to_pandas(bare(), **arguments)


def test_a_coarse_dataset_has_a_table_too() -> None:
    made = columns((7, 3, 1), noise=False, level=False)
    h = Hierarchy(*(made[f"hierarchy/{c}"] for c in ("parent", "value", "variance", "size", "depth")), n_points=11)
    whole = fm.PercolationEnsemble(n_points=11, ambient_dim=3)
    fine = Dataset(whole, made["X"], made["y"], made["cluster"], made["edges"], h, None)
    coarse = fm.coarse_grain(fine, 2)
    table = fm.to_pandas(coarse)
    np.testing.assert_array_equal(table["count"], coarse.count, strict=True)
    assert len(fm.to_pandas(coarse, "nodes")) == coarse.hierarchy.n_nodes


@pytest.mark.parametrize("latents", [None, 3, 0])
def test_anndata_holds_the_columns_and_comes_back_from_a_file(data: Any, latents: int | None, tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata", reason="anndata is not installed: pip install 'fractalman[tables]'")
    made, n = columns(), 11
    parent = made["hierarchy/parent"]
    object_ = fm.to_anndata(data, latents=latents)
    np.testing.assert_array_equal(object_.X, made["X"], strict=True)
    assert list(object_.obs.columns) == ["y", "cluster", "noise", "cluster_size", "depth", "path_sum"]
    np.testing.assert_array_equal(object_.obs["y"], made["y"])
    kept = len(parent) - n if latents is None else latents
    under = np.zeros((n, len(parent) - n))
    for point in range(n):  # climb, the plainest way
        node = parent[point]
        while node >= 0:
            under[point, node - n] = 1
            node = parent[node]
    np.testing.assert_array_equal(object_.obsm["hierarchy"].toarray(), under[:, :kept])
    np.testing.assert_array_equal(object_.uns["latents"]["node"], np.arange(n, n + kept))
    np.testing.assert_array_equal(object_.uns["latents"]["value"], made["hierarchy/value"][n : n + kept])
    graph = np.zeros((n, n))
    for a, b in made["edges"]:
        graph[a, b] = graph[b, a] = 1
    np.testing.assert_array_equal(object_.obsp["edges"].toarray(), graph)
    assert fm.from_toml(object_.uns["recipe"]) == data.recipe
    object_.write_h5ad(tmp_path / "a.h5ad")
    again = anndata.read_h5ad(tmp_path / "a.h5ad")
    np.testing.assert_array_equal(again.obsm["hierarchy"].toarray(), under[:, :kept])
    assert again.uns["recipe"] == object_.uns["recipe"]


def test_anndata_of_a_family_without_hierarchy_or_graph() -> None:
    pytest.importorskip("anndata", reason="anndata is not installed: pip install 'fractalman[tables]'")
    object_ = fm.to_anndata(bare())
    assert (object_.shape, len(object_.obsm), len(object_.obsp)) == ((5, 3), 0, 0)
