"""scripts/verify_verdicts.py: its cases are what it says, a run goes on where it ended, and its report can say no."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fractalman.recipes import from_dict

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import verify_verdicts

    return verify_verdicts


def row(condition: str, agrees: bool | None) -> dict[str, Any]:
    level = {"ratio": 1.02, "half_width": 0.05, "own_ratio": None, "own_half_width": None, "changed_to": None}
    return {
        "recipe": "r",
        "condition": condition,
        "seeds": 5,
        "learner": "1-nn",
        "agrees": agrees,
        "reason": "why",
        **level,
    }


def test_every_case_is_a_recipe(script: ModuleType) -> None:
    recipes = {**script.SABOTAGED, **script.clean_recipes()}
    assert len(script.clean_recipes()) == 60
    assert {from_dict(table).ambient_dim for table in recipes.values()} >= {2, 3, 8, 24, 128}
    assert len({case.name for case in script.cases()}) == len(script.cases()) == 60 + 3 * 13 * len(script.SABOTAGED)
    assert {case.recipe for case in script.cases()} == set(recipes)


def test_the_report_says_what_falls_short(script: ModuleType) -> None:
    good = [row("clean", True)] * 19 + [row("clean", False), row("shuffled", False), row("times 2", None)]
    assert script.as_wanted(good)
    assert not script.as_wanted([*good, row("shuffled", True)])
    assert not script.as_wanted([*good, row("clean", False)])  # 2 of 21
    assert not script.as_wanted([*good, *[row("clean", None)] * 10])
    small, seen = [{**row("noise .1", True), "changed_to": level} for level in (1.04, 1.06)]  # both in 1.02 ± .05
    text = script.report([*good, row("cubed", True), small, seen], 3, 5, 7, "command")
    assert "sabotage that agrees: 3 of 5, 60.0 % (14.7 … 94.7 %) (wanted: 0); 1 of them change the level by" in text
    assert "clean that differs: 1 of 20, 5.0 % (0.1 … 24.9 %)" in text
    assert "(its own curve has the level 1.060)" in text
    assert "reduced: 3 of 7 cases" in text
    assert "| clean | 1-nn | 19 | 1 | 0 |" in text


def test_draws_are_counted_together_with_an_interval(script: ModuleType) -> None:
    """Clopper and Pearson's: both ends leave 2.5 % of binomial draws beyond; no other draw, no line."""
    rows = [row("clean", False)] * 4 + [row("clean", True)] * 40
    beside = [{"condition": "clean", "agrees": answer} for answer in ["False"] * 3 + ["True"] * 100 + [""] * 3]
    beside += [{"condition": "shuffled", "agrees": "False"}]
    (line,) = script.pooled(rows, beside, [Path("verdicts_fourth.csv")])
    assert "of 1 sabotages 0 agree, 0.0 % (0.0 … 97.5 %)" in line
    assert "of 150 clean ones 7 differ, 4.7 % (1.9 … 9.4 %), 147 are resolved" in line
    assert script.pooled(rows, [], []) == []


def test_a_run_goes_on_where_it_ended(script: ModuleType, tmp_path: Path) -> None:
    command = ["-o", str(tmp_path), "--learners", "1-nn"]
    assert script.main([*command, "--only", "cascade-H.5/shuffled/2"]) == 0
    before = (tmp_path / "results.jsonl").read_text()
    assert script.main([*command, "--only", "cascade-H.5/shuffled/2"]) == 0
    assert (tmp_path / "results.jsonl").read_text() == before
    assert json.loads(before)["rows"][0]["agrees"] is not True
    assert script.main([*command, "--only", "nothing"]) == 2
    assert script.main([*command, "--only", "cluster/*", "--minutes", "0"]) == 2
    table = (tmp_path / "verdicts.csv").read_text().splitlines()
    assert len(table) == 2


def test_a_draw_is_balanced_fresh_and_the_same_again(script: ModuleType) -> None:
    found = script.drawn(5)
    assert found == script.drawn(5) != script.drawn(6)
    sabotage = [case for case in found if case.condition != script.CLEAN]
    assert len({(case.recipe, case.condition) for case in sabotage}) == len(sabotage) == 108
    for name in ("recipe", "condition"):
        for value in {getattr(case, name) for case in sabotage}:
            assert {case.learners[0] for case in sabotage if getattr(case, name) == value} == set(script.LEARNERS)
    tables = [case.table for case in found]
    assert len(tables) == 168
    assert not {table["seed"] for table in tables} & {7000 + i for i in range(60)}
    assert len({table["seed"] for table in tables}) == 69
