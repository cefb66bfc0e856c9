"""The commands of studies: how local learning is, and what of the hierarchy a network has found."""

from __future__ import annotations

import argparse
from collections.abc import Callable
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
    sub.add_argument("--slurm", metavar="FOLDER", help="do it as Slurm jobs, whose files lie in this shared folder")
    sub.add_argument("--shard", type=shard, metavar="I/N", help="do every N-th piece only; the last one reports")


def study_spec(name: str) -> Any:
    """Return a study's specification as it was named: a path, or the text of a catalogue's study."""
    from fractalman.catalogue.studies import study_text

    if not is_file(name):
        return study_text(name)
    if Path(name).is_dir():
        raise RecipeError(f"{name} is a folder: allowed is a TOML file, or a name of the catalogue's studies")
    return Path(name)


def run_study_command(options: argparse.Namespace, run: Callable[..., Any], lines: Callable[[Any], list[str]]) -> int:
    """Run a study and print what it found.

    Args:
        run: spec, out and the options of executors → result with ``claims``, ``means`` and ``missing``.
        lines: result → closing table.
    """
    spec = study_spec(options.spec)
    with Progress() as progress:
        result = run(
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
        table = {"missing": result.missing} | dict(zip(("shard", "of"), options.shard or (), strict=False))
        if options.json:
            print_json(table)
        else:
            print(f"{result.missing} pieces of other shards are missing, so there is no report")
        return DONE
    if options.json:
        print_json({"spec": result.study.to_dict(), "claims": result.claims, "means": result.means})
    else:
        print("\n".join([*lines(result), "", f"report: {Path(options.output) / 'report.html'}"]))
    return DONE


def locality(options: argparse.Namespace) -> int:
    from fractalman.investigation import run_locality
    from fractalman.report.locality import locality_lines

    return run_study_command(options, run_locality, locality_lines)


def probe(options: argparse.Namespace) -> int:
    from fractalman.investigation import run_probe
    from fractalman.report.probe import probe_lines

    return run_study_command(options, run_probe, probe_lines)
