"""Studies of networks in one call each: what is to do, its result, and the report on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fractalman.report import require_plots
from fractalman.report.locality import write_locality
from fractalman.report.probe import write_probe
from fractalman.studies.locality import LocalityStudy
from fractalman.studies.probe import ProbeStudy
from fractalman.studies.results import LocalityResult, ProbeResult, unfinished
from fractalman.studies.running import run_study

Progress = Callable[[str], None]
Spec = str | Path | Mapping[str, Any]


def run_locality(
    spec: Spec,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    slurm: str | Path | None = None,
    shard: tuple[int, int] | None = None,
) -> LocalityResult:
    """Measure how far one gradient step is felt, layer by layer, before, during and after training.

    Args:
        spec: path of a TOML file, TOML text, or its tables as a dict: [recipe] or [data], [locality], [mlp].
        out: folder for journal.jsonl, report.html, rows.csv, means.csv and result.json; a killed run of the same spec
            is continued. None = keep nothing.
        force: start anew even where another run's journal lies.
        progress: called with a line of text; None = silent.
        jobs, scheduler, slurm, shard: who does the work, and which part of it, as for `fractalman.confirm`.
    Returns: .rows, .means (with errors over data and initialization), .claims.
    Errors: RecipeError for a spec or folder that cannot be; MissingExtraError before anything is computed.
    Source: docs/theory.md, "Locality of learning".
    """
    if out is not None:
        require_plots()
    study = LocalityStudy.read(spec)
    rows = run_study(study, out, progress, force=force, jobs=jobs, scheduler=scheduler, slurm=slurm, shard=shard)
    result = LocalityResult(study, rows, unfinished(study.units(), rows))
    if out is not None and not result.missing:
        write_locality(result, out)
    return result


def run_probe(
    spec: Spec,
    out: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    slurm: str | Path | None = None,
    shard: tuple[int, int] | None = None,
) -> ProbeResult:
    """Measure which latents of the hierarchy can be read off the layers of networks, as n and width grow.

    Args:
        spec: path of a TOML file, TOML text, or its tables as a dict: [recipe] or [data], [probe], [mlp].
        out: folder for journal.jsonl, report.html, rows.csv, means.csv, latents.csv and result.json; a killed run of
            the same spec is continued. None = keep nothing.
        force: start anew even where another run's journal lies.
        progress: called with a line of text; None = silent.
        jobs, scheduler, slurm, shard: who does the work, and which part of it, as for `fractalman.confirm`.
    Returns: .rows, .means (with errors over data and initialization), .latents, .claims.
    Errors: RecipeError for a spec or folder that cannot be; MissingExtraError before anything is computed.
    Source: docs/theory.md, "Locality of learning".
    """
    if out is not None:
        require_plots()
    study = ProbeStudy.read(spec)
    rows = run_study(study, out, progress, force=force, jobs=jobs, scheduler=scheduler, slurm=slurm, shard=shard)
    result = ProbeResult(study, rows, unfinished(study.units(), rows))
    if out is not None and not result.missing:
        write_probe(result, out)
    return result
