"""The specification of a study of locality: its table and its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from fractalman.config import REQUIRED, Keys, integer
from fractalman.experiments.reading import MAX_SEEDS
from fractalman.recipes.checks import MAX_POINTS
from fractalman.studies.base import Task
from fractalman.studies.locality import patterns
from fractalman.studies.networks import CONTROLS, DEFAULT, NetworksSpec, network_table, steps_of
from fractalman.studies.reading import Tables, rising, sizes, some
from fractalman.studies.trained_source import Source

KEYS: Keys = {
    "train_size": (integer(2, MAX_POINTS), REQUIRED),
    "test_size": (integer(2, MAX_POINTS), REQUIRED),
    "seeds": (integer(1, MAX_SEEDS), 4),
    "steps": (rising(0), None),
    "widths": (rising(1), ()),
    "depths": (rising(1), ()),
    "scales": (sizes(), (4, 16, 64, 256, 1024)),
    "sources": (integer(1, MAX_POINTS), 256),
    "pairs": (integer(1, MAX_POINTS), 2000),
    "pattern_points": (integer(2, MAX_POINTS), 512),
    "controls": (some(*CONTROLS), CONTROLS),
}
EXAMPLE = "[locality] train_size = 512, test_size = 1024, seeds = 4"


@dataclass(frozen=True)
class Locality(NetworksSpec):
    """The checked specification of a study of locality.

    Parameters
    ----------
    source : Source
        Of the points.
    train_size : int
        Training points of every replicate.
    test_size : int
        Unseen points of every replicate.
    seeds : int
        Replicates.
    steps : tuple of int
        Of the training, at which the network is looked at.
    widths : tuple of int
        Of networks beside the first, which differ from it in width alone.
    depths : tuple of int
        Of networks beside the first, which differ from it in depth alone.
    scales : tuple of int
        Sizes of subclusters: bounds of the strata of pairs, and cuts that regions are compared with.
    sources : int
        Training points from which steps are made.
    pairs : int
        Of every stratum, at the most.
    pattern_points : int
        Unseen points whose regions are counted.
    controls : tuple of str
        Of `CONTROLS`.
    learner : str, default "mlp"
        Whose networks are trained.
    settings : dict, default empty
        Its table, [mlp], [convolution] or [transformer].
    """

    name: ClassVar[str] = "locality"
    keys: ClassVar[Keys] = KEYS
    example: ClassVar[str] = EXAMPLE

    source: Source
    train_size: int
    test_size: int
    seeds: int
    steps: tuple[int, ...]
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    scales: tuple[int, ...]
    sources: int
    pairs: int
    pattern_points: int
    controls: tuple[str, ...]
    learner: str = DEFAULT
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def _of_tables(cls, tables: Tables) -> Self:
        """Return the specification that checked tables make."""
        patterns.require_agreement()
        made = cls(tables.source, **tables.values, **network_table(tables))
        made.refuse_networks(width=made.widths, depth=made.depths)
        return replace(made, steps=steps_of(made.network(), tables.values["steps"]))

    def tasks(self) -> list[Task]:
        """Return one task per network and replicate.

        Returns
        -------
        list of Task
            In the order in which they are done.
        """
        return self.network_tasks([("base", 0)], width=self.widths, depth=self.depths)
