"""Standard streams of a process that are closed, full, slow or broken, put in the place of those that it has."""

from __future__ import annotations

import fcntl
import io
import os
import sys
import time

PIPE_BYTES, F_SETPIPE_SZ = 4096, 1031
LATE = 1.5
"""Seconds until a slow reader begins."""


def _read_slowly(number: int, name: str, waits: bool) -> int:
    """Put a small pipe in a stream's place, with a process at its other end that begins late; return its id."""
    read, write = os.pipe()
    fcntl.fcntl(write, F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(write, waits)
    reader = os.fork()
    if reader == 0:
        out = os.open(f"{name}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(read, 0)
        os.dup2(out, 1)
        os.closerange(2, 1024)
        time.sleep(LATE)
        while part := os.read(0, 1000):
            os.write(1, part)
        os._exit(0)
    os.close(read)
    os.dup2(write, number)
    os.close(write)
    return reader


def give_streams(how: str) -> list[int]:
    """Give this process such streams, as a shell does before a start and Python makes objects of them.

    Returns the ids of processes that read them, to be waited for once they are closed.
    """
    closed = {"stdout closed": (1,), "stderr closed": (2,), "both closed": (1, 2), "stdin closed": (0,),
              "all closed": (0, 1, 2)}.get(how, ())  # fmt: skip
    readers = []
    for number, name in ((1, "stdout"), (2, "stderr")):
        if how in ("slow readers", "pipes that do not wait"):
            readers.append(_read_slowly(number, name, how == "slow readers"))
            continue
        path = "/dev/full" if how == f"{name} full" else f"{name}.txt"
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if how == "reader gone":
        read, write = os.pipe()
        os.close(read)
        os.dup2(write, 1)
    encoding = {"ASCII": "ascii", "latin-1": "latin-1"}.get(how, "utf-8")
    for number, name in ((1, "stdout"), (2, "stderr")):
        errors = "backslashreplace" if number == 2 else "strict"
        stream = io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding, errors, write_through=number == 2)
        setattr(sys, name, None if number in closed else stream)
    for number in closed:
        os.close(number)
    return readers
