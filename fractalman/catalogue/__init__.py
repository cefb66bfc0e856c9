"""Named recipes and experiment specs, shipped with the package as TOML; every name can be typed where a file can.

A TOML file here is an entry, called like the file. A table [sizes] in it makes further entries: their names end in its
keys, and their recipes take its values over the file's. Such a file is an entry itself if its own recipe has a size.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fractalman._arguments import checked_arguments
from fractalman._files import nearby
from fractalman.config import shown
from fractalman.errors import RecipeError, nearest

if TYPE_CHECKING:
    from fractalman.recipes import Recipe

__all__ = ["catalogue_names", "catalogue_purpose", "catalogue_recipe", "catalogue_text"]

_SIZES = "\n[sizes]"


@cache
def _entries() -> dict[str, tuple[str, dict[str, Any] | None]]:
    """Name → (text of its file, what its size changes in the recipe or None), in alphabetical order, sizes rising."""
    found: dict[str, tuple[str, dict[str, Any] | None]] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        stem, text = file.name.removesuffix(".toml"), file.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
        sizes: dict[str, dict[str, Any]] = tables.get("sizes", {})
        if all(changes.keys() <= tables["recipe"].keys() for changes in sizes.values()):
            found[stem] = (text.partition(_SIZES)[0].rstrip() + "\n", None)
        found.update({f"{stem}-{size}": (text, changes) for size, changes in sizes.items()})
    return found


@checked_arguments
def catalogue_names() -> tuple[str, ...]:
    """Return the names in alphabetical order, those of one series by size.

    Returns
    -------
    tuple of str
        What `catalogue_recipe` takes.

    Examples
    --------
    >>> import fractalman as fm
    >>> len(fm.catalogue_names()) > 10
    True
    """
    return tuple(_entries())


def _entry(name: str) -> tuple[str, dict[str, Any] | None]:
    entries = _entries()
    if name not in entries:
        raise RecipeError(no_such_name(name, tuple(entries)))
    return entries[name]


def no_such_name(name: str, names: Sequence[str]) -> str:
    """Return the sentence about a word that is neither a file nor a name, and may be a family.

    Parameters
    ----------
    name : str
        What was typed.
    names : sequence of str
        What could have been typed.

    Returns
    -------
    str
        One line: what was found, what is expected, what to use.

    Examples
    --------
    >>> no_such_name("SmoothManifold", ["sphere-1e3"]).split("; ")[1]
    "'smooth-manifold' is a family, use [recipe] family = 'smooth-manifold' in a TOML file, or 'sphere-1e3'"
    """
    from fractalman.recipes import family_names

    found = f"no file and no catalogue name {shown(name)}: expected one of {len(names)} names"
    family = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name[:200]).replace("_", "-").lower()
    if family not in family_names():
        families = nearest(family, family_names()).replace("did you mean", "did you mean the family")
        return f"{found}; use fractalman list{nearest(name, names) or nearby(name) or families}"
    of_it = [entry for entry, (text, _) in _entries().items() if tomllib.loads(text)["recipe"].get("family") == family]
    known = [repr(entry) for entry in of_it if entry in names][:4]
    ways = ", or ".join([f"use [recipe] family = {family!r} in a TOML file", *([", ".join(known)] if known else [])])
    return f"{found}; {family!r} is a family, {ways}"


def catalogue_text(name: str) -> str:
    """Return the TOML text of an entry.

    Parameters
    ----------
    name : str
        Of an entry, see `fractalman.catalogue_names`.

    Returns
    -------
    str
        As a recipe file has it.

    Raises
    ------
    RecipeError
        For a name that is not there, with the nearest one.
    """
    text, changes = _entry(name)
    return text if changes is None else f"# {catalogue_purpose(name)}\n{catalogue_recipe(name).to_toml()}"


def catalogue_purpose(name: str) -> str:
    """Return what an entry is for, in one line: the comment that its file begins with.

    Parameters
    ----------
    name : str
        Of an entry, see `fractalman.catalogue_names`.

    Returns
    -------
    str
        One line.
    """
    words = []
    for line in _entry(name)[0].splitlines():
        if not line.startswith("#"):
            break
        words.append(line.removeprefix("#").strip())
    return " ".join(words)


@checked_arguments
def catalogue_recipe(name: str) -> Recipe:
    """Return the recipe called ``name``.

    Parameters
    ----------
    name : str
        One of `catalogue_names`.

    Returns
    -------
    Recipe
        Of the family that the entry names.

    Raises
    ------
    RecipeError
        With the nearest match for a name that is not there.

    Examples
    --------
    >>> import fractalman as fm
    >>> fm.catalogue_recipe(fm.catalogue_names()[0]).family
    'bethe-lattice'
    """
    from fractalman.recipes import from_dict

    text, changes = _entry(name)
    return from_dict({**tomllib.loads(text)["recipe"], **(changes or {})})
