"""`fractalman clean` takes away what killed runs left, and nothing else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fractalman import _files, _leftovers, cli

pytestmark = pytest.mark.skipif(_files.fcntl is None, reason="without locks only age tells, which takes an hour")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a leftover file of 5 bytes, a leftover folder of 3, and things that are none, one being filled."""
    (tmp_path / f".data.h5.{'a' * 32}.partial").write_bytes(b"12345")
    inside = tmp_path / f".shards.{'b' * 32}.partial"
    inside.mkdir()
    (inside / "one").write_bytes(b"123")
    for name in ("data.h5", ".hidden", "x.partial", f"data.{'c' * 32}.partial", f".data.{'c' * 31}.partial"):
        (tmp_path / name).write_bytes(b"kept")
    below = tmp_path / "sub"
    below.mkdir()
    (below / f".data.h5.{'a' * 32}.partial").write_bytes(b"1")
    at_work = tmp_path / f".run.{'d' * 32}.partial"
    with _files.filling(at_work):
        old = time.time() - 2 * _leftovers.STALE_SECONDS
        os.utime(at_work, (old, old))
        yield tmp_path


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.rglob("*")}


def test_leftovers_are_removed_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = names(folder)
    assert cli.main(["clean", str(folder), "--dry-run"]) == cli.DONE
    out = capsys.readouterr().out
    assert (out.count("would be removed"), "(5 bytes)" in out, "(3 bytes)" in out) == (2, True, True)
    assert names(folder) == before
    assert cli.main(["clean", str(folder), "--json"]) == cli.DONE
    answer = json.loads(capsys.readouterr().out)
    assert sorted((Path(found["path"]).name, found["bytes"], found["removed"]) for found in answer["found"]) == [
        (f".data.h5.{'a' * 32}.partial", 5, True),
        (f".shards.{'b' * 32}.partial", 3, True),
    ]
    assert {entry.name for entry in folder.iterdir()} == {
        "data.h5", ".hidden", "x.partial", f"data.{'c' * 32}.partial", f".data.{'c' * 31}.partial",
        f".run.{'d' * 32}.partial", "sub",
    }  # fmt: skip
    assert len(list((folder / "sub").iterdir())) == 1
    assert cli.main(["clean", str(folder)]) == cli.DONE
    assert "holds no file of a killed run" in capsys.readouterr().out


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    with _files.writing(tmp_path / "data.txt") as stream:
        stream.write(b"half")
        assert cli.main(["clean", str(tmp_path)]) == cli.DONE
        assert len(list(tmp_path.iterdir())) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.txt"]


def test_what_cannot_be_removed_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", refused)
    assert cli.main(["clean", str(folder)]) == cli.NO
    out = capsys.readouterr().out
    assert out.count("could not be removed") == 1
    assert (folder / f".data.h5.{'a' * 32}.partial").exists()


@pytest.mark.parametrize(("name", "message"), [("nowhere", "does not exist"), ("data.h5", "is not a folder")])
def test_only_folders_are_cleaned(folder: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["clean", str(folder / name)]) == cli.WRONG
    assert message in capsys.readouterr().err
