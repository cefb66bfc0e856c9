"""What is read is checked at its place: blocks that were exchanged, lost or changed are noticed by every reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from damage import reseal

import fractalman as fm
from fractalman.datasets import digests, direct, lazy
from fractalman.errors import CorruptFileError, RecipeError

N, D = 20_000, 16


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = fm.Cascade(n_points=N, ambient_dim=D, seed=3)
    return fm.write(recipe, tmp_path_factory.mktemp("blocks") / "data.h5", hierarchy=False, compression="off")


@pytest.fixture
def exchanged(intact: Path, tmp_path: Path) -> Path:
    """A misdirected write: two whole chunks of X have changed places, and the header agrees."""
    path = tmp_path / "data.h5"
    path.write_bytes(intact.read_bytes())
    with h5py.File(path, "r+") as file:
        X = file["X"]
        rows = X.chunks[0]
        assert len(X) >= 2 * rows
        first, second = X[:rows], X[rows : 2 * rows]
        X[:rows], X[rows : 2 * rows] = second, first
    reseal(path)
    return path


READERS: dict[str, Callable[[fm.File], Any]] = {
    "whole": lambda f: f.X[:],
    "array": lambda f: np.asarray(f.X),
    "rows": lambda f: f.X[5:9],
    "one row": lambda f: f.X[7],
    "scattered": lambda f: f.X[[19, 3, 11]],
    "blocks": lambda f: list(f.X.blocks()),
    "dataset": lambda f: f.dataset(),
    "batches": lambda f: list(fm.batches(f, 512)),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("share", [0, 4], ids=["by the library", "past it"])
def test_exchanged_blocks_are_noticed_by_every_reader(
    exchanged: Path, name: str, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy, "SHARE_AT_ONCE", share)
    with fm.open(exchanged) as f, pytest.raises(CorruptFileError, match=r"X: rows 0 to \d+ are damaged"):
        READERS[name](f)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_whole_columns_come_straight_from_the_file(
    intact: Path, exchanged: Path, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past HDF5's buffers come the bytes that HDF5 reads, or none that are not at their place."""
    monkeypatch.setenv("FRACTALMAN_THREADS", threads)
    for path, right in ((intact, True), (exchanged, False)):
        with fm.open(path) as f, h5py.File(path, locking=False) as file:
            rows, table, out = f.X.rows_of_block, f.X.block_digests(), np.empty((N, D), np.float32)
            places = direct.chunk_places(file["X"], rows)
            assert places is not None
            assert len(places) == len(table)
            assert len(table) > 1
            assert direct.read_blocks(file["X"], places, 0, rows, table, out) is right
            np.testing.assert_array_equal(out, file["X"][:])  # of exchanged blocks, too: that they are is what is said
            later = out[rows:]
            assert direct.read_blocks(file["X"], places, 1, rows, table, later) is right
            assert not direct.read_blocks(file["X"], places + (1 << 40), 0, rows, table, out)  # beyond the end


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("order", ["in a row", "in a row from the third", "backwards", "with gaps", "any"])
def test_wherever_blocks_lie_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str, threads: int
) -> None:
    """Neighbours are read by one call, others one by one; a block that is not its own is noticed in every place."""
    monkeypatch.setenv("FRACTALMAN_THREADS", str(threads))
    blocks, rows = 27, 16
    random = np.random.default_rng(0)
    X = random.standard_normal((blocks * rows - 5, 3)).astype(np.float32)  # the last block is shorter
    numbers = np.arange(blocks)
    written = {"backwards": numbers[::-1], "any": random.permutation(blocks)}.get(order, numbers)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        stored = file.create_dataset("X", X.shape, X.dtype, chunks=(rows, 3))
        other = file.create_dataset("other", X.shape, X.dtype, chunks=(rows, 3))
        for k in [*numbers[2:], *numbers[:2]] if order == "in a row from the third" else written:
            whole = np.zeros((rows, 3), np.float32)
            whole[: len(X) - k * rows] = X[k * rows : (k + 1) * rows]
            stored.id.write_direct_chunk((int(k) * rows, 0), whole)
            if order == "with gaps" and k % 3 == 0:
                other.id.write_direct_chunk((int(k) * rows, 0), whole)
    table = digests.table_of([digests.block_digest(X[k * rows : (k + 1) * rows]) for k in numbers])
    with h5py.File(tmp_path / "data.h5", locking=False) as file:
        places = direct.chunk_places(file["X"], rows)
        assert places is not None
        for first, stop in ((0, blocks), (3, blocks), (0, 20), (5, 6)):
            out = np.empty_like(X[first * rows : stop * rows])
            assert direct.read_blocks(file["X"], places, first, rows, table, out)
            np.testing.assert_array_equal(out, X[first * rows : stop * rows])
        out = np.empty_like(X)
        for k in numbers:
            broken = table.copy()
            broken[k, 3] ^= 1
            assert not direct.read_blocks(file["X"], places, 0, rows, broken, out)


@pytest.mark.parametrize("compression", ["gzip", "off"])
def test_only_plain_chunks_are_read_past_the_library(tmp_path: Path, compression: str) -> None:
    path = fm.write(fm.Cascade(n_points=N, ambient_dim=D), tmp_path / "data.h5", compression=compression)
    with h5py.File(path, locking=False) as file, fm.open(path) as f:
        for name, column in f.columns.items():
            filtered = file[name].id.get_create_plist().get_nfilters() > 0
            assert (direct.chunk_places(file[name], column.rows_of_block) is None) is filtered
        assert direct.chunk_places(file["X"], f.X.rows_of_block + 1) is None  # not the chunks that were expected


def test_after_a_fourth_of_the_blocks_rows_come_past_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fm.write(fm.SmoothManifold(n_points=N, ambient_dim=64, seed=3), tmp_path / "data.h5", hierarchy=False)
    past: list[int] = []

    def noted(stored: Any, places: Any, first: int, rows: int, *rest: Any) -> bool:
        past.append(first)
        return direct.read_blocks(stored, places, first, rows, *rest)

    monkeypatch.setattr(lazy, "read_blocks", noted)
    with fm.open(path) as f, fm.open(path, check="none") as unchecked:
        r, many = f.X.rows_of_block, len(f.X.block_digests())
        assert many > 8
        for start in range(0, N, r):
            np.testing.assert_array_equal(f.X[start : start + r], unchecked.X[start : start + r])
    assert past == list(range(-(-many // 4) - 1, many))  # listing where blocks lie is paid back by then


def test_a_column_without_digests_says_so(intact: Path) -> None:
    with fm.open(intact) as f:
        assert len(f.X.block_digests()) > 1
        with pytest.raises(CorruptFileError, match="X was opened without the digests of its blocks"):
            f.X.unchecked().block_digests()


def test_verify_names_the_rows(exchanged: Path) -> None:
    found = [str(problem) for problem in fm.verify(exchanged)]
    assert len(found) == 1
    assert found[0].startswith("X: rows 0 to ")
    assert found[0].endswith("do not have the digest of their block (and 1 more blocks)")


def test_without_checks_only_whole_columns_are_checked(exchanged: Path, intact: Path) -> None:
    with fm.open(exchanged, check="none") as f, fm.open(intact) as true:
        assert not np.array_equal(f.X[5:9], true.X[5:9])  # what the checks are for
        np.testing.assert_array_equal(f.y[5:9], true.y[5:9])
        for name in ("whole", "array", "blocks", "dataset"):
            with pytest.raises(CorruptFileError):
                READERS[name](f)
    with pytest.raises(RecipeError, match="expected 'blocks' or 'none'"):
        fm.open(intact, check="block")


def test_intact_rows_beside_a_bad_block_are_read(exchanged: Path, intact: Path) -> None:
    with fm.open(exchanged) as f, fm.open(intact) as true:
        np.testing.assert_array_equal(f.X[-50:], true.X[-50:])


@pytest.mark.parametrize("part", [slice(0, 1), slice(100, 9000), slice(8190, 8194), slice(3, N, 7), slice(N - 1, None)])
def test_parts_are_the_parts_of_the_whole(intact: Path, part: slice) -> None:
    with fm.open(intact) as f, fm.open(intact, check="none") as unchecked:
        X = f.X[:]
        np.testing.assert_array_equal(f.X[part], X[part])
        np.testing.assert_array_equal(unchecked.X[part], X[part])


def test_values_in_another_file_are_refused_by_name(intact: Path, tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    path.write_bytes(intact.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink(str(intact), "X")
    reseal(path)
    with pytest.raises(CorruptFileError, match="X: lies in another file"):
        fm.open(path)
