"""Documentation tools read every parameter, return value and exception of the public functions, and examples run."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

import fractalman
from fractalman.errors import MissingExtraError

pytest.importorskip("griffe")
ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(fractalman.__file__).parent


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/docstrings.py as a module."""
    spec = importlib.util.spec_from_file_location("docstrings_script", ROOT / "scripts" / "docstrings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_nothing_is_missing(script: ModuleType) -> None:
    found, counted = script.check()
    assert {"datasets", "experiments", "learners", "measure", "prediction", "studies", "theory", "trees"} <= set(
        counted
    )
    assert [f"{gap.name}: {gap.missing}" for gap in found] == []


def test_classes_that_are_returned_are_public(script: ModuleType) -> None:
    public = set(script.public())
    assert {"fractalman.datasets.File", "fractalman.prediction.Prediction", "fractalman.trees.Cut"} <= public
    assert {"fractalman.experiments.verdicts.Verdict", "fractalman.studies.probes.result.ProbeResult"} <= public


def good(n: int, *, scale: float = 1.0) -> float:
    """Return n times scale.

    Parameters
    ----------
    n : int
        A number, 0 or larger.
    scale : float, default 1
        What it is multiplied with.

    Returns
    -------
    float
        The product.

    Raises
    ------
    ValueError
        If n is negative.

    Examples
    --------
    >>> good(2, scale=1.5)
    3.0
    """
    if n < 0:
        raise ValueError(f"expected n ≥ 0, found {n}")
    return n * scale


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("    scale : float, default 1\n        What it is multiplied with.\n", "", "parameter scale"),
        ("        What it is multiplied with.\n", "", "parameter scale"),
        ("    scale : float", "    factor : float", "no longer has a parameter factor"),
        ("    Returns\n    -------\n    float\n        The product.\n", "", "returns"),
        ("    ValueError\n", "    TypeError\n", "raises ValueError"),
        (">>> good(2, scale=1.5)", "good(2, scale=1.5)", "an example"),
        ("Return n times scale.", "Return n times scale", "one sentence at the beginning"),
    ],
)
def test_a_gap_is_noticed(script: ModuleType, old: str, new: str, missing: str) -> None:
    own = good.__doc__ or ""
    text = textwrap.indent(inspect.cleandoc(own), "    ")  # Python 3.13 takes the indentation away, others leave it
    assert list(script.gaps(good, example=True)) == []
    assert text.count(old) == 1
    try:
        good.__doc__ = text.replace(old, new)
        assert missing in list(script.gaps(good, example=True))
    finally:
        good.__doc__ = own


# ---------------------------------------------------------------------------------------------------- examples


def modules_with_examples() -> list[str]:
    """Return the dotted names of the package's modules that show an example."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def run_examples(module: ModuleType) -> tuple[int, int]:
    """Run a module's examples and return how many failed, and how many there are."""
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    return results.failed, results.attempted


@pytest.mark.slow(
    reason="networks and autoencoders are trained",
    only=["fractalman.study_runs", "fractalman.learners.dictionaries.fitting"],
)
@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # an example may write a file
    try:
        module = importlib.import_module(name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    failed, attempted = run_examples(module)
    assert failed == 0
    assert attempted > 0


def test_an_example_that_fails_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    module = ModuleType("wrong", ">>> 1 + 1\n3\n")
    assert run_examples(module) == (1, 1)
    assert "Expected" in capsys.readouterr().out
