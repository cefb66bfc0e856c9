"""What killed runs left beside their targets: partial files without a writer, found, named and taken away."""

from __future__ import annotations

import contextlib
import glob
import os
import shlex
import shutil
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from fractalman._files import SUFFIX, fcntl, size_on_disk, written_stem

STALE_SECONDS = 3600.0
"""Where locks do not work, a partial file that nobody has written to for so long belongs to a run that died."""
GRACE_SECONDS = 0.25
"""So long a living writer may take from making its file to locking it, and from closing it to renaming it."""
_HEX = "[0-9a-f]" * 32


def leftovers(path: Path) -> list[Path]:
    """Return the partial files of one target whose writer is gone, oldest first."""
    return _dead(path.parent.glob(f".{glob.escape(written_stem(path.name))}.{_HEX}{SUFFIX}"))


def leftovers_in(folder: Path) -> list[Path]:
    """Return the partial files and folders in one folder (not below it) whose writer is gone, oldest first."""
    return _dead(folder.glob(f".*.{_HEX}{SUFFIX}"))


def leftover_words(path: Path) -> str:
    """Return one line naming what killed runs left beside a target, and how to remove it; "" when there is nothing."""
    found = leftovers(path)
    if not found:
        return ""
    size = sum(map(size_on_disk, found))
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    folder = shlex.quote(str(path.parent))
    return f"{found[0]}{more} ({size:,} bytes) was left by a killed run: use fractalman clean {folder} to remove it"


def remove(entries: Iterable[Path]) -> list[Path]:
    """Remove leftovers, files and folders; return those that are gone now."""
    gone = []
    for entry in entries:
        with contextlib.suppress(OSError):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            gone.append(entry)
    return gone


def _dead(entries: Iterable[Path]) -> list[Path]:
    """Return the abandoned ones, oldest first.

    A writer makes its file and then locks it, closes it and then renames it: what is without a lock is looked at again
    a moment later, when a living writer has got to the other side.
    """
    suspects = [entry for entry in entries if _abandoned(entry)]
    if suspects:
        time.sleep(GRACE_SECONDS)
    found = []
    for entry in suspects:
        with contextlib.suppress(OSError):
            if _abandoned(entry):
                found.append((entry.lstat().st_mtime, entry))
    return [entry for _, entry in sorted(found)]


def _abandoned(entry: Path) -> bool:
    """Whether nobody writes to a partial file or folder any more: nobody holds its lock; without locks age tells."""
    try:
        state = entry.lstat()
        old = time.time() - state.st_mtime > STALE_SECONDS
        folder = stat.S_ISDIR(state.st_mode)
        if fcntl is None or not (folder or stat.S_ISREG(state.st_mode)):
            return old
        descriptor = os.open(entry, os.O_RDONLY if folder else os.O_RDWR)
    except OSError:  # gone meanwhile, or not ours to open
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return old
    else:
        return True
    finally:
        os.close(descriptor)
