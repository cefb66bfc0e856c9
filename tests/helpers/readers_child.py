"""What worker processes of the reader tests do, and the parent they are started from: a fresh interpreter.

The tests' own process has threads (JAX's, numba's), and a process with threads must not be forked.
"""

from __future__ import annotations

import json
import multiprocessing
import sys

from fractalman.datasets.handle import FileHandle
from fractalman.datasets.shuffled import batches


def share_of_an_epoch(handle: FileHandle, first: int) -> tuple[list[float], list[int]]:
    """Every second batch from ``first`` on: sums of labels, and numbers of rows."""
    found = [(float(y.sum()), len(X)) for X, y in batches(handle, 100, start=first, step=2, buffer_bytes=3_000_000)]
    return [total for total, _ in found], [rows for _, rows in found]


def main(method: str, name: str) -> None:
    """Read with two workers while the parent is in the middle of an epoch of its own; print what all of them saw."""
    handle = FileHandle(name)
    at_work = iter(batches(handle, 100, buffer_bytes=1))  # the parent reads before, while and after there are children
    next(at_work)
    with multiprocessing.get_context(method).Pool(2) as pool:
        shares = pool.starmap(share_of_an_epoch, [(handle, 0), (handle, 1)])
        left = len(list(at_work))
    whole = [float(y.sum()) for _, y in batches(handle, 100, buffer_bytes=3_000_000)]
    handle.close()
    print(json.dumps({"shares": shares, "left": left, "whole": whole}))


if __name__ == "__main__":
    main(*sys.argv[1:])
