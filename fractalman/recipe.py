"""Recipes: frozen, keyword-only descriptions of datasets, checked at birth, equal after a round trip.

A recipe and STREAM_VERSION determine every byte of a dataset. `from_dict` and `from_toml` refuse unknown keys with the
nearest match and report every mistake at once.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from fractalman.errors import RecipeError, nearest
from fractalman.seeds import Seeds, check_seed

__all__ = ["Cascade", "PercolationCluster", "Recipe", "families", "from_dict", "from_toml", "read_toml"]

MAX_POINTS = 1 << 40
MAX_DIM = 1 << 20


# ---------------------------------------------------------------------------------------------------- checks


def _integer(low: int, high: int) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not hasattr(value, "__index__") or not low <= int(value) <= high:
            raise RecipeError(f"{name} = {value!r}: allowed is an integer from {low} to {high}")
        return int(value)

    return check


def _real(low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        fine = isinstance(value, (int, float)) or hasattr(value, "__float__")
        number = float(value) if fine and not isinstance(value, (bool, str)) else math.nan
        above = number > low if open_low else number >= low
        below = number < high if open_high else number <= high
        if not (above and below):
            left, right = "<" if open_low else "<=", "<" if open_high else "<="
            raise RecipeError(f"{name} = {value!r}: allowed is a number with {low:g} {left} {name} {right} {high:g}")
        return number

    return check


def _choice(*allowed: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            hint = nearest(value, allowed) if isinstance(value, str) else ""
            raise RecipeError(f"{name} = {value!r}: allowed is {' or '.join(map(repr, allowed))}{hint}")
        return value

    return check


def _branching(name: str, value: Any) -> int | tuple[int, ...]:
    one = _integer(1, 4096)
    if isinstance(value, (tuple, list)):
        if not 1 <= len(value) <= 64:
            raise RecipeError(f"{name} = {value!r}: allowed is an integer or 1 to 64 equally likely integers")
        numbers = tuple(one(f"{name}[{i}]", v) for i, v in enumerate(value))
        if max(numbers) < 2:
            raise RecipeError(f"{name} = {value!r}: at least one of the numbers must be 2 or more")
        return numbers
    number = one(name, value)
    if number < 2:
        raise RecipeError(f"{name} = {value!r}: a cascade that never branches is one point; type branching = 2 or more")
    return number


def _seed(name: str, value: Any) -> int | Seeds:
    if isinstance(value, Seeds):
        return value
    if isinstance(value, Mapping):
        allowed = [f.name for f in dataclasses.fields(Seeds)]
        for key in value:
            if key not in allowed:
                hint = nearest(str(key), allowed)
                raise RecipeError(f"unknown key seed.{key}: allowed are {', '.join(allowed)}{hint}")
        return Seeds(**value)
    return check_seed(value, name)


def _depth(name: str, value: Any) -> int | None:
    return None if value is None else _integer(1, 4096)(name, value)


# ---------------------------------------------------------------------------------------------------- base

_FAMILIES: dict[str, type[Recipe]] = {}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every family shares: a name, a seed, a size, and the round trips."""

    family: ClassVar[str]
    _checks: ClassVar[dict[str, Callable[[str, Any], Any]]]

    n_points: int
    ambient_dim: int
    seed: int | Seeds

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _FAMILIES[cls.family] = cls

    def __post_init__(self) -> None:
        problems = []
        for name, check in self._checks.items():
            try:
                object.__setattr__(self, name, check(name, getattr(self, name)))
            except RecipeError as error:
                problems.append(str(error))
        if not problems:
            problems = self._joint_problems()
        if problems:
            raise RecipeError("; ".join(problems))

    def _joint_problems(self) -> list[str]:
        """Return what is wrong with the keywords together, each alone being allowed."""
        return []

    @property
    def seeds(self) -> Seeds:
        """The three seeds, whichever way ``seed`` was given."""
        if isinstance(self.seed, Seeds):
            return self.seed
        return Seeds(geometry=self.seed, embedding=self.seed, labels=self.seed)

    def replace(self, **changes: Any) -> Self:
        """Return the recipe with some keywords changed, checked anew."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return family and keywords as plain TOML/JSON values; None is left out."""
        out: dict[str, Any] = {"family": self.family}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Seeds):
                value = dataclasses.asdict(value)
            elif isinstance(value, tuple):
                value = list(value)
            if value is not None:
                out[field.name] = value
        return out

    def to_toml(self) -> str:
        """Return the ``[recipe]`` table that `from_toml` reads back to an equal recipe."""
        lines = ["[recipe]"]
        for key, value in self.to_dict().items():
            lines.append(f"{key} = {_toml_value(value)}")
        return "\n".join(lines) + "\n"

    def array_bytes(self) -> int:
        """Return the bytes of the arrays that `generate` returns."""
        raise NotImplementedError

    def peak_bytes(self) -> int:
        """Return the most memory, in bytes, that `generate` needs at once."""
        raise NotImplementedError


def _toml_value(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml_value(v)}" for k, v in value.items()) + " }"
    raise TypeError(type(value))


# ---------------------------------------------------------------------------------------------------- families


@dataclass(frozen=True, kw_only=True)
class PercolationCluster(Recipe):
    """One critical mean-field percolation cluster: a uniform labelled tree with its cut tree.

    Args:
        n_points: number of points N ≥ 1.
        ambient_dim: dimension d ≥ 2 of X.
        label: "hierarchical" (latents of the cut tree) or "brownian" (increments on the edge tree).
        label_exponent: size exponent a > −1/4 of the hierarchical latents, variance size^(2a); a = 0 is Brill's label.
        seed: integer or `Seeds`.

    Source: Brill & Ingebretsen Carlson, arXiv 2606.20347; docs/theory.md §1.
    """

    family: ClassVar[str] = "percolation-cluster"
    n_points: int
    ambient_dim: int = 128
    label: str = "hierarchical"
    label_exponent: float = 0.0
    seed: int | Seeds = 0

    _checks: ClassVar[dict[str, Callable[[str, Any], Any]]] = {
        "n_points": _integer(1, MAX_POINTS),
        "ambient_dim": _integer(2, MAX_DIM),
        "label": _choice("hierarchical", "brownian"),
        "label_exponent": _real(-0.25, 4.0, open_low=True),
        "seed": _seed,
    }

    def _joint_problems(self) -> list[str]:
        if self.label == "brownian" and self.label_exponent != 0.0:
            return [f"label_exponent = {self.label_exponent!r}: only label = 'hierarchical' has one; leave it out"]
        return []

    def array_bytes(self) -> int:
        """Return the bytes of the arrays that `generate` returns."""
        n, d = self.n_points, self.ambient_dim
        label_tree = 16 * n if self.label == "hierarchical" else 40 * n
        return 4 * n * d + 8 * n + 8 * n + 16 * n + 2 * n * 40 + label_tree

    def peak_bytes(self) -> int:
        """Return the most memory, in bytes, that `generate` needs at once."""
        return self.array_bytes() + 40 * self.n_points + 32 * (1 << 20)


@dataclass(frozen=True, kw_only=True)
class Cascade(Recipe):
    """A random cascade: an addressed, self-similar random set with exactly known Moran exponents.

    Args:
        n_points: number of points drawn; the first m of n are the m.
        ambient_dim: dimension d ≥ 2 of X; d > 2D is needed to embed, d ≳ 24 in practice.
        branching: children of a node; a tuple = equally likely numbers, drawn independently at every node.
        contraction: ratio r of a child's cell to its parent's, 0 < r < 1.
        hurst: Hurst exponent H > 0 of the label.
        depth: levels below the root; None = until the neglected tails of x and y are below 2^-24 of their scale.
        seed: integer or `Seeds`.

    Source: docs/theory.md §1; Mauldin & Williams 1986, Graf 1987 for the sets.
    """

    family: ClassVar[str] = "cascade"
    n_points: int
    ambient_dim: int = 32
    branching: int | tuple[int, ...] = 4
    contraction: float = 0.5
    hurst: float = 1.0
    depth: int | None = None
    seed: int | Seeds = 0

    _checks: ClassVar[dict[str, Callable[[str, Any], Any]]] = {
        "n_points": _integer(1, MAX_POINTS),
        "ambient_dim": _integer(2, MAX_DIM),
        "branching": _branching,
        "contraction": _real(0.0, 1.0, open_low=True, open_high=True),
        "hurst": _real(0.0, 16.0, open_low=True),
        "depth": _depth,
        "seed": _seed,
    }

    def _joint_problems(self) -> list[str]:
        if self.depth is None and self.levels > 4096:
            return [
                f"contraction = {self.contraction!r} with hurst = {self.hurst!r} needs {self.levels} levels: "
                "allowed are 4096; type a smaller contraction, a larger hurst, or depth = 4096"
            ]
        return []

    @property
    def branching_numbers(self) -> tuple[int, ...]:
        """The equally likely numbers of children, as a tuple also when there is only one."""
        return self.branching if isinstance(self.branching, tuple) else (self.branching,)

    @property
    def levels(self) -> int:
        """Levels below the root: ``depth``, or the smallest L with r^L and r^(H·L) at most 2^-24."""
        if self.depth is not None:
            return self.depth
        return max(1, math.ceil(24.0 / (min(1.0, self.hurst) * -math.log2(self.contraction)) - 1e-9))

    def array_bytes(self) -> int:
        """Return the bytes of the arrays that `generate` returns (at most: the latents number n − 1 or fewer)."""
        n, d = self.n_points, self.ambient_dim
        return 4 * n * d + 8 * n + 8 * n + 2 * n * 48 + 16 * n

    def peak_bytes(self) -> int:
        """Return the most memory, in bytes, that `generate` needs at once."""
        words = 1 + self.levels * max(1, (max(self.branching_numbers) - 1).bit_length()) // 64
        return self.array_bytes() + (16 * words + 48) * self.n_points + 32 * (1 << 20)


# ---------------------------------------------------------------------------------------------------- reading


def families() -> tuple[str, ...]:
    """Return the names of all families, as they are typed in a recipe."""
    return tuple(sorted(_FAMILIES))


def from_dict(table: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Return the recipe of a table with ``family`` and the constructor's keywords.

    Args:
        table: plain values; lists become tuples, ``seed`` is an integer or a table.
        where: the table's name, used in messages.
    Errors: RecipeError naming every unknown key, missing key or bad value.
    """
    if not isinstance(table, Mapping):
        raise RecipeError(f"{where} is {type(table).__name__}: allowed is a table [{where}]")
    if "family" not in table:
        raise RecipeError(f"{where} has no key 'family': allowed are {', '.join(families())}")
    family = table["family"]
    if family not in _FAMILIES:
        hint = nearest(str(family), _FAMILIES)
        raise RecipeError(f"unknown family {family!r}: allowed are {', '.join(families())}{hint}")
    cls = _FAMILIES[family]
    fields = {field.name: field for field in dataclasses.fields(cls)}
    problems = [
        f"unknown key {where}.{key}: allowed are {', '.join(fields)}{nearest(str(key), fields)}"
        for key in table
        if key != "family" and key not in fields
    ]
    problems += [
        f"missing key {where}.{name}"
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and name not in table
    ]
    known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items() if k in fields}
    if problems:
        for name, value in known.items():
            try:
                cls._checks[name](name, value)
            except RecipeError as error:
                problems.append(str(error))
        raise RecipeError("; ".join(problems))
    return cls(**known)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file; RecipeError in one line when it is not one."""
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise RecipeError(f"{path} is not a text file: allowed is TOML in UTF-8 with a table [recipe]") from None
    except OSError as error:
        raise RecipeError(f"cannot read {path}: {error.strerror}") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not valid TOML: {error}") from None


def from_toml(source: str | Path) -> Recipe:
    """Return the recipe in the ``[recipe]`` table of TOML text (a str with a newline) or of a TOML file (a path)."""
    if isinstance(source, str) and "\n" in source:
        try:
            tables = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"not valid TOML: {error}") from None
    else:
        tables = read_toml(source)
    if "recipe" not in tables:
        raise RecipeError(f"no table [recipe] found{nearest('recipe', tables)}; type [recipe] above the keywords")
    return from_dict(tables["recipe"])
