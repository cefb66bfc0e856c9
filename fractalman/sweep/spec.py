"""Experiment specifications: what to sweep, checked as a whole before anything starts.

[recipe] the dataset · [sweep] learners, train_sizes, seeds, test_size, label_draws, max_fraction · [mlp] settings of
the network · [fit] window_low, window_high, min_sizes, min_seeds.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fractalman.errors import RecipeError, nearest
from fractalman.recipe import Recipe, from_dict, read_toml
from fractalman.seeds import STREAM_VERSION, Role, Seeds, key64
from fractalman.sweep.collaborators import Collaborators

TABLES = ("recipe", "sweep", "mlp", "fit")
BAYES = "bayes"
"""The pseudo-learner whose points are the Bayes floor; every sweep over a family with a hierarchy computes it."""

_EXAMPLE = '[sweep] learners = ["1-nn"], train_sizes = [128, 256, 512], seeds = 3, test_size = 1024'


@dataclass(frozen=True)
class Spec:
    """A checked experiment.

    Args:
        recipe: the dataset; replicate i draws its own geometry, embedding and labels.
        learners: names, in the order of the report.
        train_sizes: ascending training-set sizes n.
        seeds: number of replicates S.
        test_size: points of every test set, disjoint from every training set of its replicate.
        label_draws: label vectors drawn on each replicate's structure; risks are means over them. One draw scatters by
            23 to 70 %, and learners that share their linear algebra over the draws get more of them for nothing.
        network_draws: how many of them a network learns, as outputs of one network.
        max_fraction: sizes n > N·max_fraction of a finite population N are measured but not fitted.
        mlp: settings of the network, as the learner checks them.
        fit: window_low, window_high (None = no bound), min_sizes, min_seeds.
    """

    recipe: Recipe
    learners: tuple[str, ...]
    train_sizes: tuple[int, ...]
    seeds: int
    test_size: int
    label_draws: int = 8
    network_draws: int = 1
    max_fraction: float = 1 / 16
    mlp: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)

    @property
    def population(self) -> float:
        """N: most points of the population that training sets are drawn from; inf where points are addressed."""
        return math.inf if self.recipe.addressed else float(self.recipe.max_points)

    @property
    def digest(self) -> str:
        """Hash of everything that decides the numbers: this specification, the streams, the package version."""
        from fractalman import __version__

        content = json.dumps([self.to_dict(), STREAM_VERSION, __version__], sort_keys=True, allow_nan=False)
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, defaults filled in; `load_spec` reads them back to an equal Spec."""
        return {
            "recipe": self.recipe.to_dict(),
            "sweep": {
                "learners": list(self.learners),
                "train_sizes": list(self.train_sizes),
                "seeds": self.seeds,
                "test_size": self.test_size,
                "label_draws": self.label_draws,
                "network_draws": self.network_draws,
                "max_fraction": self.max_fraction,
            },
            "mlp": dict(self.mlp),
            "fit": {key: value for key, value in self.fit.items() if value is not None},
        }

    def replicate_seeds(self, i: int) -> Seeds:
        """Return the seeds of replicate ``i``: each layer hashed by its role, so replicates share nothing."""
        base = self.recipe.seeds
        return Seeds(
            geometry=key64(base.geometry, Role.REPLICATE, i, 1) >> 1,
            embedding=key64(base.embedding, Role.REPLICATE, i, 2) >> 1,
            labels=key64(base.labels, Role.REPLICATE, i, 3) >> 1,
        )

    def replicate_recipe(self, i: int) -> Recipe:
        """Return the recipe of replicate ``i``; of an unlimited population only the points that are used."""
        seeds = self.replicate_seeds(i)
        if math.isinf(self.population):
            return self.recipe.replace(seed=seeds, n_points=self.train_sizes[-1] + self.test_size)
        return self.recipe.replace(seed=seeds)

    def learner_settings(self, name: str) -> dict[str, Any]:
        """Return the settings that ``learners.make`` gets; the network pads every training set to the largest."""
        return {**self.mlp, "max_train": self.train_sizes[-1]} if name == "mlp" else {}


# ---------------------------------------------------------------------------------------------------- reading


def load_spec(source: str | Path | Mapping[str, Any], *, collaborators: Collaborators | None = None) -> Spec:
    """Return the checked specification of a TOML file, of TOML text (a str with a newline) or of a dict of tables.

    Args:
        source: where it comes from.
        collaborators: the functions of other rooms; None = the package's own.
    Errors: RecipeError naming every unknown key (with the nearest allowed one) and every bad value at once.
    """
    rooms = collaborators or Collaborators()
    tables, where = _tables(source)
    problems = [
        f"unknown table [{key}]: allowed are {', '.join(f'[{t}]' for t in TABLES)}{nearest(str(key), TABLES)}"
        for key in tables
        if key not in TABLES
    ]
    if "sweep" not in tables:
        problems.append(f"no table [sweep] in {where}: confirm needs one; type e.g. {_EXAMPLE}")
    recipe = None
    if "recipe" not in tables:
        problems.append(f'no table [recipe] in {where}; type e.g. [recipe] family = "cascade", n_points = 4096')
    else:
        try:
            recipe = from_dict(tables["recipe"])
        except RecipeError as error:
            problems.append(str(error))
    sweep = _read("sweep", tables["sweep"], _SWEEP, problems) if "sweep" in tables else {}
    fit = _read("fit", tables.get("fit", {}), _FIT, problems)
    mlp = tables.get("mlp", {})
    if not isinstance(mlp, Mapping):
        problems.append(f"mlp is {type(mlp).__name__}: allowed is a table [mlp]")
        mlp = {}

    if "max_train" in mlp:
        problems.append("mlp.max_train is set by the sweep to its largest training set: leave it out")
    low, high = fit.get("window_low"), fit.get("window_high")
    if low is not None and high is not None and low >= high:
        problems.append(f"fit.window_low = {low} and fit.window_high = {high}: allowed is window_low < window_high")
    sizes, test_size = sweep.get("train_sizes"), sweep.get("test_size")
    if recipe is not None and sizes and test_size and not recipe.addressed:
        needed = sizes[-1] + test_size
        if needed > recipe.max_points:
            key = "n_points" if recipe.n_points else "max_points"
            typed = f"n_points = {needed} or more" if recipe.n_points else "a larger side"
            problems.append(
                f"train_sizes up to {sizes[-1]} and test_size = {test_size} need {needed} different points, and "
                f"recipe.{key} = {recipe.max_points}: type {typed}"
            )
    _check_learners(sweep.get("learners", ()), mlp, sizes[-1] if sizes else 1, rooms, problems)
    if problems or recipe is None:
        raise RecipeError("; ".join(problems))
    return Spec(recipe=recipe, mlp=dict(mlp), fit=fit, **sweep)


def _tables(source: str | Path | Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    if isinstance(source, Mapping):
        return source, "the specification"
    if isinstance(source, str) and "\n" in source:
        try:
            return tomllib.loads(source), "the specification"
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"not valid TOML: {error}") from None
    return read_toml(source), str(source)


def _check_learners(
    names: tuple[str, ...], mlp: Mapping[str, Any], max_train: int, rooms: Collaborators, problems: list[str]
) -> None:
    """Make every learner once: it knows its own name and settings best."""
    checked = [name for name in names if name != "mlp"] + (["mlp"] if "mlp" in names or mlp else [])
    for name in checked:
        try:
            rooms.make_learner(name, {**mlp, "max_train": max_train} if name == "mlp" else {})
        except RecipeError as error:
            problems.append(str(error))


# ---------------------------------------------------------------------------------------------------- values

_Check = Callable[[str, Any], Any]
_REQUIRED = object()


def _integer(low: int) -> _Check:
    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < low:
            raise RecipeError(f"{name} = {value!r}: allowed is an integer >= {low}")
        return int(value)

    return check


def _fraction(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value <= 1.0:
        raise RecipeError(f"{name} = {value!r}: allowed is a number with 0 < {name} <= 1 (1/16 is the default)")
    return float(value)


def _sizes(name: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise RecipeError(f"{name} = {value!r}: allowed is a list of ascending sizes, e.g. [128, 256, 512]")
    one = _integer(2)
    sizes = tuple(one(f"{name}[{i}]", v) for i, v in enumerate(value))
    if any(a >= b for a, b in itertools.pairwise(sizes)):
        raise RecipeError(f"{name} = {list(sizes)}: allowed are ascending sizes, each once; type {sorted(set(sizes))}")
    return sizes


def _names(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(v, str) for v in value):
        raise RecipeError(f'{name} = {value!r}: allowed is a list of names, e.g. ["1-nn", "mlp"]')
    if len(set(value)) < len(value):
        raise RecipeError(f"{name} = {list(value)}: allowed is every learner once")
    if BAYES in value:
        raise RecipeError(f"{name} names 'bayes': the Bayes floor is always computed; leave it out")
    return tuple(value)


_SWEEP: dict[str, tuple[_Check, Any]] = {
    "learners": (_names, _REQUIRED),
    "train_sizes": (_sizes, _REQUIRED),
    "seeds": (_integer(1), _REQUIRED),
    "test_size": (_integer(1), _REQUIRED),
    "label_draws": (_integer(1), 8),
    "network_draws": (_integer(1), 1),
    "max_fraction": (_fraction, 1 / 16),
}
_FIT: dict[str, tuple[_Check, Any]] = {
    "window_low": (_integer(1), None),
    "window_high": (_integer(1), None),
    "min_sizes": (_integer(3), 3),
    "min_seeds": (_integer(2), 2),
}


def _read(where: str, table: Any, keys: dict[str, tuple[_Check, Any]], problems: list[str]) -> dict[str, Any]:
    """Return the checked values of one table; what is wrong is appended to ``problems``."""
    if not isinstance(table, Mapping):
        problems.append(f"{where} is {type(table).__name__}: allowed is a table [{where}]")
        return {}
    problems += [
        f"unknown key {where}.{key}: allowed are {', '.join(keys)}{nearest(str(key), keys)}"
        for key in table
        if key not in keys
    ]
    values: dict[str, Any] = {}
    for key, (check, default) in keys.items():
        if key in table:
            try:
                values[key] = check(f"{where}.{key}", table[key])
            except RecipeError as error:
                problems.append(str(error))
        elif default is _REQUIRED:
            problems.append(f"missing key {where}.{key}; type e.g. {_EXAMPLE}")
        else:
            values[key] = default
    return values
