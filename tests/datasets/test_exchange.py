"""Layouts of other tools: what is written is read back by these tools alone, whole and in place."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from handmade import Columns, columns, recipe
from scipy import sparse

import fractalman as fm
from fractalman import cli
from fractalman.datasets.exchange import huggingface, percolation, tables, together, zarr_store
from fractalman.datasets.exchange.layouts import LAYOUTS
from fractalman.datasets.file import open_file
from fractalman.datasets.writer import write_columns
from fractalman.errors import RecipeError

SUFFIXES = {"anndata": ".h5ad", "percolation": ".npz", "parquet": ".parquet", "zarr": ".zarr", "huggingface": ""}


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None, reason=f"needs {module}: pip install 'fractalman[tables]'"
    )


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns((40, 40, 7, 1, 1), d=3)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, made: Columns) -> Path:
    return write_columns(tmp_path_factory.mktemp("made") / "data.h5", made, recipe=recipe(made))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(percolation, "BLOCK_ROWS", 11)
    monkeypatch.setattr(tables, "TABLE_BYTES", 4 * 3 * 13)
    monkeypatch.setattr(zarr_store, "SHARD_BYTES", 100)
    monkeypatch.setattr(huggingface, "FILE_BYTES", 2000)


# ---------------------------------------------------------------------------------------------------- percolation


@pytest.mark.usefixtures("small_blocks")
def test_numpy_and_scipy_alone_read_the_percolation_layout(tmp_path: Path, file: Path, made: Columns) -> None:
    target = fm.export(file, tmp_path / "a.npz", layout="percolation")
    with np.load(target) as res:  # no pickled objects
        assert sorted(res) == ["X", "cluster_id", "cluster_size", "latent_tree_height", "y"]
        np.testing.assert_array_equal(res["X"], made["X"], strict=True)
        np.testing.assert_array_equal(res["y"], made["y"], strict=True)
        np.testing.assert_array_equal(res["cluster_id"], made["cluster"], strict=True)
        np.testing.assert_array_equal(res["cluster_size"], np.repeat([40, 40, 7, 1, 1], [40, 40, 7, 1, 1]))
        heights = res["latent_tree_height"]
    features = sparse.load_npz(tmp_path / "a_gt_features.npz")
    assert isinstance(features, sparse.csr_matrix)
    assert features.has_canonical_format
    np.testing.assert_array_equal(np.diff(features.indptr), heights)
    n, parent = 89, made["hierarchy/parent"]
    dense = np.zeros((n, parent.size - n))
    for point in range(n):
        above = parent[point]
        while above >= 0:
            dense[point, above - n] = made["hierarchy/value"][above]
            above = parent[above]
    np.testing.assert_array_equal(features.toarray(), dense)
    with np.load(tmp_path / "a_gt_metadata.npz", allow_pickle=True) as meta, np.load(target) as res:
        assert sorted(meta) == ["cluster_id", "cluster_size", "latent_tree_height"]
        assert all(np.array_equal(meta[name], res[name]) for name in meta)
    with open_file(file) as f:
        assert json.loads((tmp_path / "a_provenance.json").read_text())["content"] == f.provenance.content


def test_rows_can_be_filtered_as_users_of_the_layout_do(tmp_path: Path, file: Path) -> None:
    """Rows by a mask over the metadata, then columns without entries: the steps of the layout's filter script."""
    target = fm.export(file, tmp_path / "a.npz", "percolation")
    with np.load(target) as res:
        X, y = res["X"], res["y"]
    features = sparse.load_npz(tmp_path / "a_gt_features.npz")
    meta = np.load(tmp_path / "a_gt_metadata.npz", allow_pickle=True)
    mask = np.array(meta["cluster_size"]) > 6
    part = features[mask, :]
    part = part[:, np.array((part != 0).sum(axis=0)).flatten() > 0]
    assert part.shape == (87, 39 + 39 + 6)
    np.savez_compressed(tmp_path / "a_filtered_min6.npz", X=X[mask], y=y[mask])
    sparse.save_npz(tmp_path / "a_gt_features_filtered_min6.npz", part)
    np.savez_compressed(
        tmp_path / "a_gt_metadata_filtered_min6.npz", **{key: np.array(meta[key])[mask] for key in meta}
    )
    data = fm.import_percolation(tmp_path / "a_filtered_min6.npz")
    assert (data.n_points, data.hierarchy.n_latents, int(data.cluster.max())) == (87, 84, 2)


def test_latents_can_be_limited_and_two_writers_give_the_same_bytes(tmp_path: Path, file: Path) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    for target in (one, two):
        fm.export(file, target, "percolation", latents=5)
    for a, b in zip(percolation.files_of(one).values(), percolation.files_of(two).values(), strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert one.read_bytes() == two.read_bytes()
    assert sparse.load_npz(percolation.files_of(one)["features"]).shape == (89, 5)


def test_data_without_latents_or_without_values(tmp_path: Path, made: Columns) -> None:
    bare = {name: made[name] for name in ("X", "y", "cluster", "noise")}
    file = write_columns(tmp_path / "bare.h5", bare, recipe=recipe(bare))
    with pytest.raises(RecipeError, match="no hierarchy: use layout = 'parquet'"):
        fm.export(file, tmp_path / "bare.npz", "percolation")
    assert [entry.name for entry in tmp_path.iterdir()] == ["bare.h5"]
    strings = fm.generate(fm.RandomHierarchyModel(n_points=60))
    target = fm.export(strings, tmp_path / "strings.npz", "percolation")
    features = sparse.load_npz(percolation.files_of(target)["features"])
    assert set(features.data.tolist()) == {1.0}


# ---------------------------------------------------------------------------------------------------- other layouts


@needs("pyarrow")
@pytest.mark.usefixtures("small_blocks")
def test_parquet_is_read_by_pyarrow(tmp_path: Path, file: Path, made: Columns) -> None:
    from pyarrow import parquet

    target = fm.export(file, tmp_path / "a.parquet", "parquet")
    points = parquet.read_table(target)
    assert points.column_names == [
        "y", "cluster", "noise", "cluster_size", "depth", "path_sum", "parent", "X",
    ]  # fmt: skip
    X = points["X"].combine_chunks().flatten().to_numpy().reshape(89, 3)
    np.testing.assert_array_equal(X, made["X"], strict=True)
    np.testing.assert_array_equal(points["y"].to_numpy(), made["y"], strict=True)
    np.testing.assert_array_equal(points["parent"].to_numpy(), made["hierarchy/parent"][:89])
    assert points.schema.metadata[b"recipe"].decode() == open_file(file).recipe.to_toml()
    nodes = parquet.read_table(tmp_path / "a_nodes.parquet")
    for name in ("parent", "value", "variance", "size", "depth", "level"):
        np.testing.assert_array_equal(nodes[name].to_numpy(), made[f"hierarchy/{name}"], strict=True)
    edges = parquet.read_table(tmp_path / "a_edges.parquet")
    np.testing.assert_array_equal(np.stack([edges["a"], edges["b"]], axis=1), made["edges"])


@needs("pyarrow")
def test_nothing_of_an_older_export_stays_beside_a_new_one(tmp_path: Path, file: Path, made: Columns) -> None:
    target = fm.export(file, tmp_path / "a.parquet", "parquet")
    bare = {name: made[name] for name in ("X", "y", "cluster", "noise")}
    other = write_columns(tmp_path / "bare.h5", bare, recipe=recipe(bare))
    with pytest.raises(FileExistsError, match="use --force"):
        fm.export(other, target, "parquet")
    assert (tmp_path / "a_nodes.parquet").exists()
    fm.export(other, target, "parquet", overwrite=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.parquet", "bare.h5"]


@needs("zarr")
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("layout", "name"), [("percolation", "a.npz"), ("parquet", "a.parquet")])
def test_files_that_belong_together_never_lie_beside_those_of_other_data(
    tmp_path: Path, file: Path, layout: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before any of the names is given, the file that people open is the old one, or none."""

    class Stopped(BaseException):
        pass

    older = fm.PercolationCluster(n_points=60, ambient_dim=3, seed=9)
    true, moment = together.take_place, 0
    while True:
        fm.export(older, tmp_path / name, layout, overwrite=True)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        left = [moment]

        def stops(partial: Path, path: Path, overwrite: bool, left: list[int] = left) -> None:
            if not left[0]:
                raise Stopped
            left[0] -= 1
            true(partial, path, overwrite)

        monkeypatch.setattr(together, "take_place", stops)
        try:
            fm.export(file, tmp_path / name, layout, overwrite=True)
        except Stopped:
            monkeypatch.setattr(together, "take_place", true)
            found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
            assert name not in found or found == before
            moment += 1
        else:
            break
    assert moment >= 3
    assert not any(path.suffix == ".partial" for path in tmp_path.iterdir())


def test_zarr_has_every_column_and_every_row_of_every_shard(tmp_path: Path, file: Path, made: Columns) -> None:
    import zarr

    target = fm.export(file, tmp_path / "a.zarr", "zarr")
    group = zarr.open_group(target, mode="r")
    assert dict(group.attrs)["provenance"]["content"] == open_file(file).provenance.content
    for name, column in made.items():
        np.testing.assert_array_equal(group[name][...], column, strict=True)
    assert group["X"].metadata.zarr_format == 3
    assert group["X"].metadata.dimension_names == ("n", "d")
    shards = -(-89 // group["X"].shards[0])
    assert len([entry for entry in (target / "X" / "c").rglob("*") if entry.is_file()]) == shards


@needs("zarr")
def test_a_shard_is_written_once(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers of parts of one shard lose each other's rows: every object's name is set a single time."""
    from zarr.storage import LocalStore

    seen: list[str] = []
    plain = LocalStore.set

    async def counted(self: Any, key: str, value: Any) -> None:
        seen.append(key)
        await plain(self, key, value)

    monkeypatch.setattr(LocalStore, "set", counted)
    monkeypatch.setattr(zarr_store, "SHARD_BYTES", 100)
    monkeypatch.setattr(zarr_store, "block_rows", lambda *_: 3)
    fm.export(file, tmp_path / "a.zarr", "zarr")
    shards = [key for key in seen if not key.endswith("zarr.json")]
    assert len(shards) == len(set(shards))
    assert len([key for key in shards if key.startswith("X/")]) == -(-89 // 6)  # 100 bytes: two chunks of three rows


@needs("zarr")
@pytest.mark.usefixtures("small_blocks")
def test_a_bit_that_changes_in_a_shard_is_noticed(tmp_path: Path, file: Path) -> None:
    import zarr

    target = fm.export(file, tmp_path / "a.zarr", "zarr")
    group = zarr.open_group(target, mode="r")
    for name in ("X", "y", "cluster", "hierarchy/parent", "hierarchy/value", "edges"):
        shard = next(entry for entry in sorted((target / name / "c").rglob("*")) if entry.is_file())
        intact = shard.read_bytes()
        for at in (0, len(intact) // 2, len(intact) - 1):
            data = bytearray(intact)
            data[at] ^= 4
            shard.write_bytes(data)
            with pytest.raises(ValueError, match=r"(?i)checksum"):
                group[name][...]
        shard.write_bytes(intact)
        group[name][...]


@needs("pyarrow")
def test_sums_of_an_arrow_folder_tell_a_bit_that_changes(tmp_path: Path, file: Path) -> None:
    target = fm.export(file, tmp_path / "folder", layout="huggingface")

    def wrong() -> list[str]:
        lines = [line.split("  ") for line in (target / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
        return [name for digest, name in lines if hashlib.sha256((target / name).read_bytes()).hexdigest() != digest]

    names = {line.split("  ")[1] for line in (target / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    files = {entry.relative_to(target).as_posix() for entry in target.rglob("*") if entry.is_file()}
    assert names == files - {"SHA256SUMS"}
    assert wrong() == []
    part = target / "edges" / "data-00000-of-00001.arrow"
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 4
    part.write_bytes(data)
    assert wrong() == ["edges/data-00000-of-00001.arrow"]


@needs("pyarrow")
@pytest.mark.usefixtures("small_blocks")
def test_arrow_folder_has_what_load_from_disk_asks_for(tmp_path: Path, file: Path, made: Columns) -> None:
    from pyarrow import ipc

    target = fm.export(file, tmp_path / "folder", layout="huggingface")
    for folder, rows in ((target, 89), (target / "nodes", len(made["hierarchy/parent"])), (target / "edges", 84)):
        state = json.loads((folder / "state.json").read_text())
        tables = []
        for entry in state["_data_files"]:
            with (folder / entry["filename"]).open("rb") as stream:
                tables.append(ipc.open_stream(stream).read_all())
        assert sum(table.num_rows for table in tables) == rows
        assert json.loads((folder / "dataset_info.json").read_text())["description"]
    names = [entry["filename"] for entry in json.loads((target / "state.json").read_text())["_data_files"]]
    assert len(names) > 1
    assert names[1] == f"data-00001-of-{len(names):05d}.arrow"
    card = (target / "README.md").read_text()
    with open_file(file) as f:
        assert f.provenance.content in card
        assert f.recipe.to_toml().strip() in card
    assert all(f"| {name} | " in card and f"| {name} |  |" not in card for name in ("X", "parent", "path_sum", "noise"))


def test_the_package_itself_reads_the_folder(tmp_path: Path, file: Path, made: Columns) -> None:
    datasets = pytest.importorskip("datasets", reason="needs datasets: pip install datasets")
    if not hasattr(datasets, "load_from_disk"):
        pytest.skip("needs datasets: pip install datasets; what was found is another folder of that name")
    target = fm.export(file, tmp_path / "folder", layout="huggingface")
    points = datasets.load_from_disk(str(target)).with_format("numpy")
    np.testing.assert_array_equal(points["X"][:], made["X"])
    assert len(datasets.load_from_disk(str(target / "edges"))) == 84


@needs("anndata")
def test_a_dataset_in_memory_gives_what_its_file_gives(tmp_path: Path) -> None:
    chosen = fm.PercolationEnsemble(n_points=300, ambient_dim=4, noise=0.1)
    path = fm.write(chosen, tmp_path / "a.h5")
    fm.export(path, tmp_path / "file.h5ad")
    for source, name in ((fm.generate(chosen), "memory"), (chosen, "recipe"), (chosen.to_dict(), "table")):
        fm.export(source, tmp_path / f"{name}.h5ad")
        with h5py.File(tmp_path / f"{name}.h5ad") as a, h5py.File(tmp_path / "file.h5ad") as b:
            for column in ("X", "obs/y", "obs/path_sum", "obsm/hierarchy/indices", "obsp/edges/indices"):
                np.testing.assert_array_equal(a[column][...], b[column][...])


# ---------------------------------------------------------------------------------------------------- names and targets


@pytest.mark.parametrize("layout", list(SUFFIXES))
def test_an_ending_that_the_layout_does_not_have_is_refused(tmp_path: Path, file: Path, layout: str) -> None:
    assert LAYOUTS[layout].suffix == SUFFIXES[layout]
    wrong = [ending for ending in (".npz", ".h5ad", ".parquet", ".zarr", ".h5", ".csv") if ending != SUFFIXES[layout]]
    for ending in wrong:
        with pytest.raises(RecipeError, match=rf"ends in \{ending}: .* layout is read by tools that expect"):
            fm.export(file, tmp_path / f"a{ending}", layout)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("layout", [layout for layout, ending in SUFFIXES.items() if ending])
def test_the_ending_says_the_layout(tmp_path: Path, file: Path, layout: str) -> None:
    named, guessed = tmp_path / f"named{SUFFIXES[layout]}", tmp_path / f"guessed{SUFFIXES[layout]}"
    fm.export(file, named, layout)
    if LAYOUTS[layout].named:
        assert cli.main(["export", str(file), "-o", str(guessed)]) == cli.WRONG
        assert not guessed.exists()
        return
    assert cli.main(["export", str(file), "-o", str(guessed)]) == 0
    assert sorted(path.name.replace("guessed", "named") for path in tmp_path.glob("guessed*")) == sorted(
        path.name for path in tmp_path.glob("named*")
    )


def test_a_dry_run_says_what_an_export_holds(tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import anndata

    for target, latents in (("a.h5ad", "7"), ("a.parquet", None)):
        words = ["export", str(file), "-o", str(tmp_path / target), *(["--latents", latents] if latents else [])]
        assert cli.main([*words, "--dry-run", "--json"]) == 0
        table = json.loads(capsys.readouterr().out)
        assert not list(tmp_path.iterdir())
        assert table["columns_bytes"] > 0
        if latents is None:
            assert table["entries_of_latents"] is None
        else:
            fm.export(file, tmp_path / "b.h5ad", latents=int(latents))
            assert anndata.read_h5ad(tmp_path / "b.h5ad").obsm["hierarchy"].nnz == table["entries_of_latents"]
            (tmp_path / "b.h5ad").unlink()
    assert cli.main(["export", str(file)]) == 2
    assert "use -o FILE" in capsys.readouterr().err


def test_unknown_layouts_and_choices_are_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'parquet'"):
        fm.export(file, tmp_path / "a.parquet", "parqet")
    with pytest.raises(RecipeError, match=r"use .*a\.h5ad, or layout percolation \(--layout percolation\)"):
        fm.export(file, tmp_path / "a.npz", "anndata")
    with pytest.raises(RecipeError, match=r"ends in nothing: expected .h5ad .anndata., .* or --layout huggingface"):
        fm.export(file, tmp_path / "a")
    with pytest.raises(RecipeError, match=r"ends in '\.parqet': .* did you mean '\.parquet'"):
        fm.export(file, tmp_path / "a.parqet")
    with pytest.raises(RecipeError, match="holds the whole hierarchy; expected anndata, percolation"):
        fm.export(file, tmp_path / "a.parquet", "parquet", latents=5)
    for latents in (-1, True, 1.5, "some"):
        with pytest.raises(RecipeError, match="expected 'all' or a whole number"):
            fm.export(file, tmp_path / "a.npz", "percolation", latents=latents)  # type: ignore[arg-type]
    coarse = fm.coarse_grain(fm.generate(fm.Cascade(n_points=64, ambient_dim=4)), 4)
    with pytest.raises(RecipeError, match="coarse dataset"):
        fm.export(coarse, tmp_path / "a.npz", "percolation")
    assert not list(tmp_path.iterdir())


@needs("zarr")
@needs("pyarrow")
@pytest.mark.parametrize("layout", ["zarr", "huggingface"])
def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path, file: Path, layout: str) -> None:
    target = tmp_path / f"mine{SUFFIXES[layout]}"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="not of this layout"):
        fm.export(file, target, layout, overwrite=True)
    assert (target / "thesis.txt").read_text() == "years of work"
    own = tmp_path / f"own{SUFFIXES[layout]}"
    fm.export(file, own, layout)
    with pytest.raises(FileExistsError, match="use --force"):
        fm.export(file, own, layout)
    fm.export(file, own, layout, overwrite=True)
    with pytest.raises(FileNotFoundError, match="mkdir -p"):
        fm.export(file, tmp_path / "nowhere" / own.name, layout)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([target.name, own.name])


@pytest.mark.parametrize("layout", ["percolation", "parquet", "zarr", "huggingface"])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, made: Columns, layout: str) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("zarr")
    source = write_columns(tmp_path / "data.h5", made, recipe=recipe(made))
    calls = []

    def stop(what: str, done: int, total: int) -> None:
        calls.append((what, done, total))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fm.export(source, tmp_path / f"a{SUFFIXES[layout]}", layout, progress=stop)
    assert calls
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.h5"]


def test_the_command(tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "a.npz"
    assert cli.main(["export", str(file), "-o", str(target), "--layout", "percolation"]) == 0
    said = capsys.readouterr().out
    assert "a.npz written, with a_gt_features.npz, a_gt_metadata.npz, a_provenance.json beside it" in said
    assert cli.main(["export", str(file), "-o", str(target), "--force", "--json", "--layout", "percolation"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["layout"] == "percolation"
    assert found["bytes"] == sum(entry.stat().st_size for entry in tmp_path.iterdir())
    assert cli.main(["export", str(file), "-o", str(tmp_path / "a.h5"), "--layout", "percolation"]) == 2
    assert "tools that expect .npz; use" in capsys.readouterr().err
    assert cli.main(["export", str(file), "-o", str(tmp_path / "a.h5ad"), "--latents", "all"]) == 0
