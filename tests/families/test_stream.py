"""Streams without end: rows of datasets, batches by number, workers, laws of their firing."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError

FOLDED: dict[str, Any] = {"embedding": "superposition", "feature_min_size": 8, "feature_magnitude": "folded-normal"}
RECIPES = {
    "cascade": fm.Cascade(n_points=300, ambient_dim=12, **FOLDED, feature_noise=0.1),
    "cluster": fm.PercolationCluster(n_points=300, ambient_dim=12, **FOLDED, nuisance_dim=2, rotate=True),
    "values": fm.PercolationEnsemble(n_points=300, ambient_dim=12, **{**FOLDED, "feature_magnitude": "value"}),
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_first_pass_is_the_dataset(name: str) -> None:
    recipe = RECIPES[name]
    data, points = fm.generate(recipe), fm.stream(recipe, batch_size=32, seed=5)
    assert (points.X(np.arange(300)) == data.X).all()
    known = data.dictionary(8)
    assert (points.codes(np.arange(300)) != known.codes).nnz == 0
    rows = np.concatenate([points.rows(k) for k in range(19)])[:600]
    assert sorted(rows) == list(range(600))  # two passes, every point once in each
    assert (points.batch(3) == data.X[points.rows(3)]).all()
    assert not (np.sort(rows[:300]) == rows[:300]).all()


def test_batches_are_functions_of_their_number() -> None:
    recipe = RECIPES["cascade"]
    one = fm.stream(recipe, batch_size=50)
    wanted = [one.batch(k) for k in range(12)]
    backwards = fm.stream(recipe, batch_size=50)
    assert all((backwards.batch(k) == wanted[k]).all() for k in reversed(range(12)))
    for workers in (2, 3):
        parts = [list(islice(fm.stream(recipe, 50, start=w, step=workers), 12 // workers)) for w in range(workers)]
        assert all((parts[k % workers][k // workers] == wanted[k]).all() for k in range(12))
    far = one.batch(200_000_000)  # 10^10 rows on
    assert far.shape == (50, 12)
    assert np.isfinite(far).all()
    other = fm.stream(recipe, batch_size=50, seed=1)
    assert not (other.rows(0) == one.rows(0)).all()


def test_later_passes_draw_magnitudes_anew() -> None:
    points = fm.stream(RECIPES["cascade"], batch_size=50)
    first, later = points.codes(np.arange(300)), points.codes(np.arange(300) + 7 * 300)
    assert ((first != 0) != (later != 0)).nnz == 0  # the same memberships
    assert np.isin(first.data, later.data).sum() == 0
    many = np.concatenate([points.codes(np.arange(300) + e * 300).data for e in range(40)])
    error = np.std(many) / np.sqrt(many.size)
    assert abs(many.mean() - np.sqrt(2 / np.pi)) < 4 * error
    assert abs(many.mean() - 0.9 * np.sqrt(2 / np.pi)) > 4 * error  # a mean a tenth lower would be noticed
    shares = np.asarray((later != 0).sum(axis=0)).ravel() / 300
    hierarchy = fm.generate(RECIPES["cascade"]).hierarchy
    assert hierarchy is not None
    assert (shares * 300 == hierarchy.size[300 : 300 + shares.size]).all()


def test_what_cannot_be_streamed_is_refused() -> None:
    with pytest.raises(RecipeError, match="expected points in superposition"):
        fm.stream(fm.Cascade(n_points=100))
    for change in ({"batch_size": 0}, {"start": -1}, {"step": 0}, {"seed": -1}):
        with pytest.raises(RecipeError, match=f"{next(iter(change))} = "):
            fm.stream(RECIPES["cascade"], **change)
    points = fm.stream(RECIPES["cascade"])
    for number in (-1, 1.5, 1 << 62):
        with pytest.raises(RecipeError, match="expected a whole number from 0"):
            points.batch(number)  # type: ignore[arg-type]
