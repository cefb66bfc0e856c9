"""The commands of studies: linearity by scale, locality of learning, and what of the hierarchy a network has found."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fractalman.cli.common import DONE, Progress, is_file, print_json
from fractalman.errors import RecipeError


def add_study_options(sub: argparse.ArgumentParser, table: str, jobs: Any, shard: Any) -> None:
    """Add what all commands of studies take.

    Args:
        table: the study's own. jobs, shard: how numbers of processes and parts are read.
    """
    spec = f"a TOML file with tables [recipe] or [data], and [{table}], or a name of the catalogue's studies"
    sub.add_argument("spec", metavar="SPEC", help=spec)
    sub.add_argument("-o", "--output", metavar="FOLDER", required=True, help="folder of journal, tables and report")
    sub.add_argument("--force", action="store_true", help="start anew in a folder that holds another run")
    sub.add_argument("--jobs", type=jobs, default=1, metavar="N", help="processes that share the work (default 1)")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="a dask scheduler that does it, e.g. tcp://node1:8786")
    sub.add_argument("--shard", type=shard, metavar="I/N", help="do every N-th task only; the last one reports")


def study_spec(name: str) -> Any:
    """Return a study's specification as it was named: a path, or the text of a catalogue's study."""
    from fractalman.catalogue.studies import study_text

    if not is_file(name):
        return study_text(name)
    if Path(name).is_dir():
        raise RecipeError(f"{name} is a folder: allowed is a TOML file, or a name of the catalogue's studies")
    return Path(name)


def run_study_command(options: argparse.Namespace) -> int:
    """Run the study that the command names and print what it found."""
    from fractalman.report.studies import study_lines, study_table
    from fractalman.runs import run_study

    name, spec = options.command, study_spec(options.spec)
    with Progress() as progress:
        result = run_study(
            name,
            spec,
            options.output,
            force=options.force,
            progress=progress,
            jobs=options.jobs,
            scheduler=options.scheduler,
            shard=options.shard,
        )
    if result.missing:
        if options.json:
            print_json({"missing": result.missing} | dict(zip(("shard", "of"), options.shard or (), strict=False)))
        else:
            print(f"{result.missing} tasks of other shards are missing, so there is no report")
        return DONE
    if options.json:
        print_json(study_table(result))
    else:
        print("\n".join([*study_lines(name, result), "", f"report: {Path(options.output) / 'report.html'}"]))
    return DONE
