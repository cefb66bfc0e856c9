"""How long work says how far it has come, and how times are put into words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

Say: TypeAlias = Callable[[str], None]
"""Called with a line of text that says how far long work has come."""
Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (what is at work, bytes done, bytes in all)."""


@runtime_checkable
class BlockSource(Protocol):
    """A column that is produced block by block, so that it is never held whole.

    ``blocks()`` yields (first row, array) in order, from row 0 to the last without gaps; any block sizes give the
    same file.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole column."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the whole column."""
        ...

    def blocks(self) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Yield the column in order, from row 0 to the last without gaps.

        Returns
        -------
        iterator of (int, array)
            First row, and the rows from there.
        """
        ...


def silent(text: str) -> None:
    """Say nothing: what takes the place of no `Say`."""


def ignored(what: str, done: int, total: int) -> None:
    """Say nothing: what takes the place of no `Progress`."""


def prefixed(say: Say | None, name: str) -> Say:
    """Return a `Say` that puts "name: " before every line."""
    return silent if say is None else lambda text: say(f"{name}: {text}")


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it.

    Parameters
    ----------
    seconds : float
        From 0 up.

    Returns
    -------
    str
        Seconds, minutes, hours or days.

    Examples
    --------
    >>> duration(2.345), duration(75), duration(600), duration(9000), duration(400_000)
    ('2.3 s', '75 s', '10 min', '2.5 h', '4.6 days')
    """
    if seconds < 90.0:
        return f"{max(seconds, 0.1):.1f} s" if seconds < 10.0 else f"{seconds:.0f} s"
    if seconds < 5400.0:
        return f"{seconds / 60.0:.0f} min"
    return f"{seconds / 3600.0:.1f} h" if seconds < 172_800.0 else f"{seconds / 86_400.0:.1f} days"


class Pace:
    """How fast a piece of work goes and how long it still takes, from what was done since it began.

    Parameters
    ----------
    total : float
        The whole work, in any unit (bytes, points, tasks).
    done : float
        What was done already when this run began: it does not count for the rate.
    clock : callable
        Returns seconds; tests give their own.
    """

    def __init__(self, total: float, done: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._begun, self._before, self.total = clock, clock(), done, total

    @property
    def elapsed(self) -> float:
        """Seconds since the work began."""
        return self._clock() - self._begun

    def rate(self, done: float) -> float:
        """Return the work done per second so far; 0 in the first half second, when nothing can be said."""
        elapsed = self.elapsed
        return (done - self._before) / elapsed if elapsed > 0.5 else 0.0

    def left(self, done: float) -> str:
        """Return "about … left", "done in …" when all is done, or "" when nothing can be said yet."""
        if done >= self.total:
            return f"done in {duration(self.elapsed)}"
        rate = self.rate(done)
        return f"about {duration((self.total - done) / rate)} left" if rate > 0.0 else ""
