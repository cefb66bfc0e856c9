"""Names of a package that are imported where they are first used, so that what needs one of them loads no other."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn


def no_attribute(package: str, name: str, names: Iterable[str]) -> AttributeError:
    """Return the error about a name that a package does not have, with the nearest one unless Python itself asks."""
    from fractalman.errors import nearest

    hint = "" if name.startswith("_") else nearest(name, names)
    return AttributeError(f"module {package!r} has no attribute {name!r}{hint}")


def nothing_else(package: str, names: Iterable[str]) -> Callable[[str], NoReturn]:
    """Return the ``__getattr__`` of a package whose names are all there: any other is an error with the nearest one."""

    def get(name: str) -> NoReturn:
        raise no_attribute(package, name, names)

    return get


def on_demand(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package; ``homes``: name → the package's module that has it, never of that name.

    Source: PEP 562. A module called like the name would take its place in the package as soon as it is imported.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise no_attribute(package, name, homes)
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        vars(importlib.import_module(package))[name] = value
        return value

    return get
