"""The settings of sparse autoencoders, checked; nothing here imports JAX."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fractalman.config import is_integer, is_word, shown
from fractalman.errors import RecipeError, nearest

ARCHITECTURES = ("relu", "topk", "batchtopk", "jumprelu", "matryoshka")
"""ReLU with an L1 penalty; k units a point; k units a point on average; ReLU with a threshold of every unit's own and
an L0 penalty; nested dictionaries, each of which reconstructs by itself, with k units a point on average."""
COUNTED = ("topk", "batchtopk", "matryoshka")
"""Whose sparsity is a number of units; of the others it is the weight of a penalty."""
STARTS = ("random", "points", "k-means", "dictionary-learning")
"""Where decoders begin: random directions; centred points; scikit-learn's centres, or its dictionary, of the points."""


@dataclass(frozen=True, kw_only=True)
class AutoencoderSettings:
    """What an ensemble of sparse autoencoders has in common.

    Parameters
    ----------
    architecture : str, default "topk"
        One of `ARCHITECTURES`.
    width : int, default 256
        Units w.
    tied : bool, default False
        The encoder is the decoder transposed.
    steps : int, default 2000
        Of Adam; warm-up over a twentieth, then half a cosine down to 0.
    batch_size : int, default 256
        Points of a step.
    learning_rate : float, default 3e-3
        Its peak.
    resample : int, default 6
        Training is ten runs of steps; after each of the first ``resample`` the units that did not fire in it are set on
        what the reconstruction misses most. 0 = leave dead units dead.
    start : str, default "random"
        One of `STARTS`: training stays near where it begins. The last two need scikit-learn; they see the first 16
        batches. Units beyond what they find begin at random.

    Raises
    ------
    RecipeError
        Naming every bad value.

    Examples
    --------
    >>> AutoencoderSettings(architecture="jumprelu", width=64).steps
    2000
    """

    architecture: str = "topk"
    width: int = 256
    tied: bool = False
    steps: int = 2000
    batch_size: int = 256
    learning_rate: float = 3e-3
    resample: int = 6
    start: str = "random"

    @property
    def counted(self) -> bool:
        """Whether the sparsity is a number of units."""
        return self.architecture in COUNTED

    @property
    def prefixes(self) -> tuple[int, ...]:
        """Widths of the dictionaries that reconstruct by themselves: w/8, w/4, w/2 and w of nested ones, else w."""
        if self.architecture != "matryoshka":
            return (self.width,)
        return tuple(sorted({max(1, self.width // part) for part in (8, 4, 2, 1)}))

    def __post_init__(self) -> None:
        problems = []
        if not is_word(self.architecture, ARCHITECTURES):
            hint = nearest(self.architecture, ARCHITECTURES)
            problems.append(
                f"architecture = {shown(self.architecture)}: expected one of {', '.join(ARCHITECTURES)}{hint}"
            )
        for name, low, high in (
            ("width", 1, 1 << 16),
            ("steps", 10, 1 << 24),
            ("batch_size", 1, 1 << 20),
            ("resample", 0, 10),
        ):
            value = getattr(self, name)
            if not is_integer(value) or not low <= int(value) <= high:
                problems.append(f"{name} = {shown(value)}: expected an integer from {low} to {high}")
        if not is_word(self.start, STARTS):
            problems.append(
                f"start = {shown(self.start)}: expected one of {', '.join(STARTS)}{nearest(self.start, STARTS)}"
            )
        if self.tied not in (True, False):
            problems.append(f"tied = {shown(self.tied)}: expected true or false")
        rate = self.learning_rate
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0.0 < rate <= 10.0:
            problems.append(f"learning_rate = {shown(rate)}: expected a number with 0 < rate <= 10")
        if problems:
            raise RecipeError("; ".join(problems))

    def check_sparsity(self, sparsity: object) -> float:
        """Return a sparsity of this architecture as a number.

        Parameters
        ----------
        sparsity : int or float
            Units a point (from 1 to the width) where they are counted, else the weight of the penalty (above 0).

        Returns
        -------
        float

        Raises
        ------
        RecipeError
            For any other.
        """
        number = sparsity if isinstance(sparsity, (int, float)) and not isinstance(sparsity, bool) else math.nan
        if self.counted:
            if not float(number).is_integer() or not 1 <= number <= self.width:
                raise RecipeError(
                    f"sparsity = {shown(sparsity)} of {self.architecture}: expected a number of units from 1 to "
                    f"{self.width}; use e.g. 4"
                )
        elif not 0.0 < number <= 1e6:
            raise RecipeError(
                f"sparsity = {shown(sparsity)} of {self.architecture}: expected the weight of its penalty, above 0; "
                "use e.g. 0.05"
            )
        return float(number)
