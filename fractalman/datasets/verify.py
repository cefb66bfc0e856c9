"""Verifying a file: its header without HDF5, then everything else, where needed in a child process."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from fractalman._arguments import checked_arguments
from fractalman._files import as_path
from fractalman.datasets.header import header_problem
from fractalman.datasets.inspection import check_file, in_order
from fractalman.datasets.reader import check_path
from fractalman.datasets.spec import Problem
from fractalman.errors import FileFormatError, FractalmanError, MissingExtraError, ResourceError
from fractalman.progress import Progress, byte_progress, ignored

STALL_SECONDS = 900.0
"""A child that reports nothing for so long (one block is 4 MiB) is taken for hung in a damaged file."""

_CHILD = "from fractalman.datasets.verify import _child; _child()"

_NO_MEMORY = "needs more memory than there is"


def _child() -> None:
    """Verify the file named on the command line and report on stdout, one JSON value per line, "end" last."""
    out = sys.stdout

    def send(**message: Any) -> None:
        if hasattr(signal, "alarm"):  # in case that nobody is left to stop a library that hangs
            signal.alarm(2 * math.ceil(STALL_SECONDS))
        out.write(json.dumps(message) + "\n")
        out.flush()

    path = Path(sys.argv[1])
    try:
        for problem in check_file(path, lambda at, done, total: send(at=at, done=done, total=total)):
            send(path=problem.path, message=problem.message)
    except MemoryError:
        send(path="/", message=_NO_MEMORY)
    except MissingExtraError as error:
        send(extra=str(error))
    except OSError as error:
        send(error=error.errno, message=str(error) if error.errno is None else error.strerror)
    send(end=True)


def _start_child(path: Path, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    # The child must import the same packages, also those that this process found in an unusual place.
    search = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _CHILD, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": search},
    )


def _lines(child: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the child's messages; TimeoutError when it has been silent for STALL_SECONDS."""
    stream = child.stdout
    if stream is None:  # never: `Popen` was asked for a pipe
        return
    waiting: queue.Queue[bytes | None] = queue.Queue()

    def read() -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in stream:
                waiting.put(line)
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = waiting.get(timeout=STALL_SECONDS)
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            return
        with contextlib.suppress(ValueError):  # a line cut short by a crash
            yield json.loads(line)


@checked_arguments
def verify_file(
    path: str | os.PathLike[str], *, progress: Progress | bool | None = None, isolated: bool | None = None
) -> list[Problem]:
    """Return everything that is wrong with a file, in the order of the column table; [] = intact.

    The digest of all bytes comes first and needs no HDF5. A file that has it is what its writer wrote and is read here.
    In any other the HDF5 library may crash, so it is read in a child process, and a crash is a problem in the list.

    Parameters
    ----------
    path : str or path
        The file.
    progress : Progress, bool or None, default None
        Called as progress(what, bytes done, bytes in all). None = a bar in terminals and notebooks; False = silent.
    isolated : bool, optional
        Read the file in a child process, whatever its header says (True), or only where the digest is wrong (None, the
        default): for files of which somebody may have forged the digest.

    Returns
    -------
    list of Problem
        What was found and what is expected, one line each.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, OSError
        The last when the disk fails.
    MissingExtraError
        For a compression that cannot be undone here.
    ResourceError
        For too little memory.

    Examples
    --------
    >>> import fractalman as fm, tempfile, os
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = fm.write(fm.Cascade(n_points=64, ambient_dim=4), os.path.join(folder.name, "data.h5"))
    >>> verify_file(path)
    []
    >>> with open(path, "r+b") as file:
    ...     _ = file.seek(5000), file.write(b"damage")
    >>> str(verify_file(path)[0])[:30]
    '/: bytes 512 to the end have x'
    >>> folder.cleanup()
    """
    with byte_progress(progress) as report:
        return _problems(as_path(path, "a dataset file").absolute(), report, isolated)


def _problems(path: Path, progress: Progress | None, isolated: bool | None) -> list[Problem]:
    try:
        broken = header_problem(check_path(path), progress)
    except FileFormatError as error:
        return [Problem("/", str(error))]
    problems = [broken] if broken else []
    if not broken and not isolated:
        try:
            return in_order(check_file(path, progress or ignored))
        except MemoryError:
            raise ResourceError(f"verifying {path} {_NO_MEMORY}: use a machine with more") from None
    for problem in _child_problems(path, progress):
        if problem.message == _NO_MEMORY and not broken:
            raise ResourceError(f"verifying {path} {_NO_MEMORY}: use a machine with more")
        problems.append(problem)
    return in_order(problems)


def _child_problems(path: Path, progress: Progress | None) -> list[Problem]:
    """Return what a child process finds wrong with the HDF5 part, its own crash included."""
    problems: list[Problem] = []
    at, ended = "opening it", False
    with tempfile.TemporaryFile() as errors:
        child = _start_child(path, errors)
        try:
            for message in _lines(child):
                if "end" in message:
                    ended = True
                elif "at" in message:
                    at = f"reading {message['at']}"
                    if progress:
                        progress(message["at"], message["done"], message["total"])
                elif "extra" in message:
                    raise MissingExtraError(message["extra"])
                elif "error" in message:
                    raise OSError(message["error"] or 0, message["message"], str(path))
                else:
                    problems.append(Problem(message["path"], message["message"]))
            status = child.wait()
        except TimeoutError:
            problems.append(Problem("/", f"the HDF5 library hung while {at}"))
            return problems
        finally:
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()
        if not ended:
            problems.append(_stopped(path, status, at, errors))
    return problems


def _stopped(path: Path, status: int, at: str, errors: IO[bytes]) -> Problem:
    """Return the problem of a child that crashed; FractalmanError when it never came to read the file."""
    if status < 0 or status > 0x80:
        try:
            how = signal.Signals(-status).name
        except ValueError:
            how = f"exit status {status:#x}"
        return Problem("/", f"the HDF5 library crashed ({how}) while {at}")
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    raise FractalmanError(f"{path} could not be verified: {lines[-1] if lines else f'exit status {status}'}")
