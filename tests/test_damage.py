"""Damaged files: every way of breaking every column, each noticed and named; foreign, old, new and unfinished files."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from handmade import Columns, columns, recipe

from fractalman.dataset import spec, verify
from fractalman.dataset.reader import open_file
from fractalman.dataset.verify import check_file, verify_file
from fractalman.dataset.writer import write_columns
from fractalman.errors import (
    CorruptFileError,
    FileFormatError,
    FractalmanError,
    IncompleteFileError,
    TooNewError,
    TooOldError,
)

PATHS = [column.path for column in spec.COLUMNS]
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


def problems(path: Path) -> dict[str, str]:
    return {problem.path: problem.message for problem in check_file(path)}


def replace(file: Path, name: str, array: Any) -> None:
    """Put another array in a column's place, stored as the format asks."""
    with h5py.File(file, "r+") as handle:
        del handle[name]
        chunks = (min(2, len(array)), *array.shape[1:])
        handle.create_dataset(name, data=array, chunks=chunks, fletcher32=True)


def flip(path: Path, place: int, bit: int = 0) -> None:
    with path.open("r+b") as handle:
        handle.seek(place)
        byte = handle.read(1)[0]
        handle.seek(place)
        handle.write(bytes([byte ^ (1 << bit)]))


# ------------------------------------------------------------------------------------------------ columns


def test_the_intact_file_has_no_problem(intact: Path) -> None:
    assert list(check_file(intact)) == []
    assert verify_file(intact) == []


def test_every_column_has_its_ways_out_of_range() -> None:
    assert set(OUT_OF_RANGE) == set(PATHS)


@pytest.mark.parametrize("name", [*PATHS, "certificate"])
def test_a_deleted_column_is_named(file: Path, name: str) -> None:
    with h5py.File(file, "r+") as handle:
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
    with h5py.File(file, "r+") as handle:
        del handle[name]
        handle.create_group(name)
    assert "is missing" in problems(file)[name]


@pytest.mark.parametrize("name", PATHS)
def test_a_column_without_checksum_is_named(file: Path, made: Columns, name: str) -> None:
    with h5py.File(file, "r+") as handle:
        del handle[name]
        handle[name] = made[name]
    assert "fletcher32" in problems(file)[name]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in OUT_OF_RANGE.items() for v in values])
def test_an_element_out_of_range_is_named_with_its_place(file: Path, name: str, value: Any) -> None:
    with h5py.File(file, "r+") as handle:
        handle[name][2] = value
    found = [problem.message for problem in check_file(file) if problem.path == name]
    assert "does not have the digest that the certificate states" in found
    place = "[2, 0]" if name in ("X", "edges") else "[2]"
    assert any(message.startswith(f"{place} is {value}: required") for message in found)


@pytest.mark.parametrize("name", PATHS)
def test_a_changed_element_with_a_right_checksum_is_named(file: Path, name: str) -> None:
    with h5py.File(file, "r+") as handle:
        stored = handle[name]
        stored[0] = np.nextafter(stored[0], np.float32(9)) if stored.dtype.kind == "f" else stored[0] ^ 1
    assert any(problem.path == name and "digest" in problem.message for problem in check_file(file))
    assert name in {problem.path for problem in check_file(file)}


@pytest.mark.parametrize("name", [*PATHS, "certificate"])
def test_a_flipped_bit_in_a_columns_bytes_is_named(file: Path, name: str) -> None:
    with h5py.File(file) as handle:
        chunk = handle[name].id.get_chunk_info(0)
    for place in (0, chunk.size // 2, chunk.size - 1):
        flip(file, chunk.byte_offset + place, bit=place % 8)
        found = problems(file)
        assert name in found
        assert ("Fletcher32" in found[name]) or ("filter" in found[name]), found[name]
        if name == "certificate":
            with pytest.raises(CorruptFileError, match="certificate: is unreadable"):
                open_file(file)
        else:
            assert list(found) == [name]
            with open_file(file) as f, pytest.raises(CorruptFileError, match=rf"{name}: rows 0 to \d+ are damaged"):
                f.columns[name][:]
        flip(file, chunk.byte_offset + place, bit=place % 8)
    assert problems(file) == {}


def test_what_the_certificate_does_not_list_is_named(file: Path) -> None:
    with h5py.File(file, "r+") as handle:
        handle["hierarchy/rank"] = np.arange(3)
        handle["notes"] = np.arange(3)
    assert set(problems(file)) == {"hierarchy/rank", "notes"}


# ------------------------------------------------------------------------------------------------ certificate


def set_certificate(file: Path, text: bytes) -> None:
    replace(file, "certificate", np.array([text]))


def test_a_certificate_that_is_none_is_named(file: Path) -> None:
    with h5py.File(file) as handle:
        text = bytes(handle["certificate"][0])
    for wrong in (b"x", b"[]", b"{}", text[:-5], text.replace(b'"columns"', b'"column"'), b"[" * 100_000):
        set_certificate(file, wrong)
        with pytest.raises(CorruptFileError, match="certificate: is not readable as the JSON"):
            open_file(file)
    with h5py.File(file, "r+") as handle:
        del handle["certificate"]
        handle["certificate"] = 3
    assert "required is one text" in problems(file)["certificate"]


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
def test_a_certificate_that_was_edited_is_named(file: Path, change: Callable[[Any], Any], words: str) -> None:
    with h5py.File(file) as handle:
        table = json.loads(bytes(handle["certificate"][0]))
    change(table)
    set_certificate(file, json.dumps(table).encode())
    assert any(words in p.message for p in check_file(file) if p.path == "certificate")
    with pytest.raises(CorruptFileError, match="certificate"):
        open_file(file)


# ------------------------------------------------------------------------------------------------ rules


def _break(made: Columns, rule: str) -> list[Columns]:
    """Return columns whose every element is allowed and that break just this rule (and what follows from it)."""

    def having(name: str, place: Any, value: Any) -> Columns:
        array = made[name].copy()
        array[place] = value
        return {**made, name: array}

    latents = slice(11, None)
    swapped = made["hierarchy/size"].copy()
    swapped[latents] = swapped[latents][::-1]
    cycle = made["label_tree/parent"].copy()
    root, child = 11, int(np.flatnonzero(made["label_tree/parent"] == 11)[-1])
    cycle[root] = child
    zero = made["label_tree/variance"].copy()
    zero[4] = 0.0
    level = int(made["hierarchy/level"][11])
    return {
        "recipe-size": [{**made, "X": np.zeros((11, 4), dtype=np.float32)}],
        "cluster-order": [
            having("cluster", 0, 1),
            having("cluster", 10, 4),
            having("cluster", 6, 2),
            having("cluster", 5, 1),
            {**made, "cluster": np.repeat([0, 1], [5, 6])},
        ],
        "edge-ends": [having("edges", 0, made["edges"][0, 0]), having("edges", 0, (0, 10))],
        "hierarchy-parent": [having("hierarchy/parent", 0, 3), having("hierarchy/parent", 12, 12)],
        "hierarchy-depth": [having("hierarchy/depth", 0, 99), having("hierarchy/depth", 11, 1)],
        "hierarchy-size": [
            having("hierarchy/size", 2, 2),
            having("hierarchy/size", 11, 8),
            {**made, "hierarchy/size": swapped},
        ],
        "hierarchy-level": [having("hierarchy/level", 12, level), having("hierarchy/level", 0, 0)],
        "hierarchy-zero": [having("hierarchy/variance", 4, 0.0)],
        "label-zero": [{**made, "label_tree/variance": zero}],
        "noise": [{name: column for name, column in made.items() if name != "noise"}],
        "labels": [
            {**made, "label_tree/parent": cycle},
            having("y", 3, made["y"][3] + 3e-12),
            having("label_tree/value", 11, made["label_tree/value"][11] + 1e-10),
            having("label_tree/norm", 3, made["label_tree/norm"][3] * (1 + 1e-10)),
            having("label_tree/leaf", 3, 0),
        ],
    }[rule]


@pytest.mark.parametrize("rule", spec.RULES, ids=lambda rule: rule.name)
def test_every_rule_is_checked(tmp_path: Path, made: Columns, rule: spec.Rule) -> None:
    for wrong in _break(made, rule.name):
        path = write_columns(tmp_path / "data.h5", wrong, recipe=recipe(made), overwrite=True)
        broken = [p for p in check_file(path) if f"(rule {rule.name})" in p.message]
        assert [p.path for p in broken] == [rule.path]
        with open_file(path):  # its shapes are fine: only verify looks at values
            pass


def test_labels_may_differ_by_rounding_only(tmp_path: Path, made: Columns) -> None:
    near = {**made, "y": np.nextafter(made["y"], 9)}
    path = write_columns(tmp_path / "data.h5", near, recipe=recipe(made))
    assert list(check_file(path)) == []


def test_rules_hold_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fractalman.dataset import lazy

    monkeypatch.setattr(lazy, "BLOCK_BYTES", 1)
    monkeypatch.setattr(spec, "CHUNK_BYTES", 48)
    made = columns((40, 40, 7, 1, 1), d=3)
    path = write_columns(tmp_path / "data.h5", made, recipe=recipe(made))
    with open_file(path) as f:
        assert len(list(f.cluster.blocks())) == 15
    assert list(check_file(path)) == []
    for rule, name, place, value in (
        ("cluster-order", "cluster", slice(80, 88), 3),
        ("hierarchy-size", "hierarchy/size", 89, 41),
        ("hierarchy-depth", "hierarchy/depth", 120, 77),
        ("labels", "y", 61, 0.0),
    ):
        wrong = {**made, name: made[name].copy()}
        wrong[name][place] = value
        path = write_columns(tmp_path / "wrong.h5", wrong, recipe=recipe(made), overwrite=True)
        assert any(f"(rule {rule})" in p.message for p in check_file(path)), rule


# ------------------------------------------------------------------------------------------------ whole files


def one_line(error: pytest.ExceptionInfo[BaseException], path: Path) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert str(path) in text
    return text


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999])
def test_a_truncated_file_is_refused(file: Path, share: float) -> None:
    os.truncate(file, int(share * file.stat().st_size))
    with pytest.raises(FileFormatError) as error:
        open_file(file)
    one_line(error, file)
    assert [problem.path for problem in check_file(file)] == ["/"]


def test_every_truncation_of_the_first_and_last_bytes_is_refused(file: Path, intact: Path) -> None:
    whole = intact.read_bytes()
    for length in (*range(1, 200), *range(len(whole) - 100, len(whole))):
        file.write_bytes(whole[:length])
        with pytest.raises(FileFormatError) as error:
            open_file(file)
        one_line(error, file)


def _attribute(file: Path, name: str, value: Any) -> None:
    with h5py.File(file, "r+") as handle:
        del handle.attrs[name]
        if value is not None:
            handle.attrs[name] = value


@pytest.mark.parametrize(
    ("name", "value", "kind", "words"),
    [
        ("major", np.int64(spec.MAJOR + 1), TooNewError, "install a newer fractalman"),
        ("major", np.int64(spec.MAJOR - 1), TooOldError, "make it anew from its recipe"),
        ("major", None, CorruptFileError, "not integers"),
        ("minor", np.bytes_(b"x"), CorruptFileError, "not integers"),
        ("minor", np.int64(spec.MINOR + 1), CorruptFileError, "states format"),
        ("complete", np.int64(0), IncompleteFileError, "never finished"),
        ("complete", None, IncompleteFileError, "never finished"),
        ("complete", np.float64(1), IncompleteFileError, "never finished"),
        ("format", None, FileFormatError, "not a fractalman file"),
        ("format", np.bytes_(b"something else"), FileFormatError, "not a fractalman file"),
    ],
)
def test_headers_are_looked_at(file: Path, name: str, value: Any, kind: type[Exception], words: str) -> None:
    _attribute(file, name, value)
    with pytest.raises(kind, match=words) as error:
        open_file(file)
    assert error.type is kind
    one_line(error, file)
    assert words in next(check_file(file)).message


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    noise, empty, foreign, pipe = (tmp_path / name for name in ("noise.h5", "empty.h5", "foreign.h5", "pipe"))
    noise.write_bytes(random.Random(0).randbytes(5000))
    empty.touch()
    with h5py.File(foreign, "w") as handle:
        handle["X"] = np.zeros((3, 2))
    cases: list[tuple[Path, type[Exception], str]] = [
        (noise, FileFormatError, "not begin as an HDF5 file"),
        (empty, IncompleteFileError, "is empty"),
        (foreign, FileFormatError, "an HDF5 file but not a fractalman file"),
        (tmp_path, IsADirectoryError, "is a directory"),
        (tmp_path / "absent.h5", FileNotFoundError, "does not exist"),
    ]
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
        cases.append((pipe, FileFormatError, "not an ordinary file"))
    for path, kind, words in cases:
        with pytest.raises(kind, match=words) as error:
            open_file(path)
        assert error.type is kind
        one_line(error, path)
        if issubclass(kind, FileFormatError):
            assert [p.path for p in verify_file(path)] == ["/"]
        else:
            with pytest.raises(kind, match=words):
                verify_file(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_refused(file: Path) -> None:
    file.chmod(0)
    with pytest.raises(PermissionError, match="not readable"):
        open_file(file)


# ------------------------------------------------------------------------------------------------ the child

_FLIPS = """
import json, sys
from pathlib import Path
from fractalman.dataset.verify import check_file
path, size = Path(sys.argv[1]), int(sys.argv[2])
whole = path.read_bytes()
for flip in map(int, sys.argv[3:]):
    damaged = bytearray(whole)
    damaged[flip // 8] ^= 1 << (flip % 8)
    path.write_bytes(damaged)
    print(flip, json.dumps([str(problem) for problem in check_file(path)]), flush=True)
"""


def test_random_flips_are_noticed_or_change_nothing(file: Path, made: Columns, repository: Path) -> None:
    whole = file.read_bytes()
    flips = random.Random(7).sample(range(8 * len(whole)), 400)
    run = subprocess.run(
        [sys.executable, "-c", _FLIPS, str(file), "0", *map(str, flips)],
        capture_output=True,
        text=True,
        cwd=repository,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = {int(line.split()[0]): json.loads(line.partition(" ")[2]) for line in run.stdout.splitlines()}
    assert set(found) == set(flips)
    for place in (flip for flip in flips if not found[flip]):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << (place % 8)
        file.write_bytes(damaged)
        with open_file(file) as f:
            assert set(f.columns) == set(made)
            assert f.recipe.to_dict() == recipe(made)
            for name, array in made.items():
                np.testing.assert_array_equal(f.columns[name][:], array, strict=True)
    assert sum(map(bool, found.values())) > 200


@pytest.mark.parametrize("how", ["flip", "delete", "truncate"])
def test_the_child_reports_what_a_single_process_finds(file: Path, how: str) -> None:
    if how == "flip":
        with h5py.File(file) as handle:
            place = handle["X"].id.get_chunk_info(0).byte_offset
        flip(file, place)
    elif how == "delete":
        with h5py.File(file, "r+") as handle:
            del handle["edges"]
    else:
        os.truncate(file, 3000)
    found = verify_file(file)
    assert found
    assert found == list(check_file(file))


def test_progress_comes_from_the_child(intact: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    assert verify_file(intact, progress=lambda *step: steps.append(step)) == []
    assert {what for what, _, _ in steps} >= set(PATHS) | {"labels"}
    assert steps[-1][1] == steps[-1][2]


def test_a_crash_of_the_library_is_a_problem(intact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash = 'import os; print(\'{"at": "X", "done": 1, "total": 2}\', flush=True); os.kill(os.getpid(), 11)'
    monkeypatch.setattr(verify, "_CHILD", crash)
    assert [str(p) for p in verify_file(intact)] == ["/: the HDF5 library crashed (SIGSEGV) while reading X"]


def test_a_library_that_hangs_is_a_problem(intact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_CHILD", "import time; time.sleep(600)")
    monkeypatch.setattr(verify, "STALL_SECONDS", 0.2)
    begun = time.monotonic()
    assert [str(p) for p in verify_file(intact)] == ["/: the HDF5 library hung while opening it"]
    assert time.monotonic() - begun < 300


def test_a_child_that_cannot_start_is_no_verdict_on_the_file(intact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_CHILD", "import no_such_module")
    with pytest.raises(FractalmanError, match="could not be verified: ModuleNotFoundError"):
        verify_file(intact)


def test_a_disk_that_fails_is_no_verdict_on_the_file(intact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_CHILD", 'print(\'{"error": 5, "message": "Input/output error"}\')')
    with pytest.raises(OSError, match="Input/output error") as error:
        verify_file(intact)
    assert error.value.errno == 5


def test_a_column_that_claims_the_impossible_is_not_read(file: Path) -> None:
    with h5py.File(file, "r+") as handle:
        table = json.loads(bytes(handle["certificate"][0]))
    n = 1 << 40
    with h5py.File(file, "r+") as handle:
        for name in ("X", "y", "cluster"):
            del handle[name]
            column = spec.BY_PATH[name]
            shape = column.expected_shape({"n": n, "d": 3})
            handle.create_dataset(name, shape=shape, dtype=column.dtype, chunks=(4096, *shape[1:]), fletcher32=True)
            table["columns"][name]["shape"] = list(shape)
    table["columns"] = {name: table["columns"][name] for name in ("X", "y", "cluster")}
    with contextlib.suppress(KeyError), h5py.File(file, "r+") as handle:
        for name in ("edges", "hierarchy", "label_tree"):
            del handle[name]
    set_certificate(file, json.dumps(table).encode())
    for name in ("X", "y", "cluster"):
        assert "the whole file has" in problems(file)[name]
