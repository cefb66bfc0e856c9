"""Damaged files as a whole: cut short, flipped, foreign, old, new, unfinished, crashing the library."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xxhash
from damage import PATHS, content, edited, first_chunk, flip, one_line, problems, replace, reseal
from handmade import Columns, columns, recipe

from fractalman.datasets import spec, verify
from fractalman.datasets.digests import blocks_in
from fractalman.datasets.file import open_file
from fractalman.datasets.header import READ_BYTES, Header, body_digest, header_problem, read_header
from fractalman.datasets.inspection import check_file, in_order
from fractalman.datasets.verify import verify_file
from fractalman.datasets.writer import describe, write_columns
from fractalman.errors import (
    CorruptFileError,
    FileFormatError,
    FractalmanError,
    IncompleteFileError,
    ResourceError,
    TooNewError,
    TooOldError,
)


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns()


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory, made: Columns) -> Path:
    return write_columns(tmp_path_factory.mktemp("intact") / "data.h5", made, recipe=recipe(made))


@pytest.fixture
def file(tmp_path: Path, intact: Path) -> Path:
    return Path(shutil.copy(intact, tmp_path / "data.h5"))


# ------------------------------------------------------------------------------------------------ whole files


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999])
def test_a_truncated_file_is_refused(file: Path, share: float) -> None:
    os.truncate(file, int(share * file.stat().st_size))
    with pytest.raises(FileFormatError) as error:
        open_file(file)
    one_line(error.value, file)
    assert [problem.path for problem in check_file(file)] == ["/"]  # without its header HDF5 notices too
    if share in (0.0, 0.01, 0.9):
        assert {problem.path for problem in verify_file(file)} == {"/"}


def test_every_other_length_is_refused(file: Path, intact: Path) -> None:
    whole = intact.read_bytes()
    for length in range(0, len(whole), 23):
        file.write_bytes(whole[:length])
        with pytest.raises(FileFormatError) as error:
            open_file(file)
        one_line(error.value, file)
        assert error.type is (IncompleteFileError if length == 0 else error.type)
        if length >= spec.HEADER_BYTES:
            assert f"is cut short: it has {length} bytes, expected {len(whole)}" in str(error.value)
    for more in (1, 512, 4096):
        file.write_bytes(whole + bytes(more))
        with pytest.raises(CorruptFileError, match="longer than it was"):
            open_file(file)


# ------------------------------------------------------------------------------------------------ the header


def test_the_header_can_be_read_and_checked_without_this_package(intact: Path) -> None:
    whole = intact.read_bytes()
    text = whole[: spec.HEADER_BYTES].decode("ascii")
    body = whole[spec.HEADER_BYTES :]
    lines = text.splitlines()
    assert lines[0] == f"{spec.FORMAT_NAME} {spec.MAJOR}.{spec.MINOR}"
    assert lines[1:3] == [f"size {len(body)}", f"xxh128 {xxhash.xxh3_128_hexdigest(body)}"]
    assert max(map(len, lines[:-1])) <= 120
    assert text.endswith(" \n")
    assert body.startswith(b"\x89HDF")
    with h5py.File(intact) as handle:
        assert handle.userblock_size == spec.HEADER_BYTES


@pytest.mark.skipif(not (shutil.which("xxh128sum") and shutil.which("tail")), reason="needs tail and xxh128sum")
def test_the_command_in_the_header_works(intact: Path) -> None:
    text = intact.read_bytes()[: spec.HEADER_BYTES].decode("ascii")
    command = text[text.index("(tail") + 1 : text.index(")")].replace("FILE", str(intact))
    out = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
    assert out.split()[0] == read_header(intact).digest


def test_every_bit_of_the_header_counts(file: Path) -> None:
    for place in range(spec.HEADER_BYTES):
        for bit in range(8):
            flip(file, place, bit)
            with pytest.raises(FileFormatError) as error:
                _open_and_check_version(file)
            one_line(error.value, file)
            flip(file, place, bit)
    assert header_problem(file) is None


def _open_and_check_version(file: Path) -> None:
    """Refuse what `open_file` refuses, or what differs from the version that the HDF5 part states."""
    header = read_header(file)
    if header_problem(file) or header.format != (spec.MAJOR, spec.MINOR):
        raise FileFormatError(f"{file} has another digest or another minor version")


def test_a_header_of_another_minor_version_is_noticed(file: Path) -> None:
    header = read_header(file)
    whole = file.read_bytes()
    other = Header(header.size, header.digest, (spec.MAJOR, spec.MINOR + 1)).to_bytes()
    file.write_bytes(other + whole[spec.HEADER_BYTES :])
    with pytest.raises(CorruptFileError, match="header states format"):
        open_file(file)
    assert any("header states format" in problem.message for problem in verify_file(file))


def test_other_major_versions_are_refused_by_the_header_alone(file: Path) -> None:
    for major, kind in ((spec.MAJOR + 1, TooNewError), (spec.MAJOR - 1, TooOldError), (10**8, TooNewError)):
        for rest in (b"", b"size 3\n", b"whatever a later version may say", bytes(600)):
            file.write_bytes(f"{spec.FORMAT_NAME} {major}.3\n".encode() + rest)
            with pytest.raises(kind) as error:
                open_file(file)
            one_line(error.value, file)
            assert [problem.path for problem in verify_file(file)] == ["/"]


def test_a_file_that_was_never_finished_is_unfinished(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(bytes(spec.HEADER_BYTES) + whole[spec.HEADER_BYTES :])
    with pytest.raises(IncompleteFileError, match="never finished"):
        open_file(file)
    assert ["never finished" in str(problem) for problem in verify_file(file)] == [True]
    file.write_bytes(whole[spec.HEADER_BYTES :])  # HDF5 without the header
    with pytest.raises(FileFormatError, match="not a fractalman file"):
        open_file(file)


@pytest.mark.parametrize("size", [0, 1, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 3 * READ_BYTES])
def test_the_digest_is_of_all_bytes_behind_the_header(tmp_path: Path, size: int) -> None:
    path, body = tmp_path / "x", random.Random(size).randbytes(size)
    path.write_bytes(bytes(spec.HEADER_BYTES) + body)
    steps: list[tuple[str, int, int]] = []
    with path.open("rb") as handle:
        found = body_digest(handle.fileno(), lambda *step: steps.append(step))
    assert found == (size, xxhash.xxh3_128(body).hexdigest())
    assert steps[-1:] == ([("digest", size, size)] if size else [])


def test_a_flip_is_noticed_before_the_library_is_asked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(verify, "_start_child", lambda *_: asked.append("child") or pytest.fail("asked"))
    with file.open("rb") as handle:
        size = os.fstat(handle.fileno()).st_size
    flip(file, size - 1)
    steps: list[str] = []

    def progress(what: str, *_: int) -> None:
        assert not asked
        steps.append(what)

    with pytest.raises(pytest.fail.Exception):
        verify_file(file, progress=progress)
    assert (set(steps), asked) == ({"digest"}, ["child"])


# ------------------------------------------------------------------------------------------------ headers


def _attribute(file: Path, name: str, value: Any) -> None:
    with edited(file) as handle:
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
        ("minor", np.int64(spec.MINOR + 1), CorruptFileError, "header states format"),
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
    one_line(error.value, file)
    assert words in next(check_file(file)).message


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    noise, empty, foreign, pipe = (tmp_path / name for name in ("noise.h5", "empty.h5", "foreign.h5", "pipe"))
    noise.write_bytes(random.Random(0).randbytes(5000))
    empty.touch()
    with h5py.File(foreign, "w") as handle:
        handle["X"] = np.zeros((3, 2))
    cases: list[tuple[Path, type[Exception], str]] = [
        (noise, FileFormatError, "not begin with the words"),
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
        one_line(error.value, path)
        if issubclass(kind, FileFormatError):
            assert [p.path for p in verify_file(path)] == ["/"]
        else:
            with pytest.raises(kind, match=words):
                verify_file(path)


_NOBODY = """
import os, sys
from pathlib import Path
import fractalman.datasets.file, fractalman.datasets.verify
path = Path(sys.argv[1])
if os.geteuid() == 0:  # the superuser may read everything
    os.setgid(65534)
    os.setuid(65534)
for use in (fractalman.datasets.file.open_file, fractalman.datasets.verify.verify_file):
    try:
        use(path)
    except PermissionError as error:
        print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_without_permission_is_refused(file: Path, repository: Path) -> None:
    file.chmod(0)
    with tempfile.TemporaryDirectory() as folder:  # pytest's own may be entered by their owner only
        Path(folder).chmod(0o755)
        path = Path(shutil.copy(file, folder) if os.access(file, os.R_OK) else shutil.move(file, folder))
        path.chmod(0)
        run = subprocess.run(
            [sys.executable, "-c", _NOBODY, str(path)], capture_output=True, text=True, cwd=repository, check=False
        )
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout.splitlines() == [f"{path} is not readable: change its permissions or use another path"] * 2


# ------------------------------------------------------------------------------------------------ the child

_FLIPS = """
import json, sys
from pathlib import Path
from fractalman.datasets.inspection import check_file, in_order
path = Path(sys.argv[1])
whole = path.read_bytes()
for flip in map(int, sys.argv[2:]):
    damaged = bytearray(whole)
    damaged[flip // 8] ^= 1 << (flip % 8)
    path.write_bytes(damaged)
    print(flip, json.dumps([str(problem) for problem in check_file(path)]), flush=True)
"""


@pytest.mark.slow(reason="hundreds of damaged files")
def test_random_flips_are_noticed(file: Path, made: Columns, repository: Path) -> None:
    """By the digest of the whole file, all of them; without it, all but those that change nothing that is read."""
    whole = file.read_bytes()
    flips = random.Random(7).sample(range(8 * len(whole)), 400)
    for place in flips:
        flip(file, place // 8, place % 8)
        try:
            assert header_problem(file) is not None
        except FileFormatError as error:
            assert place // 8 < spec.HEADER_BYTES
            one_line(error, file)
        flip(file, place // 8, place % 8)
    assert file.read_bytes() == whole

    behind = [place for place in flips if place // 8 >= spec.HEADER_BYTES]
    assert len(behind) > 300
    run = subprocess.run(
        [sys.executable, "-c", _FLIPS, str(file), *map(str, behind)],
        capture_output=True,
        text=True,
        cwd=repository,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = {int(line.split()[0]): json.loads(line.partition(" ")[2]) for line in run.stdout.splitlines()}
    assert set(found) == set(behind)
    for line in (line for lines in found.values() for line in lines):
        assert line.partition(": ")[0].removesuffix("/") in {
            "",
            "provenance",
            "hierarchy",
            "label_tree",
            "digests",
            "shards",
            *PATHS,
        }
        assert "\n" not in line
    for place in (place for place in behind if not found[place]):
        file.write_bytes(whole)
        flip(file, place // 8, place % 8)
        reseal(file)
        with open_file(file) as f:
            assert set(f.columns) == set(made)
            assert f.recipe.to_dict() == recipe(made)
            for name, array in made.items():
                np.testing.assert_array_equal(f.columns[name][:], array, strict=True)
    assert sum(map(bool, found.values())) > 150


@pytest.mark.parametrize("place", [0, 9, 600, -1])
def test_a_flip_anywhere_is_in_the_report(file: Path, place: int) -> None:
    size = file.stat().st_size
    flip(file, place % size, 3)
    found = verify_file(file)
    assert found[0].path == "/"
    one_line(ValueError(f"{file} {found[0]}"), file)


@pytest.mark.parametrize("how", ["flip", "delete", "truncate"])
def test_the_child_reports_what_a_single_process_finds(file: Path, how: str) -> None:
    if how == "flip":
        flip(file, first_chunk(file, "X")[0])
    elif how == "delete":
        with h5py.File(file, "r+") as handle:
            del handle["edges"]
    else:
        os.truncate(file, 3000)
    by_header = header_problem(file)
    assert by_header is not None
    found = verify_file(file)
    assert found == in_order([by_header, *check_file(file)])
    assert len(found) > 1
    assert {problem.path for problem in found} == {"/", *({"flip": ["X"], "delete": ["edges"]}.get(how, []))}


@pytest.mark.parametrize("isolated", [None, True])
def test_progress_comes_from_the_child_too(intact: Path, isolated: bool | None) -> None:
    steps: list[tuple[str, int, int]] = []
    assert verify_file(intact, progress=lambda *step: steps.append(step), isolated=isolated) == []
    assert {what for what, _, _ in steps} >= set(PATHS) | {"digest", "labels"}
    assert steps[-1][1] == steps[-1][2]


def test_an_intact_file_is_read_in_this_process(intact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_start_child", None)
    assert verify_file(intact) == []


def test_a_crash_of_the_library_is_a_problem(intact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash = 'import os; print(\'{"at": "X", "done": 1, "total": 2}\', flush=True); os.kill(os.getpid(), 11)'
    monkeypatch.setattr(verify, "_CHILD", crash)
    assert [str(p) for p in verify_file(intact, isolated=True)] == [
        "/: the HDF5 library crashed (SIGSEGV) while reading X"
    ]


def test_a_library_that_hangs_is_a_problem(intact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_CHILD", "import time; time.sleep(600)")
    monkeypatch.setattr(verify, "STALL_SECONDS", 0.2)
    begun = time.monotonic()
    assert [str(p) for p in verify_file(intact, isolated=True)] == ["/: the HDF5 library hung while opening it"]
    assert time.monotonic() - begun < 300


def test_a_child_that_cannot_start_is_no_verdict_on_the_file(intact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_CHILD", "import no_such_module")
    with pytest.raises(FractalmanError, match="could not be verified: ModuleNotFoundError"):
        verify_file(intact, isolated=True)


def test_a_disk_that_fails_is_no_verdict_on_the_file(intact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_CHILD", 'print(\'{"error": 5, "message": "Input/output error"}\')')
    with pytest.raises(OSError, match="Input/output error") as error:
        verify_file(intact, isolated=True)
    assert error.value.errno == 5


def test_memory_is_a_problem_of_the_machine_unless_the_file_is_damaged(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        verify, "_CHILD", f'print(\'{{"path": "/", "message": "{verify._NO_MEMORY}"}}\\n{{"end": 1}}\')'
    )
    with pytest.raises(ResourceError, match="needs more memory"):
        verify_file(file, isolated=True)
    flip(file, 2000)
    assert verify._NO_MEMORY in {problem.message for problem in verify_file(file, isolated=True)}


def test_chunks_that_are_not_there_are_named(file: Path) -> None:
    """HDF5 reads a chunk that was never written as zeros, of any size."""
    text = json.loads(bytes(content(file, "provenance")[0]))
    n = 1 << 40
    with edited(file) as handle:
        for name in ("X", "y", "cluster"):
            del handle[name]
            column = spec.BY_PATH[name]
            shape = column.expected_shape({"n": n, "d": 3})
            stored = handle.create_dataset(
                name, shape=shape, dtype=column.dtype, chunks=(spec.block_rows(shape, column.dtype), *shape[1:])
            )
            del handle[f"digests/{name}"]
            table = (blocks_in(shape, column.dtype), 16)
            handle.create_dataset(f"digests/{name}", shape=table, dtype=np.uint8, chunks=(4096, 16))
            describe(stored, column)
            text["columns"][name]["shape"] = list(shape)
        for name in ("edges", "hierarchy", "label_tree", "noise"):
            del handle[name], handle[f"digests/{name}"]
    text["columns"] = {name: text["columns"][name] for name in ("X", "y", "cluster")}
    replace(file, "provenance", np.array([json.dumps(text).encode()]))
    for name in ("X", "y", "cluster"):
        column = spec.BY_PATH[name]
        count = blocks_in(column.expected_shape({"n": n, "d": 3}), column.dtype)
        assert problems(file)[name] == f"has 0 chunks: expected {count}"
