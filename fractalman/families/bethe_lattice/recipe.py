"""Recipe of clusters of the Bethe lattice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fractalman.families._ensembles import ENSEMBLES, LABELS, label_problems
from fractalman.random.keys import Seeds
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, integer, real
from fractalman.recipes.checks import seed as seed_check


def _probability(name: str, value: Any) -> float | None:
    return None if value is None else real(0.0, 1.0)(name, value)


@dataclass(frozen=True, kw_only=True)
class BetheLattice(Recipe):
    """Clusters of bond percolation on the Bethe lattice, their hierarchy by random removal of bonds.

    Args:
        n_points: number of points N ≥ 1 of all clusters together.
        coordination: number z of neighbours of every site, 3 … 64.
        bond_probability: p; None = the threshold 1/(z − 1).
        ensemble: "number" (every site once) or "size-biased" (clusters of random roots).
        ambient_dim: dimension d ≥ 2 of X.
        label, label_exponent: as in `PercolationEnsemble`.
        seed: integer or `Seeds`.

    Above the threshold the infinite cluster takes its share of the points and is shown through a window, its first
    sites breadth first from a random one; the size-biased ensemble meets it sooner or later, and then it takes all
    points left.

    Source: docs/theory.md §1, Bethe lattice.
    """

    family: ClassVar[str] = "bethe-lattice"
    n_points: int
    coordination: int = 6
    bond_probability: float | None = None
    ensemble: str = "number"
    ambient_dim: int = 128
    label: str = "hierarchical"
    label_exponent: float = 0.0
    seed: int | Seeds = 0

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "coordination": integer(3, 64),
        "bond_probability": _probability,
        "ensemble": ENSEMBLES,
        "ambient_dim": integer(2, MAX_DIM),
        "label": LABELS,
        "label_exponent": real(-0.25, 4.0, open_low=True),
        "seed": seed_check,
    }

    def _joint_problems(self) -> list[str]:
        return label_problems(self.label, self.label_exponent)

    @property
    def probability(self) -> float:
        """The bond probability, the threshold 1/(z − 1) where none was given."""
        return 1.0 / (self.coordination - 1) if self.bond_probability is None else self.bond_probability
