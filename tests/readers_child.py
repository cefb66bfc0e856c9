"""What worker processes of the reader tests do; a module of its own, so that a spawned one imports little."""

from __future__ import annotations

from fractalman.dataset.handle import FileHandle
from fractalman.dataset.shuffled import batches


def share_of_an_epoch(handle: FileHandle, first: int) -> tuple[list[float], list[int]]:
    """Every second batch from ``first`` on: sums of labels, and numbers of rows."""
    found = [(float(y.sum()), len(X)) for X, y in batches(handle, 100, start=first, step=2, buffer_bytes=3_000_000)]
    return [total for total, _ in found], [rows for _, rows in found]
