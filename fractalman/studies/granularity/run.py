"""The tasks of a granularity study: which module does which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from fractalman.learners import Cost
from fractalman.studies.base import Row, Study, Task
from fractalman.studies.granularity.costs import costs
from fractalman.studies.granularity.curves import curve_rows
from fractalman.studies.granularity.fits import fit_rows, fragment_rows, trained_rows
from fractalman.studies.granularity.linear_risk import linear_rows
from fractalman.studies.granularity.result import GranularityResult
from fractalman.studies.granularity.spec import Granularity, read_granularity


class GranularityStudy(Study[Granularity, GranularityResult]):
    """Shares of the label at every scale, and who gets which."""

    name: ClassVar[str] = "granularity"

    def read(self, source: str | Path | Mapping[str, Any]) -> Granularity:
        """Return the checked specification."""
        return read_granularity(source)

    def run(self, spec: Granularity, task: Task, checkpoint: Path | None = None) -> list[Row]:
        """Return the rows of one task."""
        if task.part == "linear":
            return linear_rows(spec.source, spec.values, int(task.value), task.seed)
        if task.part == "curves":
            return curve_rows(spec, int(task.value), task.seed)
        if task.part == "fits":
            return fit_rows(spec, task.seed)
        if task.part == "fragments":
            return fragment_rows(spec, int(task.value), task.seed)
        return trained_rows(spec, task.part, task.seed, checkpoint)

    def costs(self, spec: Granularity, task: Task) -> list[Cost]:
        """Return what a task needs."""
        return costs(spec, task)

    def result(self, spec: Granularity, rows: list[Row], missing: int) -> GranularityResult:
        """Return shares, risks and curves."""
        return GranularityResult(spec, rows, missing)


STUDY = GranularityStudy()
