"""Progress of long calls: shown by default where somebody looks, silent where nobody does or where it is turned off."""

from __future__ import annotations

import importlib
import io
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import fractalman as fm
from fractalman import progress
from fractalman.progress import StatusLine, byte_progress, line_progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


RECIPE = fm.Cascade(n_points=2000, ambient_dim=8)
SPEC = {
    "recipe": {"family": "cascade", "n_points": 512, "ambient_dim": 8},
    "sweep": {"learners": ["1-nn"], "train_sizes": [32, 64], "seeds": 2, "test_size": 64},
}


@pytest.mark.usefixtures("sketched")
def test_nothing_is_shown_where_nobody_looks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fm.write(RECIPE, tmp_path / "a.h5")
    fm.confirm(SPEC, tmp_path / "run")
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_shown_in_a_terminal_unless_it_is_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    tqdm = pytest.importorskip("tqdm.auto").tqdm
    monkeypatch.setattr(progress, "_tqdm", lambda: lambda **keys: tqdm(**{**keys, "delay": 0}))
    fm.write(RECIPE, tmp_path / "a.h5", progress=False)
    assert terminal.getvalue() == ""
    fm.write(RECIPE, tmp_path / "b.h5")
    assert "B/s" in terminal.getvalue()


def test_a_notebook_without_widgets_is_no_matter_of_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tqdm").mkdir()
    (tmp_path / "tqdm" / "__init__.py").touch()
    (tmp_path / "tqdm" / "auto.py").write_text(
        "import warnings\n\nwarnings.warn('IProgress not found', stacklevel=2)\n\n\nclass tqdm:\n    plain = True\n"
    )
    for name in [name for name in sys.modules if name.split(".")[0] == "tqdm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert progress._tqdm().plain
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.warns(UserWarning, match="IProgress"):  # the control: imported by itself it does warn
        importlib.import_module("tqdm.auto")
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.delitem(sys.modules, name)


def test_a_line_takes_the_place_of_a_bar_without_tqdm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr(progress, "_tqdm", lambda: None)
    monkeypatch.setattr(progress.time, "monotonic", clock(0.3))
    fm.write(RECIPE, tmp_path / "a.h5")
    assert "MB/s" in terminal.getvalue()
    assert "left" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r"), "the line is free at the end"


def clock(step: float) -> Any:
    """A clock that is ``step`` seconds further at every look."""
    now = [0.0]

    def look() -> float:
        now[0] += step
        return now[0]

    return look


@pytest.mark.usefixtures("sketched")
def test_sweeps_say_tasks_and_time_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr(progress.time, "monotonic", clock(1.0))
    fm.confirm(SPEC, tmp_path / "run")
    assert "task 1 of " in terminal.getvalue()
    quiet = len(terminal.getvalue())
    fm.confirm(SPEC, tmp_path / "again", progress=False)
    assert len(terminal.getvalue()) == quiet


def test_functions_are_called_and_true_shows_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[Any] = []
    with byte_progress(lambda *what: told.append(what)) as tell, line_progress(told.append) as say:
        assert tell is not None
        assert say is not None
        tell("X", 1, 2)
        say("words")
    assert told == [("X", 1, 2), "words"]
    with byte_progress(False) as nobody, line_progress(None) as neither:
        assert nobody is None
        assert neither is None
    with line_progress(True) as line:
        assert isinstance(line, StatusLine)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_what_takes_long_is_said_again(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "_PAUSE", 0.04)
    with StatusLine("loading") as line:
        time.sleep(0.3)
        line("task 1 of 2")
        line.keep("a line that stays")
        time.sleep(0.3)
    said = stream.getvalue().replace("\r", "\n")
    assert said.count("loading (0 s)") >= 2
    assert said.count("task 1 of 2 (0 s ago)") >= 2
    assert said.count("a line that stays") == 1
    quiet = len(said)
    time.sleep(0.1)
    assert len(stream.getvalue()) == quiet, "nothing is said after the block"


def test_lines_that_stay_become_rare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    line = StatusLine()
    for now[0] in range(1, 36_000):
        line(f"{now[0]} s")
    assert 200 < len(capsys.readouterr().err.splitlines()) < 800  # of ten hours; 18,000 lines of two seconds each
