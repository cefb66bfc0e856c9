"""The command line: parsing and wiring only.

Results go to stdout, progress to stderr. Exit status: 0 done; 1 the answer is no; 2 the request was wrong or cannot be
met here; 3 the machine failed half-way; 130 Ctrl-C. Errors of a request come one per line: what was found, what is
expected, what to use. ``--debug`` shows the traceback as well. One file here is one command; `parser` lists them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn, TextIO

from fractalman._signals import lost_signals_sent_again
from fractalman.cli.common import DONE, FAILED, INTERRUPTED, NO, TERMINATED, WRONG
from fractalman.cli.parser import parse
from fractalman.cli.streams import lead_nowhere, mend_streams
from fractalman.errors import FileFormatError, FractalmanError, RecipeError

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 (names of files are plain text here)

# The request cannot be met here, whoever repeats it; any other errno means that the machine failed half-way.
_REFUSAL_KINDS = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
_REFUSALS = {
    errno.ENOENT, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS,
    errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTEMPTY,
}  # fmt: skip


def _status(error: BaseException) -> tuple[int, str]:
    """The exit status of an error and what says it; several mistakes of one request stand on a line each."""
    if isinstance(error, FractalmanError):
        said = "\n".join(map(str, error.args)) if isinstance(error, RecipeError) else str(error)
        lines = [" ".join(line.split()) for line in said.splitlines()]
        text = "\n".join(line for line in lines if line) or type(error).__name__
        return (NO if isinstance(error, FileFormatError) else WRONG), text
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError):
        return WRONG, f"too little memory: {text}; use fewer points or coordinates"
    if isinstance(error, OSError):
        found = re.search(r"errno = (\d+)", text)  # HDF5 says it in the message only
        number = error.errno or (int(found.group(1)) if found else None)
        if number is not None:
            said = " ".join(str(error.strerror or "").split())
            plain = os.strerror(number)
            reason = said if plain in said and "errno = " not in said else plain  # ours say more, the library's less
            where = f"{error.filename}: " if error.filename and str(error.filename) not in reason else ""
            text = f"{where}{reason}"
        return (WRONG if number in _REFUSALS or isinstance(error, _REFUSAL_KINDS) else FAILED), text
    return FAILED, f"unexpected {type(error).__name__}: {text}; the same command with --debug shows where"


_received: list[int] = []
"""Signals that have come: compiled modules turn what a handler raises while they are imported into errors of theirs."""


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    _received.append(number)
    raise SystemExit(TERMINATED)  # as an exception, so that partial files are taken away


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    signal.default_int_handler(number, frame)


@contextlib.contextmanager
def _heard() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end a command as exceptions, and note that they came; what is ignored stays so."""
    _received.clear()
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, _terminate)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, _interrupt)
    try:
        with lost_signals_sent_again(_received):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show our own warnings as a line like any other; those of packages as Python does."""
    if filename.startswith(_PACKAGE) or category.__module__.startswith("fractalman."):
        text = f"fractalman: {' '.join(str(message).split())}\n"
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        (file or sys.stderr).write(text)


def _what_is_kept(arguments: Sequence[str]) -> str:
    """What a command that was stopped has left, in words; "" where nobody would expect anything."""
    from fractalman.catalogue.studies import STUDIES

    command = next((word for word in arguments if not word.startswith("-")), "")
    if command in (*STUDIES, "quickstart"):
        return "; what is done is kept, and the same command goes on from there"
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    mend_streams()
    shown, warnings.showwarning = warnings.showwarning, _warn
    try:
        with _heard():
            try:
                options = parse(arguments)
            except SystemExit:  # --help and --version have been printed: what cannot be read is met here, too
                sys.stdout.flush()
                raise
            status: int = options.run(options)
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read the results has seen enough
        lead_nowhere(sys.stdout)
        return DONE
    except KeyboardInterrupt:
        print(f"fractalman: interrupted{_what_is_kept(arguments)}", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        if _received:
            print(f"fractalman: interrupted{_what_is_kept(arguments)}", file=sys.stderr)
            return INTERRUPTED if _received[-1] == signal.SIGINT else TERMINATED
        status, text = _status(error)
        print("\n".join(f"fractalman: {line}" for line in text.splitlines()), file=sys.stderr)
        if isinstance(error, OSError):
            lead_nowhere(sys.stdout)
    finally:
        warnings.showwarning = shown
    return status
