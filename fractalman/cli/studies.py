"""fractalman granularity, locality, probe: the commands of studies, which differ in what runs and what is printed."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fractalman.cli.common import DONE, Progress, is_file, print_json
from fractalman.cli.options import add_force, add_workers, command
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


class _Parts(NamedTuple):
    """What a study's command needs of the study."""

    run: Callable[..., Any]
    """Spec, folder and workers → result with ``missing``."""
    lines: Callable[[Any], list[str]]
    """Result → closing table."""
    table: Callable[[Any], Any]
    """Result → plain values for --json."""


ABOUT = {
    "granularity": "at which scales the label is made, and where it is linear",
    "locality": "measure how far one gradient step of a network is felt, layer by layer",
    "probe": "measure which latents of the hierarchy can be read off a network's layers",
}


def add(commands: Commands) -> None:
    """Add one command for each kind of study."""
    for name, about in ABOUT.items():
        parser = command(
            commands, name, run, about, f"{name} {name}-cluster -o {name}-run", f"{name} study.toml -o run --jobs 8"
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
    study, spec = _parts(options.command), _spec(options.spec)
    with Progress() as progress:
        result = study.run(
            spec,
            options.output,
            force=options.force,
            progress=progress,
            jobs=options.jobs,
            scheduler=options.scheduler,
            slurm=options.slurm,
            shard=options.shard,
        )
    if result.missing:
        if options.json:
            print_json({"missing": result.missing} | dict(zip(("shard", "of"), options.shard or (), strict=False)))
        else:
            print(f"{result.missing} tasks of other shards are missing, so there is no report")
        return DONE
    if options.json:
        print_json(study.table(result))
    else:
        print("\n".join([*study.lines(result), "", f"report: {Path(options.output) / 'report.html'}"]))
    return DONE


def _parts(name: str) -> _Parts:
    from fractalman import investigation
    from fractalman.report.granularity import granularity_lines
    from fractalman.report.locality import locality_lines
    from fractalman.report.probe import probe_lines

    def claims(result: Any) -> Any:
        return {"spec": result.study.to_dict(), "claims": result.claims, "means": result.means}

    return {
        "granularity": _Parts(investigation.run_granularity, granularity_lines, lambda result: result.to_dict()),
        "locality": _Parts(investigation.run_locality, locality_lines, claims),
        "probe": _Parts(investigation.run_probe, probe_lines, claims),
    }[name]


def _spec(name: str) -> Any:
    """A study's specification as it was named: a path, or the text of a catalogue's study."""
    from fractalman.catalogue.studies import study_text

    if not is_file(name):
        return study_text(name)
    if Path(name).is_dir():
        raise RecipeError(f"{name} is a folder: expected a TOML file, or a name of the catalogue's studies")
    return Path(name)
