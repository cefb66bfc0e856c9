"""Rows and columns as pandas tables; pandas is loaded when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractalman._extras import load_extra


def frame(rows: Sequence[Mapping[str, Any]] | Mapping[str, Any], index: str | None = None) -> Any:
    """Return rows, or columns of equal length, as a pandas DataFrame, indexed by one of their entries.

    Examples
    --------
    >>> frame([{"n": 1, "risk": 0.5}, {"n": 2, "risk": 0.25}], index="n").risk.tolist()
    [0.5, 0.25]
    """
    table = load_extra("pandas", "a table").DataFrame(dict(rows) if isinstance(rows, Mapping) else list(rows))
    return table if index is None else table.set_index(index)
