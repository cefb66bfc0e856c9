"""Several files that belong together, and folders: published whole, the one that people open last."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from fractalman._files import filling, full_disk_named, lock, partial_path, replace_folder, sync_folder, take_place
from fractalman._signals import interrupts_held
from fractalman.datasets.publish import check_target, warn_of_leftovers


@contextlib.contextmanager
def files_together(
    path: Path, beside: Mapping[str, Path], unused: Mapping[str, Path], overwrite: bool
) -> Iterator[dict[str, IO[bytes]]]:
    """Yield one binary stream a file; after the block all of them are published, ``path`` last.

    Nothing is published before all of them are on the disk, and an older ``path`` goes before anything beside it is
    replaced: whatever happens, no file lies beside those of other data.

    Parameters
    ----------
    path : Path
        The file that people open; its stream has the name "".
    beside : Mapping
        Name → the files that belong to it.
    unused : Mapping
        Name → files that would belong to it and are not written now: with ``overwrite`` what lies there is removed, so
        that nothing of an older dataset stays beside the new one.
    overwrite : bool
        Replace existing files.

    Yields
    ------
    dict
        Name → stream.

    Raises
    ------
    FileExistsError, …
        As `check_target`, for any of them, before anything is written.
    """
    targets = {name: check_target(file, overwrite) for name, file in {"": path, **beside}.items()}
    old = [check_target(file, overwrite) for file in unused.values()]
    for target in targets.values():
        warn_of_leftovers(target)
    partial = {name: partial_path(target) for name, target in targets.items()}
    try:
        with full_disk_named(path, partial.values()), contextlib.ExitStack() as stack:
            streams: dict[str, IO[bytes]] = {
                name: stack.enter_context(file.open("xb")) for name, file in partial.items()
            }
            for stream in streams.values():
                lock(stream.fileno())
            yield streams
            for stream in streams.values():
                stream.flush()
                os.fsync(stream.fileno())
        with interrupts_held():
            if overwrite:
                for file in (targets[""], *old):
                    file.unlink(missing_ok=True)
            for name in (*beside, ""):
                take_place(partial[name], targets[name], overwrite)
    except BaseException:
        for file in partial.values():
            file.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def folder_whole(path: Path, mark: str, overwrite: bool) -> Iterator[Path]:
    """Yield a new folder beside ``path``; after the block it takes that name, after an exception it is gone.

    Parameters
    ----------
    path : Path
        The target.
    mark : str
        A file that an earlier folder of this layout holds: no other folder is ever replaced.
    overwrite : bool
        Replace such a folder.

    Yields
    ------
    Path
        An empty folder.

    Raises
    ------
    FileExistsError
        Where something else lies, or anything without ``overwrite``.
    FileNotFoundError, NotADirectoryError, PermissionError
        Where no folder can be made.
    """
    if path.is_dir():
        if not (path / mark).is_file():
            raise FileExistsError(f"{path} is a folder without {mark}, so not of this layout: use another name")
        if not overwrite:
            raise FileExistsError(f"{path} exists: use --force (in Python: overwrite=True) or another name")
        check_target(path.with_name(f"{path.name}.new"), True)
    else:
        check_target(path, False)
    warn_of_leftovers(path)
    partial = partial_path(path)
    try:
        with full_disk_named(path, [partial]), filling(partial):
            yield partial
            replace_folder(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_folder(path.parent)
