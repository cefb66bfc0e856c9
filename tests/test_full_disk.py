"""A disk that fills up: every writer names its target and bytes, leaves nothing, and what was there stays."""

from __future__ import annotations

import contextlib
import errno
import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import fractalman as fm
from fractalman.cli import main

resource = pytest.importorskip("resource")
RECIPE = fm.Cascade(n_points=2000, ambient_dim=8, seed=3)
SPEC = {
    "recipe": {"family": "cascade", "n_points": 400},
    "sweep": {"learners": ["1-nn"], "train_sizes": [16, 32, 64], "seeds": 3, "test_size": 32},
}
X = np.random.default_rng(0).random((400, 3))
WRITERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "out.h5": ("", lambda at: fm.write(RECIPE, at / "out.h5", overwrite=True)),
    "data.h5": ("", lambda at: fm.extend(at / "data.h5", 4000)),
    "rebuilt.h5": ("", lambda at: fm.rebuild(at / "data.h5", at / "rebuilt.h5")),
    "part.h5": ("", lambda at: main(["subset", str(at / "data.h5"), "-o", str(at / "part.h5"), "--rows", "::2"])),
    "-00001-of-00002.h5": ("", lambda at: fm.write_shards(RECIPE, at / "shards.h5", 2, hierarchy=False)),
    "out.npz": ("", lambda at: fm.export(at / "data.h5", at / "out.npz", "percolation")),
    "out.h5ad": ("anndata", lambda at: fm.export(at / "data.h5", at / "out.h5ad")),
    "out.parquet": ("pyarrow", lambda at: fm.export(at / "data.h5", at / "out.parquet", "parquet")),
    "out.zarr": ("zarr", lambda at: fm.export(at / "data.h5", at / "out.zarr", "zarr")),
    "arrow": ("pyarrow", lambda at: fm.export(at / "data.h5", at / "arrow", "huggingface")),
    "page.html": ("", lambda at: fm.explore(at / "data.h5", at / "page.html")),
    "curve.pdf": ("matplotlib", lambda at: main(["predict", str(at / "data.h5"), "--plot", str(at / "curve.pdf")])),
    "run/journal.jsonl": ("", lambda at: fm.confirm(SPEC, at / "run", progress=False)),
}


@contextlib.contextmanager
def files_of(most: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes; Python ignores the signal that comes with it."""
    before, bytecode = resource.getrlimit(resource.RLIMIT_FSIZE), sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # Python itself would leave files that are cut short
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        sys.dont_write_bytecode = bytecode


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    fm.write(RECIPE, folder / "data.h5")
    (folder / "out.h5").write_bytes(b"an older one")
    return folder


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_named_with_its_bytes(
    name: str, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extra, write = WRITERS[name]
    if extra:
        pytest.importorskip(extra)
    at = tmp_path / "here"
    shutil.copytree(kept, at)
    said = ""
    with files_of(4096):
        try:
            status = write(at)
        except OSError as error:
            status, said = error.errno, f"{error.filename}: {error.strerror}"
    assert status in (3, errno.EFBIG)  # of a command line, of a function
    said = said or capsys.readouterr().err
    assert name in said, said
    assert "File too large: " in said
    assert " bytes " in said
    assert ".partial" not in said
    left = {str(path.relative_to(at)) for path in at.rglob("*") if path.is_file()}
    assert left == {"data.h5", "out.h5"} | ({name} if name.endswith(".jsonl") else set())
    for path in kept.iterdir():
        assert (at / path.name).read_bytes() == path.read_bytes()


def test_a_run_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    with files_of(4096), pytest.raises(OSError, match="bytes were written"):
        fm.confirm(SPEC, tmp_path / "run", progress=False)
    again, whole = fm.confirm(SPEC, tmp_path / "run", progress=False), fm.confirm(SPEC, progress=False)
    assert [point.risk for point in again.points] == [point.risk for point in whole.points]


def test_what_is_known_is_said() -> None:
    files = importlib.import_module("fractalman._files")
    needed = files.full_disk_named(Path("a.html"), needed=70_000)
    with pytest.raises(OSError, match=r"70,000 bytes are needed, [0-9,]+ are free") as error, needed:
        raise OSError("Can't write data (file write failed: errno = 28, error message = 'x')")
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, "a.html")
    with pytest.raises(OSError, match="needs 9 bytes") as error, files.full_disk_named(Path("b")):
        raise OSError(errno.ENOSPC, "No space left on device: the file needs 9 bytes or more, 8 are free", "a")
    assert error.value.filename == "b"
    with pytest.raises(OSError, match="Input/output") as error, files.full_disk_named(Path("b")):
        raise OSError(errno.EIO, "Input/output error", "what is read")
    assert error.value.filename == "what is read"
