"""fractalman granularity, locality, probe, recovery: one command for every study of the registry."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fractalman
from fractalman.cli.common import DONE, print_json
from fractalman.cli.options import add_force, add_workers, command
from fractalman.cli.own_network import add_own, own_call, own_spec
from fractalman.cli.plots import add_plot, plot_path, write_plot
from fractalman.errors import RecipeError
from fractalman.progress import StatusLine
from fractalman.sources import spec_of
from fractalman.studies import STUDIES
from fractalman.studies.own_specs import OWN

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


EXAMPLES = {"linearity": "linearity-cascade", "recovery": "recovery-cascade", "levels": "levels-language"}
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
            f"{name} study.toml --dry-run",
            *([f"{name} points.npz --network my_nets:model -o run"] if name in OWN else []),
            f"{name} study.toml -o run --jobs 8",
        )
        spec = f"a TOML file with tables [recipe] or [data], and [{name}], or a name of the catalogue's studies"
        parser.add_argument("spec", metavar="SPEC", help=spec)
        parser.add_argument(
            "-o", "--output", metavar="FOLDER", help="folder of journal, tables and report (needed but for --dry-run)"
        )
        add_force(parser, "start anew in a folder that holds another run")
        add_workers(parser)
        add_plot(parser, "what the study found", force=False)
        parser.add_argument("--dry-run", action="store_true", help="print tasks and memory, run nothing")
        add_own(parser, name)


def run(options: argparse.Namespace) -> int:
    """Run the study that the command names, and print what came out."""
    from fractalman.report.studies import study_lines, study_table
    from fractalman.study_runs import run_study

    name = options.command
    if options.output is None and not options.dry_run:
        raise RecipeError("no folder for the study: use -o FOLDER, or --dry-run")
    own = own_call(options)
    if options.dry_run:
        return _dry_run(options, name, spec_of(options.spec, name) if own is None else own_spec(name, *own))
    plot = plot_path(options)
    how = {"force": options.force, "jobs": options.jobs, "scheduler": options.scheduler, "shard": options.shard}
    with StatusLine() as progress:
        if own is None:
            result = run_study(name, spec_of(options.spec, name), options.output, progress=progress, **how)
        else:
            points, keywords = own
            result = getattr(fractalman, name)(points, options.output, progress=progress, **how, **keywords)
    if result.missing:
        if options.json:
            print_json({"missing": result.missing} | dict(zip(("shard", "of"), options.shard or (), strict=False)))
        else:
            print(f"{result.missing} tasks of other shards are missing, so there is no report")
        return DONE
    said = write_plot(plot, lambda: result.plot())
    if options.json:
        print_json(study_table(result))
    else:
        print("\n".join([*study_lines(name, result), "", f"report: {Path(options.output) / 'report.html'}", *said]))
    return DONE


def _dry_run(options: argparse.Namespace, name: str, spec: Any) -> int:
    """Say how many tasks the study has and what its data need; refuse what does not fit."""
    from fractalman.experiments.planning import RULE, matrix_speed
    from fractalman.progress import duration
    from fractalman.studies import study
    from fractalman.studies.base import StudySpec

    kind = study(name)
    checked = spec if isinstance(spec, StudySpec) else kind.read(spec)
    kind.prepare(checked, options.jobs, None)  # refuses what does not fit
    plan = kind.plan(checked, matrix_speed())
    if options.json:
        print_json(
            {"tasks": sum(plan.tasks.values()), "parts": plan.tasks, "seconds": plan.seconds, "memory": plan.memory}
        )
        return DONE
    width = max(len("part"), *map(len, plan.tasks))
    counted = {part: duration(seconds) for part, seconds in plan.seconds.items() if not math.isnan(seconds)}
    rows = [f"{part:{width}}  {count:5d}  {counted.get(part, 'not counted')}" for part, count in plan.tasks.items()]
    rule = [f"rule: {RULE}"] if counted else []
    print("\n".join([f"{'part':{width}}  tasks  time on one process", *rows, "", plan.words(options.jobs), *rule]))
    return DONE
