"""Requirements on columns together: each broken alone, each named, within a block and across blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import Columns, columns, recipe

from fractalman.datasets import spec
from fractalman.datasets.file import open_file
from fractalman.datasets.inspection import check_file
from fractalman.datasets.rules import RULE_FUNCTIONS
from fractalman.datasets.shard_table import shard_recipe
from fractalman.datasets.writer import write_columns
from fractalman.errors import FileFormatError


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns()


def test_every_rule_has_its_function_and_its_columns() -> None:
    assert {rule.name for rule in spec.RULES} == set(RULE_FUNCTIONS)
    assert all(name in spec.BY_PATH for rule in spec.RULES for name in rule.columns)
    assert all(column.group in spec.GROUPS for column in spec.COLUMNS)
    assert all(isinstance(s, int) or s in spec.DIMENSIONS for column in spec.COLUMNS for s in column.shape)


def _break(made: Columns, rule: str) -> list[Columns]:
    """Return columns whose every element is allowed and that break just this rule (and what follows from it)."""

    def having(name: str, place: Any, value: Any) -> Columns:
        array = made[name].copy()
        array[place] = value
        return {**made, name: array}

    latents = slice(11, None)
    swapped = made["hierarchy/size"].copy()
    swapped[latents] = swapped[latents][::-1]
    cycle = made["label_tree/parent"].copy()
    root, child = 11, int(np.flatnonzero(made["label_tree/parent"] == 11)[-1])
    cycle[root] = child
    zero = made["label_tree/variance"].copy()
    zero[4] = 0.0
    level = int(made["hierarchy/level"][11])
    return {
        "recipe-size": [{**made, "X": np.zeros((11, 4), dtype=np.float32)}],
        "cluster-order": [
            having("cluster", 0, 1),
            having("cluster", 10, 4),
            having("cluster", 6, 2),
            having("cluster", 5, 1),
            {**made, "cluster": np.repeat([0, 1], [5, 6])},
        ],
        "edge-ends": [having("edges", 0, made["edges"][0, 0]), having("edges", 0, (0, 10))],
        "hierarchy-parent": [having("hierarchy/parent", 0, 3), having("hierarchy/parent", 12, 12)],
        "hierarchy-depth": [having("hierarchy/depth", 0, 99), having("hierarchy/depth", 11, 1)],
        "hierarchy-size": [
            having("hierarchy/size", 2, 2),
            having("hierarchy/size", 11, 8),
            {**made, "hierarchy/size": swapped},
        ],
        "hierarchy-level": [having("hierarchy/level", 12, level), having("hierarchy/level", 0, 0)],
        "hierarchy-zero": [having("hierarchy/variance", 4, 0.0)],
        "label-zero": [{**made, "label_tree/variance": zero}],
        "noise": [{name: column for name, column in made.items() if name != "noise"}],
        "value": [{**made, "value": made["y"]}],  # of a recipe whose target is no class
        "classes": [{**made, "value": made["y"]}],  # and y is not 0 or 1
        "symbols": [{**made, "tokens": np.zeros((11, 3), dtype=np.int32)}],  # and y is no whole number
        "rows": [{**made, "rows": np.arange(11)}],  # of a recipe that is no subset
        "labels": [
            {**made, "label_tree/parent": cycle},
            having("y", 3, made["y"][3] + 3e-12),
            having("label_tree/value", 11, made["label_tree/value"][11] + 1e-10),
            having("label_tree/norm", 3, made["label_tree/norm"][3] * (1 + 1e-10)),
            having("label_tree/leaf", 3, 0),
        ],
    }[rule]


@pytest.mark.parametrize("rule", spec.RULES, ids=lambda rule: rule.name)
def test_every_rule_is_checked(tmp_path: Path, made: Columns, rule: spec.Rule) -> None:
    for wrong in _break(made, rule.name):
        path = write_columns(tmp_path / "data.h5", wrong, recipe=recipe(made), overwrite=True)
        broken = [p for p in check_file(path) if f"(rule {rule.name})" in p.message]
        assert [p.path for p in broken] == [rule.path]
        with open_file(path):  # its shapes are fine: only verify looks at values
            pass


def _subset(made: Columns) -> tuple[Columns, dict[str, Any]]:
    table = {"family": "subset", "n_points": 11, "ambient_dim": 3, "whole_points": 30, "noise": 0.1}
    return {**made, "rows": np.arange(29, 18, -1)}, table


def test_rules_of_subsets(tmp_path: Path, made: Columns) -> None:
    """Clusters in any order, empty latents at the end: neither is wrong there; rows name different points."""
    columns, table = _subset(made)
    latents = made["hierarchy/parent"].size
    tree = {
        "hierarchy/parent": np.append(made["hierarchy/parent"], 11),
        "hierarchy/value": np.append(made["hierarchy/value"], 0.3),
        "hierarchy/variance": np.append(made["hierarchy/variance"], 1.0),
        "hierarchy/size": np.append(made["hierarchy/size"], 0),
        "hierarchy/depth": np.append(made["hierarchy/depth"], 1),
        "hierarchy/level": np.append(made["hierarchy/level"], 30),
    }
    good = {**columns, **tree, "cluster": np.array([2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]), "edges": made["edges"][:0]}
    assert tree["hierarchy/parent"].size == latents + 1
    path = write_columns(tmp_path / "data.h5", good, recipe=table)
    assert [str(p) for p in check_file(path)] == []
    rows = columns["rows"]
    wrong: list[tuple[str, Columns, dict[str, Any]]] = [
        ("rows", {**good, "rows": np.where(rows == 20, 21, rows)}, table),
        ("rows", {**good, "rows": rows + 1}, table),
        ("rows", good, {**table, "whole_points": 10}),
        ("rows", {name: c for name, c in good.items() if name != "rows"}, table),
        ("cluster-order", {**good, "cluster": np.where(good["cluster"] == 2, 3, good["cluster"])}, table),
        ("hierarchy-size", {**good, "cluster": made["cluster"], "edges": made["edges"]}, recipe(made)),
    ]
    for rule, made_wrong, recipe_of in wrong:
        path = write_columns(tmp_path / "wrong.h5", made_wrong, recipe=recipe_of, overwrite=True)
        assert any(f"(rule {rule})" in p.message for p in check_file(path)), rule


def test_clusters_in_order_of_birth(tmp_path: Path, made: Columns) -> None:
    """Of growth = "nested": numbers come back, sizes may rise, but every new number is the next one."""
    born = {**made, "cluster": np.array([0, 1, 0, 1, 1, 1, 2, 0, 1, 1, 1]), "edges": made["edges"][:0]}
    table = {**recipe(made), "growth": "nested"}
    assert list(check_file(write_columns(tmp_path / "data.h5", born, recipe=table))) == []
    for place, value in ((0, 1), (6, 3), (1, 2)):
        wrong = {**born, "cluster": born["cluster"].copy()}
        wrong["cluster"][place] = value
        path = write_columns(tmp_path / "wrong.h5", wrong, recipe=table, overwrite=True)
        assert any("(rule cluster-order)" in p.message for p in check_file(path)), place


def test_clusters_of_a_shard_may_be_older_than_it(tmp_path: Path, made: Columns) -> None:
    """Row 0 of this shard is row 5 of 40: five clusters may have been there, and every other one is the next."""
    whole = {**recipe(made), "growth": "nested", "n_points": 40}
    shard = shard_recipe(whole, 40, made["X"].shape[1], 2, 8) | {"n_points": len(made["X"])}
    table = made | {"edges": made["edges"][:0]}

    def problems(*numbers: int) -> list[str]:
        columns = {**table, "cluster": np.array(numbers)}
        return [p.message for p in check_file(write_columns(tmp_path / "a.h5", columns, recipe=shard, overwrite=True))]

    assert problems(4, 0, 2, 5, 6, 4, 7, 8, 9, 10, 11) == []
    assert problems(5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) == []  # beyond the shard's own 11 rows
    for numbers in ((6, *range(10)), (5, 7, 6, *range(8)), (0, 6, *range(9))):
        assert any("(rule cluster-order)" in message for message in problems(*numbers)), numbers
    with pytest.raises(FileFormatError, match="value < N"):
        problems(40, *range(10))


def test_labels_may_differ_by_rounding_only(tmp_path: Path, made: Columns) -> None:
    near = {**made, "y": np.nextafter(made["y"], 9)}
    path = write_columns(tmp_path / "data.h5", near, recipe=recipe(made))
    assert list(check_file(path)) == []


def test_rules_hold_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fractalman.datasets import lazy

    monkeypatch.setattr(lazy, "READ_BYTES", 1)
    monkeypatch.setattr(spec, "BLOCK_BYTES", 48)
    made = columns((40, 40, 7, 1, 1), d=3)
    path = write_columns(tmp_path / "data.h5", made, recipe=recipe(made))
    with open_file(path) as f:
        assert len(list(f.cluster.blocks())) == 15
    assert list(check_file(path)) == []
    for rule, name, place, value in (
        ("cluster-order", "cluster", slice(80, 88), 3),
        ("hierarchy-size", "hierarchy/size", 89, 41),
        ("hierarchy-depth", "hierarchy/depth", 120, 77),
        ("labels", "y", 61, 0.0),
    ):
        wrong = {**made, name: made[name].copy()}
        wrong[name][place] = value
        path = write_columns(tmp_path / "wrong.h5", wrong, recipe=recipe(made), overwrite=True)
        assert any(f"(rule {rule})" in p.message for p in check_file(path)), rule
