"""scripts/_journal.py: cells that are there are not measured again, and a stopped run gives nothing."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "_journal.py"


@pytest.fixture
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("script_journal", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_there_is_not_measured_again(script: ModuleType, tmp_path: Path) -> None:
    """The control: a cell that is not there is measured, once."""
    measured: list[int] = []

    def one(n: int) -> dict[str, int]:
        measured.append(n)
        return {"square": n * n}

    def cells(*sizes: int) -> Iterable[tuple[tuple[str, int], Callable[[], Any]]]:
        return ((("square", n), partial(one, n)) for n in sizes)

    journal = tmp_path / "cells.jsonl"
    assert script.journalled(cells(2, 3), journal, 60.0) == {("square", 2): {"square": 4}, ("square", 3): {"square": 9}}
    assert script.journalled(cells(3, 4), journal, -1.0) is None  # no time for the fourth
    assert measured == [2, 3]
    assert list(script.journalled(cells(3, 4), journal, 60.0)) == [("square", 3), ("square", 4)]
    assert measured == [2, 3, 4]
    assert [json.loads(line)["cell"] for line in journal.read_text().splitlines()] == [["square", n] for n in (2, 3, 4)]
    assert script.journalled(cells(5), None, 60.0) == {("square", 5): {"square": 25}}
