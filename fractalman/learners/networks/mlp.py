"""The multilayer perceptron: all networks of a call train in one compiled program.

Measured on constant cascades (r = ½, d = 24, two seeds, width 256, depth 2, batch 256), in prior units:

- Inputs of unit root mean square per coordinate (|x|² ≈ d) fit faster than inputs of unit norm: k = 4, H = 1, 3000
  steps at 1e-3: training risk 2.4e-3 against 3.7e-3 of the label variance at n = 2048, test risk .00093 against .00103
  there and .0119 against .0098 at n = 128.
- The tolerance 1e-5 is well below every test risk of such a sweep (.0007 at the least). Stopping there, with the rate
  still up, instead of finishing the cosine moved the test risk of k = 4, n = 128 by about 2 % or less. For k = 8,
  H = 1, n = 128 it was .046 against .042: a late instability had moved the network long after it interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from fractalman.learners.networks.dense import Dense
from fractalman.learners.networks.learner import DATA_LIMITED, NetworkLearner
from fractalman.learners.networks.settings import Settings
from fractalman.theory.laws.learner_properties import LearnerProperties

if TYPE_CHECKING:
    from fractalman.theory.ridged import Smoother

__all__ = ["MLP", "Settings"]

_SPELT = {"relu": "ReLU", "gelu": "GELU", "tanh": "tanh"}
_START = {"standard": "He initialisation", "ntk": "tangent-kernel parameterization", "mup": "maximal updates"}


@dataclass(frozen=True)
class MLP(NetworkLearner):
    """Multilayer perceptrons, one per problem, with one output per label column.

    Parameters
    ----------
    settings : Settings
        The ``[mlp]`` table.
    """

    settings: Settings = field(default_factory=Settings)

    name: ClassVar[str] = "mlp"
    table: ClassVar[type[Settings]] = Settings
    reference: ClassVar[str] = "ntk-kernel"
    properties: ClassVar[LearnerProperties] = LearnerProperties(
        "mlp",
        "network",
        smoothness=0.5,
        degree=1,
        assumptions=(DATA_LIMITED,),
    )

    @property
    def network(self) -> Dense:
        """Fully connected layers."""
        s = self.settings
        return Dense(s.width, s.depth, s.activation, s.parameterization)

    def smoother(self) -> Smoother | None:
        """Ridge regression with the tangent kernel of as many hidden ReLU layers; None for other activations."""
        from fractalman.learners.kernel_ridge import TangentKernel

        return TangentKernel(depth=self.settings.depth).smoother() if self.settings.activation == "relu" else None

    def units(self, d: int) -> int:
        """Return inputs and hidden units."""
        return d + self.settings.width * self.settings.depth

    @property
    def shape_words(self) -> str:
        """The layers, their start, and the scale of inputs."""
        s = self.settings
        return (
            f"{s.depth} hidden {_SPELT[s.activation]} layers of width {s.width}, {_START[s.parameterization]}, "
            "linear output (one per label column); inputs centred and divided by one scalar (root mean square of the "
            "centred training coordinates, so |x|² ≈ d)"
        )
