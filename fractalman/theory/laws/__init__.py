"""Laws as objects: which exponents hold for whom, where they stop, why, and what contradicts them.

`law_of` is the law of a recipe and a learner; the functions of `elementary` are the laws by themselves, from numbers.
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
from fractalman.theory.laws.learners import LEARNERS
from fractalman.theory.laws.of_recipe import law_of
from fractalman.theory.laws.sources import Source

__all__ = [
    "LEARNERS",
    "Conflict",
    "Frontier",
    "JointLaw",
    "Law",
    "Source",
    "Window",
    "critical_cluster",
    "kernel_on_manifold",
    "law_of",
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
