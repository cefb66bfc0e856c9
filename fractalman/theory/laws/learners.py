"""What a learner is to the laws: how smooth its kernel, what a piece of it can represent, whether it can grow."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from fractalman.errors import RecipeError, nearest
from fractalman.theory.laws.sources import LAPLACE_NTK, SPIGLER, Source

INTERPOLATION = "noiseless labels, and the learner interpolates them"


@dataclass(frozen=True)
class Traits:
    """A learner as laws see it.

    Args:
        name: what is typed.
        kind: "local" (answers from training points near by), "kernel", "linear", "trees", "network" or "floor".
        smoothness: ν of its kernel, k(r) = analytic + r^(2ν); None for learners without one.
        degree: polynomial degree of its local pieces; None for learners without pieces.
        assumptions: what laws assume of it.
        looked_up: literature that says so.
    """

    name: str
    kind: str
    smoothness: float | None = None
    degree: int | None = None
    assumptions: tuple[str, ...] = ()
    looked_up: tuple[Source, ...] = ()


_LENGTH = "length = median training distance and a ridge small enough to interpolate"

TRAITS: dict[str, Traits] = {
    traits.name: traits
    for traits in (
        Traits("1-nn", "local", degree=0),
        Traits("k-nn", "local", degree=0, assumptions=("k fixed, or chosen on held-out points; n far above k",)),
        Traits("ridge", "linear"),
        Traits(
            "random-features",
            "kernel",
            smoothness=1.5,
            assumptions=("random ReLU features: the kernel of infinitely many has a cusp r^3",),
            looked_up=(SPIGLER,),
        ),
        Traits("laplace-kernel", "kernel", smoothness=0.5, assumptions=(_LENGTH,), looked_up=(SPIGLER,)),
        Traits(
            "gaussian-kernel",
            "kernel",
            smoothness=math.inf,
            assumptions=(
                _LENGTH,
                "warning: eigenvalues fall faster than any power, and double precision ends at 10^-16 of the largest: "
                "beyond a modest n the learner no longer interpolates and the law stops",
            ),
            looked_up=(SPIGLER,),
        ),
        Traits(
            "matern-kernel",
            "kernel",
            smoothness=1.5,
            assumptions=("the Matérn kernel of order 3/2", _LENGTH),
            looked_up=(SPIGLER,),
        ),
        Traits(
            "ntk-kernel",
            "kernel",
            smoothness=0.5,
            assumptions=("the tangent kernel of a ReLU network, no ridge", "inputs of nearly one length"),
            looked_up=(SPIGLER, LAPLACE_NTK),
        ),
        Traits("gradient-boosting", "trees", degree=0),
        Traits(
            "mlp",
            "network",
            smoothness=0.5,
            degree=1,
            assumptions=("data-limited points: training risk far below test risk, more steps or width change nothing",),
        ),
        Traits(
            "bayes",
            "floor",
            assumptions=("the floor knows the covariance of the labels, and is averaged over labels",),
        ),
    )
}

FEATURES = 1024
"""Random features that the learner of that name draws unless told otherwise."""

LEARNERS = tuple(TRAITS)
"""The learners that laws know."""


def traits_of(learner: str) -> Traits:
    """Return what laws know of a learner; RecipeError with the nearest match for an unknown name.

    Args:
        learner: one of `LEARNERS`, or "5-nn" for k-nn with that k.
    """
    if learner not in TRAITS and re.fullmatch(r"[1-9][0-9]*-nn", str(learner)):
        return TRAITS["k-nn"]
    if learner not in TRAITS:
        raise RecipeError(
            f"no law is known for learner {learner!r}: "
            f"allowed are {', '.join(LEARNERS)}{nearest(str(learner), LEARNERS)}"
        )
    return TRAITS[learner]
