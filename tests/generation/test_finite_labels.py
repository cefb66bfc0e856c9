"""No label that is no number leaves the package: such recipes are refused, and a family that errs is stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.families.base import family_of


@pytest.mark.parametrize("hurst", [0.0, 5e-324, 1e-18, 1e-17, 9e-11, -1.0, float("nan")])
def test_roughness_beyond_double_precision_is_refused_with_the_smallest_value(hurst: float) -> None:
    with pytest.raises(RecipeError, match="1e-10 <= hurst <= 16"):
        fm.SmoothManifold(n_points=10, hurst=hurst)


def test_the_roughest_field_has_variance_one() -> None:
    draws = [fm.generate(fm.SmoothManifold(n_points=1500, ambient_dim=4, hurst=1e-10, seed=s)).y for s in range(4)]
    assert np.mean(np.square(draws)) == pytest.approx(1.0, abs=0.1)


def test_a_family_that_makes_no_numbers_is_stopped(monkeypatch) -> None:
    recipe = fm.Cascade(n_points=20, ambient_dim=4)
    family = family_of(recipe)
    own = family.sampler.structure

    def wrong(*arguments):
        made = own(*arguments)
        return replace(made, y=np.where(np.arange(20) == 7, np.nan, made.y))

    monkeypatch.setitem(family.__dict__, "sampler", replace(family.sampler, structure=wrong))  # a cached property
    with pytest.raises(RecipeError, match="1 of 20 labels of this cascade are not finite"):
        fm.generate(recipe)
