"""What a learner is to the laws: how smooth its kernel, what a piece of it can represent, whether it can grow."""

from __future__ import annotations

from dataclasses import dataclass

from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.theory.laws.sources import Source

INTERPOLATION = "noiseless labels, and the learner interpolates them"
MEDIAN_LENGTH = "length = median training distance and a ridge small enough to interpolate"
"""What laws of kernels with a length assume."""


OPEN = "open"
"""The evidence for a law of a learner that nobody has checked."""


@dataclass(frozen=True)
class Counting(Display):
    """Who counts what came with the last tokens of a string.

    Parameters
    ----------
    context : int
        How many tokens, at least 0.
    prior_count : float
        What every class has been counted before any string was seen, above 0.
    """

    context: int
    prior_count: float


@dataclass(frozen=True)
class LearnerProperties(Display):
    """A learner as laws see it; every learner declares its own.

    Parameters
    ----------
    name : str
        What is typed.
    kind : str
        "local" (answers from training points near by), "kernel", "linear", "trees", "network", "counts" (of what came
        with the last tokens of a string), "floor" (no learner, but what none gets below) or "unknown" (nothing
        is known of it, and no law is applied).
    smoothness : float, optional
        ν of its kernel, k(r) = analytic + r^(2ν); None for learners without one.
    degree : int, optional
        Polynomial degree of its local pieces; None for learners without pieces.
    features : int, optional
        Number of features of a model whose size is fixed; None where there is no such number.
    homogeneous : bool
        Whether its kernel has K(cx, z) = c·K(x, z), so that it knows directions and no lengths. Default False.
    strings : bool
        Whether it reads its inputs position by position, as a string or an image. Default False.
    assumptions : tuple of str
        What laws assume of it, one sentence each.
    references : tuple of Source
        Literature that says so.

    Examples
    --------
    >>> LearnerProperties("forest", "trees").homogeneous
    False
    """

    name: str
    kind: str
    smoothness: float | None = None
    degree: int | None = None
    features: int | None = None
    homogeneous: bool = False
    strings: bool = False
    assumptions: tuple[str, ...] = ()
    references: tuple[Source, ...] = ()

    @property
    def kernel_smoothness(self) -> float:
        """ν of a learner of kind "kernel"; RecipeError where it declares none."""
        if self.smoothness is None:
            raise RecipeError(f"{self.name!r} is a kernel of unknown smoothness: use LearnerProperties(smoothness = ν)")
        return self.smoothness


BAYES = LearnerProperties(
    "bayes",
    "floor",
    assumptions=("the floor knows the covariance of the labels, and is averaged over labels",),
)
"""The pseudo-learner that is the floor: it is no learner, and its properties stand here."""
