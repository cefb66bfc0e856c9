"""The specification of a study of decodability: its table and its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from fractalman.config import REQUIRED, Keys, integer
from fractalman.experiments.reading import MAX_SEEDS
from fractalman.recipes.checks import MAX_POINTS
from fractalman.studies.base import Task
from fractalman.studies.networks import DEFAULT, NetworksSpec, network_table, steps_of
from fractalman.studies.reading import Tables, rising, sizes, some
from fractalman.studies.trained_source import Source

KEYS: Keys = {
    "train_sizes": (sizes(), REQUIRED),
    "test_size": (integer(16, MAX_POINTS), REQUIRED),
    "seeds": (integer(1, MAX_SEEDS), 4),
    "steps": (rising(0), None),
    "widths": (rising(1), ()),
    "scales": (sizes(), (16, 64, 256, 1024)),
    "latents": (integer(1, MAX_POINTS), 12),
    "controls": (some("shuffled-labels"), ()),
}
EXAMPLE = "[probe] train_sizes = [128, 512], test_size = 2048, seeds = 4"


@dataclass(frozen=True)
class Probing(NetworksSpec):
    """The checked specification of a study of decodability.

    Parameters
    ----------
    source : Source
        Of the points.
    train_sizes : tuple of int
        Training-set sizes of the networks.
    test_size : int
        Unseen points; half of them fit the probes, half score them.
    seeds : int
        Replicates.
    steps : tuple of int
        Of the training, at which networks are probed; step 0, the untrained network, always is.
    widths : tuple of int
        Of networks beside the first, trained on the largest training set.
    scales : tuple of int
        Sizes of latents.
    latents : int
        Of every scale, at the most.
    controls : tuple of str
        "shuffled-labels" or none.
    learner : str, default "mlp"
        Whose networks are trained.
    settings : dict, default empty
        Its table, [mlp], [convolution] or [transformer].
    """

    name: ClassVar[str] = "probe"
    keys: ClassVar[Keys] = KEYS
    example: ClassVar[str] = EXAMPLE

    source: Source
    train_sizes: tuple[int, ...]
    test_size: int
    seeds: int
    steps: tuple[int, ...]
    widths: tuple[int, ...]
    scales: tuple[int, ...]
    latents: int
    controls: tuple[str, ...]
    learner: str = DEFAULT
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def _of_tables(cls, tables: Tables) -> Self:
        """Return the specification that checked tables make."""
        made = cls(tables.source, **tables.values, **network_table(tables))
        made.refuse_networks(width=made.widths)
        network = made.network()
        asked = (0, network.settings.steps) if made.steps is None else made.steps
        return replace(made, steps=steps_of(network, tuple(sorted({0, *asked}))))

    def tasks(self) -> list[Task]:
        """Return one task per network and replicate.

        Returns
        -------
        list of Task
            In the order in which they are done.
        """
        return self.network_tasks([("n", n) for n in self.train_sizes], width=self.widths)
