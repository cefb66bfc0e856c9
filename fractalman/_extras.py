"""Optional packages: imported where they are used, and a missing one is named with a line that installs it."""

from __future__ import annotations

import importlib
from typing import Any

from fractalman.errors import MissingExtraError

_PACKAGES = {"sklearn": "scikit-learn", "distributed": "'dask[distributed]'"}
"""Import name → what pip calls it, where the two differ."""


def load_extra(module: str, purpose: str) -> Any:
    """Return an optional package's module.

    Parameters
    ----------
    module : str
        Dotted name, e.g. "pandas".
    purpose : str
        What needs it, as the subject of the message.

    Returns
    -------
    module

    Raises
    ------
    MissingExtraError
        Where it is not installed; the message says what to type.

    Examples
    --------
    >>> load_extra("json", "this example").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != top:
            raise  # it is there and cannot import something of its own
        name = _PACKAGES.get(top, top)
        raise MissingExtraError(f"{purpose} needs {name}, which is not installed: use pip install {name}") from None
