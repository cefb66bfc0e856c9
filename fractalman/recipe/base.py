"""What every recipe shares: a family, a seed, a size, checks at birth, and the round trips."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from fractalman.errors import RecipeError
from fractalman.recipe.checks import Check
from fractalman.seeds import Seeds

FAMILIES: dict[str, type[Recipe]] = {}
"""Every family by its name; a class enters by being defined."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every family shares: a name, a seed, a size, and the round trips."""

    family: ClassVar[str]
    _checks: ClassVar[dict[str, Check]]

    n_points: int | None  # None, and no keyword, in families whose draw decides it
    ambient_dim: int
    seed: int | Seeds

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        FAMILIES[cls.family] = cls

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

    @property
    def max_points(self) -> int:
        """Most points that a draw can have: n_points wherever the recipe states it."""
        assert self.n_points is not None
        return self.n_points

    def smaller(self, n_points: int) -> Self:
        """Return a recipe of the same law with at most about ``n_points`` points."""
        return self.replace(n_points=min(self.max_points, n_points))

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
