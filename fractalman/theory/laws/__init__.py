"""Laws as objects: which exponents hold for whom, where they stop, why, and what contradicts them.

The functions of `elementary` are the laws by themselves, from numbers; families apply them to their recipes.
"""

from fractalman.theory.laws.elementary import (
    critical_cluster,
    kernel_on_manifold,
    moran,
    neighbours_on_manifold,
    order_of,
    pieces_on_manifold,
    quantization,
    subtasks,
    tuned_with_noise,
    variance_limited,
)
from fractalman.theory.laws.joint import Frontier, JointLaw
from fractalman.theory.laws.law import Conflict, Law, Window, window_words
from fractalman.theory.laws.sources import Source

__all__ = [
    "Conflict",
    "Frontier",
    "JointLaw",
    "Law",
    "Source",
    "Window",
    "critical_cluster",
    "kernel_on_manifold",
    "moran",
    "neighbours_on_manifold",
    "order_of",
    "pieces_on_manifold",
    "quantization",
    "subtasks",
    "tuned_with_noise",
    "variance_limited",
    "window_words",
]
