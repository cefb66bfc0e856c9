"""The part of the command line that shares a dataset out: options and what they do."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.generation.shards import Progress
    from fractalman.recipes import Recipe


def _shards(text: str) -> int:
    if not re.fullmatch(r"[0-9]+", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} found, allowed is a number of shards from 1 up")
    return int(text)


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} found, allowed are a number and how many there are, e.g. 3/64")
    return int(found[1]), int(found[2])


def add_shard_options(sub: argparse.ArgumentParser, jobs: Callable[[str], int]) -> None:
    """Add what says that a dataset is made in parts, and by whom, to the options of a command."""
    group = sub.add_argument_group("shards", "in parts, by many; finished shards are kept when it is typed again")
    group.add_argument("--shards", type=_shards, metavar="N", help="write N shards and a file that shows them as one")
    group.add_argument("--jobs", type=jobs, default=1, metavar="N", help="processes that share the work (default 1)")
    group.add_argument("--scheduler", metavar="ADDRESS", help="a dask scheduler that shares it, e.g. tcp://host:8786")
    group.add_argument("--slurm", metavar="FOLDER", help="Slurm jobs share it; scripts and logs go to this folder")
    group.add_argument("--shard", type=_shard, metavar="I/N", help="write only shard I of N, e.g. in a job array")


def check_shard_options(options: argparse.Namespace) -> None:
    """Raise RecipeError for options that contradict each other."""
    engine = options.jobs != 1 or options.scheduler is not None or options.slurm is not None
    if options.shard is not None:
        number, shards = options.shard
        if options.shards not in (None, shards):
            raise RecipeError(f"--shard {number}/{shards} contradicts --shards {options.shards}: leave one out")
        if engine:
            raise RecipeError("--shard writes one shard, here: leave --jobs, --scheduler and --slurm out")
    elif engine and options.shards is None:
        raise RecipeError("--jobs, --scheduler and --slurm share out shards: type --shards with their number, e.g. 64")


def generate_shards(options: argparse.Namespace, recipe: Recipe, progress: Progress) -> Path:
    """Write all shards and their master; return its path."""
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
            slurm=options.slurm,
        )
    except KeyboardInterrupt:
        kept = options.shards - len(missing_shards(recipe, options.output, options.shards))
        how = "are finished and kept: type the same again to go on"
        print(f"\n{kept} of {options.shards} shards {how}", file=sys.stderr)
        raise


def generate_shard(options: argparse.Namespace, recipe: Recipe, progress: Progress) -> tuple[dict[str, Any], str]:
    """Write one shard; return what was done as a table and as a line."""
    from fractalman.generation import missing_shards, write_shard

    number, shards = options.shard
    path = write_shard(recipe, options.output, number, shards, progress=progress)
    missing, size = missing_shards(recipe, options.output, shards), path.stat().st_size
    rest = f"{len(missing)} of {shards} are missing" if missing else f"all {shards} are there"
    then = "" if missing else f": type --shards {shards} in place of --shard to join them"
    return (
        {"shard": str(path), "bytes": size, "shards": shards, "missing": missing},
        f"{path} written, {size:,} bytes; {rest}{then}",
    )
