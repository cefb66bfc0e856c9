"""Publication: whole or not at all, through errors, Ctrl-C, SIGKILL, a full disk and a second writer."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import Columns, columns, recipe

from fractalman._signals import interrupts_held
from fractalman._threads import Threads
from fractalman.datasets.file import open_file
from fractalman.datasets.inspection import check_file
from fractalman.datasets.writer import write_columns
from fractalman.errors import LeftoverWarning

posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns()


@pytest.fixture
def old(tmp_path: Path, made: Columns) -> Path:
    """A published file, and nothing else in its folder."""
    return write_columns(tmp_path / "data.h5", made, recipe=recipe(made))


class Acting:
    """X in two blocks; before the second one something happens."""

    def __init__(self, array: np.ndarray[Any, Any], action: Callable[[], object]) -> None:
        self._array, self._action = array, action
        self.shape, self.dtype = array.shape, array.dtype

    def blocks(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        yield 0, self._array[:4]
        self._action()
        yield 4, self._array[4:]


def untouched(old: Path, before: bytes) -> None:
    assert [path.name for path in old.parent.iterdir()] == [old.name]
    assert old.read_bytes() == before


# ------------------------------------------------------------------------------------------------ targets


def test_an_existing_file_is_kept_unless_told_otherwise(old: Path, made: Columns) -> None:
    before = old.read_bytes()
    with pytest.raises(FileExistsError, match="use --force") as error:
        write_columns(old, made, recipe=recipe(made))
    assert str(old) in str(error.value)
    untouched(old, before)
    changed = {**made, "X": made["X"] + 1}
    assert write_columns(old, changed, recipe=recipe(made), overwrite=True) == old
    assert [path.name for path in old.parent.iterdir()] == [old.name]
    with open_file(old) as f:
        np.testing.assert_array_equal(f.X[:], changed["X"])


def test_targets_that_cannot_be_are_refused_in_one_line(tmp_path: Path, old: Path, made: Columns) -> None:
    cases: list[tuple[Path, type[OSError], str]] = [
        (tmp_path, IsADirectoryError, "is a directory: use a file name"),
        (tmp_path / "absent" / "x.h5", FileNotFoundError, "use mkdir -p"),
        (old / "x.h5", NotADirectoryError, "is not a folder"),
    ]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        cases.append((tmp_path / "pipe", FileExistsError, "not an ordinary file"))
    for path, kind, words in cases:
        for overwrite in (False, True):
            with pytest.raises(kind, match=words) as error:
                write_columns(path, made, recipe=recipe(made), overwrite=overwrite)
            assert error.type is kind
            assert "\n" not in str(error.value)


def test_a_folder_that_cannot_be_written_to_is_refused(
    tmp_path: Path, made: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="is not writable"):
        write_columns(tmp_path / "x.h5", made, recipe=recipe(made))
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_symbolic_link_is_followed(tmp_path: Path, made: Columns) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.h5").symlink_to(tmp_path / "disk" / "data.h5")
    for overwrite in (False, True):
        path = write_columns(tmp_path / "link.h5", made, recipe=recipe(made), overwrite=overwrite)
        assert path == tmp_path / "disk" / "data.h5"
        assert (tmp_path / "link.h5").is_symlink()
    with pytest.raises(FileExistsError):
        write_columns(tmp_path / "link.h5", made, recipe=recipe(made))


# ------------------------------------------------------------------------------------------------ errors on the way


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), MemoryError(), SystemExit(3)])
def test_an_exception_leaves_nothing_behind(
    tmp_path: Path, made: Columns, error: BaseException, overwrite: bool
) -> None:
    old = write_columns(tmp_path / "data.h5", made, recipe=recipe(made))
    before = old.read_bytes()

    def fail() -> None:
        assert len(list(tmp_path.glob(".*.partial"))) == 1
        raise error

    with pytest.raises(type(error)):
        write_columns(
            old if overwrite else tmp_path / "new.h5",
            {**made, "X": Acting(made["X"], fail)},
            recipe=recipe(made),
            overwrite=overwrite,
        )
    untouched(old, before)


@pytest.mark.parametrize("call", ["write", "fsync", "ftruncate"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.EIO, "Input/output error")])
def test_failures_below_the_library_come_out_as_they_are(
    old: Path, made: Columns, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException
) -> None:
    before = old.read_bytes()

    def fail(*_: Any) -> int:
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)) as caught:
        write_columns(old, made, recipe=recipe(made), overwrite=True)
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert isinstance(caught.value, OSError)
        assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(old))
        assert "\n" not in str(caught.value)
    untouched(old, before)


@posix
@pytest.mark.parametrize("call", ["write", "fsync", "lseek"])
def test_ctrl_c_in_the_middle_of_the_library_is_not_lost(
    old: Path, made: Columns, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    before, real = old.read_bytes(), getattr(os, call)

    def interrupted(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*arguments)

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(os, call, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_columns(old, made, recipe=recipe(made), overwrite=True)
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is handler
    untouched(old, before)


def test_the_second_of_two_writers_does_not_destroy_the_first_ones_file(tmp_path: Path, made: Columns) -> None:
    target, other = tmp_path / "data.h5", {**made, "X": made["X"] * 2}
    source = Acting(made["X"], lambda: write_columns(target, other, recipe=recipe(made)))
    with pytest.raises(FileExistsError, match="was published by another run meanwhile"):
        write_columns(target, {**made, "X": source}, recipe=recipe(made))
    assert [path.name for path in tmp_path.iterdir()] == ["data.h5"]
    with open_file(target) as f:
        np.testing.assert_array_equal(f.X[:], other["X"])


def test_file_systems_without_hard_links_are_served(
    tmp_path: Path, made: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    target = write_columns(tmp_path / "data.h5", made, recipe=recipe(made))
    assert list(check_file(target)) == []
    with pytest.raises(FileExistsError):
        write_columns(target, made, recipe=recipe(made))
    late = tmp_path / "late.h5"
    source = Acting(made["X"], lambda: shutil.copy(target, late))
    with pytest.raises(FileExistsError, match="use --force"):
        write_columns(late, {**made, "X": source}, recipe=recipe(made))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.h5", "late.h5"]


@posix
def test_readers_keep_the_version_that_they_opened(old: Path, made: Columns) -> None:
    with open_file(old) as before:
        for turn in range(3):
            changed = {**made, "X": made["X"] + turn + 1}
            write_columns(old, changed, recipe=recipe(made), overwrite=True)
            with open_file(old) as now:
                np.testing.assert_array_equal(now.X[:], changed["X"])
            np.testing.assert_array_equal(before.X[:], made["X"])


def test_a_disk_that_is_too_small_is_refused_at_once(
    tmp_path: Path, made: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(OSError, match="the file needs") as error:
        write_columns(tmp_path / "data.h5", made, recipe=recipe(made))
    assert error.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_what_killed_writers_left_is_named_at_the_next_run(old: Path, made: Columns) -> None:
    names = [f".{old.name}.{'a' * 32}.partial", f".other.h5.{'a' * 32}.partial", f".{old.name}.mine.partial"]
    for name in names:
        old.with_name(name).write_bytes(b"half")
    with pytest.warns(LeftoverWarning, match=r"data\.h5\.a{32}\.partial \(4 bytes\) was left .* use fractalman clean"):
        write_columns(old, made, recipe=recipe(made), overwrite=True)
    assert sorted(path.name for path in old.parent.iterdir()) == sorted([old.name, *names])
    old.with_name(names[0]).unlink()
    write_columns(old, made, recipe=recipe(made), overwrite=True)  # and nothing is said about other targets' files


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_signals_wait_until_the_library_is_left(kind: signal.Signals) -> None:
    """An exception inside HDF5's callbacks is lost, so the handler must run after the block, and once."""
    calls: list[str] = []

    def handler(_number: int, _frame: object) -> None:
        calls.append("handled")
        raise SystemExit(143)

    def block() -> None:
        with interrupts_held():
            os.kill(os.getpid(), kind)
            with interrupts_held():  # a block within lets nothing through at its end
                os.kill(os.getpid(), kind)
            time.sleep(0.01)
            calls.append("block over")

    before = signal.signal(kind, handler)
    try:
        with pytest.raises(SystemExit):
            block()
        assert calls == ["block over", "handled"]
        assert signal.getsignal(kind) is handler
    finally:
        signal.signal(kind, before)


@posix
@pytest.mark.parametrize("threads", [Threads, ThreadPoolExecutor])
def test_an_interrupt_waits_until_no_lock_of_a_pool_is_taken(threads: type[Threads] | type[ThreadPoolExecutor]) -> None:
    """One that comes while results are waited for is raised after them; in Python's own pool (control), at once."""
    calls: list[str] = []

    def work() -> None:
        time.sleep(0.2)  # until results are waited for
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        calls.append("done")

    def wait() -> None:
        with threads(1) as pool:
            future = pool.submit(work)
            try:
                pool.results([future]) if isinstance(pool, Threads) else future.result()
            except KeyboardInterrupt:
                calls.append("raised")
                raise

    with pytest.raises(KeyboardInterrupt):
        wait()
    assert calls == (["done", "raised"] if threads is Threads else ["raised", "done"])
