"""Linearity of networks that somebody else has trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fractalman._typing import F64
from fractalman.config import read_table, refuse
from fractalman.learners.own_networks import OUTPUT, activations_at
from fractalman.studies.base import Task
from fractalman.studies.linearity.spec import EXAMPLE, KEYS, Linearity
from fractalman.studies.own import (
    GivenNetworks,
    array_source,
    given_points,
    ladder,
    sizes_of,
    snapshots_of,
)
from fractalman.studies.sources import ArraySource

_LEAST_SCALE = 16


@dataclass(frozen=True)
class OwnLinearity(GivenNetworks, Linearity):
    """A study of the linearity of given networks."""


def own_linearity(
    data: Any, network: Any, layers: Any, options: Mapping[str, Any], table: Mapping[str, Any]
) -> Linearity:
    """Return the checked specification.

    Args:
        data, network, layers: as `fractalman.linearity` takes them. options: the keywords of `array_source`, and
            "target". table: the keys of the table [linearity] → values.
    Errors: RecipeError naming what is wrong.
    """
    options = dict(options)
    given = given_points(data, options.pop("target"))
    networks = snapshots_of(network, given.X, layers)
    source = array_source(given, list(networks[0].values())[-1], **options)
    problems = ["steps: of given networks there is none; leave it out"] if "steps" in table else []
    train_size, test_size = sizes_of(source, table.get("train_size"), table.get("test_size"))
    scales = tuple(s for s in ladder(len(source.X)) if s >= _LEAST_SCALE) or (_LEAST_SCALE,)
    own = {"scales": scales, "seeds": max(4, len(networks)), **table}
    values = read_table("linearity", {**own, "train_size": train_size, "test_size": test_size}, KEYS, problems, EXAMPLE)
    refuse(problems)
    return OwnLinearity(source, **{**values, "steps": tuple(networks[0])}, networks=networks)


def own_looks(spec: OwnLinearity, task: Task) -> Iterator[tuple[int, dict[str, F64], F64 | None]]:
    """Yield step, layers and function of a replicate's network."""
    source = spec.source
    if not isinstance(source, ArraySource):
        raise TypeError("networks come with arrays")
    for step, network in spec.networks[task.seed % len(spec.networks)].items():
        held = activations_at(network, source.points)
        f = held.pop(OUTPUT, None)
        yield step, held, None if f is None else source.in_label_units(f)
