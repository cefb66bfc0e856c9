"""What a journal keeps of somebody's object: how it shows itself, and the version of the package that it comes from."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import re
import sys
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def shown(thing: Any) -> str:
    """Return how an object shows itself, the same in every process: a function by its name and its text's digest."""
    qualified = getattr(thing, "__qualname__", None)
    if qualified is None:
        return " ".join(_ADDRESS.sub("", repr(thing)).split())
    try:
        text = hashlib.blake2b(inspect.getsource(thing).encode(), digest_size=6).hexdigest()
    except (OSError, TypeError):  # typed at a prompt, or compiled
        text = "unknown"
    return f"{getattr(thing, '__module__', type(thing).__module__)}.{qualified} (source {text})"


def version_of(thing: Any) -> str:
    """Return "package version" of where an object's class (or a function) comes from, "" where that has no version."""
    return package_version(str(getattr(thing, "__module__", None) or type(thing).__module__).partition(".")[0])


def package_version(top: str) -> str:
    """Return "package version", "" where there is none."""
    found = getattr(sys.modules.get(top), "__version__", None)
    if found is None:
        try:
            found = importlib.metadata.version(top)
        except importlib.metadata.PackageNotFoundError:
            return ""
    return f"{top} {found}"
