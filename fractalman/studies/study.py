"""What a study is: checked tables, units of work that are pure functions, rows of plain values."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from fractalman.experiments.ledger import Lines
from fractalman.random.streams import STREAM_VERSION

Row = dict[str, Any]
"""One measurement: JSON values, numbers that are not finite as None."""


class Unit(NamedTuple):
    """One piece of work: a part of the study, at a place of its axis, on a replicate."""

    part: str
    value: int | float
    seed: int


class Study(ABC):
    """A checked study; can be sent to another process.

    ``name`` is its command and the name of its table.
    """

    name: ClassVar[str]

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, defaults filled in; reading them again gives an equal study."""

    @abstractmethod
    def units(self) -> list[Unit]:
        """Return all units of work, replicate by replicate."""

    @abstractmethod
    def run(self, unit: Unit, checkpoint: Path | None = None) -> list[Row]:
        """Return the rows of one unit, a pure function of the study and the unit: it may run in any process.

        Args:
            unit: which part of the work.
            checkpoint: what the names of files begin with in which networks keep their state.
        """

    @property
    def digest(self) -> str:
        """Hash of everything that decides the numbers: the tables, the data they name, the streams, the version."""
        from fractalman import __version__

        text = json.dumps([self.name, self.to_dict(), STREAM_VERSION, __version__], sort_keys=True, allow_nan=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def rows_of(command: str) -> Lines[Unit, Row]:
    """Return how the units and rows of a study are written."""
    return Lines(lambda unit: Unit(*unit), _row, _row, command)


def _row(values: Mapping[str, Any]) -> Row:
    return dict(values)
