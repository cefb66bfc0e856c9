"""Files are whole or not there, whatever happens on the way; leftovers of killed writers are found and named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fractalman import _files
from fractalman._files import partial_path, replacing, write_whole, writing
from fractalman._leftovers import leftover_words, leftovers, leftovers_in, remove


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), writing(path) as stream:
        stream.write(b"new" * (1 // 0))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    assert write_whole(path, "new").read_text() == "new"


def test_without_overwriting_the_first_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"

    def late() -> None:
        with replacing(path, overwrite=False) as partial:
            partial.write_text("late")
            path.write_text("first")

    with pytest.raises(FileExistsError, match="meanwhile"):
        late()
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, "a" * 213, "a" * 214])
def test_partial_names_fit_into_the_file_system(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert len(partial_path(path).name.encode()) <= 255
    assert write_whole(path, "x").read_text() == "x"


def test_what_a_killed_writer_left_is_named_and_a_living_ones_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    code = (
        "import sys; from pathlib import Path; from fractalman._files import writing\n"
        "with writing(Path(sys.argv[1])) as stream: stream.write(b'x'); print('ready', flush=True); input()"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdin is not None
    assert writer.stdout.readline() == b"ready\n"
    assert leftovers(path) == leftovers_in(tmp_path) == []
    writer.kill()
    writer.wait()
    writer.stdin.close()
    writer.stdout.close()
    (left,) = leftovers(path)
    assert leftovers_in(tmp_path) == [left]
    assert leftovers(tmp_path / "b.txt") == []
    assert str(left) in leftover_words(path)
    assert "fractalman clean" in leftover_words(path)
    assert remove([left]) == [left]
    assert leftover_words(path) == ""


def test_folders_are_replaced_whole(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    _files.replace_folder(new, old)
    assert (old / "name").read_text() == "new"
    assert list(tmp_path.iterdir()) == [old]
