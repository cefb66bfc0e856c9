"""Levels of a grammar: what the measure says of functions whose knowledge is known, order with its error, the study."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman._typing import F32, F64
from fractalman.errors import RecipeError
from fractalman.studies import study
from fractalman.studies.levels.result import IN_ORDER, OPEN, REVERSED, TOGETHER, LevelsResult, ordered
from fractalman.studies.levels.run import _rows, readable
from fractalman.studies.levels.spec import Levels, seen_nodes
from fractalman.studies.means import measured
from fractalman.theory.grammars import latent_posterior, transplant

STRINGS = fm.RandomHierarchyModel(n_points=200, synonyms=2, seed=3)
LANGUAGE = fm.GrammarLanguage(n_points=200, synonyms=2, seed=3)
BASE = {"part": "n", "value": 64, "n": 64, "width": 8, "depth": 1, "step": 1, "seed": 0}


def relative(recipe: Any, look: Any) -> dict[int, float]:
    """Level → "relative" of a function of the tokens, measured on 200 strings."""

    def layers(X: F32) -> dict[str, F64]:
        tokens = X.reshape(len(X), -1, recipe.symbols).argmax(axis=2)
        return {"input": X.astype(np.float64), "output": look(tokens)}

    rows = _rows(recipe, np.arange(200), BASE, layers)
    return {r["place"]: r["number"] for r in rows if r["layer"] == "output" and r["quantity"] == "relative"}


@pytest.mark.parametrize("recipe", [STRINGS, STRINGS.replace(unary_probability=0.3), LANGUAGE])
def test_who_knows_the_rules_has_learned_every_level_and_who_sees_tokens_none(recipe: Any) -> None:

    def best(tokens: Any) -> F64:  # with another symbol in its place a string may be none of the grammar's
        return np.nan_to_num(recipe.target_posterior(tokens), nan=1.0 / recipe.target_classes)

    known = relative(recipe, best)
    assert set(known) == set(seen_nodes(recipe))
    assert max(known.values()) < 1e-9
    weights = np.random.default_rng(0).standard_normal((recipe.shown if recipe is LANGUAGE else 8, recipe.symbols, 40))
    table = lambda tokens: weights[np.arange(tokens.shape[1]), tokens].sum(axis=1)  # noqa: E731
    assert all(
        0.7 < share < 1.3 for share in relative(recipe, table).values()
    )  # tokens at random weights: as the input


def test_who_knows_the_lowest_level_alone_has_learned_that_one() -> None:
    def symbols(tokens: Any) -> F64:  # random numbers of the symbols just above the tokens
        weights = np.random.default_rng(1).standard_normal((4, 8, 40))
        found = [latent_posterior(STRINGS.grammar, tokens.astype(np.int64), 2, node) for node in range(4)]
        return np.asarray(sum(np.nan_to_num(chance) @ weights[node] for node, chance in enumerate(found)))

    share = relative(STRINGS, symbols)
    assert share[2] < 1e-9
    assert share[1] > 0.6
    assert share[0] > 0.6


def test_symbols_are_read_where_they_are_held() -> None:
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, 5, 400)
    held = np.eye(5)[symbols] @ rng.standard_normal((5, 12))
    assert readable(held, symbols) == 1.0
    assert abs(readable(rng.standard_normal((400, 12)), symbols)) < 0.15  # the control


def test_parts_of_other_strings_are_put_in_whole() -> None:
    own, donors = STRINGS.derivations(range(50)), STRINGS.derivations(range(50, 100))
    made = transplant(own, donors, level=1, node=1)
    for level in (1, 2, 3):
        half = 2 ** (level - 1)
        np.testing.assert_array_equal(made.level(level)[:, half:], donors.level(level)[:, half:])
        np.testing.assert_array_equal(made.level(level)[:, :half], own.level(level)[:, :half])
    np.testing.assert_array_equal(made.classes, own.classes)
    with pytest.raises(RecipeError, match="a level from 0 to 3"):
        transplant(own, donors, level=1, node=2)


def test_levels_that_are_learned_together_are_told_apart_in_one_case_of_twenty() -> None:
    rng = np.random.default_rng(0)
    level = lambda size: size * np.exp(0.2 * rng.standard_normal(5))  # noqa: E731
    same, later = [], []
    for _ in range(1000):
        shared = np.exp(0.6 * rng.standard_normal(5))  # replicates differ more than levels: hence pairs
        same.append(ordered(level(100) * shared, level(100) * shared)["order"])
        later.append(ordered(level(100) * shared, level(250) * shared)["order"])
    assert 0.02 < np.mean([order != TOGETHER for order in same]) < 0.08
    assert np.mean([order == IN_ORDER for order in later]) > 0.95
    assert REVERSED not in later
    one = ordered(np.array([100.0, 100.0, np.inf]), np.array([200.0, np.inf, np.inf]))
    assert (one["order"], one["earlier"], one["times"]) == (OPEN, 2, pytest.approx(2.0))


def made_up(seeds: int = 3) -> LevelsResult:
    """A result whose levels 2, 1, 0 are learned at 32, 128 and never, up to a factor by replicate."""
    table = {"train_sizes": [16, 64, 256], "test_size": 64, "seeds": seeds, "controls": ["shuffled-labels"]}
    spec = study("levels").read({"recipe": STRINGS.to_dict(), "levels": table})
    shares = {2: (0.75, 0.25, 0.1), 1: (0.9, 0.75, 0.25), 0: (1.0, 0.9, 0.8)}
    rows = []
    for seed in range(seeds):
        for part, sizes in (("n", (16, 64, 256)), ("shuffled-labels", (256,))):
            for k, n in enumerate(sizes):
                base = {**BASE, "part": part, "value": n, "n": n, "seed": seed}
                for level, share in shares.items():
                    number = 1.0 if part != "n" else share[k] + 0.01 * seed * (1 + level)
                    place = {"layer": "output", "against": "level", "place": level}
                    rows.append(measured(base, "relative", number, **place))
                    rows.append(measured(base, "probe", 0.5 + 0.1 * (part == "n"), **{**place, "layer": "layer-1"}))
    return LevelsResult(spec, rows)


def test_sizes_their_intervals_and_the_staircase() -> None:
    result = made_up()
    low, middle, high = result.claims
    np.testing.assert_allclose(result.learned_at(2)[0], 32.0)
    np.testing.assert_allclose(result.learned_at(1)[0], 128.0)
    assert np.isinf(result.learned_at(0)).all()
    assert low["low"] < low["learned_at"] < low["high"]
    assert (middle["order"], middle["earlier"], high["order"], high["learned_at"]) == (IN_ORDER, 3, OPEN, None)
    assert (low["control"], low["probe"], low["probe_gain"]) == (1.0, pytest.approx(0.6), pytest.approx(0.1))
    pytest.importorskip("matplotlib")
    ax = result.plot()
    heights = ax.lines[0].get_ydata()
    assert (heights[0], heights[-1], ax.get_yticks()[-1]) == (0.0, 2.0, 3)
    assert len(ax.containers) == 2  # bars of the two levels that were learned


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": {"family": "cascade", "n_points": 64}}, "no strings of a grammar"),
        ({"recipe": LANGUAGE.replace(target="masked-token").to_dict()}, "expected next-token"),
        ({"recipe": LANGUAGE.replace(context=1).to_dict()}, "use a longer one"),
        ({"mlp": {"learning_rate": [0.1, 0.2]}}, "one rate here"),
        ({"convolution": {"width": 8}}, "beside learner = 'mlp'"),
        ({"levels": {"train_sizes": [64], "learner": "ridge"}}, "expected 'mlp' or 'convolution'"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Levels.read({"recipe": STRINGS.to_dict(), "levels": {"train_sizes": [64]}, **change})


def test_it_runs_and_writes_its_report(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    recipe = fm.RandomHierarchyModel(n_points=1, levels=2, synonyms=2, seed=1).to_dict()
    table = {"train_sizes": [16], "test_size": 64, "seeds": 1}
    spec = {"recipe": recipe, "levels": table, "mlp": {"width": 16, "depth": 1, "steps": 20}}
    checked = Levels.read(spec)
    assert Levels.read(checked.to_dict()) == checked
    assert dataclasses.replace(checked, seeds=2).digest != checked.digest
    result = fm.levels(spec, tmp_path / "run", progress=False)
    assert {row["layer"] for row in result.rows} == {"input", "1", "output"}
    assert [row["level"] for row in result.claims] == [1, 0]
    assert all(row["number"] == 1.0 for row in result.find(quantity="relative", layer="input"))
    assert json.loads((tmp_path / "run" / "result.json").read_text())["claims"][0]["level"] == 1
    assert "When each level is learned" in (tmp_path / "run" / "report.html").read_text()


def test_a_string_is_drawn_with_its_tree() -> None:
    pytest.importorskip("matplotlib")
    recipe = fm.RandomHierarchyModel(n_points=10, unary_probability=0.4, seed=2)
    drawn = recipe.derivations(range(10))
    ax = drawn.plot(string=4)
    tokens = [token for token in drawn.tokens[4].tolist() if token != 8]
    hidden = sum(int((drawn.level(level)[4] != 8).sum()) for level in range(4))
    assert len(ax.texts) == hidden + 4  # a number for every symbol, a word for every level
    assert ax.get_title().split(": ")[1].split() == [str(token) for token in tokens]
    assert len(ax.lines) == hidden - 1
    with pytest.raises(RecipeError, match="a row that is there"):
        drawn.plot(string=10)
