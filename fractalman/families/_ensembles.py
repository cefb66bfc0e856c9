"""What ensembles of clusters share before anything is drawn: keywords, memory."""

from __future__ import annotations

from fractalman.config import shown
from fractalman.recipes.checks import choice

LABELS = choice("hierarchical", "brownian", "cluster-constant")
ENSEMBLES = choice("number", "size-biased")


def label_problems(label: str, exponent: float) -> list[str]:
    """What is wrong with a label and its exponent together."""
    if label != "hierarchical" and exponent != 0.0:
        return [f"label_exponent = {shown(exponent)}: only label = 'hierarchical' has one; leave it out"]
    return []


def forest_array_bytes(n: int, d: int, label: str) -> int:
    """At most: every cluster saves an edge and a latent. Edge pairs, five hierarchy columns, the label tree's own."""
    label_tree = 40 * n if label == "brownian" else 16 * n
    return 4 * n * d + 8 * n + 8 * n + 16 * n + 2 * n * 40 + label_tree


def forest_tree_bytes(n: int, more: int) -> int:
    """Edges, parent, size and depth; ids of sites and merges; the clusters' sizes and starts; ``more`` a point."""
    return (64 + 4 * (4 if 2 * n < 1 << 31 else 8) + 24 + more) * n + 32 * (1 << 20)
