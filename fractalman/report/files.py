"""Files of reports: always whole, and the versions that stand in them."""

from __future__ import annotations

import os
import platform
import uuid
from pathlib import Path


def publish(path: Path, content: str | bytes) -> Path:
    """Write ``content`` so that ``path`` is always whole, the old content or the new, and return it."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on, package by package."""
    from importlib.metadata import PackageNotFoundError, version

    from fractalman._version import __version__
    from fractalman.random.streams import STREAM_VERSION

    found = {"fractalman": __version__, "streams": str(STREAM_VERSION), "Python": platform.python_version()}
    for package in ("numpy", "numba", "scipy", "h5py", "jax", "optax", "equinox", "scikit-learn", "matplotlib"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
