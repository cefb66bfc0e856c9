"""scripts/bench.py: every row can be made, and the bytes that it compares memory with are counted once each."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import fractalman as fm

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench.py"


def loaded(name: str) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(name, SCRIPT.with_stem(name))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The script as a module."""
    return loaded("bench")


def test_every_row_can_be_made(bench: ModuleType) -> None:
    assert len({row.name for row in bench.ROWS}) == len(bench.ROWS)
    families = set()
    for row in bench.ROWS:
        recipe = row.recipe(300)
        families.add(recipe.family)
        made = row.prepare(recipe)()
        assert not row.keeps or sum(bench.arrays(made).values()) > 0
        assert row.shared(recipe) >= 1
        assert (row.columns or recipe.n_columns) >= 1
    assert families == set(fm.family_names())


def test_bytes_are_counted_once(bench: ModuleType) -> None:
    data = fm.generate(fm.PercolationCluster(n_points=100, ambient_dim=3))
    # X, y, cluster, edges; parent, value, variance, size, depth, of which the label tree has three; norm, leaf
    assert sum(bench.arrays(data).values()) == 100 * (12 + 8 + 8) + 99 * 16 + 5 * 199 * 8 + 2 * 800
    assert sum(bench.arrays(np.zeros(7)).values()) == 56


def test_a_row_as_json(bench: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--only", "tree", "--points", "500", "--repeats", "1", "--json"]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    assert bench.main() == 0
    printed = json.loads(capsys.readouterr().out)
    (row,) = printed["rows"]
    assert (row["name"], row["points"], printed["reference_over_kernel"]) == ("tree", 500, None)
    assert row["fills"] > 0


def test_a_row_of_the_table_is_reached_stopped_or_neither() -> None:
    for name in ("bench_builds", "_limits"):  # which it imports
        loaded(name)
    line = loaded("bench_table").Line
    pairs = ((0.6, 1.0), (0.7, 0.65), (0.7, 0.5), (0.7, None))
    states = [line("a", None, now, 0.6, limit).state for now, limit in pairs]
    assert states == ["reached", "limit", "not reached", "not reached"]
    rates = [
        line("a", None, now, 0.85, limit, least=True).state for now, limit in ((0.9, 0.5), (0.8, 0.84), (0.8, 0.9))
    ]
    assert rates == ["reached", "limit", "not reached"]
    assert line("a", 1.0, 0.5, 0.6, 0.2, "copying", "fills").cells()[1:] == [
        "1.00",
        "0.50",
        "0.20 copying",
        "≤ 0.6",
        "reached",
    ]
