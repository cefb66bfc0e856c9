"""Which families there are, by dotted names: nothing of a family is imported before it is asked for.

A family is a package with a module ``recipe`` and, beside it, whatever makes and predicts its data. Naming the package
here, in one line, is all that a new family needs.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractalman.recipes.base import Recipe

_PACKAGES = {
    "bethe-lattice": "fractalman.families.bethe_lattice",
    "cascade": "fractalman.families.cascade",
    "grammar-language": "fractalman.families.grammar_language",
    "lattice-percolation": "fractalman.families.lattice_percolation",
    "percolation-cluster": "fractalman.families.percolation_cluster",
    "percolation-ensemble": "fractalman.families.percolation_ensemble",
    "random-hierarchy-model": "fractalman.families.random_hierarchy",
    "smooth-manifold": "fractalman.families.smooth_manifold",
    "sparse-parities": "fractalman.families.sparse_parities",
    "subtasks": "fractalman.families.subtasks",
}

_GIVEN = {"table": "fractalman.experiments.given.table", "text": "fractalman.experiments.given.text"}
"""What a table [data] means to an experiment: points that nobody draws, asked for what families are asked for."""


def family_names() -> tuple[str, ...]:
    """Return the names of all families, as they are typed in a recipe.

    Returns
    -------
    tuple of str
        In alphabetical order.

    Examples
    --------
    >>> import fractalman as fm
    >>> fm.family_names()[:2]
    ('bethe-lattice', 'cascade')
    """
    return tuple(sorted(_PACKAGES))


def register(family: str, package: str) -> None:
    """Name the package of a family; a name that is there already is replaced.

    Parameters
    ----------
    family : str
        Its name, as `Recipe.family` says it.
    package : str
        Dotted name of a package with the modules ``recipe`` (one class of recipes) and ``family`` (its `Family`).
    """
    _PACKAGES[family] = package


def package_of(family: str) -> str:
    """Return the dotted name of a family's package.

    Parameters
    ----------
    family : str
        Name of a family, see `family_names`.

    Returns
    -------
    str
        E.g. "fractalman.families.cascade".
    """
    return _PACKAGES[family] if family in _PACKAGES else _GIVEN[family]


def family_module(family: str, name: str) -> ModuleType | None:
    """Return a module of a family's package, or None where the package has none of that name."""
    package = package_of(family)
    known = importlib.util.find_spec(f"{package}.{name}") is not None
    return importlib.import_module(f"{package}.{name}") if known else None


def recipe_class(family: str) -> type[Recipe]:
    """Return the class of a family's recipes."""
    from fractalman.recipes.base import Recipe

    module = importlib.import_module(f"{package_of(family)}.recipe")
    found: type[Recipe] = next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Recipe) and vars(value).get("family") == family
    )
    return found
