"""A dataset file as worker processes need it: carried as a path, opened by each process for itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from fractalman._files import as_path
from fractalman.errors import FileFormatError

if TYPE_CHECKING:
    from fractalman.datasets.file import File
    from fractalman.datasets.lazy import LazyColumn


class FileHandle:
    """A file that is open in whichever process asks for it.

    It may be pickled (the path is), and a forked child never inherits it open: HDF5's caches and file offsets would be
    shared with the parent's. Every process sees the same content, or is refused.

    Args:
        path: a dataset file; it is opened once to see that it is one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = as_path(path, "a dataset file").absolute()  # a worker may run in another folder
        self._file: File | None = None
        self._pid = os.getpid()
        _HANDLES.add(self)
        self.digest = ""
        self.digest = self.open().provenance.content

    def open(self) -> File:
        """Return the file, opened in this process; the same object until `close` or a fork.

        Errors: those of `fractalman.open`; FileFormatError when the path has come to hold other data.
        """
        from fractalman.datasets.file import open_file

        if self._file is None or self._pid != os.getpid():
            file = open_file(self.path)
            if self.digest and file.provenance.content != self.digest:
                file.close()
                raise FileFormatError(
                    f"{self.path} now holds content {file.provenance.content}, and this reader began with "
                    f"{self.digest}: make the reader anew"
                )
            self._file, self._pid = file, os.getpid()
        return self._file

    @property
    def X(self) -> LazyColumn:
        """(n, d) float32 column of the file, opened in this process; ask again after a fork."""
        return self.open().X

    @property
    def y(self) -> LazyColumn:
        """(n,) float64 column, likewise."""
        return self.open().y

    def close(self) -> None:
        """Close the file in this process; the next `open` opens it again."""
        file, self._file = self._file, None
        if file is not None and self._pid == os.getpid():
            file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "digest": self.digest}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path, self.digest = state["path"], state["digest"]
        self._file, self._pid = None, os.getpid()
        _HANDLES.add(self)

    def __repr__(self) -> str:
        return f"<handle of {self.path}>"


_HANDLES: WeakSet[FileHandle] = WeakSet()


def _close_all() -> None:
    for handle in list(_HANDLES):
        handle.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_close_all)
