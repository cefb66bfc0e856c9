"""Indexes of shards under other readers, and damaged ones: what is missing or wrong is named."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from sharded import CASCADE, shard_files

import fractalman as fm
from fractalman.datasets import verify_file
from fractalman.datasets.shard_table import ShardTable, shard_rows
from fractalman.datasets.spec import SHARDS
from fractalman.datasets.verify import check_file
from fractalman.errors import CorruptFileError, FileFormatError

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


# ---------------------------------------------------------------------------------------------------- other readers


def test_other_readers_see_the_columns_wherever_the_folder_is(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = fm.generate(CASCADE).X
    moved = shutil.move(index.parent, tmp_path / "elsewhere") / "data.h5"
    monkeypatch.chdir(tmp_path.parent)
    for path in (moved, Path(os.path.relpath(moved))):
        with h5py.File(path) as file:
            assert file["X"].is_virtual
            np.testing.assert_array_equal(file["X"][:], X)
        with fm.open(path) as opened:
            np.testing.assert_array_equal(opened.X[:], X)
        assert list(check_file(path)) == []
    moved.rename(moved.with_name("other.h5"))  # the index may change its name, the shards' folder may not
    assert list(check_file(moved.with_name("other.h5"))) == []


@posix
def test_a_link_to_the_index_finds_the_shards(tmp_path: Path, index: Path) -> None:
    (tmp_path / "link.h5").symlink_to(index)
    with fm.open(tmp_path / "link.h5") as file:
        np.testing.assert_array_equal(file.y[:], fm.generate(CASCADE).y)
    assert verify_file(tmp_path / "link.h5") == []


# ---------------------------------------------------------------------------------------------------- damage


def damages(index: Path) -> dict[str, Callable[[], object]]:
    first, second, third = shard_files(index)[:3]

    def flip(path: Path) -> None:
        with h5py.File(path, "r") as file:
            at = file["X"].id.get_chunk_info(0).byte_offset
        with path.open("r+b") as raw:
            raw.seek(at + 5)
            byte = raw.read(1)[0]
            raw.seek(at + 5)
            raw.write(bytes([byte ^ 16]))

    def exchange() -> None:
        kept = first.read_bytes()
        shutil.copyfile(second, first)
        second.write_bytes(kept)

    def other_noise() -> None:
        """Another shard of the same size under this one's name: from a recipe with other labels."""
        other = CASCADE.replace(seed=fm.Seeds(geometry=3, embedding=3, labels=4))
        path = fm.write_shard(other, index.with_name("other.h5"), 3, 4)
        size = third.stat().st_size
        path.replace(third)
        with third.open("r+b") as file:  # what is appended is no part of HDF5's file
            file.truncate(max(size, third.stat().st_size))

    return {
        "delete": third.unlink,
        "truncate": lambda: os.truncate(third, third.stat().st_size - 100),
        "empty": lambda: third.write_bytes(b""),
        "noise": lambda: third.write_bytes(np.random.default_rng(0).bytes(third.stat().st_size)),
        "a folder": lambda: (third.unlink(), third.mkdir()),
        "flip": lambda: flip(third),
        "exchange": exchange,
        "another recipe": other_noise,
    }


@pytest.mark.parametrize(
    "kind", ["delete", "truncate", "empty", "noise", "a folder", "flip", "exchange", "another recipe"]
)
def test_a_bad_shard_is_named(index: Path, kind: str) -> None:
    bad = shard_files(index)[0 if kind == "exchange" else 2].name
    damages(index)[kind]()
    problems = list(check_file(index))
    assert problems, kind
    named = [problem for problem in problems if problem.path.endswith(bad)]
    assert named, problems
    assert {problem.path for problem in problems} - {problem.path for problem in named} <= (
        {f"{shard_files(index)[1].parent.name}/{shard_files(index)[1].name}"} if kind == "exchange" else set()
    )
    assert all("\n" not in str(problem) for problem in problems)
    with pytest.raises(FileFormatError, match=bad), fm.open(index) as file:
        file.X[:]  # never a fill value
    start = shard_rows(1001, 4, 4)[0]
    if kind in {"noise", "flip", "another recipe"} and bad == shard_files(index)[2].name:
        with contextlib.suppress(FileFormatError), fm.open(index) as file:  # other shards can be read
            np.testing.assert_array_equal(file.X[start:], fm.generate(CASCADE).X[start:])


def test_another_reader_would_not_notice(index: Path) -> None:
    """The control: HDF5 itself reads fill values where a shard is missing, without a word."""
    shard_files(index)[2].unlink()
    with h5py.File(index) as file:
        rows = slice(*shard_rows(1001, 3, 4))
        assert np.isnan(file["X"][rows]).all()
        assert (file["cluster"][rows] == -1).all()


def test_every_bad_shard_is_named_once(index: Path) -> None:
    first, second, third, _ = shard_files(index)
    damages(index)["flip"]()
    first.unlink()
    second.write_bytes(third.read_bytes()[: second.stat().st_size])
    found = [problem.path for problem in verify_file(index)]
    assert sorted(found) == sorted(f"data.h5.shards/{shard.name}" for shard in (first, second, third))


def test_a_shard_that_vanishes_while_the_index_is_open_is_no_fill_value(index: Path) -> None:
    with fm.open(index) as file:
        shard_files(index)[3].unlink()
        with pytest.raises(CorruptFileError, match=r"00004-of-00004.h5 is missing or damaged"):
            file.X[-1]
        np.testing.assert_array_equal(file.X[0], fm.generate(CASCADE).X[0])


def rewrite_table(index: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    with h5py.File(index, "r+") as file:
        table = json.loads(bytes(file[SHARDS][0]))
        change(table["shards"])
        text = json.dumps(table).encode()
        del file[SHARDS]
        stored = file.create_dataset(SHARDS, shape=(1,), dtype=f"S{len(text)}", chunks=(1,), fletcher32=True)
        stored[0] = text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t[0].update(file="/etc/passwd"), "is not readable as the JSON text"),
        (lambda t: t[0].update(file="../data.h5.shards/x.h5"), "is not readable as the JSON text"),
        (lambda t: t[0].pop("rows"), "is not readable as the JSON text"),
        (lambda t: t.clear(), "lists shards without rows"),
        (lambda t: t[1].update(rows=0), "lists shards without rows"),
        (lambda t: t[1]["columns"].pop("y"), "with different columns"),
        (lambda t: t.pop(), "X"),
        (lambda t: t[1].update(rows=7), "X"),
        (lambda t: t[2].update(content="0" * 64), "is another one"),
        (lambda t: t[2]["columns"].update(y="0" * 64), "y does not have the digest"),
        (lambda t: t[2].update(bytes=5), "expected 5"),
    ],
)
def test_a_table_that_cannot_be_is_named(index: Path, change: Callable[[Any], object], words: str) -> None:
    rewrite_table(index, change)
    problems = list(check_file(index))
    assert any(words in str(problem) for problem in problems), problems


def test_the_table_comes_back() -> None:
    table = ShardTable.from_bytes(
        b'{"shards": [{"file": "a/b.h5", "rows": 3, "bytes": 9, "content": "c", "columns": {"X": "d"}}]}'
    )
    assert ShardTable.from_bytes(table.to_bytes()) == table
    assert table.starts == [0, 3]
    for text in (b"", b"[]", b'{"shards": 3}', b"\xff"):
        with pytest.raises(CorruptFileError):
            ShardTable.from_bytes(text)
