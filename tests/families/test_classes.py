"""Classes instead of values: what y holds, in memory, streamed, in files and shards; nothing else moves."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import fractalman as fm
from fractalman import generation
from fractalman.errors import RecipeError
from fractalman.families.base import memory_of
from fractalman.recipes import Recipe

FAMILIES: dict[str, Recipe] = {
    "cascade": fm.Cascade(n_points=300, ambient_dim=5, hurst=0.5, noise=0.3, seed=2),
    "cluster": fm.PercolationCluster(n_points=300, ambient_dim=5, seed=2),
    "ensemble": fm.PercolationEnsemble(n_points=300, ambient_dim=5, seed=2),
    "bethe": fm.BetheLattice(n_points=300, ambient_dim=5, seed=2),
    "lattice": fm.LatticePercolation(dim=2, side=24, ambient_dim=5, seed=2),
    "manifold": fm.SmoothManifold(n_points=300, ambient_dim=5, noise=0.3, seed=2),
}
TARGETS = {"sign": {"target": "sign"}, "threshold": {"target": "threshold", "threshold": 0.4}}
EACH = pytest.mark.parametrize("name", FAMILIES)


@pytest.mark.parametrize("target", TARGETS)
@EACH
def test_y_is_the_class_and_nothing_else_moves(name: str, target: str) -> None:
    plain, recipe = FAMILIES[name], FAMILIES[name].replace(**TARGETS[target])
    data, values = fm.generate(recipe), fm.generate(plain)
    assert data.value is not None
    assert values.value is None
    np.testing.assert_array_equal(data.value, values.y)
    np.testing.assert_array_equal(data.y, np.where(values.y > recipe.threshold, 1.0, 0.0))
    np.testing.assert_array_equal(data.clean, values.clean)
    np.testing.assert_array_equal(data.X, values.X)
    if values.label_tree is not None:
        assert data.label_tree is not None
        np.testing.assert_array_equal(data.label_tree.value, values.label_tree.value)
    draws, of_values = generation.label_draws(data, 3), generation.label_draws(values, 3)
    np.testing.assert_array_equal(draws, of_values > recipe.threshold)
    assert 0 < draws.sum() < draws.size  # both classes are there
    assert memory_of(recipe).array_bytes() - memory_of(plain).array_bytes() == 8 * recipe.max_points


def test_the_default_is_silent_and_words_are_checked() -> None:
    for recipe in FAMILIES.values():
        assert recipe.to_dict().keys().isdisjoint({"target", "threshold"})
        assert not recipe.classifies
        for target in TARGETS.values():
            made = recipe.replace(**target)
            assert fm.from_toml(made.to_toml()) == made
            assert made.classifies
    with pytest.raises(RecipeError, match='use target = "threshold"'):
        fm.Cascade(n_points=10, target="sign", threshold=0.5)
    with pytest.raises(RecipeError, match="'sign'"):
        fm.Cascade(n_points=10, target="signs")
    with pytest.raises(RecipeError, match="threshold"):
        fm.Cascade(n_points=10, target="threshold", threshold=float("nan"))


@pytest.mark.parametrize("hierarchy", [True, False])
@EACH
def test_files_hold_what_generate_returns(name: str, hierarchy: bool, tmp_path: Path) -> None:
    recipe = FAMILIES[name].replace(target="threshold", threshold=0.4)
    data, path = fm.generate(recipe), fm.write(recipe, tmp_path / "data.h5", hierarchy=hierarchy)
    with fm.open(path) as file:
        assert file.verify() == []
        read = file.dataset()
        assert read.value is not None
        for one, other in ((read.X, data.X), (read.y, data.y), (read.value, data.value)):
            np.testing.assert_array_equal(one, other)
    fm.rebuild(path, tmp_path / "again.h5")
    assert fm.verify(tmp_path / "again.h5") == []


@pytest.mark.slow(reason="files larger than what is kept in memory")
def test_large_files_are_streamed_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fractalman.generation.columns.IN_MEMORY_BYTES", 0)
    for name in FAMILIES:
        recipe = FAMILIES[name].replace(target="sign")
        data, path = fm.generate(recipe), fm.write(recipe, tmp_path / f"{name}.h5")
        with fm.open(path) as file:
            assert file.verify() == []
            np.testing.assert_array_equal(file.y[:], data.y)
            np.testing.assert_array_equal(file.columns["value"][:], data.value)


def test_shards_are_parts_of_the_file(tmp_path: Path) -> None:
    recipe = FAMILIES["cascade"].replace(target="sign")
    generation.write_shards(recipe, tmp_path / "parts.h5", 3)
    data = fm.generate(recipe)
    with fm.open(tmp_path / "parts.h5") as file:
        assert file.verify() == []
        np.testing.assert_array_equal(file.y[:], data.y)
        np.testing.assert_array_equal(file.columns["value"][:], data.value)


@pytest.mark.parametrize("column", ["y", "value"])
def test_a_class_that_is_not_its_value_s_is_noticed(column: str, tmp_path: Path) -> None:
    from fractalman.datasets.rules import RULE_FUNCTIONS

    recipe = FAMILIES["cascade"].replace(target="sign")
    path = fm.write(recipe, tmp_path / "data.h5")
    with fm.open(path) as file:
        columns = {name: file.columns[name] for name in file.columns}
        assert list(RULE_FUNCTIONS["classes"](columns, file.dims, file.provenance)) == []

        class Wrong:
            def blocks(self):
                yield 0, 1.0 - file.columns[column][:]

            def __getitem__(self, which):
                return 1.0 - file.columns[column][which]

        columns[column] = Wrong()
        assert list(RULE_FUNCTIONS["classes"](columns, file.dims, file.provenance))
    with h5py.File(path, "r+") as raw:
        raw["y"][3] = 1.0 - raw["y"][3]
    assert fm.verify(path)


def test_tables_and_exports_carry_the_value(tmp_path: Path) -> None:
    from fractalman.datasets.export import export_anndata
    from fractalman.datasets.tables import per_point

    recipe = FAMILIES["cascade"].replace(target="sign")
    data, path = fm.generate(recipe), fm.write(recipe, tmp_path / "data.h5")
    np.testing.assert_array_equal(per_point(data)["value"], data.value)
    export_anndata(path, tmp_path / "data.h5ad")
    with h5py.File(tmp_path / "data.h5ad") as raw:
        np.testing.assert_array_equal(raw["obs/value"][:], data.value)


def test_what_takes_values_says_so() -> None:
    recipe = FAMILIES["cascade"].replace(target="sign")
    with pytest.raises(RecipeError, match='use target = "value"'):
        fm.predict(recipe).model_curve([4])
