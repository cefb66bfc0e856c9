"""Run an experiment and write its report in one call: a specification goes in, verdicts and points come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fractalman._arguments import checked_arguments
from fractalman.experiments import Plan, Result, load_spec, plan_sweep, run_sweep
from fractalman.experiments.planning import refuse_unfit
from fractalman.progress import line_progress
from fractalman.rebuilt_reports import rebuild_report as rebuild_report
from fractalman.report import require_plots, write_report
from fractalman.report.files import refuse_changed_tables
from fractalman.sources import spec_of

Progress = Callable[[str], None]
Spec = str | Path | Mapping[str, Any]
"""Path of a TOML file, TOML text, its tables as a dict, or a name of the catalogue."""


@checked_arguments
def run_confirmation(
    spec: Spec,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | bool | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] | None = None,
    learners: Mapping[str, Any] | None = None,
) -> Result:
    """Run an experiment, or what is left of it, write its report and return its verdicts and points.

    Parameters
    ----------
    spec
        Path of a TOML file, TOML text, its tables as a dict, or a name of the catalogue.
    out
        Folder for journal.jsonl, report.html, points.csv, matrix.csv and matrix.json; a killed run of the same spec is
        continued, a network inside its training where the run keeps checkpoints. None = keep nothing.
    force
        Start anew even where another run's journal lies.
    progress
        Called with a line of text. None = a line in terminals and notebooks, with the time left; False = silent.
    jobs
        Processes that share the work; 1 = this one. The table does not depend on how many there are.
    scheduler
        Address of a dask scheduler whose workers do the work instead.
    shard
        (i, of n): do every n-th task only, into a part of the journal of its own, e.g. in a job array; the report is
        written by whoever finds no task missing. A run without it reads all parts and does what is left.
    learners
        Name → your own learner: an estimator with ``fit`` and ``predict``, a function (X, y, X_test, seed) →
        prediction, a kernel (a, d), (b, d) → (a, b), a `fractalman.learners.TorchRegressor`, what makes a
        ``torch.nn.Module`` of (inputs, outputs), a `Learner`, or what `fractalman.learners.own` made of one.
        A run that was killed goes on when they are given again. With ``jobs`` they are pickled to this machine's
        processes, with ``scheduler`` to its workers; nothing is ever unpickled from a file.

    Returns
    -------
    Result
        With ``verdicts``, ``points`` and ``missing``.

    Raises
    ------
    RecipeError
        For a spec or folder that cannot be, or both of ``jobs`` and ``scheduler``.
    CorruptFileError
        Naming every line of the journal, and every table, that is not what was written any more.
    MissingExtraError
        Before anything is computed.
    ResourceError
        When nobody answers at the scheduler.

    Notes
    -----
    docs/theory.md §3 and §4 say what is predicted.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = {"family": "cascade", "n_points": 512, "ambient_dim": 8}
    >>> sweep = {"learners": ["1-nn"], "train_sizes": [32, 64, 128], "seeds": 2, "test_size": 64}
    >>> result = fm.confirm({"recipe": recipe, "sweep": sweep})  # out="run" keeps journal, tables and report
    >>> [(verdict.learner, verdict.agrees) for verdict in result.verdicts]
    [('1-nn', True)]
    """
    if out is not None:
        require_plots()
        refuse_changed_tables(out)
    checked = load_spec(spec_of(spec, "confirm"), learners)
    with line_progress(progress) as say:
        result = run_sweep(checked, out, say, force=force, jobs=jobs, scheduler=scheduler, shard=shard)
        if out is not None and (shard is None or not result.missing):
            if say is not None:
                say("writing the report")
            write_report(result, out)
    return result


def plan_confirmation(spec: Spec, learners: Mapping[str, Any] | None = None) -> Plan:
    """Return the points, memory and time that an experiment will need, without running it.

    Parameters
    ----------
    spec
        As for `run_confirmation`.
    learners
        As for `run_confirmation`; what they take is not known and not counted.
    """
    checked = load_spec(spec_of(spec, "confirm"), learners)
    plan = plan_sweep(checked)
    refuse_unfit(checked, plan)
    return plan
