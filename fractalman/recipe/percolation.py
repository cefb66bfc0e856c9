"""Recipes of percolation clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fractalman.recipe.base import Recipe
from fractalman.recipe.checks import MAX_DIM, MAX_POINTS, Check, choice, integer, real
from fractalman.recipe.checks import seed as seed_check
from fractalman.seeds import Seeds


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

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "ambient_dim": integer(2, MAX_DIM),
        "label": choice("hierarchical", "brownian"),
        "label_exponent": real(-0.25, 4.0, open_low=True),
        "seed": seed_check,
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
