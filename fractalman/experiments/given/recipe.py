"""What given points have in common: a table [data] in place of [recipe], labels as they came, no hierarchy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from fractalman.recipes import Recipe
from fractalman.recipes.checks import Check, choice
from fractalman.recipes.checks import seed as seed_check


@dataclass(frozen=True, kw_only=True)
class GivenPoints(Recipe):
    """Points that nobody draws; a subclass says which keys of [data] are its own."""

    has_hierarchy: ClassVar[bool] = False
    table_name: ClassVar[str] = "data"
    keys: ClassVar[tuple[str, ...]] = ()
    _checks: ClassVar[dict[str, Check]] = {"embedding": choice("own"), "seed": seed_check}

    @property
    def classifies(self) -> bool:
        """Whether y holds classes."""
        return self.target == "class"

    @property
    def redraws_labels(self) -> bool:
        """Labels came with the points."""
        return False

    def needs_own_embedding(self, what: str) -> None:
        """Refuse nothing: coordinates are those that were given."""

    def to_dict(self) -> dict[str, Any]:
        """Return the table [data], which `given.reading.data_of_table` reads back to equal points."""
        found = {key: getattr(self, key) for key in self.keys}
        seed = self.seed
        return {**found, "seed": seed if isinstance(seed, int) else dataclasses.asdict(seed)}
