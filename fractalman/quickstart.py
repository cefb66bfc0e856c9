"""The quickstart: a cascade and a critical cluster, or strings of grammars, with four learners; one report."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fractalman._files import as_path, filling, full_disk_named, partial_path, replace_folder, taken_over
from fractalman._leftovers import leftovers
from fractalman.catalogue import catalogue_text
from fractalman.config import is_word, shown
from fractalman.display import Display
from fractalman.errors import CorruptFileError, RecipeError, nearest
from fractalman.experiments import Result, Spec, load_spec, plan_sweep, run_sweep
from fractalman.experiments.engine import digest_of
from fractalman.experiments.journal import parts_in, read_journal
from fractalman.experiments.predicted import predicted_ahead
from fractalman.experiments.specification import BAYES
from fractalman.experiments.sweep import SWEEP
from fractalman.progress import duration
from fractalman.report import require_plots, write_points, write_reports

QUICKSTART_RUNS = {"cascade": "quickstart-cascade", "cluster": "quickstart-cluster"}
"""Subfolder → catalogue name of its specification."""
FAMILIES = {
    "cascade": ("cascade",),
    "cluster": ("cluster",),
    "random-hierarchy": ("random-hierarchy",),
    "grammar-language": ("language",),
    "grammar": ("random-hierarchy", "language"),
}
"""What may be asked for instead of both fractals → subfolders."""
_MORE_RUNS = {"random-hierarchy": "quickstart-random-hierarchy", "language": "quickstart-language"}
TITLE = "fractalman quickstart"
MARK = "made-by-fractalman-quickstart"
"""Name of the file that says that a folder may be replaced."""
UNFINISHED = "unfinished-fractalman-quickstart"
"""Name of the file that says that a folder beside is a quickstart's that was stopped, to go on in."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Quickstart(Display):
    """What the quickstart made.

    Parameters
    ----------
    results : mapping
        Run's name → sweep.
    report : Path
        Of the report on all of them.
    """

    results: Mapping[str, Result]
    report: Path


def quickstart_entries(family: str | None = None) -> dict[str, str]:
    """Return subfolder → catalogue name of what a quickstart runs; RecipeError for other families."""
    if family is None:
        return dict(QUICKSTART_RUNS)
    if not is_word(family, FAMILIES):
        raise RecipeError(f"family {shown(family)}: expected one of {', '.join(FAMILIES)}{nearest(family, FAMILIES)}")
    return {name: {**QUICKSTART_RUNS, **_MORE_RUNS}[name] for name in FAMILIES[family]}


def quickstart_words(out: str | Path, family: str | None = None) -> list[str]:
    """Return what a quickstart is about to do, how long that takes here, and where its results appear.

    Args:
        out, family: as for `quickstart`, and refused as there.
    """
    require_plots()
    _check_replaceable(as_path(out, "a folder"))
    named = {name: load_spec(catalogue_text(entry)) for name, entry in quickstart_entries(family).items()}
    specs = list(named.values())
    plans = [plan_sweep(spec) for spec in specs]
    begun = " when begun anew; an earlier one was stopped, and this one goes on from there"
    sets = " and ".join(f"{spec.recipe.n_points:,} points of the family {spec.recipe.family}" for spec in specs)
    learners = ", ".join(dict.fromkeys(name for spec in specs for name in spec.learners))
    seconds = sum(sum(plan.seconds.values()) for plan in plans)
    times = sum(count for plan in plans for name, count in plan.points.items() if name != BAYES)
    return [
        f"makes {sets}, trains {learners} on them {times} times in all and holds their errors against theory: about "
        f"{duration(seconds)} here{begun if _stopped(as_path(out, 'a folder'), named) else ''}",
        f"what it finds appears in {Path(out).absolute()} when all is done",
    ]


def quickstart(out: str | Path, progress: Progress | None = None, family: str | None = None) -> Quickstart:
    """Run a cascade and a critical cluster with four learners, from nothing, and report on both.

    Parameters
    ----------
    out : str or Path
        Folder that an earlier quickstart made, or that is not there yet; it is replaced when all is done. One that is
        stopped, or killed, leaves what it has done in a folder beside this one, and the next one goes on in it.
    progress : function or None, default None
        Called with a line of text; None = silent.
    family : str or None, default None
        One of `FAMILIES` alone; None = both fractals.

    Returns
    -------
    Quickstart
        The sweeps, and where their report is.

    Raises
    ------
    RecipeError
        When ``out`` holds anything else.
    MissingExtraError
        Before anything is computed.
    """
    entries = quickstart_entries(family)
    require_plots()
    out = as_path(out, "a folder")
    _check_replaceable(out)
    specs = {name: load_spec(catalogue_text(entry)) for name, entry in entries.items()}
    with contextlib.ExitStack() as held:
        partial = _folder_at_work(out, specs, held)
        held.enter_context(full_disk_named(out, [partial]))
        results = {}
        for name, spec in specs.items():
            with predicted_ahead(spec):
                results[name] = run_sweep(spec, partial / name, _prefixed(progress, name))
            write_points(results[name], partial / name)
        if progress is not None:
            progress("writing the report")
        report = write_reports(results, partial, TITLE)
        (partial / MARK).write_text("this folder is replaced by the next quickstart\n", encoding="utf-8")
        _check_replaceable(out)
        (partial / UNFINISHED).unlink()
        replace_folder(partial, out)
    return Quickstart(results, out / report.name)


def _folder_at_work(out: Path, specs: Mapping[str, Spec], held: contextlib.ExitStack) -> Path:
    """Return the locked folder beside ``out`` to run in: of a quickstart of the same runs that was stopped, or new.

    What was done stays there whatever ends this one, but for a full disk, and where no task was finished.
    """
    for folder in reversed(_stopped(out, specs)):
        with contextlib.suppress(OSError):
            held.enter_context(taken_over(folder))
            break
    else:
        folder = partial_path(out)
        try:
            held.enter_context(filling(folder))
        except OSError as error:
            raise RecipeError(
                f"cannot make a folder beside {out}: {error.strerror}; use -o with another path"
            ) from None
    held.push(_worth_keeping(folder))
    (folder / UNFINISHED).write_text("the next quickstart goes on here\n", encoding="utf-8")
    return folder


def _worth_keeping(folder: Path) -> Callable[[object, BaseException | None, object], bool]:
    """Return what takes the folder away at the end, unless it holds a finished task and the disk has room for it."""

    def leave(_kind: object, error: BaseException | None, _trace: object) -> bool:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if full or not _has_tasks(folder):
            shutil.rmtree(folder, ignore_errors=True)
        return False

    return leave


def _stopped(out: Path, specs: Mapping[str, Spec]) -> list[Path]:
    """Return the folders of quickstarts of ``out``, and of the same runs, that nobody is at work in, oldest first."""
    return [folder for folder in leftovers(out) if (folder / UNFINISHED).is_file() and _goes_on(folder, specs)]


def _goes_on(folder: Path, specs: Mapping[str, Spec]) -> bool:
    """Whether all journals in a folder are whole, of these runs and of this version."""
    runs = _journals(folder)
    with contextlib.suppress(CorruptFileError, RecipeError, OSError):
        return runs.keys() <= specs.keys() and all(
            read_journal(SWEEP.lines, run, SWEEP.name)[0]["digest"] == digest_of(SWEEP.name, specs[name])
            for name, run in runs.items()
        )
    return False


def _has_tasks(folder: Path) -> bool:
    """Whether a finished task stands in any journal of a folder."""
    with contextlib.suppress(CorruptFileError, RecipeError, OSError):
        return any(read_journal(SWEEP.lines, run, SWEEP.name)[1] for run in _journals(folder).values())
    return False


def _journals(folder: Path) -> dict[str, Path]:
    """Name → folder of the runs that were begun in a quickstart's folder."""
    return {run.name: run for run in sorted(folder.glob("*/")) if parts_in(run)}


def _check_replaceable(out: Path) -> None:
    """Refuse to replace what no quickstart made."""
    if not out.name:
        raise RecipeError(f"{out} cannot be replaced: use -o with the name of a new folder")
    if not out.parent.is_dir():
        raise RecipeError(f"no folder {out.parent} found: use -o with a path in an existing folder")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise RecipeError(f"{out} exists and is no folder: use -o with the name of a new folder")
    if out.is_dir() and not (out / MARK).exists() and any(out.iterdir()):
        raise RecipeError(f"{out} exists and was not made by quickstart: use -o with the name of a new folder")


def _prefixed(progress: Progress | None, name: str) -> Progress | None:
    return None if progress is None else lambda text: progress(f"{name}: {text}")
