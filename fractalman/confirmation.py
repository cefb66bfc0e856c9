"""Confirm a prediction: the sweep, its verdicts and the report in one call; and the quickstart that shows it."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractalman.catalogue import catalogue_text
from fractalman.errors import RecipeError
from fractalman.experiments import Plan, Result, load_result, load_spec, plan_sweep, run_sweep
from fractalman.experiments.executors import from_options
from fractalman.experiments.journal import parts_in
from fractalman.experiments.ledger import read_header
from fractalman.report import require_plots, write_points, write_report, write_reports

QUICKSTART_RUNS = {"cascade": "quickstart-cascade", "cluster": "quickstart-cluster"}
"""Subfolder → catalogue name of its specification."""
_TITLE = "fractalman quickstart"
_MARK = "made-by-fractalman-quickstart"

Progress = Callable[[str], None]


def run_confirmation(
    spec: str | Path | Mapping[str, Any],
    out: str | Path,
    force: bool = False,
    progress: Progress | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    slurm: str | Path | None = None,
    shard: tuple[int, int] | None = None,
) -> Result:
    """Run an experiment, or what is left of it, write its report and return its verdicts and points.

    Args:
        spec: path of a TOML file, TOML text, or its tables as a dict.
        out: folder for journal.jsonl, report.html, points.csv, matrix.csv and matrix.json; a killed run of the same
            spec is continued, a network inside its training where the run keeps checkpoints.
        force: start anew even where another run's journal lies.
        progress: called with a line of text; None = silent.
        jobs: processes that share the work; 1 = this one. The table does not depend on how many there are.
        scheduler: address of a dask scheduler whose workers do the work instead.
        slurm: folder for the files of Slurm jobs that do the work instead; every machine must see it.
        shard: (i, of n): do every n-th unit only, into a part of the journal of its own; the report is written by
            whoever finds no unit missing. A run without it reads all parts and does what is left.
    Returns: the Result, with .verdicts and .points.
    Errors: RecipeError for a spec or folder that cannot be, or two of jobs, scheduler, slurm; MissingExtraError before
        anything is computed; ResourceError when nobody answers at the scheduler.
    Source: docs/theory.md §3 and §4 for what is predicted.
    """
    require_plots()
    checked = load_spec(spec)
    if scheduler is None and slurm is None:  # processes here: networks keep checkpoints in the folder
        result = run_sweep(checked, out, progress, force=force, jobs=jobs, shard=shard)
    else:
        with from_options(jobs, scheduler, slurm) as executor:
            result = run_sweep(checked, out, progress, force=force, executor=executor, shard=shard)
    if shard is None or not result.missing:
        _say(progress, "writing the report")
        write_report(result, out)
    return result


def plan_confirmation(spec: str | Path | Mapping[str, Any]) -> Plan:
    """Return the points, memory and time that an experiment will need, without running it.

    Args:
        spec: as for `run_confirmation`.
    """
    return plan_sweep(load_spec(spec))


def rebuild_report(
    folder: str | Path, *more: str | Path, out: str | Path | None = None, progress: Progress | None = None
) -> Path:
    """Write the report of finished runs again from their journals and return its path.

    Args:
        folder: of `run_confirmation` or `quickstart`, or a folder of such runs.
        more: further ones; all runs come into one report with the matrix of families, learners and axes.
        out: folder for report.html, matrix.csv and matrix.json (and points.csv of a single run); made if it is not
            there. None = ``folder`` itself, where it is the only one.
        progress: called with a line of text; None = silent.
    Errors: RecipeError when a folder holds no run, or an unfinished one.
    """
    require_plots()
    given = [Path(name) for name in (folder, *more)]
    for path in given:
        if not path.is_dir():
            raise RecipeError(f"no folder {path} found: type the folder of a confirm run")
    if out is None and more:
        raise RecipeError(f"{len(given)} folders and no place for their report: type -o FOLDER")
    if not more and out is None and not _holds_runs(given[0]):
        return _rebuild_in_place(given[0], progress)
    folders = [run for path in given for run in (_runs_in(path) if _holds_runs(path) else [path])]
    results = {name: _finished(run, progress) for name, run in zip(_short_names(folders), folders, strict=True)}
    place = given[0] if out is None else Path(out)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecipeError(f"cannot make the folder {place}: {error.strerror}; type -o with another path") from None
    if len(results) == 1:
        return write_report(next(iter(results.values())), place)
    return write_reports(results, place, f"fractalman report: {len(results)} runs")


def _runs_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and parts_in(path))


def _holds_runs(folder: Path) -> bool:
    """Whether a folder is no run itself and holds some; the quickstart's has its own report."""
    return not parts_in(folder) and not (folder / _MARK).exists() and bool(_runs_in(folder))


def _short_names(folders: Sequence[Path]) -> list[str]:
    """Return the folders' own names, with their parents' where two are alike."""
    names = [path.name for path in folders]
    return [path.name if names.count(path.name) == 1 else path.as_posix() for path in folders]


def _rebuild_in_place(folder: Path, progress: Progress | None) -> Path:
    if (folder / _MARK).exists():
        results = {name: _finished(folder / name, progress) for name in QUICKSTART_RUNS}
        for name, result in results.items():
            write_points(result, folder / name)
        return write_reports(results, folder, _TITLE)
    return write_report(_finished(folder, progress), folder)


def _finished(folder: Path, progress: Progress | None) -> Result:
    for part in parts_in(folder)[:1]:
        spec_of = (read_header(part) or {}).get("spec", {})
        study = next((name for name in ("granularity", "locality", "probe") if name in spec_of), None)
        if study is not None:
            raise RecipeError(
                f"{folder} holds a study, no sweep: type the same fractalman {study} again, which writes its report"
            )
    result = load_result(folder, progress)
    spec = result.spec
    if result.missing:
        wanted = len(spec.learners) * len(spec.values) * spec.seeds
        found = sum(point.learner in spec.learners for point in result.points)
        raise RecipeError(
            f"{folder} holds {found} of {wanted} points: a report needs them all; type the same fractalman confirm "
            "again to finish the run"
        )
    return result


# ---------------------------------------------------------------------------------------------------- quickstart


@dataclass(frozen=True)
class Quickstart:
    """What the quickstart made.

    Args:
        results: run's name → sweep.
        report: path of the report on all of them.
    """

    results: Mapping[str, Result]
    report: Path


def quickstart(out: str | Path, progress: Progress | None = None) -> Quickstart:
    """Run a cascade and a critical cluster with four learners, from nothing, and report on both.

    Args:
        out: folder that an earlier quickstart made, or that is not there yet; it is replaced when all is done.
        progress: called with a line of text; None = silent.
    Errors: RecipeError when ``out`` holds anything else; MissingExtraError before anything is computed.
    """
    require_plots()
    out = Path(out)
    _check_replaceable(out)
    specs = {name: load_spec(catalogue_text(entry)) for name, entry in QUICKSTART_RUNS.items()}
    partial = out.with_name(f".{out.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.mkdir()
    except OSError as error:
        raise RecipeError(f"cannot make a folder beside {out}: {error.strerror}; type -o with another path") from None
    try:
        results = {}
        for name, spec in specs.items():
            results[name] = run_sweep(spec, partial / name, _prefixed(progress, name))
            write_points(results[name], partial / name)
        _say(progress, "writing the report")
        report = write_reports(results, partial, _TITLE)
        (partial / _MARK).write_text("this folder is replaced by the next quickstart\n", encoding="utf-8")
        _check_replaceable(out)
        _replace_folder(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Quickstart(results, out / report.name)


def _check_replaceable(out: Path) -> None:
    """Refuse to replace what no quickstart made."""
    if not out.name:
        raise RecipeError(f"{out} cannot be replaced: type -o with the name of a new folder")
    if not out.parent.is_dir():
        raise RecipeError(f"no folder {out.parent} found: type -o with a path in an existing folder")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise RecipeError(f"{out} exists and is no folder: type -o with the name of a new folder")
    if out.is_dir() and not (out / _MARK).exists() and any(out.iterdir()):
        raise RecipeError(f"{out} exists and was not made by quickstart: type -o with the name of a new folder")


def _replace_folder(new: Path, old: Path) -> None:
    """Put ``new`` in the place of ``old``, which is kept until that is done and put back if it fails."""
    if not old.exists():
        new.rename(old)
        return
    aside = old.with_name(f".{old.name}.{uuid.uuid4().hex}.partial")
    old.rename(aside)
    try:
        new.rename(old)
    except BaseException:
        aside.rename(old)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _prefixed(progress: Progress | None, name: str) -> Progress | None:
    return None if progress is None else lambda text: progress(f"{name}: {text}")


def _say(progress: Progress | None, text: str) -> None:
    if progress is not None:
        progress(text)
