"""Every key of every recipe, sweep, study and learner × hostile values, alone and two at once: only our refusals.

The values and the checks are those of tests/test_hostile_values.py, which does each alone; here pairs are tried, too.
"""

from __future__ import annotations

import dataclasses
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from outcome import ROOT, Tally

sys.path.insert(0, str(ROOT))
from fractalman import learners
from fractalman.errors import FractalmanError
from fractalman.experiments import load_spec, reading
from fractalman.recipes import from_dict
from fractalman.recipes.registry import family_names, recipe_class
from fractalman.studies import STUDIES, study
from tests.test_hostile_values import BASES, CASCADE, HOSTILE, STUDY_RECIPES, STUDY_TABLES, SWEEP

Read = Callable[[dict[str, Any]], Any]
PAIRS = 60
"""Random pairs of keys for each table."""


def _tables() -> dict[str, tuple[Read, dict[str, Any], list[str]]]:
    """Return name → (reader, a good table, its keys)."""
    found: dict[str, tuple[Read, dict[str, Any], list[str]]] = {}
    for family in family_names():
        keys = ["family", "unknown", *(f.name for f in dataclasses.fields(recipe_class(family)))]
        found[f"recipe {family}"] = (from_dict, BASES[family], keys)
    for table, keys in (("sweep", reading._SWEEP), ("fit", reading._FIT)):

        def read(values: dict[str, Any], table: str = table) -> Any:
            return load_spec({**SWEEP, table: values})

        found[table] = (read, SWEEP.get(table, {}), [*keys, "unknown"])
    for name in STUDIES:
        kind, recipe = study(name), STUDY_RECIPES.get(name, CASCADE)
        module = sys.modules[f"fractalman.studies.{type(kind).__module__.split('.')[-2]}.spec"]

        def read_study(values: dict[str, Any], kind: Any = kind, name: str = name, recipe: Any = recipe) -> Any:
            return kind.read({"recipe": recipe, name: values})

        found[f"study {name}"] = (read_study, STUDY_TABLES[name], [*module.KEYS, "unknown"])
    for name in reading.learner_tables():
        found[f"learner {name}"] = (
            lambda values, name=name: learners.make(name, values), {}, [*learners.settings_of(name), "unknown"]
        )  # fmt: skip
    return found


def _word(read: Read, values: dict[str, Any]) -> tuple[str, str]:
    signal.alarm(120)
    try:
        read(values)
    except TimeoutError:
        return "hung", ""
    except FractalmanError as error:
        return ("refused" if len(str(error).splitlines()) <= 20 and len(str(error)) < 20_000 else "long"), str(error)
    except Exception as error:
        return "unexpected", f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    return "taken", ""


def _shown(change: dict[str, Any]) -> str:
    names = {id(value): name for name, value in HOSTILE.items()}
    return ", ".join(f"{key} = {names[id(value)]}" for key, value in change.items())


def _late(*_: object) -> None:
    raise TimeoutError


def run(folder: Path, share: float, seed: int) -> list[Tally]:  # noqa: ARG001
    """Try every value, and pairs of them."""
    rng, tally = random.Random(seed), Tally("Hostile values: by table")
    signal.signal(signal.SIGALRM, _late)
    for name, (read, base, keys) in _tables().items():
        alone = [{key: value} for key in keys for value in HOSTILE.values()]
        values = list(HOSTILE.values())
        pairs = [
            dict(zip(rng.sample(keys, 2), rng.choices(values, k=2), strict=True)) for _ in range(PAIRS) if len(keys) > 2
        ]
        tried = alone + pairs
        for change in rng.sample(tried, max(1, round(share * len(tried)))):
            found, said = _word(read, {**base, **change})
            tally.add(name, found, f"{_shown(change)}: {said}")
    return [tally]
