"""A thousand million rows, by arrays of zero stride and by files whose chunks were never written."""

from __future__ import annotations

import errno
import json
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from damage import content, edited, problems, replace
from handmade import Columns, columns, recipe

from fractalman.datasets import spec, writer
from fractalman.datasets.digests import block_digest, table_digest
from fractalman.datasets.file import open_file
from fractalman.datasets.rules import RULE_FUNCTIONS
from fractalman.datasets.writer import describe, write_columns
from fractalman.errors import FileFormatError

N = 10**9


def repeated(name: str, value: float = 0) -> np.ndarray[Any, Any]:
    """A column of N rows that takes no memory."""
    column = spec.BY_PATH[name]
    return np.broadcast_to(np.array(value, column.dtype), column.expected_shape({"n": N, "d": 3, "k": N, "q": N}))


HUGE: Columns = {name: repeated(name) for name in ("X", "y", "cluster")}


class Streamed:
    """The same, in blocks."""

    def __init__(self, array: np.ndarray[Any, Any], rows: int) -> None:
        self._array, self._rows = array, rows
        self.shape, self.dtype = array.shape, array.dtype

    def blocks(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        for start in range(0, len(self._array), self._rows):
            yield start, self._array[start : start + self._rows]


def test_a_file_that_would_not_fit_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=19 * N))
    with pytest.raises(OSError, match=f"needs {20 * N} bytes or more, {19 * N} are free") as error:
        write_columns(tmp_path / "data.h5", HUGE, recipe=recipe(HUGE))
    assert error.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match=f"needs {28 * N} bytes or more"):
        write_columns(tmp_path / "data.h5", HUGE, recipe=recipe(HUGE), compression="off")
    assert list(tmp_path.iterdir()) == []


def test_columns_of_other_lengths_are_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=f"y: has {N - 1} entries along axis 0: expected {N}"):
        write_columns(tmp_path / "data.h5", {**HUGE, "y": HUGE["y"][1:]}, recipe=recipe(HUGE))


@pytest.mark.parametrize("source", [HUGE["y"], Streamed(HUGE["y"], 10**7)])
def test_a_column_is_cut_into_blocks_without_gaps(source: Any) -> None:
    column, shape = spec.BY_PATH["y"], (N,)
    rows = writer._rows_at_once(column, shape)
    assert rows % spec.block_rows(shape, column.dtype) == 0
    if not isinstance(source, np.ndarray):
        rows = 10**7  # as its blocks come: nothing is copied
    expected = 0
    tracemalloc.start()
    for start, block in writer._rows(column, source, rows):
        assert start == expected
        expected += len(block)
        assert len(block) == rows or expected == N
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert expected == N
    assert peak < 1e6


def test_a_writer_with_an_error_in_its_last_row_names_that_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Streamed):
        def blocks(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
            start = N - 1 - (N - 1) % writer.block_rows((N,), spec.BY_PATH["cluster"].dtype)
            block = np.zeros(N - start, np.int64)
            block[-1] = N
            yield start, block

    monkeypatch.setattr(writer, "_rows", lambda _, source, rows: Wrong(source, rows).blocks())
    monkeypatch.setattr(writer, "_check_space", lambda *_: None)
    monkeypatch.setattr(writer, "COLUMNS", [spec.BY_PATH["cluster"]])
    with pytest.raises(FileFormatError, match=rf"cluster: \[{N - 1}\] is {N}: expected 0 ≤ value < N"):
        write_columns(tmp_path / "data.h5", HUGE, recipe=recipe(HUGE))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("base", [2**24, 2**31, 2**32, 10**9, 2**53])
def test_ids_beyond_every_narrow_type_are_compared_as_integers(base: int) -> None:
    column = spec.BY_PATH["label_tree/parent"]
    for wrong, value in ((False, base - 1), (True, base), (True, base + 1), (True, -2), (False, -1)):
        block = np.array([value])
        assert bool(list(spec.broken_elements(column, block, base, {"q": base}))) == wrong

    def rule(parent: list[int], start: int, n: int) -> list[str]:
        blocks = SimpleNamespace(blocks=lambda: iter([(start, np.array(parent))]))
        provenance: Any = None
        return list(RULE_FUNCTIONS["hierarchy-parent"]({"hierarchy/parent": blocks}, {"n": n}, provenance))  # type: ignore[dict-item]

    assert rule([base - 1, base], base, base - 1) == []  # latents base and base + 1: parents before them
    assert rule([base], base, base - 1) == [f"[{base}] is {base}: expected less than the latent's own id"]
    assert rule([base - 1, base + 1], base, base - 1) == [
        f"[{base + 1}] is {base + 1}: expected less than the latent's own id"
    ]
    assert rule([base - 1], 0, base) == [f"[0] is {base - 1}, a point: expected a latent"]


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of N rows of which only a few chunks were written: HDF5 reads the others as zeros."""
    small = {name: column for name, column in columns().items() if name in HUGE}
    path = write_columns(tmp_path_factory.mktemp("huge") / "data.h5", small, recipe=recipe(HUGE))
    text = json.loads(bytes(content(path, "provenance")[0]))
    with edited(path) as handle:
        for name, column in HUGE.items():
            del handle[name]
            chunks = (spec.block_rows(column.shape, column.dtype.str), *column.shape[1:])
            stored = handle.create_dataset(name, shape=column.shape, dtype=column.dtype, chunks=chunks)
            describe(stored, spec.BY_PATH[name])
            stored[0], stored[-1], stored[N // 2] = 1, 3, 2
            table = np.tile(
                np.frombuffer(block_digest(np.zeros(chunks, column.dtype)), np.uint8), (-(-N // chunks[0]), 1)
            )
            for k in (0, N // 2 // chunks[0], len(table) - 1):
                rows = stored[k * chunks[0] : (k + 1) * chunks[0]]
                table[k] = np.frombuffer(block_digest(rows), np.uint8)
            del handle[f"digests/{name}"]
            handle[f"digests/{name}"] = table
            text["columns"][name]["digest"] = table_digest(table)
            text["columns"][name]["shape"] = list(column.shape)
    provenance = {**text, "content": ""}
    replace(path, "provenance", np.array([json.dumps(provenance).encode()]))
    with edited(path) as handle:  # the content digest that it must state
        from fractalman.datasets.provenance import from_bytes

        made, _ = from_bytes(bytes(handle["provenance"][0]))
        text = made.to_bytes()
    replace(path, "provenance", np.array([text]))
    return path


def test_any_row_of_a_huge_file_is_read_at_once(sparse: Path) -> None:
    assert sparse.stat().st_size < 20e6
    tracemalloc.start()
    with open_file(sparse) as f:
        assert (f.n_points, len(f.y), f.X.nbytes) == (N, N, 12 * N)
        for name in ("X", "y", "cluster"):
            column = f.columns[name]
            last = column[N - 1] if name != "X" else column[N - 1][0]
            middle = column[N // 2] if name != "X" else column[N // 2, 1]
            assert (last, middle) == (3, 2)
            np.testing.assert_array_equal(
                np.ravel(column[[N - 1, 0, -N, -1, N // 2]])[:: column[0].size or 1], [3, 1, 1, 3, 2]
            )
            np.testing.assert_array_equal(column[N - 2 :][-1], column[-1])
            assert len(column[:: N // 3]) == 4
            assert column[N - 1 : N - 4 : -1].shape[0] == 3
            with pytest.raises(IndexError, match=f"row {N} of {name}: expected {-N} to {N - 1}"):
                column[N]
        assert next(iter(f.y.blocks()))[0] == 0
        assert f.info()["columns"]["X"]["bytes"] == 12 * N
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_what_was_never_written_is_named(sparse: Path) -> None:
    found = problems(sparse)
    for name, column in HUGE.items():
        rows = spec.block_rows(column.shape, column.dtype.str)
        assert found[name] == f"has 3 chunks: expected {-(-N // rows)}"
