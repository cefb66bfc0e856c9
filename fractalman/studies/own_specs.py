"""Which study reads points and networks that are given as objects, and how."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.studies.base import StudySpec

OWN = {
    "granularity": ("granularity", "own_granularity"),
    "linearity": ("linearity", "own_linearity"),
    "locality": ("locality", "own_locality"),
    "probe": ("probes", "own_probing"),
}
"""Study → its folder, and the function of its module own.py that makes a specification of objects."""


def own_specification(
    name: str, data: Any, network: Any, layers: Any, options: Mapping[str, Any], table: Mapping[str, Any]
) -> StudySpec | None:
    """Return the specification of a study of points given as objects; None where ``data`` is a specification.

    Args:
        name: of the study. data: points, or a specification. network, layers: as `fractalman.granularity` takes them.
        options: hierarchy, train and the like. table: the study's own keys.
    Errors: RecipeError for keywords beside a specification, points without a network, and what the study refuses.
    """
    from fractalman.studies.own import is_data

    if not is_data(data):
        given = [key for key, value in options.items() if not (value is None or str(value) in ("value", "input"))]
        given += [key for key, value in (("network", network), ("layers", layers)) if value is not None]
        if given or table:
            raise RecipeError(
                f"{', '.join([*given, *table])} beside a specification: expected points, as (X, y); use the keys of "
                "the specification"
            )
        return None
    if network is None and name != "granularity":
        raise RecipeError(f"points without a network: a study of {name} looks at one; use network=…")
    module = import_module(f"fractalman.studies.{OWN[name][0]}.own")
    found: StudySpec = getattr(module, OWN[name][1])(data, network, layers, options, table)
    return found
