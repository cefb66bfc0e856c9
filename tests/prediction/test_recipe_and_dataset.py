"""What is predicted for a recipe is what is predicted for the datasets that it generates, wherever X lies."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import ModuleType

import pytest
from sampled import some

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import recipe_and_dataset

    return recipe_and_dataset


def test_the_chosen_cells_hold_every_pair(script: ModuleType) -> None:
    values = {"family": len(script.FAMILIES), "learner": len(script.LEARNERS), "dimension": 5, "condition": 4}
    cells = script.covering()
    for a, b in itertools.combinations(values, 2):
        assert len({(getattr(cell, a), getattr(cell, b)) for cell in cells}) == values[a] * values[b]
    assert set(cells) < set(script.everything())
    assert len(set(script.everything())) == len(script.everything()) == len(cells) * 20


def test_fresh_cells_are_other_recipes_drawn_by_a_seed(script: ModuleType) -> None:
    cells = script.fresh(31)
    assert len(cells) == len(set(cells)) == 3 * len(script.FRESH)
    assert cells == script.fresh(31) != script.fresh(32)
    assert {cell.recipe().family for cell in cells} >= {"subtasks", "bethe-lattice", "lattice-percolation"}
    assert sum(cell.recipe().classifies for cell in cells) == 12
    assert not set(script.FRESH) & set(script.FAMILIES)
    assert script._without_output(["-o", "x", "--fresh", "31", "--minutes", "2"]) == ["--fresh", "31"]


@pytest.mark.slow(reason="a grid of families, learners and dimensions", but=["1"])
@pytest.mark.parametrize("offset", range(4))
def test_recipe_and_datasets_are_predicted_alike(script: ModuleType, offset: int) -> None:
    """A quarter of the cells that hold every pair, small; scripts/recipe_and_dataset.py runs all of the grid."""
    rows = []
    for cell in script.covering()[offset::4]:
        recipe = cell.recipe(200)
        datasets, draws = some(4, fast=3), some(5, fast=4)
        rows += list(script.compare(recipe, recipe, cell.learner, (16, 64), datasets=datasets, draws=draws))
    assert min(row["p_value"] for row in rows) * len(rows) > 0.01
    assert sum(row["p_value"] < 0.05 for row in rows) <= 5  # of 28, where 1.4 are due


def test_datasets_of_another_recipe_are_seen(script: ModuleType) -> None:
    """Another Hurst exponent, and points that nuisance coordinates shuffle."""
    recipe = script.Cell("cascade", "laplace-kernel", 8, "plain").recipe(200)
    for other in (recipe.replace(hurst=0.4), recipe.replace(nuisance_dim=3, nuisance_scale=0.5)):
        rows = list(script.compare(recipe, other, "laplace-kernel", (16, 64), datasets=4, draws=5))
        assert min(row["p_value"] for row in rows) * len(rows) < 0.01
