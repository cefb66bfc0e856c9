"""The specification of a study of linearity: its table and its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from fractalman.config import REQUIRED, Keys, integer
from fractalman.errors import RecipeError
from fractalman.experiments.reading import MAX_SEEDS
from fractalman.recipes.checks import MAX_POINTS
from fractalman.studies.base import Task
from fractalman.studies.networks import DEFAULT, NetworksSpec, network_table, steps_of
from fractalman.studies.reading import Tables, rising, sizes
from fractalman.studies.trained_source import Source, TrainedSource

KEYS: Keys = {
    "train_size": (integer(8, MAX_POINTS), REQUIRED),
    "test_size": (integer(8, MAX_POINTS), REQUIRED),
    "seeds": (integer(1, MAX_SEEDS), 4),
    "steps": (rising(0), None),
    "scales": (sizes(), (64, 256, 1024)),
    "fragments": (integer(1, 1000), 4),
    "splits": (integer(2, 1000), 16),
}
EXAMPLE = "[linearity] train_size = 512, test_size = 1024, scales = [64, 256]"


@dataclass(frozen=True)
class Linearity(NetworksSpec):
    """The checked specification of a study of linearity.

    Parameters
    ----------
    source : Source
        Of the points.
    train_size : int
        Training points of the network and of what it is compared with.
    test_size : int
        Unseen points, at which it is compared.
    seeds : int
        Replicates.
    steps : tuple of int
        Of the training, at which the network is compared; local learning curves are made at the last.
    scales : tuple of int
        Sizes that the hierarchy is cut at.
    fragments : int
        Largest fragments of every cut in which learning curves are made.
    splits : int
        Random training sets of every size and fragment.
    learner : str, default "mlp"
        Whose networks are trained.
    settings : dict, default empty
        Its table, [mlp], [convolution] or [transformer].
    """

    name: ClassVar[str] = "linearity"
    keys: ClassVar[Keys] = KEYS
    example: ClassVar[str] = EXAMPLE

    source: Source
    train_size: int
    test_size: int
    seeds: int
    steps: tuple[int, ...]
    scales: tuple[int, ...]
    fragments: int
    splits: int
    learner: str = DEFAULT
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def _of_tables(cls, tables: Tables) -> Self:
        """Return the specification that checked tables make."""
        values = tables.values
        if isinstance(tables.source, TrainedSource):
            if tables.settings or values["steps"]:
                given = " or ".join([*(f"[{name}]" for name in tables.settings), "linearity.steps"])
                raise RecipeError(f"{given} beside [network]: expected the one network; leave it out")
            return cls(tables.source, **{**values, "steps": ()})
        made = cls(tables.source, **values, **network_table(tables))
        network = made.network()
        asked = (0, network.settings.steps) if made.steps is None else made.steps
        return replace(made, steps=steps_of(network, tuple(asked)))

    def tasks(self) -> list[Task]:
        """Return a task per replicate.

        Returns
        -------
        list of Task
            In the order in which they are done.
        """
        return [Task("network", 0, seed) for seed in range(self.seeds)]
