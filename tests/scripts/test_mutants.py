"""scripts/mutants.py: every fault still has its place, and one that a test notices is reported."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests in a test ask no plugin, and loading all that are installed takes longer than running them."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/mutants.py as a module."""
    path = Path(__file__).resolve().parents[2] / "scripts" / "mutants.py"
    spec = importlib.util.spec_from_file_location("mutants_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_fault_has_one_place_and_tests(script: ModuleType) -> None:
    assert len(script.MUTANTS) >= 20
    for mutant in script.MUTANTS:
        assert script.place(script.ROOT, mutant).suffix == ".py"
        assert mutant.old != mutant.new
        assert all((script.ROOT / "tests" / name).exists() for name in mutant.tests)


@pytest.mark.parametrize(("body", "by"), [("assert 1 == 2", "FAILED tests/x/test_x.py::test_x"), ("pass", "")])
def test_what_is_noticed_is_told(script: ModuleType, tmp_path: Path, body: str, by: str) -> None:
    (tmp_path / "tests" / "x").mkdir(parents=True)
    (tmp_path / "tests" / "x" / "test_x.py").write_text(f"def test_x():\n    {body}\n")
    assert script.noticed(tmp_path, ("x",), []) == by


def test_tests_that_cannot_run_are_not_taken_for_a_fault_that_is_noticed(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="pytest could not run"):
        script.noticed(tmp_path, ("nowhere",), [])
