"""fractalman granularity, locality, probe, recovery: one command for every study of the registry."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, Progress, print_json
from fractalman.cli.options import add_force, add_workers, command
from fractalman.sources import spec_of
from fractalman.studies import STUDIES

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


EXAMPLES = {"recovery": "recovery-cascade"}
"""Catalogue specifications in a command's help, where it is not that of a cluster."""


def add(commands: Commands) -> None:
    """Add one command for each study."""
    for name, (_, about) in STUDIES.items():
        parser = command(
            commands,
            name,
            run,
            about,
            f"{name} {EXAMPLES.get(name, f'{name}-cluster')} -o {name}-run",
            f"{name} study.toml -o run --jobs 8",
        )
        spec = f"a TOML file with tables [recipe] or [data], and [{name}], or a name of the catalogue's studies"
        parser.add_argument("spec", metavar="SPEC", help=spec)
        parser.add_argument(
            "-o", "--output", metavar="FOLDER", required=True, help="folder of journal, tables and report"
        )
        add_force(parser, "start anew in a folder that holds another run")
        add_workers(parser)


def run(options: argparse.Namespace) -> int:
    """Run the study that the command names, and print what came out."""
    from fractalman.report.studies import study_lines, study_table
    from fractalman.runs import run_study

    name, spec = options.command, spec_of(options.spec)
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
