"""Damaged columns and provenances: every way of breaking every column of the table, each noticed and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from damage import PATHS, edited, first_chunk, flip, problems, replace
from handmade import Columns, columns, recipe

from fractalman.datasets.file import open_file
from fractalman.datasets.header import header_problem
from fractalman.datasets.inspection import check_file
from fractalman.datasets.verify import verify_file
from fractalman.datasets.writer import write_columns
from fractalman.errors import CorruptFileError

# An element that each column's own checks must refuse.
OUT_OF_RANGE: dict[str, list[Any]] = {
    "X": [np.nan, np.inf],
    "y": [np.nan, -np.inf],
    "cluster": [-1, 11],
    "edges": [-1, 11],
    "hierarchy/parent": [-2, 19],
    "hierarchy/value": [np.nan, np.inf],
    "hierarchy/variance": [-1.0, np.nan, np.inf],
    "hierarchy/size": [0, -1],
    "hierarchy/depth": [-1],
    "hierarchy/level": [-1],
    "label_tree/parent": [-2, 19],
    "label_tree/value": [np.nan],
    "label_tree/variance": [-1e-300, np.inf],
    "label_tree/norm": [0.0, -1.0, np.inf],
    "label_tree/leaf": [-1, 19],
    "noise": [np.nan],
}


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns()


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory, made: Columns) -> Path:
    return write_columns(tmp_path_factory.mktemp("intact") / "data.h5", made, recipe=recipe(made))


@pytest.fixture
def file(tmp_path: Path, intact: Path) -> Path:
    return Path(shutil.copy(intact, tmp_path / "data.h5"))


# ------------------------------------------------------------------------------------------------ columns


def test_the_intact_file_has_no_problem(intact: Path) -> None:
    assert list(check_file(intact)) == []
    assert verify_file(intact) == []


def test_every_column_has_its_ways_out_of_range() -> None:
    assert set(OUT_OF_RANGE) == set(PATHS)


@pytest.mark.parametrize("name", [*PATHS, "provenance"])
def test_a_deleted_column_is_named(file: Path, name: str) -> None:
    with edited(file) as handle:
        del handle[name]
    with pytest.raises(CorruptFileError, match=f"{name}: is missing"):
        open_file(file)
    assert "is missing" in problems(file)[name]


@pytest.mark.parametrize("name", PATHS)
def test_a_shortened_column_is_named(file: Path, made: Columns, name: str) -> None:
    replace(file, name, made[name][:-1])
    with pytest.raises(CorruptFileError, match=f"{name}: has shape"):
        open_file(file)
    assert list(problems(file)) == [name]


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("narrow", [True, False])
def test_a_retyped_column_is_named(file: Path, made: Columns, name: str, narrow: bool) -> None:
    kind = made[name].dtype
    other = kind.newbyteorder(">") if not narrow else np.dtype({"<f4": "<f2", "<f8": "<f4", "<i8": "<i4"}[kind.str])
    replace(file, name, made[name].astype(other))
    with pytest.raises(CorruptFileError, match=f"{name}: has type"):
        open_file(file)
    assert list(problems(file)) == [name]


@pytest.mark.parametrize("name", PATHS)
def test_a_column_of_other_axes_or_a_group_in_its_place_is_named(file: Path, made: Columns, name: str) -> None:
    replace(file, name, made[name][..., None])
    assert "has shape" in problems(file)[name]
    with edited(file) as handle:
        del handle[name]
        handle.create_group(name)
    assert "is missing" in problems(file)[name]


@pytest.mark.parametrize("name", PATHS)
def test_a_column_in_other_chunks_is_named(file: Path, made: Columns, name: str) -> None:
    with edited(file) as handle:
        del handle[name]
        handle[name] = made[name]
    assert "has chunks None: expected" in problems(file)[name]


@pytest.mark.parametrize("name", PATHS)
def test_a_column_without_digests_of_its_blocks_is_named(file: Path, name: str) -> None:
    with edited(file) as handle:
        del handle[f"digests/{name}"]
    assert "has no digests of its blocks" in problems(file)[name]
    with edited(file) as handle:
        handle[f"digests/{name}"] = np.zeros((3, 16), np.uint8)
    assert "have uint8 and shape (3, 16): expected" in problems(file)[name]
    with edited(file) as handle:
        del handle[f"digests/{name}"]
        handle[f"digests/{name}"] = np.zeros((1, 16), np.uint8)
    assert "do not have the digest that the provenance states" in problems(file)[name]
    with open_file(file) as f, pytest.raises(CorruptFileError, match="digests of its blocks"):
        f.columns[name][0]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in OUT_OF_RANGE.items() for v in values])
def test_an_element_out_of_range_is_named_with_its_place(file: Path, name: str, value: Any) -> None:
    with edited(file) as handle:
        handle[name][2] = value
    found = [problem.message for problem in check_file(file) if problem.path == name]
    assert any(message.endswith("do not have the digest of their block") for message in found)
    place = "[2, 0]" if name in ("X", "edges") else "[2]"
    assert any(message.startswith(f"{place} is {value}: expected") for message in found)


@pytest.mark.parametrize("name", PATHS)
def test_a_changed_element_with_a_right_checksum_is_named(file: Path, name: str) -> None:
    with edited(file) as handle:
        stored = handle[name]
        stored[0] = np.nextafter(stored[0], np.float32(9)) if stored.dtype.kind == "f" else stored[0] ^ 1
    assert any(problem.path == name and "digest" in problem.message for problem in check_file(file))
    assert name in {problem.path for problem in check_file(file)}


@pytest.mark.parametrize("name", [*PATHS, "provenance"])
def test_a_flipped_bit_in_a_columns_bytes_is_named(file: Path, name: str) -> None:
    start, size = first_chunk(file, name)
    for place in (0, size // 2, size - 1):
        flip(file, start + place, bit=place % 8)
        assert header_problem(file) is not None
        found = [problem.message for problem in check_file(file) if problem.path == name]
        assert any(word in message for word in ("digest", "filter", "Fletcher32") for message in found), found
        if name == "provenance":
            with pytest.raises(CorruptFileError, match="provenance: is unreadable"):
                open_file(file)
        else:
            with open_file(file) as f, pytest.raises(CorruptFileError, match=f"{name}: rows"):
                f.columns[name][0]


def test_what_the_provenance_does_not_list_is_named(file: Path) -> None:
    with edited(file) as handle:
        handle["hierarchy/rank"] = np.arange(3)
        handle["notes"] = np.arange(3)
    assert set(problems(file)) == {"hierarchy/rank", "notes"}


# ------------------------------------------------------------------------------------------------ provenance


def set_provenance(file: Path, text: bytes) -> None:
    replace(file, "provenance", np.array([text]))


def test_a_provenance_that_is_none_is_named(file: Path) -> None:
    with h5py.File(file) as handle:
        text = bytes(handle["provenance"][0])
    for wrong in (b"x", b"[]", b"{}", text[:-5], text.replace(b'"columns"', b'"column"'), b"[" * 100_000):
        set_provenance(file, wrong)
        with pytest.raises(CorruptFileError, match="provenance: is not readable as the JSON"):
            open_file(file)
    with edited(file) as handle:
        del handle["provenance"]
        handle["provenance"] = 3
    assert "expected one text" in problems(file)["provenance"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t["recipe"].update(seed=2), "content digest"),
        (lambda t: t.update(stream_version=99), "content digest"),
        (lambda t: t["columns"]["y"].update(digest="0" * 64), "content digest"),
        (lambda t: t["columns"]["y"].update(shape=[12]), "contradicts the format: column y"),
        (lambda t: t["columns"].pop("y"), "contradicts the format: column y: is missing"),
        (lambda t: t.update(format=[1, 7]), "states format (1, 7)"),
    ],
)
def test_a_provenance_that_was_edited_is_named(file: Path, change: Callable[[Any], Any], words: str) -> None:
    with h5py.File(file) as handle:
        table = json.loads(bytes(handle["provenance"][0]))
    change(table)
    set_provenance(file, json.dumps(table).encode())
    assert any(words in p.message for p in check_file(file) if p.path == "provenance")
    with pytest.raises(CorruptFileError, match="provenance"):
        open_file(file)
