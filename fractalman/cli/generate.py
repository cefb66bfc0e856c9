"""fractalman generate: write the dataset of a recipe to a file, whole or in shards."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman.cli.common import DONE, print_json, say_written
from fractalman.cli.dry_run import say_needed
from fractalman.cli.options import (
    RECIPE,
    add_dry_run,
    add_force,
    add_output,
    add_scheduler,
    command,
    jobs,
    shard,
    whole,
)
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.progress import StatusLine
from fractalman.sources import is_file, recipe_of

if TYPE_CHECKING:
    from fractalman.cli.options import Commands
    from fractalman.progress import Progress as Report
    from fractalman.recipes import Recipe


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(
        commands,
        "generate",
        run,
        "write the dataset of a recipe to a file",
        "generate brill-cluster-1e4 -o cluster.h5",
        "generate brill-cluster-1e6 -o cluster.h5 --dry-run",
        "generate recipe.toml -o data.h5 --shards 64 --jobs 8",
    )
    parser.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    add_output(parser, "file", dry=True)
    add_force(parser)
    add_dry_run(parser)
    parser.add_argument("--no-hierarchy", action="store_true", help="leave the latents out of the file")
    parser.add_argument(
        "--compression",
        default="standard",
        metavar="NAME",
        help="standard (integers only, the default), off, lzf, gzip or zstd; the content stays the same",
    )
    group = parser.add_argument_group("shards", "in parts, by many; a repeated command keeps the finished ones")
    group.add_argument("--shards", type=_shards, metavar="N", help="write N shards and a file that shows them as one")
    group.add_argument("--jobs", type=jobs, default=1, metavar="N", help="processes that share the work (default 1)")
    add_scheduler(group, "a dask scheduler that shares it, e.g. tcp://host:8786")
    group.add_argument("--shard", type=shard, metavar="I/N", help="write only shard I of N, e.g. in a job array")


def run(options: argparse.Namespace) -> int:
    """Write the file; of a catalogue name also say whether it is what the catalogue says."""
    from fractalman.generation import write

    recipe = recipe_of(options.recipe)
    _check_sharing(options)
    if options.dry_run:
        return say_needed(recipe, not options.no_hierarchy, options.json)
    if options.output is None:
        raise RecipeError(f"no file to write: use -o FILE, e.g. -o {_example(options.recipe)}, or --dry-run")
    with StatusLine() as progress:
        if options.shard:
            table, line = _generate_shard(options, recipe, progress.column)
            print_json(table) if options.json else print(line)
            return DONE
        if options.shards:
            path = _generate_shards(options, recipe, progress.column)
        else:
            path = write(
                recipe,
                options.output,
                hierarchy=not options.no_hierarchy,
                overwrite=options.force,
                progress=progress.column,
                compression=options.compression,
            )
    return say_written(options, path, None if is_file(options.recipe) else options.recipe)


def _example(recipe: str) -> str:
    """A name for a recipe's file: "my.h5" for "my.toml"."""
    return f"{recipe if '.' not in recipe else Path(recipe).stem}.h5"


def _shards(text: str) -> int:
    number = whole(text)
    if number is None or number < 1:
        raise argparse.ArgumentTypeError(f"found {shown(text)}, expected a number of shards from 1 up")
    return number


def _check_sharing(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other."""
    shared = options.jobs != 1 or options.scheduler is not None
    if options.shard is not None:
        number, shards = options.shard
        if options.shards not in (None, shards):
            raise RecipeError(f"--shard {number}/{shards} contradicts --shards {options.shards}: leave one out")
        if shared:
            raise RecipeError("--shard writes one shard, here: leave --jobs and --scheduler out")
    elif shared and options.shards is None:
        raise RecipeError("--jobs and --scheduler share out shards: use --shards with their number, e.g. 64")


def _generate_shards(options: argparse.Namespace, recipe: Recipe, progress: Report) -> Path:
    """Write all shards and their index file; return its path."""
    from fractalman.generation import missing_shards, write_shards

    try:
        return write_shards(
            recipe,
            options.output,
            options.shards,
            hierarchy=not options.no_hierarchy,
            overwrite=options.force,
            progress=progress,
            jobs=options.jobs,
            scheduler=options.scheduler,
        )
    except KeyboardInterrupt:
        kept = options.shards - len(missing_shards(recipe, options.output, options.shards))
        how = "are finished and kept: use the same command again to go on"
        print(f"\n{kept} of {options.shards} shards {how}", file=sys.stderr)
        raise


def _generate_shard(options: argparse.Namespace, recipe: Recipe, progress: Report) -> tuple[dict[str, Any], str]:
    """Write one shard; return what was done as a table and as a line."""
    from fractalman.generation import missing_shards, write_shard

    number, shards = options.shard
    path = write_shard(recipe, options.output, number, shards, progress=progress)
    missing, size = missing_shards(recipe, options.output, shards), path.stat().st_size
    rest = f"{len(missing)} of {shards} are missing" if missing else f"all {shards} are there"
    then = "" if missing else f": use --shards {shards} in place of --shard to merge them"
    return (
        {"shard": str(path), "bytes": size, "shards": shards, "missing": missing},
        f"{path} written, {size:,} bytes; {rest}{then}",
    )
