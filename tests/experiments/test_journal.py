"""Lines of a journal: every changed digit is refused by line, other environments are said and recorded."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fractalman.errors import CorruptFileError
from fractalman.experiments import environment
from fractalman.experiments.journal import NAME, Journal, environments, read_header, read_journal
from fractalman.experiments.journal_lines import DamagedLineError, decoded, encoded
from fractalman.experiments.points import POINTS, Point, Task

REFERENCE = Path(__file__).resolve().parents[2] / "datasets" / "reference"
SPEC = {"sweep": {"seeds": 2}}


def point(n: int, risk: float = 0.25) -> Point:
    return Point("1-nn", n, 0, risk, 0.0, 0.5, math.inf)


def run(folder: Path, sizes: tuple[int, ...] = (4, 8), digest: str = "digest") -> Path:
    """A journal with one task a size."""
    with Journal(POINTS, folder, "confirm", digest, SPEC) as journal:
        for n in sizes:
            journal.append(Task("1-nn", n, 0), [point(n)])
    return folder / NAME


def test_a_line_is_read_as_it_was_written_and_only_with_its_run() -> None:
    values = {"task": ["1-nn", 4], "rows": [{"risk": 0.1, "words": 'a "check" in text'}]}
    line = encoded(values, "run")
    assert decoded(line, "run", needed=True) == values
    assert decoded(json.dumps(values).encode(), "run", needed=False) == values
    for wrong in ("another run", ""):
        with pytest.raises(DamagedLineError, match="checksum"):
            decoded(line, wrong, needed=True)
    with pytest.raises(DamagedLineError, match="does not end in a checksum"):
        decoded(json.dumps(values).encode(), "run", needed=True)
    for bad in (b"[1]", b"{", b"[" * 100_000):
        with pytest.raises(DamagedLineError):
            decoded(bad, needed=False)


def test_every_changed_byte_is_refused(tmp_path: Path) -> None:
    path = run(tmp_path)
    whole = path.read_bytes()
    rng = np.random.default_rng(2026)
    ends = np.flatnonzero(np.frombuffer(whole, np.uint8) == ord("\n"))
    for at in rng.permutation(len(whole) - 1)[:600]:  # the last line feed alone makes a torn line, which is redone
        damaged = bytearray(whole)
        damaged[at] = (damaged[at] + int(rng.integers(1, 256))) % 256
        path.write_bytes(damaged)
        line = int(np.searchsorted(ends, at)) + 1
        with pytest.raises(CorruptFileError) as refusal:
            read_journal(POINTS, tmp_path, "confirm")
        assert f"line {line} is damaged" in str(refusal.value) or (line == 1 and "no journal" in str(refusal.value))
    path.write_bytes(whole)
    assert len(read_journal(POINTS, tmp_path, "confirm")[1]) == 2


def test_a_digit_of_a_measurement_is_refused_when_the_run_goes_on(tmp_path: Path) -> None:
    path = run(tmp_path)
    path.write_text(path.read_text().replace("0.25", "0.75", 1))
    with pytest.raises(CorruptFileError, match=r"journal\.jsonl, line 2 is damaged: its checksum.*delete that line"):
        Journal(POINTS, tmp_path, "confirm", "digest", SPEC)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))  # what the message advises
    with Journal(POINTS, tmp_path, "confirm", "digest", SPEC) as journal:
        assert set(journal.finished) == {Task("1-nn", 8, 0)}


def test_a_line_of_another_run_is_refused(tmp_path: Path) -> None:
    path, other = run(tmp_path / "a"), run(tmp_path / "b", (16,), "another")
    with path.open("ab") as file:
        file.write(other.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(CorruptFileError, match="line 4 is damaged"):
        read_journal(POINTS, tmp_path / "a", "confirm")


def test_a_journal_without_checksums_is_read_and_goes_on_with_them(tmp_path: Path) -> None:
    path = run(tmp_path)
    lines = path.read_bytes().splitlines()
    plain = [decoded(line, "digest" if i else "", needed=True) for i, line in enumerate(lines)]
    plain[0]["journal"] = 1
    path.write_text("".join(json.dumps(line) + "\n" for line in plain))
    run(tmp_path, (16,))
    assert {task.value for task in read_journal(POINTS, tmp_path, "confirm")[1]} == {4, 8, 16}
    path.write_text(path.read_text().replace('"n":16', '"n":17'))
    with pytest.raises(CorruptFileError, match="line 4 is damaged"):
        read_journal(POINTS, tmp_path, "confirm")


@pytest.mark.parametrize("name", ["five-k8-h1"])
def test_committed_journals_are_of_the_first_format(name: str) -> None:
    header = read_header(REFERENCE / name / NAME)
    assert header is not None
    assert header["journal"] == 1
    assert len(environments(REFERENCE / name)) == 1


def test_another_environment_is_recorded_at_every_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = run(tmp_path)
    before = environment.environment()

    def changed() -> dict[str, str]:
        return {name: version for name, version in before.items() if name != "scipy"} | {"numpy": "9.9"}

    monkeypatch.setattr(environment, "environment", changed)
    with Journal(POINTS, tmp_path, "confirm", "digest", SPEC) as journal:
        assert journal.changes == {"numpy": "9.9", "scipy": None}
        said = environment.change_words(journal.versions, journal.changes)
        assert said == f"numpy {before['numpy']} → 9.9, scipy {before['scipy']} → none"
        journal.append(Task("1-nn", 16, 0), [point(16)])
    lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("versions") for line in lines[1:]] == [None, None, {"numpy": "9.9", "scipy": None}]
    assert [(count, there["numpy"]) for there, count in environments(tmp_path)] == [(2, before["numpy"]), (1, "9.9")]
    words = environment.environment_words(environments(tmp_path))
    assert words.startswith("tasks of this run were done in 2 environments: 2 with numpy")
    assert words.endswith("; 1 with numpy 9.9, scipy none")
    assert environment.environment_words(environments(tmp_path)[:1]) == ""
