"""What a sweep's specification may say, and how mistakes in it are named."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fractalman.errors import RecipeError
from fractalman.experiments import load_spec
from tests.experiments.test_sweep import SPEC, changed, played, spec_of  # noqa: F401 (played is for every test)

# ---------------------------------------------------------------------------------------------------- specification


def test_a_spec_reads_the_same_from_dict_text_and_file(tmp_path: Path) -> None:
    text = """
[recipe]
family = "cascade"
n_points = 100
ambient_dim = 2
branching = 4
seed = 3
[sweep]
learners = ["1-nn", "ridge", "mlp"]
train_sizes = [16, 32, 64]
seeds = 2
test_size = 50
[mlp]
width = 8
"""
    (tmp_path / "spec.toml").write_text(text)
    spec = spec_of()
    assert load_spec(text) == spec
    assert load_spec(tmp_path / "spec.toml") == spec
    assert load_spec(str(tmp_path / "spec.toml")) == spec
    assert load_spec(spec.to_dict()) == spec
    assert load_spec(json.loads(json.dumps(spec.to_dict()))).digest == spec.digest
    assert (spec.label_draws, spec.network_draws, spec.max_fraction, spec.population) == (8, 1, 1 / 16, math.inf)


def test_the_digest_follows_every_key() -> None:
    digests = {
        spec.digest
        for spec in (
            spec_of(),
            spec_of(recipe={"seed": 4}),
            spec_of(recipe={"hurst": 0.5}),
            spec_of(sweep={"seeds": 3}),
            spec_of(sweep={"label_draws": 2}),
            spec_of(mlp={"width": 16}),
            spec_of(fit={"window_low": 10}),
        )
    }
    assert len(digests) == 7


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        load_spec(
            {
                "recipe": {"family": "cascade", "n_points": -1, "ambient_dim": 2, "brnching": 4},
                "sweep": {"lerners": ["1-nn"], "train_sizes": [64, 32, 32], "seeds": 0, "max_fraction": 2},
                "mlp": {"widht": 8},
                "fits": {},
                "fit": {"window_low": 9, "window_high": 5},
            },
        )
    message = str(caught.value)
    for said in (
        "recipe.brnching", "did you mean 'branching'", "n_points = -1", "sweep.lerners", "did you mean 'learners'",
        "missing key sweep.learners", "sweep.train_sizes = [64, 32, 32]: expected rising values", "sweep.seeds = 0",
        "sweep.max_fraction = 2", "mlp.widht", "unknown table fits", "did you mean 'fit'", "window_low < window_high",
    ):  # fmt: skip
        assert said in message
    assert len(message.splitlines()) >= 9  # one mistake a line


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"recipe": SPEC["recipe"]}, r"no table \[sweep\].*use e\.g\. \[sweep\]"),
        ({"sweep": SPEC["sweep"]}, r"no table \[recipe\]"),
        (changed(sweep={"learners": ["3-nn"]}), "unknown learner '3-nn'"),
        (changed(sweep={"learners": ["1-nn", "1-nn"]}), "expected every entry once"),
        (changed(sweep={"learners": ["bayes"]}), "always computed"),
        (changed(sweep={"learners": []}), "expected a list of 1 to 100 entries"),
        (changed(sweep={"train_sizes": "all"}), "expected a list of 1 to 200 entries, e.g. "),
        (changed(sweep={"train_sizes": [1, 4]}), "an integer from 2"),
        (changed(sweep={"train_sizes": [4.5, 8]}), "integer"),
        (changed(sweep={"test_size": True}), "integer"),
        (changed(mlp={"max_train": 5}), "leave it out"),
        (changed(fit={"min_sizes": 2}), "an integer from 3"),
        ({**SPEC, "sweep": 3}, r"table \[sweep\]"),
        ({**SPEC, "mlp": 3}, r"table \[mlp\]"),
        ({**SPEC, "recipe": {"family": "percolation-cluster", "n_points": 113}}, "n_points = 114 or more"),
        ("[recipe\n", "not valid TOML"),
        (changed(fit={"window_low": 65}), r"\[fit\] leaves 0 of sweep.train_sizes = \[16, 32, 64\] and needs 3"),
        (changed(fit={"window_high": 32}), r"\[fit\] leaves 2 of .* use another window"),
        (changed(fit={"min_sizes": 4}), r"\[fit\] leaves 3 of .* needs 4 \(fit.min_sizes\)"),
        (changed(fit={"min_seeds": 3}), r"fit.min_seeds = 3 and sweep.seeds = 2: .* use seeds = 3"),
        ({**SPEC, "1-nn": {"k": 3}}, r"\[1-nn\]: 1-nn has no settings; leave the table out"),
    ],
)
def test_bad_specs_are_refused(tables: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_spec(tables)


@pytest.mark.parametrize("seeds", [10**9, 10**30, 10**400])
@pytest.mark.parametrize("key", ["seeds", "label_draws", "network_draws", "test_size", "train_size"])
def test_no_number_is_too_large_to_be_refused(seeds: int, key: str) -> None:
    if key in ("test_size", "train_size") and seeds == 10**9:
        seeds = 10**13
    said = f"sweep.{key} = {seeds if seeds < 10**20 else 'an integer of'}"
    with pytest.raises(RecipeError, match=f"{said}.*: expected an integer from") as caught:
        spec_of(sweep={key: seeds})
    assert sum(f"sweep.{key} = " in line for line in str(caught.value).splitlines()) == 1


def test_more_points_than_anybody_lists_are_refused() -> None:
    sizes = list(range(2, 202))
    with pytest.raises(RecipeError, match="make 6000000 points: expected at most 1000000; use fewer seeds"):
        spec_of(sweep={"seeds": 10_000, "train_sizes": sizes})


def test_the_test_set_has_a_size_where_nobody_typed_one() -> None:
    """2048 of an unlimited population; of a finite one what the largest training set leaves."""
    sweep = {key: value for key, value in SPEC["sweep"].items() if key != "test_size"}
    assert load_spec({**SPEC, "sweep": sweep}).test_size == 2048
    cluster = {"family": "percolation-cluster", "ambient_dim": 2}
    for n_points, test_size in ((5000, 2048), (2112, 2048), (200, 136), (65, 1)):
        found = load_spec({**SPEC, "sweep": sweep, "recipe": {**cluster, "n_points": n_points}})
        assert found.test_size == test_size
        assert load_spec(found.to_dict()) == found
    with pytest.raises(RecipeError, match="n_points = 65 or more"):
        load_spec({**SPEC, "sweep": sweep, "recipe": {**cluster, "n_points": 64}})


def test_what_nobody_typed_is_no_mistake() -> None:
    """Two sizes and one replicate are measured, if not fitted; what is written of such a sweep is read back."""
    spec = spec_of(sweep={"train_sizes": [16, 32], "seeds": 1})
    assert load_spec(spec.to_dict()) == spec


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="does not exist"):
        load_spec(tmp_path / "none.toml")


def test_names_and_keys_are_checked_by_the_package_s_own_functions() -> None:
    pytest.importorskip("jax")
    with pytest.raises(RecipeError, match=r"(?s)unknown learner '1-n'.*did you mean.*mlp\.widht.*did you mean 'width'"):
        load_spec(changed(sweep={"learners": ["1-n", "mlp"]}, mlp={"widht": 1}))
    with pytest.raises(RecipeError, match=r"(?s)unknown learner 'MLP'.*did you mean 'mlp'.*expected every rate once"):
        load_spec(changed(sweep={"learners": ["1-nn", "MLP"]}, mlp={"learning_rate": [1e-3, 1e-3]}))
