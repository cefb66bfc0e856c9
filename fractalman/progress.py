"""How far work has come, on stderr."""

from __future__ import annotations

import sys
import time


class Progress:
    """Says on stderr how far long work has come: in place on a terminal, else a line every few seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._said, self._width = time.monotonic(), 0

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self._said < (0.1 if self._terminal else 5.0):
            return
        self._said = now
        if self._terminal:
            print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def column(self, name: str, done: int, total: int) -> None:
        """Say how far a file has come; what writers of files call."""
        self(f"writing {name}: {done / max(1, total):.0%} of {total:,} bytes")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:  # leaves the terminal's line free for what comes next
        if self._terminal and self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0
