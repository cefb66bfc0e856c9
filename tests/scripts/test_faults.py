"""scripts/faults: a small seeded part of what it does in full, and controls that it would notice what it looks for."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "faults"
MODULES = {path.stem for path in FOLDER.glob("*.py")}
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and devices of POSIX")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The scripts import each other by name, and no other test's modules."""
    held = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules and name != "__main__"}
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in MODULES - {"__main__"}:
        sys.modules.pop(name, None)
    sys.modules.update(held)


def test_harnesses_are_short() -> None:
    for path in FOLDER.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 200, path


@pytest.mark.slow(reason="hundreds of damaged files", but=["targets-0.004"])
@pytest.mark.parametrize(
    ("name", "share"),
    [("mutation", 0.05), ("targets", 0.004), ("fuzz", 0.02), ("finite", 0.01), ("streams", 0.03), ("disks", 0.04)],
)
def test_a_small_part_is_noticed_in_words(name: str, share: float, tmp_path: Path) -> None:
    for tally in import_module(name).run(tmp_path, share, 5):
        if "not allowed here" in str(tally.counts):
            pytest.skip("no file system can be mounted here")
        assert tally.tried >= 5
        assert tally.bad == []


def test_what_must_not_be_is_told() -> None:
    word: Any = import_module("outcome").word
    fine = {"status": 0, "out": "1", "err": ""}
    assert (word(fine, "1"), word(fine, "2"), word(fine, None)) == ("same", "silent", "same")
    assert word({"status": 1, "out": "", "err": "fractalman: no"}, "1") == "refused"
    assert word({"status": 1, "out": "", "err": "no\n" * 21}, "1") == "long"
    for status, err in (("died", ""), (3, "fractalman: unexpected KeyError: 3"), (1, "Traceback (most recent call")):
        assert word({"status": status, "out": "", "err": err}, "1") == "unexpected"


@pytest.mark.slow(reason="processes that hang until their time is up")
def test_a_process_that_hangs_or_dies_is_replaced(tmp_path: Path) -> None:
    outcome: Any = import_module("outcome")
    with outcome.Worker(tmp_path) as worker:
        os.mkfifo(tmp_path / "pipe")
        assert worker.ask("call", "read_for_ever", str(tmp_path / "pipe"), limit=8.0)["status"] == "hung"
        assert worker.ask("call", "die")["status"] == "died"
        answer = worker.ask("cli", "info", "nothing.h5", "--json")
    assert answer["status"] == 2
    assert "nothing.h5" in json.dumps(answer)
