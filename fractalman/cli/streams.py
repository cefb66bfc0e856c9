"""The standard streams of a command: closed, full, broken or of few letters, they stop no work and hide no result."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import Any


class Heedless:
    """A stream of messages that nobody may be able to read: what cannot be written is dropped, and the work goes on.

    Progress on stderr is worth nothing beside what it is about: a log on a disk that is full, or a pipe whose reader is
    gone, must not end a sweep of hours.

    Args:
        stream: the text stream; from the first failure on its descriptor leads nowhere, so that what it still holds
            does not fail again when the interpreter ends.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or drop, a text."""
        try:
            return self._stream.write(text)
        except OSError:
            lead_nowhere(self._stream)
        return len(text)

    def flush(self) -> None:
        """Pass on what is held, or drop it."""
        try:
            self._stream.flush()
        except OSError:
            lead_nowhere(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def lead_nowhere(stream: Any) -> None:
    """Throw away what a stream still holds, so that the interpreter does not trip over it on its way out."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def mend_streams() -> None:
    """Make stdout and stderr take every text: what they cannot spell is escaped, and what is closed swallows it.

    A descriptor that is free would be given to the next file, and whatever prints would write into that. A pipe that
    does not wait for its reader, as programs with an event loop make them, would lose what does not fit into it,
    without an error: it is made to wait.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        with contextlib.suppress(OSError, ValueError, AttributeError):  # of no file, or of a platform without it
            os.set_blocking(stream.fileno(), True)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 (for good)
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper):
            if stream.errors in ("strict", "surrogateescape"):
                stream.reconfigure(errors="backslashreplace")
            if name == "stderr":
                sys.stderr = Heedless(stream)
