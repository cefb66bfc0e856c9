"""fractalman clean: remove what killed runs left in a folder: partial files, and shards that others replaced."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, NO, print_json
from fractalman.cli.options import command
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "remove the partial files and replaced shards that killed runs left; what is being written stays"
    parser = command(commands, "clean", run, about, "clean .")
    parser.add_argument("folder", metavar="FOLDER", help="folder in which to look; of folders in it, only shards' are")
    parser.add_argument("--dry-run", action="store_true", help="name what would be removed, and remove nothing")


def run(options: argparse.Namespace) -> int:
    """Name and remove every leftover; the answer is no if one of them could not be removed."""
    from fractalman._files import as_path, size_on_disk
    from fractalman._leftovers import leftovers_in, remove
    from fractalman.datasets.superseded import superseded_in

    folder = as_path(options.folder, "a folder")
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise RecipeError(f"{folder} {found}: expected the folder in which a run was killed")
    left = [*leftovers_in(folder), *superseded_in(folder)]
    sizes = {entry: size_on_disk(entry) for entry in left}
    gone = [] if options.dry_run else remove(left)
    kept = [] if options.dry_run else [entry for entry in left if entry not in gone]
    if options.json:
        print_json(
            {
                "folder": str(folder),
                "dry_run": options.dry_run,
                "found": [
                    {"path": str(entry), "bytes": size, "removed": entry in gone} for entry, size in sizes.items()
                ],
            }
        )
        return NO if kept else DONE
    for entry, size in sizes.items():
        done = "would be removed" if options.dry_run else "removed" if entry in gone else "could not be removed"
        print(f"{entry} ({size:,} bytes) {done}")
    if not left:
        print(f"{folder} holds no file of a killed run")
    return NO if kept else DONE
