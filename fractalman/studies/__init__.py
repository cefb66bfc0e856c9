"""Studies: at which granularity learning is linear, how local it is, which hidden features a network
has, and which of them dictionaries recover.

Each is a folder: spec.py, run.py, result.py. `STUDIES` is the registry: a study is added by its folder and a line here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from fractalman.config import is_word, shown
from fractalman.errors import RecipeError, nearest

if TYPE_CHECKING:
    from fractalman.studies.base import Study

__all__ = ["STUDIES", "Entry", "study"]


class Entry(NamedTuple):
    """A line of the registry: where the `Study` stands ("module:name", imported at first use), and what it is for."""

    where: str
    about: str


STUDIES: dict[str, Entry] = {
    "granularity": Entry(
        "fractalman.studies.granularity.run:STUDY", "at which scales the label is made, and where it is linear"
    ),
    "levels": Entry(
        "fractalman.studies.levels.run:STUDY", "measure at which size a network has learned each level of a grammar"
    ),
    "linearity": Entry(
        "fractalman.studies.linearity.run:STUDY", "hold networks against linear regressions at every scale and layer"
    ),
    "locality": Entry(
        "fractalman.studies.locality.run:STUDY",
        "measure how far a gradient step of a network is felt, layer by layer",
    ),
    "probe": Entry(
        "fractalman.studies.probes.run:STUDY",
        "measure which latents of the hierarchy can be read off a network's layers",
    ),
    "recovery": Entry(
        "fractalman.studies.recovery.run:STUDY",
        "train dictionaries and score which features of the hierarchy they find",
    ),
}
"""Command → its line."""


def study(name: str) -> Study[Any, Any]:
    """Return a study of the registry.

    Parameters
    ----------
    name
        Its command.

    Raises
    ------
    RecipeError
        For a name that is not registered.
    """
    if not is_word(name, STUDIES):
        raise RecipeError(f"study {shown(name)}: expected {', '.join(STUDIES)}{nearest(name, STUDIES)}")
    module, attribute = STUDIES[name].where.split(":")
    found: Study[Any, Any] = getattr(import_module(module), attribute)
    return found
