"""Recipes of ensembles of clusters: critical mean-field clusters, and clusters of the Bethe lattice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fractalman.random.keys import Seeds
from fractalman.recipe.base import Recipe
from fractalman.recipe.checks import MAX_DIM, MAX_POINTS, Check, choice, integer, real
from fractalman.recipe.checks import seed as seed_check

_LABELS = choice("hierarchical", "brownian", "cluster-constant")
_ENSEMBLES = choice("number", "size-biased")


def _label_problems(label: str, exponent: float) -> list[str]:
    if label != "hierarchical" and exponent != 0.0:
        return [f"label_exponent = {exponent!r}: only label = 'hierarchical' has one; leave it out"]
    return []


def _array_bytes(n: int, d: int, label: str) -> int:
    """At most: every cluster saves an edge and a latent. Edge pairs, five hierarchy columns, the label tree's own."""
    label_tree = 40 * n if label == "brownian" else 16 * n
    return 4 * n * d + 8 * n + 8 * n + 16 * n + 2 * n * 40 + label_tree


def _tree_bytes(n: int, more: int) -> int:
    """Edges, parent, size and depth; ids of sites and merges; the clusters' sizes and starts; ``more`` a point."""
    return (64 + 4 * (4 if 2 * n < 1 << 31 else 8) + 24 + more) * n + 32 * (1 << 20)


@dataclass(frozen=True, kw_only=True)
class PercolationEnsemble(Recipe):
    """Many critical mean-field clusters, each a uniform labelled tree with its cut tree.

    Args:
        n_points: number of points N ≥ 1 of all clusters together.
        ambient_dim: dimension d ≥ 2 of X.
        ensemble: "number" (every site once) or "size-biased" (clusters of random roots, P(s) ~ s^(−3/2)).
        sizes: "yule-simon" (P(new cluster) = 1/3) or "borel" (the mean-field law at its threshold).
        label: "hierarchical" (latents of the cut trees), "brownian" (increments on the edge trees) or
            "cluster-constant" (one value per cluster).
        label_exponent: size exponent a > −1/4 of the hierarchical latents, variance size^(2a).
        seed: integer or `Seeds`.

    Source: Brill & Ingebretsen Carlson, arXiv 2606.20347; docs/theory.md §1, laws A6 and A7.
    """

    family: ClassVar[str] = "percolation-ensemble"
    n_points: int
    ambient_dim: int = 128
    ensemble: str = "number"
    sizes: str = "yule-simon"
    label: str = "hierarchical"
    label_exponent: float = 0.0
    seed: int | Seeds = 0

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "ambient_dim": integer(2, MAX_DIM),
        "ensemble": _ENSEMBLES,
        "sizes": choice("yule-simon", "borel"),
        "label": _LABELS,
        "label_exponent": real(-0.25, 4.0, open_low=True),
        "seed": seed_check,
    }

    def _joint_problems(self) -> list[str]:
        return _label_problems(self.label, self.label_exponent)

    def array_bytes(self) -> int:
        """Return the bytes of the arrays that `generate` returns, at most."""
        return _array_bytes(self.n_points, self.ambient_dim, self.label)

    def peak_bytes(self) -> int:
        """Return the most memory, in bytes, that `generate` needs at once."""
        return self.array_bytes() + 56 * self.n_points + 32 * (1 << 20)

    def tree_bytes(self) -> int:
        """Return the most memory, in bytes, that `build.tree` needs at once; at most 64 a point are returned."""
        return _tree_bytes(self.n_points, 0)

    def streamed_bytes(self, hierarchy: bool = True) -> int:
        """Return the most memory, in bytes, that writing the dataset needs at once."""
        return self._compact_bytes() if self.label == "hierarchical" else super().streamed_bytes(hierarchy)


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
        "ensemble": _ENSEMBLES,
        "ambient_dim": integer(2, MAX_DIM),
        "label": _LABELS,
        "label_exponent": real(-0.25, 4.0, open_low=True),
        "seed": seed_check,
    }

    def _joint_problems(self) -> list[str]:
        return _label_problems(self.label, self.label_exponent)

    @property
    def probability(self) -> float:
        """The bond probability, the threshold 1/(z − 1) where none was given."""
        return 1.0 / (self.coordination - 1) if self.bond_probability is None else self.bond_probability

    def array_bytes(self) -> int:
        """Return the bytes of the arrays that `generate` returns, at most."""
        return _array_bytes(self.n_points, self.ambient_dim, self.label)

    def peak_bytes(self) -> int:
        """Return the most memory, in bytes, that `generate` needs at once."""
        return self.array_bytes() + (56 + self.coordination) * self.n_points + 32 * (1 << 20)

    def tree_bytes(self) -> int:
        """Return the most memory, in bytes, that `build.tree` needs at once; at most 64 a point are returned."""
        return _tree_bytes(self.n_points, 24 + self.coordination)
