"""Export in AnnData's layout: anndata, scipy and plain h5py read what the file holds."""

from __future__ import annotations

import importlib.util
import json
import shutil
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from handmade import Columns, columns, recipe
from scipy.sparse import csr_array

import fractalman as fm
from fractalman import cli
from fractalman.datasets import export
from fractalman.datasets.export import export_anndata
from fractalman.datasets.file import open_file
from fractalman.datasets.writer import write_columns
from fractalman.errors import CorruptFileError, RecipeError
from fractalman.recipes import from_dict, from_toml

needs_anndata = pytest.mark.skipif(
    importlib.util.find_spec("anndata") is None, reason="needs anndata: pip install 'fractalman[tables]'"
)


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns((40, 40, 7, 1, 1), d=3)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, made: Columns) -> Path:
    return write_columns(tmp_path_factory.mktemp("made") / "data.h5", made, recipe=recipe(made))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROWS", 7)
    monkeypatch.setattr(export, "BLOCK_ROWS", 11)


def matrix(group: Any) -> csr_array:
    """Read a sparse matrix as anybody can."""
    parts = tuple(group[name][:] for name in ("data", "indices", "indptr"))
    return csr_array(parts, shape=tuple(group.attrs["shape"]))


def equal(a: Any, b: Any) -> bool:
    return a.shape == b.shape and (a != b).nnz == 0


@pytest.mark.parametrize("latents", [None, 0, 1, 5, 1000])
def test_scipy_reads_the_features_and_the_graph(tmp_path: Path, file: Path, made: Columns, latents: int | None) -> None:
    target = export_anndata(file, tmp_path / "data.h5ad", latents=latents)
    with open_file(file) as f, h5py.File(target) as handle:
        assert f.hierarchy is not None
        features = f.hierarchy.features(top=None if latents is None else min(latents, f.hierarchy.n_latents))
        found = matrix(handle["obsm/hierarchy"])
        assert equal(found, features)
        assert found.has_canonical_format
        graph = matrix(handle["obsp/edges"])
        assert equal(graph, graph.T.tocsr())
        assert graph.nnz == 2 * len(made["edges"])
        assert all(graph[a, b] == 1 for a, b in made["edges"])
        np.testing.assert_array_equal(handle["X"][:], made["X"], strict=True)
        np.testing.assert_array_equal(handle["uns/latents/node"][:], 89 + np.arange(features.shape[1]))
        np.testing.assert_array_equal(
            handle["uns/latents/value"][:], made["hierarchy/value"][89 : 89 + features.shape[1]]
        )


@needs_anndata
@pytest.mark.usefixtures("small_blocks")
def test_anndata_reads_everything(tmp_path: Path, file: Path, made: Columns) -> None:
    import anndata

    target = export_anndata(file, tmp_path / "data.h5ad", latents=None)
    data = anndata.read_h5ad(target)
    assert data.shape == (89, 3)
    np.testing.assert_array_equal(data.X, made["X"], strict=True)
    assert list(data.obs) == ["y", "cluster", "noise", "cluster_size", "depth", "path_sum"]
    more = fm.to_pandas(open_file(file).dataset())[["cluster_size", "depth", "path_sum"]]
    np.testing.assert_array_equal(data.obs[list(more)].to_numpy(), more.to_numpy())
    for name in ("y", "cluster", "noise"):
        np.testing.assert_array_equal(data.obs[name].to_numpy(), made[name], strict=True)
    assert list(data.obs_names) == [str(i) for i in range(89)]
    assert list(data.var_names) == ["x0", "x1", "x2"]
    with open_file(file) as f:
        assert f.hierarchy is not None
        assert equal(csr_array(data.obsm["hierarchy"]), f.hierarchy.features())
        assert json.loads(data.uns["provenance"])["content"] == f.provenance.content
    assert list(data.uns["latents"]) == ["node", "parent", "value", "variance", "size", "depth", "level"]
    for name in list(data.uns["latents"])[1:]:
        np.testing.assert_array_equal(data.uns["latents"][name].to_numpy(), made[f"hierarchy/{name}"][89:], strict=True)
    assert from_toml(data.uns["recipe"]) == from_dict(recipe(made))
    assert data.obsp["edges"].sum() == 2 * len(made["edges"])
    # What anndata writes from it, it reads again: nothing in it is foreign to the layout.
    data.write_h5ad(tmp_path / "again.h5ad")
    again = anndata.read_h5ad(tmp_path / "again.h5ad")
    np.testing.assert_array_equal(again.X, data.X)
    assert set(again.uns) == set(data.uns)
    backed = anndata.read_h5ad(target, backed="r")
    np.testing.assert_array_equal(backed.X[5:9], made["X"][5:9])
    backed.file.close()


@needs_anndata
def test_columns_that_are_left_out_are_not_there(tmp_path: Path, made: Columns) -> None:
    import anndata

    bare = {name: made[name] for name in ("X", "y", "cluster")}
    bare["y"] = made["y"] - made["noise"]
    file = write_columns(tmp_path / "bare.h5", bare, recipe=recipe(bare))
    data = anndata.read_h5ad(export_anndata(file, tmp_path / "bare.h5ad"))
    assert (list(data.obs), list(data.obsm), list(data.obsp)) == (["y", "cluster", "cluster_size"], [], [])
    assert set(data.uns) == {"recipe", "provenance"}


@pytest.mark.usefixtures("small_blocks")
def test_blocks_do_not_change_what_is_read(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = export_anndata(file, tmp_path / "small.h5ad")
    time.sleep(1.1)  # HDF5's clocks tick in seconds
    again = export_anndata(file, tmp_path / "again.h5ad")
    assert small.read_bytes() == again.read_bytes()  # neither time nor host
    monkeypatch.undo()
    large = export_anndata(file, tmp_path / "large.h5ad")

    def content(path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        with h5py.File(path) as handle:
            handle.visititems(lambda name, item: found.update({name: getattr(item, "shape", ())}))
            return {
                name: np.asarray(handle[name]).tolist() if isinstance(handle[name], h5py.Dataset) else None
                for name in found
            }

    assert content(small) == content(large)


def test_targets_and_sources_are_refused_as_everywhere(tmp_path: Path, file: Path) -> None:
    target = export_anndata(file, tmp_path / "data.h5ad")
    before = target.read_bytes()
    with pytest.raises(FileExistsError, match="use --force"):
        export_anndata(file, target)
    with pytest.raises(RecipeError, match="latents = -1"):
        export_anndata(file, target, latents=-1, overwrite=True)
    damaged = Path(shutil.copy(file, tmp_path / "damaged.h5"))
    with h5py.File(damaged, "r+") as handle:
        del handle["y"]
    with pytest.raises(CorruptFileError):
        export_anndata(damaged, target, overwrite=True)
    assert target.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.h5", "data.h5ad"]


def test_an_error_on_the_way_leaves_nothing_behind(tmp_path: Path, file: Path) -> None:
    def stop(what: str, *_: int) -> None:
        if what.startswith("hierarchy"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_anndata(file, tmp_path / "data.h5ad", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_the_command(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", str(file), "-o", "data.h5ad", "--latents", "3"]) == 0
    with h5py.File("data.h5ad") as handle:
        assert list(handle["obsm/hierarchy"].attrs["shape"]) == [89, 3]
    assert cli.main(["export", str(file), "-o", "data.h5ad"]) == cli.WRONG
    assert cli.main(["export", str(file), "-o", "data.h5ad", "--force", "--latents", "all"]) == 0
    with h5py.File("data.h5ad") as handle:
        assert list(handle["obsm/hierarchy"].attrs["shape"]) == [89, 84]
    capsys.readouterr()
    assert cli.main(["export", str(file), "-o", "other.h5ad", "--latents", "-3"]) == cli.WRONG
    assert "expected a number from 0 up, or all" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a", "a.h5ad.zip"])
def test_a_suffix_that_the_layout_does_not_have_is_refused(tmp_path: Path, file: Path, name: str) -> None:
    with pytest.raises(RecipeError, match=r"AnnData's layout is read by tools that expect \.h5ad; use .*\.h5ad"):
        export_anndata(file, tmp_path / name)
    assert cli.main(["export", str(file), "-o", str(tmp_path / name)]) == cli.WRONG
    assert list(tmp_path.iterdir()) == []


def _flip_stored(path: Path, name: str) -> None:
    """Change one bit of a column's first chunk, as a disk does."""
    with h5py.File(path) as handle:
        at = handle[name].id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[at + 1] ^= 4
    path.write_bytes(data)


def test_a_bit_that_changes_is_noticed_by_whoever_reads(tmp_path: Path, file: Path) -> None:
    target = export_anndata(file, tmp_path / "data.h5ad")
    with h5py.File(target) as handle:
        names: list[str] = []
        handle.visititems(
            lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) and node.ndim else None
        )
        unchecked = {name for name in names if not handle[name].fletcher32}
    assert unchecked == {"obs/_index", "var/_index", "uns/latents/_index"}  # texts, which HDF5 cannot check
    assert len(names) > 15
    damaged = tmp_path / "damaged.h5ad"
    for name in sorted(set(names) - unchecked):
        shutil.copy(target, damaged)
        _flip_stored(damaged, name)
        with h5py.File(damaged) as handle, pytest.raises(OSError, match=r"(?i)can.t"):
            handle[name][...]


@needs_anndata
def test_damaged_numbers_are_no_points(tmp_path: Path, file: Path) -> None:
    """Without the checksum the same bit makes other points, and nobody says a word."""
    import anndata

    target = export_anndata(file, tmp_path / "data.h5ad")
    before = fm.measure.read_user_points(target)
    for name in ("X", "obs/y"):
        damaged = shutil.copy(target, tmp_path / "damaged.h5ad")
        _flip_stored(damaged, name)
        with pytest.raises(RecipeError, match="expected an intact AnnData file"):
            fm.measure.read_user_points(damaged)
    plain = tmp_path / "plain.h5ad"
    anndata.read_h5ad(target).write_h5ad(plain)
    with h5py.File(plain) as handle:
        at = handle["X"].id.get_offset()
    data = bytearray(plain.read_bytes())
    data[at + 1] ^= 4
    plain.write_bytes(data)
    assert (fm.measure.read_user_points(plain).X != before.X).sum() == 1
