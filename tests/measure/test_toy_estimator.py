"""An estimator of the dimension is added by its file and a line of the registry: everything else knows it by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from fractalman.errors import RecipeError
from fractalman.measure import METHODS, dimension, dimensions
from fractalman.measure import dimension_methods as registry

# Farahmand, Szepesvári & Audibert 2007: ln 2 / ln(r_2k / r_k), averaged over the starting points
TOY = """
from __future__ import annotations
import numpy as np
from fractalman.measure.dimension import Dimension, one_scale
from fractalman.measure.neighbours import Neighbourhoods

def doubling(found: Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    inverse = np.log(found.near[:, 19] / found.near[:, 9]) / np.log(2.0)
    limits = float(np.median(found.near[:, 9])), float(np.median(found.near[:, 19]))
    return one_scale(found, "doubling", inverse, found.block, limits, np.array([10.0, 20.0]), "distances that double")
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The estimator's file where Python finds it, and its line in the registry."""
    (tmp_path / "toy_estimator.py").write_text(TOY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy_estimator", raising=False)
    monkeypatch.setitem(registry.ESTIMATORS, "doubling", "")  # taken out again after the test
    registry.register("doubling", "toy_estimator:doubling")
    return "doubling"


def plane(n: int = 1000) -> np.ndarray:
    return np.random.default_rng(0).random((n, 2)) @ np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])


def test_it_measures_with_an_error_as_the_others_do(toy: str) -> None:
    found = dimension(plane(), method=toy)
    assert found.method == toy
    assert found.interval[0] < 2.0 < found.interval[1]
    assert 0.0 < found.standard_error < 0.5
    assert found.reason == "distances that double"
    line = dimension(np.random.default_rng(1).random((1000, 1)) @ np.ones((1, 3)), method=toy)
    assert line.interval[1] < 1.5  # it reads the points, not what we hope for


def test_it_stands_beside_the_others(toy: str) -> None:
    X = plane(300)
    found = dimensions(X)
    assert list(found) == [*METHODS, toy]
    assert found[toy].value == dimension(X, method=toy).value


def test_scikit_learns_estimator_knows_it(toy: str) -> None:
    pytest.importorskip("sklearn")
    from fractalman.measure import IntrinsicDimension

    X = plane(300)
    assert IntrinsicDimension(toy).fit(X).dimension_ == dimension(X, method=toy).value


def test_a_name_that_is_not_registered_is_refused() -> None:
    with pytest.raises(RecipeError, match="unknown method 'doubling': expected recommended, correlation"):
        dimension(plane(100), method="doubling")
    with pytest.raises(RecipeError, match="did you mean 'two-nn'"):
        dimension(plane(100), method="two-n")
    with pytest.raises(RecipeError, match="expected 'module:function'"):
        registry.register("doubling", "toy_estimator")
    assert "doubling" not in registry.ESTIMATORS
