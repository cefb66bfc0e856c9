"""What predictions share: the same numbers as without, and never more than so many bytes."""

from __future__ import annotations

import numpy as np
import pytest

import fractalman as fm
from fractalman.prediction import kept
from fractalman.prediction.kept import Kept


@pytest.mark.parametrize("target", ["value", "sign"])
def test_shared_draws_change_no_number(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = fm.PercolationCluster(n_points=300, ambient_dim=16, target=target, seed=5)

    def curves() -> np.ndarray:
        found = [fm.predict(recipe, learner, draws=3) for learner in ("1-nn", "laplace-kernel")]
        return np.array([[p.curve([16, 64]).risk, p.floor([16, 64]).risk] for p in found])

    shared = curves(), curves()
    with monkeypatch.context() as alone:
        alone.setattr("fractalman.prediction.drawn.KEPT", Kept(0))
        np.testing.assert_array_equal(shared, [curves()] * 2)


def test_the_oldest_goes_first_and_the_large_are_not_kept() -> None:
    shelf, made = Kept(100), []

    def get(key: str, size: int) -> str:
        def make() -> str:
            made.append(key)
            return key.upper()

        return shelf.get(key, make, lambda _: size)

    assert [get(key, 25) for key in "abcd"] == list("ABCD")
    get("a", 25)  # used last, so "b" is the oldest
    get("e", 25)
    assert [get(key, 25) for key in "acde"] == list("ACDE")
    assert made == list("abcde")
    get("b", 25)
    get("x", 26)
    get("x", 26)
    assert made == [*"abcde", "b", "x", "x"]


def test_kept_arrays_are_nobodys_to_change() -> None:
    array = kept.Kept(1000).array("a", lambda: np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1.0
