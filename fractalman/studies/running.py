"""Running a study: what is not in its journal yet, here or by any executor; and its rows, in the order of its units."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fractalman.experiments.executors import OwnExecutor, from_options, gather
from fractalman.experiments.ledger import CHECKPOINTS, Ledger, read_ledger
from fractalman.studies.study import Row, Study, Unit, rows_of

Progress = Callable[[str], None]


def run_study(
    study: Study,
    out: str | Path | None = None,
    progress: Progress | None = None,
    *,
    force: bool = False,
    jobs: int = 1,
    scheduler: str | None = None,
    slurm: str | Path | None = None,
    shard: tuple[int, int] | None = None,
) -> list[Row]:
    """Run what is not yet in the journal and return the rows of all finished units, in the order of the units.

    Args:
        study: what to run.
        out: folder of the journal; one of the same study is continued. None = keep nothing.
        progress: called with a line of text; None = silent.
        force: start anew even where another journal lies.
        jobs, scheduler, slurm: who does the work, as for `fractalman.experiments.executors.from_options`.
        shard: (i, of n), counted from 1: every n-th unit only, into a part of the journal of its own.
    Errors: RecipeError when the folder holds another run; what units raise. Finished units stay in the journal.
    """
    units = study.units()
    mine = units if shard is None else units[shard[0] - 1 :: shard[1]]
    say = progress or _silent
    with contextlib.ExitStack() as closing:
        executor = closing.enter_context(from_options(jobs, scheduler, slurm))
        if out is None:
            return in_order(units, _run(study, mine, {}, executor, None, say, None))
        ledger = closing.enter_context(
            Ledger(rows_of(study.name), Path(out), study.digest, study.to_dict(), force=force, shard=shard)
        )
        todo = [unit for unit in mine if unit not in ledger.finished]
        if len(todo) < len(mine):
            say(f"{len(mine) - len(todo)} of {len(mine)} pieces are in the journal already")
        here = scheduler is None and slurm is None
        kept = Path(out).absolute() / CHECKPOINTS if here else None
        finished = _run(study, todo, dict(ledger.finished), executor, kept, say, ledger.append)
        if kept is not None and kept.is_dir() and not any(kept.iterdir()):
            kept.rmdir()
    if shard is not None:  # what other shards have finished meanwhile
        finished = read_ledger(rows_of(study.name), Path(out))[1]
    return in_order(units, finished)


def in_order(units: Sequence[Unit], finished: dict[Unit, list[Row]]) -> list[Row]:
    """Return the rows of those units that are finished."""
    return [row for unit in units for row in finished.get(unit, ())]


def missing(study: Study, out: str | Path) -> int:
    """Return how many units of a study its journal still lacks."""
    finished = read_ledger(rows_of(study.name), Path(out))[1]
    return sum(unit not in finished for unit in study.units())


def _run(
    study: Study,
    todo: Sequence[Unit],
    finished: dict[Unit, list[Row]],
    executor: OwnExecutor,
    kept: Path | None,
    say: Progress,
    append: Callable[[Unit, list[Row]], None] | None,
) -> dict[Unit, list[Row]]:
    begun, already = time.perf_counter(), len(finished)
    tasks = [(study, unit, None if kept is None else kept / _named(unit).replace(" ", "-")) for unit in todo]
    ended = gather(executor, run_unit, tasks, name=lambda i: _named(todo[i]))
    for done, (index, rows) in enumerate(ended, start=1):
        finished[todo[index]] = rows
        if append is not None:
            append(todo[index], rows)
        left = (time.perf_counter() - begun) / done * (len(todo) - done)
        say(f"piece {already + done} of {already + len(todo)}: {_named(todo[index])}; about {left:.0f} s left")
    return finished


def run_unit(study: Study, unit: Unit, checkpoint: Path | None) -> list[Row]:
    """Run one unit; a module-level function, so that it can be sent to a worker."""
    return study.run(unit, checkpoint)


def _named(unit: Unit) -> str:
    return f"{unit.part} {unit.value:g} replicate {unit.seed}"


def _silent(text: str) -> None:
    """Say nothing."""
