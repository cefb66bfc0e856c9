"""The quickstart: a cascade and a critical cluster, or strings of grammars, with four learners; one report."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fractalman._files import as_path, filling, full_disk_named, partial_path, replace_folder
from fractalman.catalogue import catalogue_text
from fractalman.config import is_word, shown
from fractalman.display import Display
from fractalman.errors import RecipeError, nearest
from fractalman.experiments import Result, load_spec, plan_sweep, run_sweep
from fractalman.experiments.predicted import predicted_ahead
from fractalman.experiments.specification import BAYES
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
    specs = [load_spec(catalogue_text(entry)) for entry in quickstart_entries(family).values()]
    plans = [plan_sweep(spec) for spec in specs]
    sets = " and ".join(f"{spec.recipe.n_points:,} points of the family {spec.recipe.family}" for spec in specs)
    learners = ", ".join(dict.fromkeys(name for spec in specs for name in spec.learners))
    seconds = sum(sum(plan.seconds.values()) for plan in plans)
    times = sum(count for plan in plans for name, count in plan.points.items() if name != BAYES)
    return [
        f"makes {sets}, trains {learners} on them {times} times in all and holds their errors against theory: about "
        f"{duration(seconds)} here",
        f"what it finds appears in {Path(out).absolute()} when all is done",
    ]


def quickstart(out: str | Path, progress: Progress | None = None, family: str | None = None) -> Quickstart:
    """Run a cascade and a critical cluster with four learners, from nothing, and report on both.

    Parameters
    ----------
    out : str or Path
        Folder that an earlier quickstart made, or that is not there yet; it is replaced when all is done.
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
    partial = partial_path(out)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(filling(partial))
        except OSError as error:
            raise RecipeError(
                f"cannot make a folder beside {out}: {error.strerror}; use -o with another path"
            ) from None
        held.callback(shutil.rmtree, partial, ignore_errors=True)
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
        replace_folder(partial, out)
    return Quickstart(results, out / report.name)


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
