"""How long work says how far it has come, and how times are put into words."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from fractalman.display.figures import in_notebook

Say: TypeAlias = Callable[[str], None]
"""Called with a line of text that says how far long work has come."""
Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (what is at work, bytes done, bytes in all)."""
_PAUSE = 2.0  # seconds that nobody should wait without a word


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


class StatusLine:
    """Says on stderr how far long work has come: in place in a terminal or a notebook, else a line every few seconds.

    Used in a ``with`` block, at whose end the line is free for what comes next. Called with a line of text; `column` is
    what writers of files call. Where nothing comes for a while, the last line is said again with how long ago it came:
    two seconds at first; where lines stay, at most a hundred of them come until the time so far has doubled.

    Parameters
    ----------
    first : str, default ""
        What is at work until the first line comes; "" = nothing is said until then.
    """

    def __init__(self, first: str = "") -> None:
        self._in_place = sys.stderr.isatty() or in_notebook()
        self._begun = self._said = self._heard = time.monotonic()
        self._text, self._width = first, 0
        self._pace: Pace | None = None
        self._done = 0
        self._lock, self._over = threading.RLock(), threading.Event()
        self._again: threading.Thread | None = None

    def __call__(self, text: str) -> None:
        with self._lock:
            now = time.monotonic()
            self._text, self._heard = text, now
            if now - self._said >= (0.1 if self._in_place else self._pause(now)):
                self._show(text, now)

    def keep(self, text: str) -> None:
        """Say a line that stays, whatever is said after it.

        Parameters
        ----------
        text : str
            The line.
        """
        with self._lock:
            blank = "\r" + " " * self._width + "\r" if self._in_place and self._width else ""
            print(f"{blank}{text}", file=sys.stderr, flush=True)
            self._said, self._width = time.monotonic(), 0

    def _pause(self, now: float) -> float:
        """Seconds between two lines that stay, and between two times that one is said again."""
        return _PAUSE if self._in_place else max(_PAUSE, (now - self._begun) / 100.0)

    def _show(self, text: str, now: float) -> None:
        self._said = now
        if self._in_place:
            print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def _say_again(self) -> None:
        """Say the last line again where nothing new comes, until the block ends."""
        while not self._over.wait(_PAUSE / 4.0):
            with self._lock, contextlib.suppress(OSError, ValueError):  # stderr may be gone
                now = time.monotonic()
                if self._text and now - self._said >= self._pause(now) - _PAUSE / 4.0:
                    self._show(f"{self._text} ({now - self._heard:.0f} s ago)" if self._heard > self._begun else
                               f"{self._text} ({now - self._begun:.0f} s)", now)  # fmt: skip

    def column(self, name: str, done: int, total: int) -> None:
        """Say how far a file has come, how fast, and what is left.

        Parameters
        ----------
        name : str
            What is being written.
        done, total : int
            Bytes.
        """
        if self._pace is None or total != self._pace.total or done < self._done:
            self._pace = Pace(total, done, time.monotonic)
        self._done = done
        rate = self._pace.rate(done)
        speed = f", {rate / 1e6:.0f} MB/s, {self._pace.left(done)}" if rate > 0.0 else ""
        self(f"writing {name}: {done / max(1, total):.0%} of {total:,} bytes{speed}")

    def __enter__(self) -> Self:
        self._again = threading.Thread(target=self._say_again, daemon=True)
        self._again.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._again is not None:
            self._again.join()
        if self._in_place and self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0


class _Bar:
    """Bytes as a bar of tqdm, which draws itself in terminals and notebooks and says rate and time left."""

    def __init__(self, tqdm: Any) -> None:
        self._new = tqdm
        self._bar: Any = None

    def column(self, name: str, done: int, total: int) -> None:
        """Move the bar, a new one for other work."""
        if self._bar is None or self._bar.total != total or done < self._bar.n:
            self.close()
            self._bar = self._new(total=total, unit="B", unit_scale=True, leave=False, delay=0.3)
        self._bar.set_description_str(name, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


@contextmanager
def byte_progress(progress: Progress | bool | None) -> Iterator[Progress | None]:
    """Yield who is told of bytes: the caller's function, or a bar where somebody is looking.

    Parameters
    ----------
    progress : function, bool or None
        None = a bar in a terminal or a notebook (of tqdm, where that is installed), nothing elsewhere; True = in any
        case; False = nothing; a function is called with (what, bytes done, bytes in all).

    Yields
    ------
    Progress or None
        None = nobody is told.
    """
    if callable(progress):
        yield progress
    elif not _wanted(progress):
        yield None
    elif (tqdm := _tqdm()) is not None:
        bar = _Bar(tqdm)
        try:
            yield bar.column
        finally:
            bar.close()
    else:
        with StatusLine() as line:
            yield line.column


@contextmanager
def line_progress(progress: Say | bool | None) -> Iterator[Say | None]:
    """Yield who is told of tasks: the caller's function, or a line in place where somebody is looking.

    Parameters
    ----------
    progress : function, bool or None
        None = a line in a terminal or a notebook, nothing elsewhere; True = in any case; False = nothing; a function is
        called with a line of text, which says how many tasks are done and the time left.

    Yields
    ------
    Say or None
        None = nobody is told.
    """
    if callable(progress):
        yield progress
    elif not _wanted(progress):
        yield None
    else:
        with StatusLine() as line:
            yield line


def _wanted(progress: object) -> bool:
    """Whether something is shown: as asked, else where somebody looks."""
    return bool(progress) if progress is not None else sys.stderr.isatty() or in_notebook()


def _tqdm() -> Any:
    """The class of tqdm that suits the place, None where it is not installed."""
    try:
        with warnings.catch_warnings():  # a notebook without ipywidgets has a bar of text; tqdm complains of that
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm
