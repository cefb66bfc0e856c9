"""Everything that reads a file, each as a function of its path that returns a digest of what it read."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from outcome import digest

import fractalman as fm
from fractalman.experiments import load_result, run_experiment
from fractalman.report.files import refuse_changed_tables
from fractalman.studies import study


def _parts(data: Any) -> list[Any]:
    found = [data.X, data.y, data.cluster, data.edges, data.noise, data.value, data.tokens]
    for tree in (data.hierarchy, data.label_tree):
        found += [] if tree is None else [getattr(tree, field.name) for field in dataclasses.fields(tree)]
    return [np.asarray(part) if part is not None else b"" for part in found]


def whole(path: str) -> str:
    """Everything into memory."""
    with fm.open(path) as file:
        return digest(*_parts(file.dataset()))


def rows(path: str) -> str:
    """Some rows of every column, in three ways."""
    with fm.open(path) as file:
        parts = [
            part for column in file.columns.values() if len(column) for part in (column[-1], column[1::3], column[[0]])
        ]
        return digest(*map(np.asarray, parts))


def batches(path: str) -> str:
    """One epoch."""
    with fm.open(path) as file:
        return digest(*(part for batch in fm.batches(file, 32, seed=1) for part in batch))


def subset(path: str) -> str:
    """Half of the points."""
    with fm.open(path) as file:
        return digest(*_parts(file.subset(np.arange(0, file.n_points, 2))))


def verify(path: str) -> str:
    """Every problem is an error."""
    problems = fm.verify(path)
    if problems:
        raise fm.errors.CorruptFileError(str(problems[0])[:300])
    return "intact"


def points(path: str) -> str:
    """As anybody's points."""
    found = fm.measure.read_user_points(path)
    return digest(np.asarray(found.X), b"" if found.y is None else found.y, found.notes)


def imported(path: str) -> str:
    """The reference's layout."""
    found = fm.import_percolation(path)
    return digest(found.X, found.y, found.cluster, found.hierarchy.parent, found.hierarchy.value)


def losses(path: str) -> str:
    """A table of losses."""
    return digest(fm.measure.read_cells(path).rows)


def export(layout: str, path: str) -> str:
    """Written in a layout; the digest is of its files."""
    ending = {"anndata": ".h5ad", "percolation": ".npz", "parquet": ".parquet", "zarr": ".zarr", "huggingface": ""}[
        layout
    ]
    out = Path(path).with_name(f"exported-{layout}{ending}")
    fm.export(path, out, layout=layout, overwrite=True)
    files = sorted(out.rglob("*")) if out.is_dir() else [out]
    return digest(*(file.read_bytes() for file in files if file.is_file()))


def extend(path: str) -> str:
    """A copy with twice the points."""
    copy = Path(f"{path}-longer.h5")
    copy.write_bytes(Path(path).read_bytes())
    with fm.open(copy) as file:
        n = 2 * file.n_points
    return digest(fm.extend(copy, n).read_bytes())


def explore(path: str) -> str:
    """The page."""
    return digest(fm.explore(path, f"{path}-page.html", overwrite=True).read_bytes())


def measured(path: str) -> str:
    """What `fractalman measure` prints of one of our files."""
    return json.dumps(fm.measure.measure_file(path, n_sources=16))


def rerun(name: str, folder: str) -> str:
    """The rows of a finished run, as its report is made of them; a run of which rows are gone is finished again."""
    refuse_changed_tables(folder)
    tables = json.loads(Path(f"{folder}.json").read_text())
    if name == "confirm":
        found = load_result(Path(folder))
        if found.missing:
            raise fm.errors.RecipeError(f"{found.missing} points are gone")
        return digest(*(repr(point) for point in found.points))
    kind = study(name)
    rows = run_experiment(kind, kind.read(tables), folder).rows
    return digest(*(sorted(item for item in row.items() if "second" not in item[0]) for row in rows))


def read_for_ever(path: str) -> str:
    """A pipe that nobody writes to: the control for what hangs."""
    return Path(path).read_text()


def die() -> None:
    """The control for what crashes."""
    os.abort()
