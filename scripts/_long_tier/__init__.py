"""The checks of the long statistical tier (scripts/verify_statistics.py): exact laws at sizes that CI cannot afford."""

from _long_tier import bethe, cascades, labels, lattices, manifolds, nesting, randomness, sizes, thresholds, trees
from _long_tier.core import CHECKS, Outcome

__all__ = [
    "CHECKS",
    "Outcome",
    "bethe",
    "cascades",
    "labels",
    "lattices",
    "manifolds",
    "nesting",
    "randomness",
    "sizes",
    "thresholds",
    "trees",
]
