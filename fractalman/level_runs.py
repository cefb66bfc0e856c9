"""Run the study of a grammar's levels and write its report in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fractalman._switches import switches
from fractalman.runs import Progress, Spec, run_study

if TYPE_CHECKING:
    from pathlib import Path

    from fractalman.studies.levels.result import LevelsResult


@switches
def run_levels(
    spec: Spec,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | bool | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] | None = None,
) -> LevelsResult:
    """Measure at which training-set size a network has learned each level of a grammar, and in which order.

    Parameters
    ----------
    spec
        A name of the catalogue's studies, path of a TOML file, TOML text, or its tables as a dict: [recipe], strings of
        a grammar; [levels] with learner ("mlp", "convolution", "transformer"), train_sizes, test_size, seeds,
        controls = ["shuffled-labels"]; and the learner's own table.
    out
        Folder for journal.jsonl, report.html, rows.csv, means.csv and result.json; a killed run of the same spec is
        continued. None = keep nothing.
    force, progress, jobs, scheduler, shard
        As for `fractalman.confirm`; rows do not depend on who does the work.

    Returns
    -------
    LevelsResult
        ``rows``, ``means``, ``claims``: of every level the size at which it is learned and whether after the level
        below it, with 95 % intervals over replicates; ``plot()`` draws the staircase.

    Raises
    ------
    RecipeError
        Naming what is wrong with the spec or the folder.
    MissingExtraError
        Before anything is computed.

    Notes
    -----
    docs/theory.md, "Levels of a grammar".

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = {"family": "random-hierarchy-model", "n_points": 1, "levels": 2, "synonyms": 2}
    >>> study = {"train_sizes": [16, 64], "test_size": 64, "seeds": 2}
    >>> result = fm.levels({"recipe": recipe, "levels": study, "mlp": {"width": 16, "depth": 1, "steps": 50}})
    >>> [row["level"] for row in result.claims], result.missing
    ([1, 0], 0)
    """
    return cast("LevelsResult", run_study("levels", spec, out, force, progress, jobs, scheduler, shard))
