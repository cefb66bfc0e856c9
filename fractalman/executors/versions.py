"""What can change the last digits of a number: versions of packages, and this package's own code."""

from __future__ import annotations

import functools
import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path

from fractalman._version import __version__

PACKAGES = ("numpy", "numba", "scipy", "jax", "optax", "equinox", "scikit-learn")


def environment() -> dict[str, str]:
    """Return package → version of what is installed here, Python and fractalman among them."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"fractalman": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def code_digest() -> str:
    """Return a digest of this package's modules as they lie on the disk: a changed copy keeps its version."""
    out, root = hashlib.blake2b(digest_size=8), Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        out.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return out.hexdigest()


def versions_here() -> dict[str, str]:
    """Return `environment` with the digest of the code."""
    return {**environment(), "code of fractalman": code_digest()}


def differing(here: Mapping[str, str], there: Mapping[str, str]) -> dict[str, str | None]:
    """Return package → version there of everything that is another than here; None = it is not there.

    Examples
    --------
    >>> differing({"numpy": "2.4.6", "jax": "0.10.2"}, {"numpy": "2.5.5"})
    {'numpy': '2.5.5', 'jax': None}
    """
    names = [*here, *(name for name in there if name not in here)]
    return {name: there.get(name) for name in names if here.get(name) != there.get(name)}
