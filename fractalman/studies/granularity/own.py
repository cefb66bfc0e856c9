"""A granularity study of anybody's points and network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractalman.config import read_table, refuse
from fractalman.studies.granularity.spec import EXAMPLE, KEYS, Granularity, checked
from fractalman.studies.own import array_source, given_points, ladder, sizes_of, snapshots_of


def own_granularity(
    data: Any, network: Any, layers: Any, options: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]
) -> Granularity:
    """Return the checked specification.

    Args:
        data, network, layers: as `fractalman.granularity` takes them. options: the keywords of `array_source`, and
            "target". settings: the keys of the table [granularity] → values.
    Errors: RecipeError naming what is wrong.
    """
    options = dict(options)
    given = given_points(data, options.pop("target"))
    networks = None if network is None else snapshots_of(network, given.X, layers)
    last = None if networks is None else list(networks[0].values())[-1]
    source = array_source(given, last, **options)
    table: dict[str, Any] = dict(settings)
    tables = {name: table.pop(name) for name in list(table) if isinstance(table[name], Mapping)}
    problems: list[str] = []
    train_size, test_size = sizes_of(source, table.get("train_size"), table.get("test_size"))
    table = {"scales": ladder(len(source.X)), **table, "train_size": train_size, "test_size": test_size}
    values = read_table("granularity", table, KEYS, problems, EXAMPLE)
    refuse(problems)
    return checked(source, values, tables)
