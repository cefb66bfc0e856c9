"""Shards that an index file replaced and that a run killed in that moment has left beside it."""

from __future__ import annotations

import contextlib
import shlex
import warnings
from pathlib import Path

from fractalman._files import size_on_disk
from fractalman.datasets.reader import open_stored
from fractalman.datasets.shard_table import SHARD_NAMES, shard_folder
from fractalman.errors import FileFormatError, LeftoverWarning


def superseded_shards(index: Path) -> list[Path]:
    """Return the shards that lie beside an index file, are older than it, and that it does not name.

    Shards are written before the index file that names them, so younger ones belong to a larger dataset in the making,
    which the next run goes on with; they are none of these.

    Parameters
    ----------
    index : path
        The index file; of what is none, nothing is returned.

    Returns
    -------
    list of path
        In the order of their names.
    """
    folder = shard_folder(index)
    try:
        with open_stored(index) as file:
            named = {Path(name).name for name in file.shard_files}
        published = index.stat().st_mtime_ns
    except (OSError, FileFormatError):
        return []
    found = []
    for path in sorted(folder.glob(SHARD_NAMES)) if named else ():
        with contextlib.suppress(OSError):  # gone meanwhile
            if path.name not in named and path.stat().st_mtime_ns < published:
                found.append(path)
    return found


def superseded_in(folder: Path) -> list[Path]:
    """Return the superseded shards of every index file in a folder, or of the one whose shards' folder it is."""
    own = [folder.with_suffix("")] if folder.suffix == ".shards" else []
    indices = [*own, *(path.with_suffix("") for path in sorted(folder.glob("*.shards")))]
    return [shard for index in indices if shard_folder(index).is_dir() for shard in superseded_shards(index)]


def warn_of_superseded(index: Path) -> None:
    """Name what a run killed between publishing an index file and tidying has left: LeftoverWarning."""
    found = superseded_shards(index)
    if found:
        size, more = sum(map(size_on_disk, found)), f" and {len(found) - 1} more" if len(found) > 1 else ""
        warnings.warn(
            f"{found[0]}{more} ({size:,} bytes), which {index.name} replaced, was left by a killed run: use fractalman "
            f"clean {shlex.quote(str(index.parent))} to remove it",
            LeftoverWarning,
            stacklevel=3,
        )
