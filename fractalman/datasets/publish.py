"""Publication: a file appears under its name whole or not at all, whatever happens on the way."""

from __future__ import annotations

import contextlib
import os
import shlex
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fractalman._files import as_path, lock, other_data, replacing
from fractalman._leftovers import leftover_words
from fractalman._threads import Threads
from fractalman.datasets.header import write_header
from fractalman.errors import LeftoverWarning, RecipeError


def check_dataset_target(path: str | os.PathLike[str], overwrite: bool = False) -> Path:
    """Return what `check_target` does, for a dataset file of this package.

    Parameters
    ----------
    path : str or Path
        Of the file that is to be.
    overwrite : bool, default False
        Accept an ordinary file that is there already.

    Returns
    -------
    Path
        The file itself, where the path is a link to it.

    Raises
    ------
    RecipeError
        For a name that ends as another kind of data does; else as `check_target`.
    """
    ending = other_data(as_path(path, "the file that is to be written"))
    if ending:
        raise RecipeError(
            f"{os.fspath(path)} ends in {ending}, and what is written is HDF5: expected a name such as "
            f"{Path(path).with_suffix('.h5')}; other layouts are made of it by fractalman export"
        )
    return check_target(path, overwrite)


def check_target(path: str | os.PathLike[str], overwrite: bool = False) -> Path:
    """Return where a file is to be published, symbolic links followed, if it can be.

    Parameters
    ----------
    path : str or Path
        Of the file that is to be.
    overwrite : bool, default False
        Accept an ordinary file that is there already.

    Returns
    -------
    Path
        The file itself, where the path is a link to it.

    Raises
    ------
    IsADirectoryError
        For a folder.
    FileExistsError
        For a file that is there, or is no ordinary file.
    FileNotFoundError
        Without the folder that it is to lie in.
    NotADirectoryError
        Where that folder is a file.
    PermissionError
        Where nothing can be written in that folder.
    OSError
        For a link that leads nowhere, as in a circle.
    RecipeError
        For what no file name can be made of.
    """
    path = as_path(path, "the file that is to be written")
    if path.is_symlink():
        try:
            path = Path(os.path.realpath(path, strict=path.exists()))
            path.stat()
        except FileNotFoundError:
            pass  # a link to a file that is still to be written
        except OSError as error:
            raise OSError(error.errno, f"{path}: {error.strerror}: use the name of a file") from None
    if path.is_dir():
        use = "another name" if path.suffix not in ("", ".h5") else f"a file name, e.g. {path / 'dataset.h5'}"
        raise IsADirectoryError(f"{path} is a directory: use {use}")
    folder = path.parent
    if not folder.exists():
        raise FileNotFoundError(f"folder {folder} does not exist: use mkdir -p {shlex.quote(str(folder))}")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder: use a file name in an existing folder")
    if path.exists():
        if not path.is_file():
            raise FileExistsError(f"{path} is not an ordinary file: use another name")
        if not overwrite:
            raise FileExistsError(f"{path} exists: use --force (in Python: overwrite=True) or another name")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"folder {folder} is not writable: use a file name in a folder of yours")
    return path


def warn_of_leftovers(target: Path) -> None:
    """Name what a killed run has left beside a target: LeftoverWarning, with the command that removes it."""
    words = leftover_words(target)
    if words:
        warnings.warn(words, LeftoverWarning, stacklevel=4)


class Sink:
    """The file under HDF5: remembers the first failure and swallows what follows.

    After a failed write (disk full) or a Ctrl-C inside one, HDF5 can neither flush nor close the file and crashes the
    process at its end. So it is told that all is well; the writer looks at `failure` after every block, and a file
    with a failure is never published.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o666)
        lock(self._descriptor)  # until it is closed, the partial file has a living writer
        self._position = 0
        self.failure: BaseException | None = None
        self._early = Threads(1)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            self._position = offset
        elif whence == os.SEEK_CUR:
            self._position += offset
        else:
            self._position = os.fstat(self._descriptor).st_size + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int) -> bytes:
        os.lseek(self._descriptor, self._position, os.SEEK_SET)
        data = os.read(self._descriptor, size)
        self._position += len(data)
        return data

    def readinto(self, buffer: memoryview) -> int:
        done = 0
        while done < len(buffer) and (data := self.read(len(buffer) - done)):
            buffer[done : done + len(data)] = data
            done += len(data)
        return done

    def write(self, buffer: memoryview) -> int:
        self._try(self._write_all, buffer)
        self._position += len(buffer)
        return len(buffer)

    def _write_all(self, buffer: memoryview) -> None:
        os.lseek(self._descriptor, self._position, os.SEEK_SET)
        done = 0
        while done < len(buffer):
            done += os.write(self._descriptor, buffer[done:])

    def truncate(self, size: int) -> int:
        self._try(os.ftruncate, self._descriptor, size)
        return size

    def flush(self) -> None:
        """HDF5 asks for this; nothing is buffered here."""

    def finish(self) -> None:
        """Write the header of a finished file, whose bytes go to the disk while they are hashed."""
        with Threads(1) as threads:
            written = threads.submit(self.sync)
            self._try(write_header, self._descriptor)
            threads.results([written])

    def flush_early(self) -> None:
        """Send to the disk what was written so far, while more is written: there is less to wait for at the end."""
        self._early.submit(self.sync)

    def sync(self) -> None:
        """Force the bytes to the disk."""
        self._try(os.fsync, self._descriptor)

    def close(self) -> None:
        """Close the file; whatever HDF5 still sends is dropped, since the number may belong to another file by then."""
        self._early.__exit__(None, None, None)
        self.failure = self.failure or ValueError("the file is closed")
        os.close(self._descriptor)

    def _try(self, action: Callable[..., Any], *arguments: Any) -> None:
        if self.failure is None:
            try:
                action(*arguments)
            except BaseException as error:  # Ctrl-C included: it must not unwind through the library
                self.failure = error

    def check(self, path: Path) -> None:
        """Raise the remembered failure, an OSError with the target's name in it."""
        if isinstance(self.failure, OSError) and self.failure.errno is not None:
            raise OSError(self.failure.errno, os.strerror(self.failure.errno), str(path)) from None
        if self.failure is not None:
            raise self.failure


@contextlib.contextmanager
def published_sink(path: Path, overwrite: bool, complete: bool) -> Iterator[Sink]:
    """Yield a sink for HDF5 to write into; after the block its file is on the disk and becomes ``path`` at once.

    Args:
        path: checked by `check_target`. overwrite: replace an existing file.
        complete: write the header of a dataset file when everything else is written.
    Errors: those of the block, and OSError with the target's name when the disk fails; nothing is left behind then.
    """
    with replacing(path, overwrite) as partial:
        sink = Sink(partial)
        try:
            yield sink
            sink.check(path)
            if complete:
                sink.finish()
            sink.sync()
            sink.check(path)
        except Exception:
            sink.check(path)  # what the library objects to may only follow from the disk's failure
            raise
        finally:
            sink.close()
