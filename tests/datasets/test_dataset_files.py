"""Dataset files: round trips, the same bytes every time, what lies in them, and lazy columns."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xxhash
from damage import reseal
from handmade import Columns, columns, recipe
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

from fractalman.datasets import spec
from fractalman.datasets.digests import ColumnDigest, column_digest
from fractalman.datasets.document import format_document
from fractalman.datasets.file import open_file
from fractalman.datasets.provenance import Provenance, from_bytes
from fractalman.datasets.verify import check_file, verify_file
from fractalman.datasets.writer import write_columns
from fractalman.errors import FileFormatError, FractalmanError
from fractalman.recipes import from_dict


class Blocks:
    """A column that comes in blocks of given sizes, over and over again."""

    def __init__(self, array: np.ndarray[Any, Any], *sizes: int) -> None:
        self._array, self._sizes = array, sizes
        self.shape, self.dtype = array.shape, array.dtype

    def blocks(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        start = turn = 0
        buffer = np.empty((max(self._sizes), *self.shape[1:]), dtype=self.dtype)
        while start < len(self._array):
            block = self._array[start : start + self._sizes[turn % len(self._sizes)]]
            buffer[: len(block)] = block  # one buffer for all blocks, as a frugal source would do
            yield start, buffer[: len(block)]
            start, turn = start + len(block), turn + 1


@pytest.fixture
def made() -> Columns:
    return columns()


def written(folder: Path, made: Columns, name: str = "data.h5") -> Path:
    return write_columns(folder / name, made, recipe=recipe(made))


# ------------------------------------------------------------------------------------------------ round trips


def test_everything_comes_back(tmp_path: Path, made: Columns) -> None:
    path = written(tmp_path, made)
    with open_file(path) as f:
        assert set(f.columns) == set(made)
        for name, array in made.items():
            assert f.columns[name].dtype == spec.BY_PATH[name].dtype
            np.testing.assert_array_equal(f.columns[name][:], array, strict=True)
        assert f.recipe == from_dict(recipe(made))
        data = f.dataset()
        assert f.hierarchy is not None
        assert f.label_tree is not None
        assert (f.n_points, f.hierarchy.n_latents) == (11, 8)
    np.testing.assert_array_equal(data.X, made["X"])
    assert data.hierarchy is not None
    assert data.label_tree is not None
    assert data.hierarchy.level is not None
    np.testing.assert_array_equal(data.hierarchy.level, made["hierarchy/level"])
    np.testing.assert_array_equal(data.label_tree.norm, made["label_tree/norm"])
    assert [a.tolist() for a in data.split(4, 3, seed=5)] == [a.tolist() for a in f.split(4, 3, seed=5)]
    assert verify_file(path) == []


def test_columns_that_are_left_out_are_none(tmp_path: Path, made: Columns) -> None:
    bare = {name: made[name] for name in ("X", "y", "cluster")}
    with open_file(written(tmp_path, bare)) as f:
        assert f.edges is None
        assert f.hierarchy is None
        assert f.label_tree is None
        assert not f.info()["hierarchy"]
        assert f.dataset().edges is None
        assert f.verify() == []


@examples(30)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    d=st.integers(2, 5),
    seed=st.integers(0, 99),
    groups=st.sets(st.sampled_from(["graph", "tree", "level", "noise"])),
)
def test_any_small_dataset_makes_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], d: int, seed: int, groups: set[str]
) -> None:
    kept = {"required"} | groups | ({"tree"} if "level" in groups else set())
    kept |= {"labels"} if "tree" in kept else set()  # only strings have a hierarchy without a label tree
    made = columns(tuple(sorted(sizes, reverse=True)), d, seed, noise="noise" in groups)
    made = {name: array for name, array in made.items() if spec.BY_PATH[name].group in kept}
    path = written(tmp_path_factory.mktemp("round"), made)
    assert list(check_file(path)) == []
    with open_file(path) as f:
        assert set(f.columns) == set(made)
        for name, array in made.items():
            np.testing.assert_array_equal(f.columns[name][:], array, strict=True)


# ------------------------------------------------------------------------------------------------ bytes


@pytest.fixture(scope="module")
def large() -> Columns:
    """Several chunks and blocks in every kind of column."""
    return columns((60_000, 10_000), d=32)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path, large: Columns) -> None:
    first = written(tmp_path, large).read_bytes()
    time.sleep(1.1)  # HDF5's clocks tick in seconds
    (tmp_path / "elsewhere").mkdir()
    assert written(tmp_path / "elsewhere", dict(reversed(large.items())), "other.h5").read_bytes() == first
    changed = {**large, "y": large["y"] + 0.0}
    changed["y"][5] = np.nextafter(changed["y"][5], 9)
    assert written(tmp_path, changed, "changed.h5").read_bytes() != first


@pytest.mark.parametrize("sizes", [(1000,), (1, 4096, 7), (70_000,), (32_768,), (40_000, 3)])
def test_block_sizes_do_not_change_a_byte(tmp_path: Path, large: Columns, sizes: tuple[int, ...]) -> None:
    at_once = written(tmp_path, large).read_bytes()
    streamed: dict[str, Any] = {**large, "X": Blocks(large["X"], *sizes), "y": Blocks(large["y"], *sizes)}
    path = write_columns(tmp_path / "streamed.h5", streamed, recipe=recipe(large))
    assert path.read_bytes() == at_once


def test_streaming_holds_a_few_blocks_only(tmp_path: Path) -> None:
    n, d = 120_000, 128
    source = Blocks(np.broadcast_to(np.arange(d, dtype=np.float32), (n, d)), 4096)
    made: dict[str, Any] = {"X": source, "y": np.zeros(n), "cluster": np.zeros(n, dtype=np.int64)}
    steps: list[tuple[str, int, int]] = []
    named = {"family": "percolation-cluster", "n_points": n, "ambient_dim": d}
    written(tmp_path, columns(), "warm.h5")
    tracemalloc.start()
    try:
        path = write_columns(tmp_path / "big.h5", made, recipe=named, progress=lambda *step: steps.append(step))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30e6 < n * d * 4
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    assert steps[-1] == ("cluster", n * (4 * d + 16), n * (4 * d + 16))
    assert list(check_file(path)) == []


def test_digests_do_not_depend_on_blocks(large: Columns) -> None:
    digest = ColumnDigest(large["X"].shape, "<f4")
    for start in range(0, len(large["X"]), 999):
        digest.update(large["X"][start : start + 999])
    assert digest.hexdigest() == column_digest(large["X"], "<f4") == column_digest(large["X"].astype(">f4"), "<f4")
    assert digest.hexdigest() != column_digest(large["X"][::-1], "<f4")


# ------------------------------------------------------------------------------------------------ storage


def test_storage_is_what_the_format_says(tmp_path: Path, large: Columns) -> None:
    with h5py.File(written(tmp_path, large)) as file:
        assert set(file.attrs) == {"format", "major", "minor", "complete"}
        assert all(np.ndim(file.attrs[name]) == 0 for name in file.attrs)
        for column in (column for column in spec.COLUMNS if column.path in large):
            stored = file[column.path]
            assert stored.dtype.str == column.dtype
            assert not stored.fletcher32
            rows = range(0, len(stored), stored.chunks[0])
            table = [xxhash.xxh3_128_digest(stored[k : k + stored.chunks[0]].tobytes()) for k in rows]
            np.testing.assert_array_equal(file[f"digests/{column.path}"][()].tobytes(), b"".join(table))
            assert not stored.id.get_create_plist().get_obj_track_times()
            assert stored.chunks[1:] == stored.shape[1:]
            assert stored.chunks[0] == spec.block_rows(stored.shape, column.dtype)
            integer = stored.dtype.kind == "i"
            assert (stored.compression, stored.shuffle) == (("gzip", True) if integer else (None, False))
            assert dict(stored.attrs) == {
                "dimensions": column.dimensions.encode(),
                "unit": column.unit.encode(),
                "meaning": column.meaning.encode(),
            }
        assert file["provenance"].fletcher32


def test_the_provenance_holds_neither_time_nor_host(tmp_path: Path, made: Columns) -> None:
    with h5py.File(written(tmp_path, made)) as file:
        text = bytes(file["provenance"][0])
    table = json.loads(text)
    assert set(table) == {"recipe", "format", "stream_version", "versions", "compression", "columns", "content"}
    assert set(table["versions"]) == {
        "fractalman",
        "numpy",
        "numba",
        "llvmlite",
        "scipy",
        "h5py",
        "xxhash",
        "hdf5",
        "zlib",
    }
    assert table["columns"]["y"]["digest"] == column_digest(made["y"], "<f8")
    provenance, stated = from_bytes(text)
    assert provenance.content == stated
    assert provenance.to_bytes() == text


def test_content_names_the_data_and_not_the_versions() -> None:
    one = Provenance({"family": "x", "n_points": 2}, {}, {"numpy": "1"})
    assert one.content == Provenance({"n_points": 2, "family": "x"}, {}, {"numpy": "2"}).content
    assert one.content != Provenance({"family": "x", "n_points": 3}, {}, {"numpy": "1"}).content
    assert one.content != Provenance(one.recipe, {}, {}, stream_version=one.stream_version + 1).content


def test_format_document_is_the_committed_one(repository: Path) -> None:
    assert (repository / "datasets" / "FORMAT.md").read_text(encoding="utf-8") == format_document()


def test_the_module_prints_the_document(repository: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "fractalman.datasets.document"],
        cwd=repository,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert run.stdout.decode() == format_document()


def test_a_higher_minor_version_is_read_and_its_additions_ignored(tmp_path: Path, made: Columns) -> None:
    path = written(tmp_path, made)
    with h5py.File(path, "r+") as file:
        provenance, _ = from_bytes(bytes(file["provenance"][0]))
        newer = Provenance(
            provenance.recipe, provenance.columns, provenance.versions, format=(spec.MAJOR, spec.MINOR + 1)
        ).to_bytes()
        del file["provenance"]
        file.create_dataset("provenance", data=np.array([newer]), chunks=(1,), fletcher32=True)
        file.attrs.modify("minor", np.int64(spec.MINOR + 1))
        file["an addition"] = np.arange(3)
    reseal(path, (spec.MAJOR, spec.MINOR + 1))
    with open_file(path) as f:
        assert f.info()["format"] == f"{spec.MAJOR}.{spec.MINOR + 1}"
    assert list(check_file(path)) == []


# ------------------------------------------------------------------------------------------------ refusing columns


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": None}, "y: is missing"),
        ({"hierarchy/size": None}, "hierarchy/size: is missing"),
        ({"label_tree/leaf": None}, "label_tree/leaf: is missing"),
        ({"y": np.zeros(11, dtype=np.float32)}, "has type <f4: expected <f8"),
        ({"y": np.zeros(11, dtype=">f8")}, "has type >f8: expected <f8"),
        ({"y": np.zeros(10)}, "10 entries along axis 0: expected 11"),
        ({"y": np.zeros((11, 1))}, "has shape (11, 1)"),
        ({"y": np.full(11, np.nan)}, "[0] is nan: expected finite"),
        ({"cluster": np.full(11, -1)}, "[0] is -1: expected 0 ≤ value < N"),
        ({"extra": np.zeros(3)}, "extra: is no column of this format"),
        ({"X": np.zeros((11, 1), dtype=np.float32)}, "expected ≥ 2"),
        ({"edges": np.zeros((0, 3), dtype=np.int64)}, "expected 2"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, made: Columns, change: dict[str, Any], words: str) -> None:
    wrong = {name: array for name, array in {**made, **change}.items() if array is not None}
    with pytest.raises(FileFormatError) as caught:
        write_columns(tmp_path / "data.h5", wrong, recipe=recipe(made))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [{"family": object()}, {"seed": float("nan")}])
def test_a_recipe_that_cannot_be_stored_is_refused(tmp_path: Path, made: Columns, bad: dict[str, Any]) -> None:
    with pytest.raises(FileFormatError, match="recipe cannot be stored"):
        write_columns(tmp_path / "data.h5", made, recipe=bad)
    assert list(tmp_path.iterdir()) == []


def test_blocks_with_gaps_or_an_early_end_are_refused(tmp_path: Path, made: Columns) -> None:
    class Gap(Blocks):
        def blocks(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
            return ((start, block) for start, block in super().blocks() if start != 4)

    class Short(Blocks):
        def blocks(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
            return ((start, block) for start, block in super().blocks() if start < 8)

    for source, words in ((Gap(made["X"], 4), "came at row 8"), (Short(made["X"], 4), "8 rows came")):
        with pytest.raises(FileFormatError, match=words):
            write_columns(tmp_path / "data.h5", {**made, "X": source}, recipe=recipe(made))
        assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------ lazy columns

_row = st.integers(-40, 40)
_index = st.one_of(
    st.integers(-37, 36),
    st.slices(37),
    st.lists(st.integers(-37, 36), max_size=50).map(lambda rows: np.array(rows, dtype=np.int64)),
    st.lists(st.booleans(), min_size=37, max_size=37).map(np.array),
    st.lists(st.integers(0, 36), min_size=4, max_size=4).map(lambda rows: np.array(rows).reshape(2, 2)),
)
_key = st.one_of(
    _index, st.tuples(_index, st.sampled_from([0, -1, slice(None), slice(2, 0, -1)])), st.just(...), st.just((..., 1))
)


@pytest.fixture(scope="module")
def lazy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, np.ndarray[Any, Any]]]:
    """A column in chunks of 5 rows: what a column of many chunks does, in little."""
    from fractalman.datasets.lazy import LazyColumn

    path = tmp_path_factory.mktemp("lazy") / "lazy.h5"
    array = np.arange(37 * 3, dtype=np.float32).reshape(37, 3)
    with h5py.File(path, "w") as file:
        yield LazyColumn(path, "X", file.create_dataset("X", data=array, chunks=(5, 3), fletcher32=True)), array


@examples(300)
@given(key=_key)
def test_indexing_is_numpys(lazy: tuple[Any, np.ndarray[Any, Any]], key: Any) -> None:
    column, array = lazy
    np.testing.assert_array_equal(column[key], array[key], strict=True)


@examples(100)
@given(key=_index)
def test_indexing_of_a_column_with_one_axis_is_numpys(tmp_path_factory: pytest.TempPathFactory, key: Any) -> None:
    from fractalman.datasets.lazy import LazyColumn

    path, array = tmp_path_factory.getbasetemp() / "one-axis.h5", np.arange(37.0)
    with h5py.File(path, "w") as file:
        column = LazyColumn(path, "y", file.create_dataset("y", data=array, chunks=(5,)))
        np.testing.assert_array_equal(column[key], array[key], strict=True)
        assert type(column[key]) is type(array[key])


@pytest.mark.parametrize("key", [37, -38, [0, 37], 1.5, "a", (0, 0, 0), np.ones(36, dtype=bool)])
def test_wrong_indices_are_refused(lazy: tuple[Any, np.ndarray[Any, Any]], key: Any) -> None:
    with pytest.raises(IndexError):
        lazy[0][key]


def test_a_column_is_an_array_when_asked(lazy: tuple[Any, np.ndarray[Any, Any]]) -> None:
    column, array = lazy
    np.testing.assert_array_equal(np.asarray(column), array)
    np.testing.assert_array_equal(np.array(list(column)), array)
    assert (len(column), column.ndim, column.size, column.nbytes) == (37, 2, 111, 444)
    assert [start for start, _ in column.blocks()] == [0]


def test_a_closed_file_says_so(tmp_path: Path, made: Columns) -> None:
    with open_file(written(tmp_path, made)) as f:
        X = f.X
    for use in (lambda: X[0], lambda: f.hierarchy, f.dataset, f.info):
        with pytest.raises(FractalmanError, match="is closed: open it again"):
            use()
    assert "closed" in repr(f)


def test_open_files_are_not_pickled_nor_read_in_another_process(
    tmp_path: Path, made: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_file(written(tmp_path, made)) as f:
        for thing in (f, f.X):
            with pytest.raises(TypeError, match="open it there"):
                pickle.dumps(thing)
        monkeypatch.setattr(os, "getpid", lambda: -1)
        with pytest.raises(FractalmanError, match="another process"):
            f.X[0]


def test_info_is_json(tmp_path: Path, made: Columns) -> None:
    path = written(tmp_path, made)
    with open_file(path) as f:
        info = f.info()
    assert json.loads(json.dumps(info)) == info
    assert (info["family"], info["n_points"], info["ambient_dim"]) == ("percolation-cluster", 11, 3)
    assert info["bytes"] == path.stat().st_size
    assert info["columns"]["X"]["bytes"] == 11 * 3 * 4
    assert info["columns"]["X"]["stored_bytes"] == 11 * 3 * 4
    assert len(info["digest"]) == 64
