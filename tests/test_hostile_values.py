"""Every key of every recipe, specification and learner, times values that nobody should type: refused in words.

What is refused is a `FractalmanError` of at most twenty short lines, and nothing else comes out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman import learners
from fractalman.datasets.compression import check_compression
from fractalman.datasets.exchange.layouts import check_layout
from fractalman.errors import FractalmanError, MissingExtraError
from fractalman.executors.options import from_options
from fractalman.experiments import load_spec, reading
from fractalman.recipes import from_dict, from_toml
from fractalman.recipes.registry import family_names, recipe_class
from fractalman.report import explorer
from fractalman.studies import STUDIES, study

HOSTILE: dict[str, Any] = {
    "true": True, "false": False, "numpy true": np.True_, "none": None, "digits": "3", "bytes": b"3", "empty": "",
    "no list": [], "one list": [1], "words": ["cascade"], "nested": [[[[1]]]], "table": {}, "key": {"a": 1},
    "nan": math.nan, "inf": math.inf, "-inf": -math.inf, "1e9": 10**9, "1e30": 10**30, "-1e30": -(10**30),
    "400 digits": 10**400, "5000 digits": 10**5000, "-5000 digits": -(10**5000), "long list": [10**5000],
    "huge": 1e308, "tiny": 5e-324, "1e-17": 1e-17, "minus": -5, "zero": 0, "-0.0": -0.0, "object": object(),
    "array": np.array([1, 2]), "complex": 1j, "long": "x" * 100_000, "set": {1}, "type": int, "nul": "\x00",
    "masses": [1e-17, 1.0], "formula": "=1+1",
}  # fmt: skip
"""Thirty and some more."""

BASES: dict[str, dict[str, Any]] = {
    family: {"family": family, "n_points": 64}
    for family in family_names()
    if family not in ("lattice-percolation", "smooth-manifold", "subtasks")
} | {
    "lattice-percolation": {"family": "lattice-percolation", "dim": 2, "side": 8},
    "smooth-manifold": {"family": "smooth-manifold", "n_points": 64, "dim": 2},
    "subtasks": {"family": "subtasks", "n_points": 64, "within": {"family": "cascade"}},
}
CASCADE = BASES["cascade"] | {"n_points": 512}
SWEEP = {"recipe": CASCADE, "sweep": {"learners": ["1-nn"], "train_sizes": [8, 16, 32], "seeds": 2, "test_size": 64}}
STUDY_TABLES: dict[str, dict[str, Any]] = {
    "granularity": {"scales": [32], "train_size": 64},
    "locality": {"train_size": 64, "test_size": 64},
    "probe": {"train_sizes": [64], "test_size": 64},
    "levels": {"train_sizes": [64], "test_size": 64},
    "linearity": {"train_size": 64, "test_size": 64, "scales": [32]},
    "recovery": {"widths": [8], "test_size": 64},
}
SUPERPOSED = CASCADE | {"embedding": "superposition", "ambient_dim": 16}
STUDY_RECIPES = {"recovery": SUPERPOSED, "levels": BASES["random-hierarchy-model"]}


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, None where it refuses as it should."""
    try:
        return call()
    except MissingExtraError:
        return None
    except FractalmanError as error:
        said = str(error)
    assert 1 <= len(said.splitlines()) <= 20
    assert len(said) <= 20_000
    return None


def with_hostile(table: Mapping[str, Any], keys: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for key in keys:
        for name, value in HOSTILE.items():
            yield f"{key} = {name}", {**table, key: value}


@pytest.mark.parametrize("family", family_names())
def test_every_keyword_of_a_recipe(family: str) -> None:
    assert outcome(lambda: from_dict(BASES[family])) is not None
    keys = ["family", "unknown", *(f.name for f in dataclasses.fields(recipe_class(family)))]
    for said, table in with_hostile(BASES[family], keys):
        recipe = outcome(lambda table=table: from_dict(table))
        if recipe is not None:  # what is taken can be written, and means the same
            assert from_toml(recipe.to_toml()) == recipe, said
            assert not any(isinstance(v, float) and not math.isfinite(v) for v in recipe.to_dict().values()), said


def test_every_key_of_a_sweep() -> None:
    assert outcome(lambda: load_spec(SWEEP)) is not None
    for table, keys in (("sweep", reading._SWEEP), ("fit", reading._FIT)):
        for _, changed in with_hostile(SWEEP.get(table, {}), [*keys, "unknown"]):
            outcome(lambda changed=changed, table=table: load_spec({**SWEEP, table: changed}))
    for _, changed in with_hostile(SWEEP, ["recipe", "sweep", "fit", "mlp", "unknown", "k-nn"]):
        outcome(lambda changed=changed: load_spec(changed))


@pytest.mark.parametrize("name", reading.learner_tables())
def test_every_setting_of_a_learner(name: str) -> None:
    for _, table in with_hostile({}, [*learners.settings_of(name), "unknown"]):
        outcome(lambda table=table: learners.make(name, table))
    for value in HOSTILE.values():
        outcome(lambda value=value: learners.make(name, value if isinstance(value, Mapping) else {"unknown": value}))


@pytest.mark.parametrize("name", STUDIES)
def test_every_key_of_a_study(name: str) -> None:
    kind, own = study(name), STUDY_TABLES[name]
    recipe = STUDY_RECIPES.get(name, CASCADE)
    assert outcome(lambda: kind.read({"recipe": recipe, name: own})) is not None
    spec = __import__(f"fractalman.studies.{kind.__class__.__module__.split('.')[-2]}.spec", fromlist=["KEYS"])
    for _, changed in with_hostile(own, [*spec.KEYS, "unknown"]):
        outcome(lambda changed=changed: kind.read({"recipe": recipe, name: changed}))


def test_five_thousand_unknown_keys_are_twenty_lines() -> None:
    many = {f"key{i}": i for i in range(5_000)}
    for call in (
        lambda: from_dict({"family": "cascade", "n_points": 64, **many}),
        lambda: load_spec({**SWEEP, **many}),
        lambda: load_spec({**SWEEP, "sweep": {**SWEEP["sweep"], **many}}),
        lambda: learners.make("k-nn", many),
    ):
        with pytest.raises(FractalmanError) as refusal:
            call()
        assert len(str(refusal.value)) < 20_000
        assert len(str(refusal.value).splitlines()) <= 20


SIZES = 2.0 ** np.arange(4, 14)
POINTS = np.random.default_rng(0).random((64, 2))


@functools.cache
def _data() -> Any:
    return fm.generate(fm.Cascade(n_points=8, ambient_dim=2))


OPTIONS: dict[str, Callable[[Any], Any]] = {
    "open": fm.open,
    "open check": lambda value: fm.open("data.h5", check=value),
    "verify": fm.verify,
    "write": lambda value: fm.write(fm.Cascade(n_points=8, ambient_dim=2), value),
    "write compression": lambda value: check_compression(value),
    "batches": lambda value: fm.batches("data.h5", value),
    "batches start": lambda value: fm.batches("data.h5", 4, start=value),
    "batches fields": lambda value: fm.batches("data.h5", 4, fields=[value]),
    "subset": lambda value: _data().subset(value),
    "cut": lambda value: _data().hierarchy.cut(value),
    "features": lambda value: _data().hierarchy.features(top=value),
    "features share": lambda value: _data().hierarchy.features(share=value),
    "export layout": lambda value: check_layout("a.h5ad", value),
    "export path": lambda value: check_layout(value, "percolation"),
    "explore": lambda value: fm.explore(_data(), value),
    "plan": lambda value: fm.plan(fm.Cascade(n_points=64, ambient_dim=2), resolution=value, budget=64),
    "confirm jobs": lambda value: from_options(value, None),
    "confirm shard": lambda value: None if value is None else fm.confirm(SWEEP, shard=value, out="run"),
    "fit window": lambda value: fm.measure.fit_power_law(SIZES, SIZES**-0.5, window=value),
    "compare up_to": lambda value: fm.measure.compare_laws(SIZES, SIZES**-0.5, up_to=value),
    "dimension window": lambda value: fm.measure.dimension(POINTS, window=value),
    "dimension theiler": lambda value: fm.measure.dimension(POINTS, theiler=value),
    "dimension n_sources": lambda value: fm.measure.dimension(POINTS, n_sources=value),
    "smoothness window": lambda value: fm.measure.smoothness(POINTS, POINTS[:, 0], window=value),
}
MORE = {
    "unsigned": np.uint64(4), "largest unsigned": np.uint64(2**64 - 1), "2^63": 2**63, "empty array": np.array([]),
    "objects": np.array([object()], object), "array of none": np.array(3), "void": np.void(b"ab"),
    "day": date(2020, 1, 1),
    "decimal": Decimal("sNaN"), "fraction": Fraction(1, 3), "subnormal": 1e-320, "bytes of NumPy": np.bytes_(b"a"),
    "surrogate": "\ud800", "uneven": [[1], [1, 2]], "long list": [0] * 100_000, "time": np.timedelta64(1, "s"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_of_a_function(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python callers can pass beside TOML: numbers of NumPy, arrays, dates, what cannot be hashed or encoded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(explorer, "make_prediction", lambda *_, **__: None)  # of a page, where it goes is asked
    monkeypatch.setattr(explorer, "explorer_page", lambda *_: "")
    fm.write(fm.Cascade(n_points=8, ambient_dim=2), "data.h5")
    for value in (HOSTILE | MORE).values():
        with warnings.catch_warnings(), contextlib.suppress(OSError):  # a path that leads nowhere is the system's error
            warnings.simplefilter("ignore")
            outcome(lambda value=value: OPTIONS[name](value))
