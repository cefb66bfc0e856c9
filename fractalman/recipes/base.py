"""What every recipe shares: a family, a seed, a size, checks at birth, and the round trips."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, Self

from fractalman.errors import RecipeError
from fractalman.random.keys import Seeds
from fractalman.recipes.checks import MAX_DIM, Check, integer, real, switch


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every family shares: a name, a seed, a size, what may be added to any dataset, and the round trips.

    Args (of every family, besides its own):
        noise: σ ≥ 0, label noise in units of the label's prior standard deviation: y = clean label + σ·N(0, 1).
        nuisance_dim: further coordinates that know nothing of the label, independent N(0, nuisance_scale²).
        nuisance_scale: their standard deviation, in units of X.
        rotate: turn all coordinates, nuisance included, by one uniformly random rotation.

    Source: docs/theory.md §1.
    """

    family: ClassVar[str]
    _checks: ClassVar[dict[str, Check]]
    has_hierarchy: ClassVar[bool] = True
    """Whether datasets of this family carry a hierarchy and a label tree."""
    _silent: ClassVar[frozenset[str]] = frozenset()
    """Keywords that `to_dict` leaves out at their defaults: what was written before they existed stays as it is."""

    n_points: int | None  # None, and no keyword, in families whose draw decides it
    ambient_dim: int
    seed: int | Seeds
    noise: float = 0.0
    nuisance_dim: int = 0
    nuisance_scale: float = 1.0
    rotate: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._checks = {**cls._checks, **_ADDED_CHECKS}
        if "array_bytes" in cls.__dict__:  # a family counts its own arrays
            setattr(cls, "array_bytes", _with_added(cls.array_bytes, Recipe._added_bytes))  # noqa: B010
        if "peak_bytes" in cls.__dict__:
            setattr(cls, "peak_bytes", _with_added(cls.peak_bytes, Recipe._added_scratch))  # noqa: B010

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

    def _added_bytes(self) -> int:
        """Bytes of the noise and the nuisance coordinates."""
        return 4 * self.max_points * self.nuisance_dim + (8 * self.max_points if self.noise else 0)

    def _added_scratch(self) -> int:
        """Bytes needed while they are added: the family's own coordinates before they are widened, the reflections."""
        width = self.n_columns
        return (4 * self.max_points * self.ambient_dim if self.nuisance_dim else 0) + (
            8 * width**2 if self.rotate else 0
        )

    @property
    def addressed(self) -> bool:
        """Whether points are drawn one by one, so that the population is unlimited and sizes nest."""
        return False

    @property
    def n_columns(self) -> int:
        """Columns of X: ambient_dim of the family and nuisance_dim more."""
        return self.ambient_dim + self.nuisance_dim

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
        """Return family and keywords as plain TOML/JSON values, but for None and defaults that add nothing."""
        out: dict[str, Any] = {"family": self.family}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Seeds):
                value = dataclasses.asdict(value)
            elif isinstance(value, tuple):
                value = _as_list(value)
            silent = field.name in _ADDED_CHECKS or field.name in self._silent
            if value is not None and not (silent and value == field.default):
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
        """Return the most memory, in bytes, that `generate` needs at once; it builds on `array_bytes`."""
        raise NotImplementedError

    def start_bytes(self) -> int | None:
        """Return what must be free before the draw where the draw decides how much it takes; None = `peak_bytes`."""
        return None

    def coordinate_bytes(self, n_points: int) -> int:
        """Return the bytes of the coordinates of so many points, and of what makes them wider and turns them."""
        own = self.ambient_dim if self.nuisance_dim else 0
        return 4 * (self.n_columns + own) * n_points + (8 * self.n_columns**2 if self.rotate else 0)

    def tree_bytes(self) -> int:
        """Return the most memory, in bytes, that `build.tree` needs at once; 64 bytes a point of it are returned."""
        raise RecipeError(
            f"family {self.family!r} has no tree to be drawn alone: allowed are percolation-cluster, "
            "percolation-ensemble and bethe-lattice; type generate for the dataset"
        )

    def streamed_bytes(self, hierarchy: bool = True) -> int:  # noqa: ARG002 (families that hold their tree anyway)
        """Return the most memory, in bytes, that writing the dataset to a file needs at once; X is never held.

        Args:
            hierarchy: with the trees of families that can do without; the others hold theirs in any case.
        """
        wide = self.n_columns + (self.ambient_dim if self.nuisance_dim else 0)
        return self.peak_bytes() + (WALK_BYTES - 4 * wide) * self.max_points + self._block_bytes()

    def _compact_bytes(self) -> int:
        """What `streamed_bytes` is for compact trees; twice as much a point where ids need 64 bits."""
        rotation = 8 * self.n_columns**2 if self.rotate else 0
        wide = 1 if 2 * self.max_points < 1 << 31 else 2
        return COMPACT_BYTES * wide * self.max_points + self._block_bytes() + rotation

    def _block_bytes(self) -> int:
        """Bytes of the blocks that are made, put in order and written at the same time."""
        return 8 * max(BLOCK_BYTES, 4 * self.n_columns)


BLOCK_BYTES = 32 << 20
"""Most bytes of a block of rows, unless a single row has more."""
WALK_BYTES = 28
"""Bytes a point of what lays clusters out block by block."""
COMPACT_BYTES = 52
"""Bytes a point of critical clusters with hierarchical labels while they are drawn and written."""

_ADDED_CHECKS: dict[str, Check] = {
    "noise": real(0.0, 1e6),
    "nuisance_dim": integer(0, MAX_DIM),
    "nuisance_scale": real(0.0, 1e6, open_low=True),
    "rotate": switch,
}
"""Keywords of every family that add something to its datasets; at their defaults they are not written out."""


def _with_added(own: Callable[[Any], int], added: Callable[[Any], int]) -> Callable[[Any], int]:
    """Return a family's count of bytes with those of what every family may add."""

    @wraps(own)
    def count(self: Any) -> int:
        return own(self) + added(self)

    return count


def _as_list(value: Any) -> Any:
    return [_as_list(v) for v in value] if isinstance(value, tuple) else value


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
