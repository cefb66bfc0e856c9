"""Every family at the ends of what its keywords allow, alone and several at once: all that comes out is finite.

The ends are looked for: between a value that is taken and one that is refused by halving. What is made of them is a
dataset in memory and label draws, with every warning of NumPy an error; or it is refused in words.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from outcome import ROOT, Tally, late

sys.path.insert(0, str(ROOT))
import fractalman as fm
from fractalman.errors import FractalmanError
from fractalman.recipes.registry import family_names, recipe_class
from tests.test_hostile_values import BASES

TURNS = 150
"""Random combinations for each family at share 1; before them every end alone."""
SECONDS = 240
POWERS = (-320, -100, -17, -9, -3, 3, 9, 99, 308)
NUMBERS = (0, 1, 2, 3, 7, 40, 1000, *(10.0**k for k in POWERS), *(-(10.0**k) for k in POWERS), 0.1,
           0.5, 0.9, 1 - 1e-9, 1 - 2**-53, 1 + 2**-52, 1.5, 2.0, 2 - 2**-52)  # fmt: skip
LISTS = ([2, 16], [1, 16], [0.5, 0.5], [1.0], [1e-9, 1 - 1e-9], [1e-15, 1 - 1e-15], [0.3, 0.3, 0.4],
         [[0.7, 0.3], [1.0]], [[0.3, 0.6], [0.9]], [1e-6, 1 - 1e-6], [0.1] * 10)  # fmt: skip
MOST = {"n_points": 300, "ambient_dim": 80, "nuisance_dim": 20, "levels": 6, "n_bits": 40, "n_tasks": 60, "side": 24,
        "subclusters": 60, "length": 30, "depth": 12}  # fmt: skip
"""Sizes beyond these are the business of memory and of time."""


def _taken(table: dict[str, Any]) -> bool:
    try:
        fm.from_dict(table)
    except FractalmanError:
        return False
    return True


def _ends(base: dict[str, Any], key: str) -> list[Any]:
    """Return what a keyword takes, and the last values that it takes towards those that it does not."""
    numbers = sorted({value for value in NUMBERS if abs(value) <= MOST.get(key, np.inf)})
    able = {value: _taken({**base, key: value}) for value in numbers}
    found: list[Any] = [value for value in numbers if able[value]]
    for a, b in itertools.pairwise(numbers):
        if able[a] != able[b]:
            good, bad = (a, b) if able[a] else (b, a)
            for _ in range(80):
                middle = good + (bad - good) / 2
                if min(good, bad) > 0 and max(good, bad) > 4 * min(good, bad):
                    middle = float(np.sqrt(good) * np.sqrt(bad))
                good, bad = (middle, bad) if _taken({**base, key: middle}) else (good, middle)
            found.append(good)
    return found


def _choices(family: str) -> dict[str, list[Any]]:
    """Return the values of every keyword of a family that are taken alone."""
    base, cls = BASES[family], recipe_class(family)
    files = (sys.modules[cls.__module__].__file__, sys.modules["fractalman.recipes.base"].__file__)
    text = "".join(Path(str(file)).read_text() for file in files)
    words = sorted(set(re.findall(r'"([a-z][a-z-]{1,30})"', text)))
    found = {}
    for field in dataclasses.fields(cls):
        if not field.init or field.name == "seed":
            continue
        others = [*words, *LISTS, True, False, *({"family": one, "ambient_dim": 4} for one in family_names())]
        values = _ends(base, field.name) + [one for one in others if _taken({**base, field.name: one})]
        if values:
            found[field.name] = values
    return found


def _tables(family: str, rng: random.Random, turns: int) -> Iterator[dict[str, Any]]:
    choices = _choices(family)
    for key, values in choices.items():
        for value in values:
            yield {key: value}
    for _ in range(turns):
        keys = rng.sample(sorted(choices), rng.randint(2, min(6, len(choices))))
        yield {key: rng.choice(choices[key]) for key in keys} | {"seed": rng.getrandbits(62)}


def _numbers(data: Any) -> Iterator[tuple[str, Any]]:
    yield from ((name, getattr(data, name)) for name in ("X", "y", "noise", "value"))
    for name in ("hierarchy", "label_tree"):
        tree = getattr(data, name)
        for field in dataclasses.fields(tree) if tree is not None else ():
            yield f"{name}.{field.name}", getattr(tree, field.name)
    if data.recipe.redraws_labels:
        yield "label_draws", fm.label_draws(data, 3)


def _word(table: dict[str, Any], change: dict[str, Any]) -> tuple[str, str]:
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings(), np.errstate(divide="raise", over="raise", invalid="raise"):
            warnings.simplefilter("error", RuntimeWarning)
            data = fm.generate(table)
            wrong = [
                name
                for name, values in _numbers(data)
                if values is not None and np.asarray(values).dtype.kind == "f" and not np.isfinite(values).all()
            ]
    except TimeoutError:
        return "hung", f"{change}: {SECONDS} s"
    except FractalmanError as error:
        return "refused", f"{change}: {error}"
    except Exception as error:
        return "unexpected", f"{change}: {type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    return ("silent", f"{change}: not finite: {', '.join(wrong)}") if wrong else ("finite", "")


def _late(*_: object) -> None:
    raise TimeoutError


def run(folder: Path, share: float, seed: int) -> list[Tally]:  # noqa: ARG001
    """Try every end alone, then random combinations."""
    rng, tally = random.Random(seed), Tally("Finite numbers: by family")
    signal.signal(signal.SIGALRM, _late)
    tables = [(family, change) for family in family_names() for change in _tables(family, rng, round(TURNS * share))]
    for family, change in rng.sample(tables, max(1, round(share * len(tables)))):  # a short time sees every family
        if late():
            break
        tally.add(family, *_word({**BASES[family], **change}, change))
    return [tally]
