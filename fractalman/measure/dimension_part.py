"""An estimate of a dimension with the parts of its error, as the methods hand it to each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fractalman.display import Display


@dataclass(frozen=True)
class Part(Display):
    """An estimate with the parts of its error, all on the logarithm of D.

    Parameters
    ----------
    log : ln D. sampling, bias, scale : standard deviations from the sample, from the correction, and from what varies
        with scale.
    trend : how much ln D rises from the centre of the scales that were used to the smallest (signed).
    """

    log: float
    sampling: float
    bias: float
    scale: float
    trend: float

    @property
    def total(self) -> float:
        return math.sqrt(self.sampling**2 + self.bias**2 + self.scale**2)
