"""Publication among processes: killed at any moment, on a full disk, two writers at once, readers meanwhile."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from handmade import Columns, columns, recipe
from sampled import some

from fractalman.datasets.file import open_file
from fractalman.datasets.header import header_problem
from fractalman.datasets.inspection import check_file
from fractalman.datasets.writer import write_columns
from fractalman.errors import FileFormatError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals, limits and permissions of POSIX")

_CHILD = """
import os, sys, time
import numpy as np
sys.path.insert(0, "tests/helpers")
from handmade import columns, recipe
from fractalman.datasets.writer import write_columns
n, d = 65536, 64
made = {"X": np.full((n, d), 7, dtype=np.float32), "y": np.zeros(n), "cluster": np.zeros(n, dtype=np.int64)}
"""


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns()


@pytest.fixture
def old(tmp_path: Path, made: Columns) -> Path:
    """A published file, and nothing else in its folder."""
    return write_columns(tmp_path / "data.h5", made, recipe=recipe(made))


def start(repository: Path, code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def alone(path: Path) -> bool:
    """Whether nothing lies beside a file."""
    return [found.name for found in path.parent.iterdir()] == [path.name]


# ------------------------------------------------------------------------------------------------ signals

# Forks a writer for every line that it reads: importing everything anew would take longer than the tests.
_NURSERY = (
    _CHILD
    + """
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        print(os.getpid(), flush=True)
        try:
            write_columns(sys.argv[1], made, recipe=recipe(made), overwrite=line.strip() == "overwrite")
        except KeyboardInterrupt:
            os._exit(130)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
)


class Nursery:
    """Runs writers, and ends them after a time."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def run(self, how: str, kind: signal.Signals | None = None, after: float = 0.0) -> int:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(how + "\n")
        self._child.stdin.flush()
        pid = int(self._child.stdout.readline())
        if kind is not None:
            time.sleep(after)
            os.kill(pid, kind)  # it is not yet reaped, or the nursery has just done so and nobody has its number yet
        return int(self._child.stdout.readline())


@pytest.mark.slow(reason="writers killed at many moments", only=["9-False", "2-True"])
@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new_one_whole(
    old: Path, repository: Path, kind: signal.Signals, overwrite: bool
) -> None:
    """SIGKILL at 20 random moments of an overwrite (10 in the fast tier), and some more of both kinds."""
    before, rng, outcomes = old.read_bytes(), random.Random(3), set()
    moments = some(20, fast=10) if overwrite and kind == signal.SIGKILL else 5
    with start(repository, _NURSERY, old) as child:
        nursery, durations = Nursery(child), []
        for _ in range(2):
            begun = time.monotonic()
            assert nursery.run("overwrite") == 0
            durations.append(time.monotonic() - begun)
        new = old.read_bytes()
        assert alone(old)
        for moment in range(moments):
            if overwrite:
                old.write_bytes(before)
            else:
                old.unlink(missing_ok=True)
            share = moment / moments + rng.random() / moments  # one in every part of a write's duration
            try:
                status = nursery.run("overwrite" if overwrite else "new", kind, share * min(durations))
            except ProcessLookupError:  # it was faster this time
                status = int(child.stdout.readline()) if child.stdout else 0
            partial = list(old.parent.glob(".data.h5.*.partial"))
            assert set(old.parent.iterdir()) - {old} == set(partial)
            if not old.exists():
                assert not overwrite
                outcomes.add("none")
            else:
                found = old.read_bytes()
                assert found in ((before, new) if overwrite else (new,))
                outcomes.add("old" if found == before else "new")
            if kind == signal.SIGINT:
                assert not partial
                assert status in (0, 130)
            else:
                assert status in (0, -signal.SIGKILL)
            for left in partial:  # half a file is never taken for a whole one
                outcomes.add("partial")
                if left.read_bytes() != new:
                    with pytest.raises(FileFormatError):
                        open_file(left)
                left.unlink()
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait() == 0
    assert outcomes >= ({"old"} if overwrite else {"none"}) | ({"partial"} if kind == signal.SIGKILL else set())


# ------------------------------------------------------------------------------------------------ disks and folders

_LIMITED = (
    _CHILD
    + """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_columns(sys.argv[1], made, recipe=recipe(made), overwrite=True)
        print("written")
    except OSError as error:
        print(type(error).__name__, error.errno, str(error).count("\\n"), error.filename)
"""
)


def test_a_full_disk_is_one_error_and_leaves_the_old_file(old: Path, repository: Path) -> None:
    before = old.read_bytes()
    n, d = 65536, 64
    same: Columns = {"X": np.full((n, d), 7, dtype=np.float32), "y": np.zeros(n)}
    same["cluster"] = np.zeros(n, dtype=np.int64)
    whole = write_columns(old.parent / "whole.h5", same, recipe=recipe(same))
    size = whole.stat().st_size
    whole.unlink()
    limits = [0, 1, 48, 1000, 4096, 1 << 20, size // 2, size - 5000, *range(size - 1500, size, 149), size - 1]
    with start(repository, _LIMITED, old, *map(str, limits)) as child:
        out, errors = child.communicate()
    assert (child.returncode, errors) == (0, "")  # neither a crash of the library nor a message of its own
    assert out.splitlines() == [f"OSError {errno.EFBIG} 0 {old}"] * len(limits)
    assert alone(old)
    assert old.read_bytes() == before
    with start(repository, _LIMITED, old, str(size)) as child:  # the control: with just enough room it works
        assert child.communicate() == ("written\n", "")
    assert old.stat().st_size == size


_TMPFS = (
    _CHILD
    + """
import subprocess
from pathlib import Path
folder, size = Path(sys.argv[1]), sys.argv[2]
if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
    print("no mount")
    sys.exit()
old = columns()
target = write_columns(folder / "data.h5", old, recipe=recipe(old))
before = target.read_bytes()
big = {**made, "X": np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)}
for taken in (0, 5 << 19):  # the first is refused at once; in the second the disk fills up on the way
    real = os.statvfs
    if taken:
        import shutil
        shutil.disk_usage = lambda _: shutil._ntuple_diskusage(1 << 40, 0, 1 << 40)
    try:
        write_columns(target, big, recipe=recipe(big), overwrite=True)
        print("written")
    except OSError as error:
        print(error.errno, [path.name for path in folder.iterdir()], target.read_bytes() == before)
small = {name: column[:1000] for name, column in big.items()}
write_columns(target, small, recipe=recipe(small), overwrite=True)
print("small written")
"""
)


@pytest.mark.slow(reason="disks that are really full")
@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare, to mount a small disk for one process")
def test_a_disk_that_is_really_full(tmp_path: Path, repository: Path) -> None:
    run = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", _TMPFS, str(tmp_path), "4m"],
        capture_output=True,
        text=True,
        cwd=repository,
        check=False,
    )
    if (run.returncode and "unshare" in run.stderr) or run.stdout == "no mount\n":
        pytest.skip("this machine lets no ordinary process mount a disk")
    line = f"{errno.ENOSPC} ['data.h5'] True"
    assert (run.returncode, run.stdout.splitlines()) == (0, [line, line, "small written"]), run.stderr


_NOBODY = (
    _CHILD
    + """
small = columns()  # before the superuser's own folders, Python's among them, are closed to us
if os.geteuid() == 0:  # the superuser may write everywhere
    os.setgid(65534)
    os.setuid(65534)
try:
    write_columns(sys.argv[1], small, recipe=recipe(small), overwrite=True)
except PermissionError as error:
    print(error)
"""
)


def test_a_read_only_folder_is_refused(repository: Path, made: Columns) -> None:
    with tempfile.TemporaryDirectory() as outer:  # pytest's own may be entered by their owner only
        Path(outer).chmod(0o755)
        folder = Path(outer) / "locked"
        folder.mkdir()
        target = write_columns(folder / "data.h5", made, recipe=recipe(made))
        before = target.read_bytes()
        folder.chmod(0o555)
        try:
            for name in ("data.h5", "new.h5"):
                with start(repository, _NOBODY, folder / name) as child:
                    out, errors = child.communicate()
                assert (child.returncode, errors) == (0, "")
                assert out == f"folder {folder} is not writable: use a file name in a folder of yours\n"
            assert alone(target)
            assert target.read_bytes() == before
        finally:
            folder.chmod(0o755)


# ------------------------------------------------------------------------------------------------ side by side

_WRITER = (
    _CHILD
    + """
made["X"] += int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
try:
    for _ in range(int(sys.argv[4])):
        write_columns(sys.argv[1], made, recipe=recipe(made), overwrite=sys.argv[3] == "True")
    print("written")
except FileExistsError as error:
    print("exists")
"""
)


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_writers_on_one_target(tmp_path: Path, repository: Path, overwrite: bool) -> None:
    target = tmp_path / "data.h5"
    turns = "3" if overwrite else "1"
    children = [start(repository, _WRITER, target, str(i), str(overwrite), turns) for i in range(2)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    results = [child.communicate() for child in children]
    assert [errors for _, errors in results] == ["", ""]
    said = [out.strip() for out, _ in results]
    assert sorted(said) == (["written", "written"] if overwrite else ["exists", "written"])
    assert alone(target)
    assert header_problem(target) is None
    assert list(check_file(target)) == []
    with open_file(target) as f:
        value = int(f.X[0, 0]) - 7
        assert (f.X[:] == value + 7).all()
    assert overwrite or said[value] == "written"


_READER = """
import sys
from pathlib import Path
from fractalman.datasets.digests import column_digest
from fractalman.datasets.file import open_file
from fractalman.datasets.header import header_problem
path, seen = Path(sys.argv[1]), []
print("ready", flush=True)
while not seen or seen[-1] != int(sys.argv[2]):
    with open_file(path) as f:
        version = int(f.X[0, 0])
        for name, column in f.columns.items():
            assert column_digest(column[:], column.dtype.str) == f.provenance.columns[name].digest, name
        assert (f.X[:] == version).all()
    assert header_problem(path) is None
    assert not seen or version >= seen[-1]
    seen.append(version)
print(len(seen), len(set(seen)))
"""


def test_readers_see_whole_versions_while_new_ones_are_published(tmp_path: Path, repository: Path) -> None:
    n, last = 8192, some(25, fast=10)

    def publish(version: int) -> Path:
        same: Columns = {"X": np.full((n, 16), version, np.float32), "y": np.zeros(n), "cluster": np.zeros(n, np.int64)}
        return write_columns(tmp_path / "data.h5", same, recipe=recipe(same), overwrite=True)

    path = publish(0)
    readers = [start(repository, _READER, path, str(last)) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for version in range(1, last + 1):
        publish(version)
        time.sleep(0.01)
    results = [reader.communicate(timeout=120) for reader in readers]
    assert [errors for _, errors in results] == ["", ""]
    for out, _ in results:
        reads, versions = map(int, out.split())
        assert reads >= versions >= 2
    assert alone(path)
