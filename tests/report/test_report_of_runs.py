"""Reports beside journals: rebuilt from the journal alone, refused of half a run, replaced whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fractalman import quickstart, runs
from fractalman._files import replace_folder
from fractalman._leftovers import leftovers
from fractalman.errors import CorruptFileError, RecipeError
from fractalman.experiments import Result, load_result, load_spec, run_sweep
from tests.report.test_report import MATRIX, PLAYED, SPEC

pytest.importorskip("matplotlib")
from sketches import sketched

pytestmark = pytest.mark.usefixtures("sketched")  # about folders and journals

# ---------------------------------------------------------------------------------------------------- confirmation


def play(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Let confirmation run played learners on a small spec; the list fills with the folders that sweeps ran in."""
    folders: list[Path] = []

    def sweep(
        spec: Any, out: Path, progress: Any = None, *, force: bool = False, jobs: int = 1, scheduler: Any = None,
        shard: Any = None,
    ) -> Result:  # fmt: skip
        assert (jobs, scheduler, shard) == (1, None, None)
        folders.append(Path(out))
        return run_sweep(spec, out, progress, force=force)

    PLAYED.install(monkeypatch)
    for module in (runs, quickstart):
        monkeypatch.setattr(module, "run_sweep", sweep)
        monkeypatch.setattr(module, "load_spec", lambda *_: load_spec(SPEC))
    return folders


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Played learners for one test."""
    return play(monkeypatch)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a confirmation that was run once for all tests here."""
    with pytest.MonkeyPatch.context() as patch, sketched():
        play(patch)
        runs.run_confirmation(SPEC, folder := tmp_path_factory.mktemp("once") / "run")
    return folder


@pytest.fixture
def finished(once: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to be changed."""
    return Path(shutil.copytree(once, tmp_path / "run"))


def test_confirm_writes_everything_beside_the_journal(played: list[Path], tmp_path: Path) -> None:
    said: list[str] = []
    result = runs.run_confirmation(SPEC, tmp_path / "run", progress=said.append)
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["SHA256SUMS", "journal.jsonl", *MATRIX, "points.csv", "report.html"]
    assert [verdict.agrees for verdict in result.verdicts] == [True, False, True]
    assert said[-1] == "writing the report"
    assert played == [tmp_path / "run"]


def test_a_report_is_rebuilt_from_the_journal_alone(played: list[Path], finished: Path) -> None:
    before = (finished / "report.html").read_bytes()
    (finished / "report.html").unlink()
    assert runs.rebuild_report(finished).read_bytes() == before
    assert not played


def test_a_changed_table_is_refused_and_a_missing_one_written_again(played: list[Path], finished: Path) -> None:
    points, sums = finished / "points.csv", (finished / "SHA256SUMS").read_text()
    whole = points.read_bytes()
    assert f"{hashlib.sha256(whole).hexdigest()}  points.csv\n" in sums
    assert [line.split()[1] for line in sums.splitlines()] == [*MATRIX, "points.csv"]
    points.write_bytes(whole.replace(b"1-nn,", b"1-nn ,", 1))
    for again in (lambda: runs.rebuild_report(finished), lambda: runs.run_confirmation(SPEC, finished)):
        with pytest.raises(CorruptFileError, match=r"points\.csv is not what was written.*delete it"):
            again()
    assert not played  # nothing is measured again
    points.unlink()
    runs.rebuild_report(finished)
    assert points.read_bytes() == whole
    assert (finished / "SHA256SUMS").read_text() == sums


def test_a_line_of_digests_that_cannot_be_read_is_refused_by_its_number(played: list[Path], finished: Path) -> None:
    sums = finished / "SHA256SUMS"
    whole = sums.read_bytes()
    lines = whole.splitlines(keepends=True)
    said = "is damaged: expected 64 hexadecimal digits"
    for number, damaged in (
        (1, whole.replace(b"  ", b" ", 1)),
        (1, b"g" + whole[1:]),
        (1, whole[:1] + bytes([whole[1] ^ 0x80]) + whole[2:]),
        (1, b"not a digest\n" + whole),
        (2, lines[0] + lines[1].replace(b"  ", b"\n") + lines[2]),
        (3, whole[:-1]),
        (4, whole + lines[0]),
    ):
        sums.write_bytes(damaged)
        for again in (lambda: runs.rebuild_report(finished), lambda: runs.run_confirmation(SPEC, finished)):
            with pytest.raises(CorruptFileError, match=f"SHA256SUMS, line {number} {said}"):
                again()
        assert sums.read_bytes() == damaged
    sums.write_bytes(whole.replace(b"\n", b"\r\n"))  # as some editors leave it: the same lines
    runs.rebuild_report(finished)
    assert sums.read_bytes() == whole
    assert not played


def test_no_report_is_made_of_half_a_run(played: list[Path], finished: Path, tmp_path: Path) -> None:
    journal = finished / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]))
    with pytest.raises(RecipeError, match="holds 44 of 45 points"):
        runs.rebuild_report(finished)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match="holds no run"):
        runs.rebuild_report(tmp_path / "empty")
    with pytest.raises(RecipeError, match="no folder"):
        runs.rebuild_report(tmp_path / "nowhere")
    assert not played


def test_the_note_speaks_of_networks_where_there_are_some(once: Path) -> None:
    from fractalman.report import closing_sentence, verdict_note

    result = load_result(once)
    verdict = replace(result.verdicts[0], agrees=True)
    told = [replace(verdict, agrees=agrees) for agrees in (True, True, False, None)]
    name = f"{verdict.learner} ({result.spec.recipe.family})"

    class Played:
        def __init__(self, verdicts: Any, spec: Any = result.spec) -> None:
            self.verdicts, self.spec = verdicts, spec

    assert closing_sentence([Played(told)]) == (
        f"As predicted: 2 of 4 learning curves; not as predicted: {name}; "
        f"not to be told from so few sizes and replicates: {name}."
    )
    assert closing_sentence([Played(told[:1])]) == "As predicted: 1 of 1 learning curve."
    network = Played([replace(verdict, learner="mlp")], replace(result.spec, learners=("mlp",)))
    assert "(of mlp: of its tangent kernel)" in verdict_note([network])
    assert "mlp" not in verdict_note([Played([replace(verdict, learner="1-nn")])])


def test_quickstart_replaces_its_own_folder_only(played: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "quick"
    made = quickstart.quickstart(out)
    assert made.report == out / "report.html"
    assert made.report.exists()
    assert sorted(made.results) == ["cascade", "cluster"]
    (out / "old").write_text("")
    quickstart.quickstart(out)
    assert not (out / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["quick"]
    assert len(played) == 4  # everything anew
    html = runs.rebuild_report(out).read_text()
    assert 'href="#cascade"' in html
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("")
    for wrong in (mine, mine / "thesis.tex", tmp_path / "no" / "folder"):
        with pytest.raises(RecipeError, match="use -o"):
            quickstart.quickstart(wrong)
    assert (mine / "thesis.tex").exists()
    assert len(played) == 4


@pytest.mark.slow(reason="two quickstarts with all their pages", but=["KeyboardInterrupt"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RecipeError])
def test_a_stopped_quickstart_leaves_the_old_one_and_the_next_goes_on(
    played: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    out = tmp_path / "quick"
    quickstart.quickstart(out, family="cascade")
    before = (out / "report.html").read_bytes()

    def fail(*_: Any) -> Path:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(quickstart, "write_reports", fail)
        with pytest.raises(error):
            quickstart.quickstart(out, family="cascade")
    assert (out / "report.html").read_bytes() == before
    kept = [path for path in tmp_path.iterdir() if path != out]
    assert len(kept) == 1
    assert leftovers(out) == kept  # what `clean` shows and removes
    assert any("goes on from there" in line for line in quickstart.quickstart_words(out, "cascade"))
    assert not any("goes on" in line for line in quickstart.quickstart_words(out, "cluster"))
    journal = (kept[0] / "cascade" / "journal.jsonl").read_bytes()
    said: list[str] = []
    quickstart.quickstart(out, said.append, family="cascade")
    assert any(" are in the journal already" in line for line in said)
    assert (out / "cascade" / "journal.jsonl").read_bytes() == journal  # nothing was run again
    assert not (out / quickstart.UNFINISHED).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["quick"]
    assert len(played) == 3
    runs.rebuild_report(out)  # of one family's run, too


@pytest.mark.usefixtures("played")
def test_nothing_is_kept_without_a_finished_task_or_on_a_full_disk_and_nothing_goes_on_in_a_damaged_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "quick"

    def full(*_: Any) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    def fail(*_: Any) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(quickstart, "run_sweep", fail)
        with pytest.raises(KeyboardInterrupt):
            quickstart.quickstart(out, family="cascade")
        assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr(quickstart, "write_reports", full)
        with pytest.raises(OSError, match="No space left"):
            quickstart.quickstart(out, family="cascade")
        assert list(tmp_path.iterdir()) == []
        patch.setattr(quickstart, "write_reports", fail)
        with pytest.raises(KeyboardInterrupt):
            quickstart.quickstart(out, family="cascade")
    (kept,) = tmp_path.iterdir()
    journal = kept / "cascade" / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([lines[0], lines[1].replace("1", "2"), *lines[2:]]))
    said: list[str] = []
    quickstart.quickstart(out, said.append, family="cascade")
    assert not any("already" in line for line in said)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([kept.name, "quick"])


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "kept").write_text("")
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "missing", old)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (old / "kept").exists()


@pytest.mark.slow(reason="a quickstart with all its pages")
def test_the_quickstart_of_a_family(played: list[Path], tmp_path: Path) -> None:
    assert list(quickstart.quickstart(tmp_path / "one", family="cluster").results) == ["cluster"]
    assert list(quickstart.quickstart(tmp_path / "two", family="grammar").results) == ["random-hierarchy", "language"]
    assert len(played) == 3
    expected = "expected one of cascade, cluster, random-hierarchy, grammar-language, grammar; did you mean"
    with pytest.raises(RecipeError, match=expected):
        quickstart.quickstart(tmp_path / "three", family="gramar")


def test_a_folder_that_no_file_can_lie_in_is_refused_before_anything_runs(played: list[Path], tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    unreachable: list[Any] = [tmp_path / "loop", tmp_path / "loop" / "below", tmp_path / ("a" * 300)]
    for folder in unreachable:
        with pytest.raises(RecipeError, match=r"use another folder$|has 300 bytes, expected 255 at most"):
            runs.run_confirmation(SPEC, folder)
    unusable: list[Any] = ["a\ud800", "a\0", 3.5, ["run"]]
    for folder in unusable:
        with pytest.raises(RecipeError):
            runs.run_confirmation(SPEC, folder)
    assert not played
