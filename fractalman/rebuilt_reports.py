"""Reports of finished runs, made again from their journals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fractalman._files import as_path
from fractalman.errors import RecipeError
from fractalman.experiments import Result, load_result
from fractalman.experiments.journal import parts_in, read_header
from fractalman.quickstart import MARK, TITLE
from fractalman.report import require_plots, write_points, write_report, write_reports
from fractalman.report.files import refuse_changed_tables

Progress = Callable[[str], None]


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
    given = [as_path(name, "a folder") for name in (folder, *more)]
    for path in given:
        if not path.is_dir():
            raise RecipeError(f"no folder {path} found: use the folder of a confirm run")
    if out is None and more:
        raise RecipeError(f"{len(given)} folders and no place for their report: use -o FOLDER")
    if not more and out is None and not _holds_runs(given[0]):
        return _rebuild_in_place(given[0], progress)
    folders = [run for path in given for run in (_runs_in(path) if _holds_runs(path) else [path])]
    results = {name: _finished(run, progress) for name, run in zip(_short_names(folders), folders, strict=True)}
    place = given[0] if out is None else as_path(out, "a folder")
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecipeError(f"cannot make the folder {place}: {error.strerror}; use -o with another path") from None
    refuse_changed_tables(place)
    if len(results) == 1:
        return write_report(next(iter(results.values())), place)
    return write_reports(results, place, f"fractalman report: {len(results)} runs")


def _runs_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and parts_in(path))


def _holds_runs(folder: Path) -> bool:
    """Whether a folder is no run itself and holds some; the quickstart's has its own report."""
    return not parts_in(folder) and not (folder / MARK).exists() and bool(_runs_in(folder))


def _short_names(folders: Sequence[Path]) -> list[str]:
    """Return the folders' own names, with their parents' where two are alike."""
    names = [path.name for path in folders]
    return [path.name if names.count(path.name) == 1 else path.as_posix() for path in folders]


def _rebuild_in_place(folder: Path, progress: Progress | None) -> Path:
    runs = [run for run in _runs_in(folder) if (folder / MARK).exists()]
    for part in (folder, *runs):
        refuse_changed_tables(part)
    if (folder / MARK).exists():
        results = {run.name: _finished(run, progress) for run in runs}
        for name, result in results.items():
            write_points(result, folder / name)
        return write_reports(results, folder, TITLE)
    return write_report(_finished(folder, progress), folder)


def _finished(folder: Path, progress: Progress | None) -> Result:
    for part in parts_in(folder)[:1]:
        found = (read_header(part) or {}).get("experiment", "confirm")
        if found != "confirm":
            raise RecipeError(
                f"{folder} holds a {found} study, and this report is of confirm runs: use fractalman {found} with the "
                "same specification again, which writes its report"
            )
    result = load_result(folder, progress)
    spec = result.spec
    if result.missing:
        wanted = len(spec.learners) * len(spec.values) * spec.seeds
        found = sum(point.learner in spec.learners for point in result.points)
        raise RecipeError(
            f"{folder} holds {found} of {wanted} points: a report needs them all; run the same fractalman confirm "
            "again to finish the run"
        )
    return result
