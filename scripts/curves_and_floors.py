#!/usr/bin/env python3
"""Does any predicted curve lie below the floor that it is paired with, and do recipe and datasets agree, everywhere?

    .venv/bin/python scripts/curves_and_floors.py -o curves --minutes 15
    cp curves/curves_and_floors.md datasets/statistics/

Every cell of family × target × dimension × {nuisance, noise, rotated} × learner is one recipe of 160 points (a lattice
has what it has). Its curve and floor, over 8 drawn structures, and those of 4 datasets that it generates, over 3
splits of each, stand at n = 8 and 32. Three questions, each at the level .05 after correction for its looks:

- is the curve below the floor: curve − floor, structure by structure (and split by split), against its own scatter;
  where every risk is an expectation over labels, no structure may have it below at all, beyond rounding (as they are,
  before what is known exactly takes off what they have too much);
- do the recipe's curve and the datasets' mean agree, and their floors: by Welch's t;
- is there a reason where there is no curve.

No learner is trained. Recipes stand in results.jsonl at once, in a random order that a seed fixes, and the same command
goes on. Exit status: 0 nothing falls short, 1 something does.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from recipe_and_dataset import CONDITIONS, FAMILIES

import fractalman as fm
from fractalman import generation
from fractalman._typing import F64
from fractalman.errors import FractalmanError
from fractalman.prediction import LEARNERS, Prediction
from fractalman.recipes import Recipe, from_dict

POINTS, SIZES, DATASETS, SPLITS, DRAWS = 160, (8, 32), 4, 3, 8
DIMENSIONS = (2, 3, 8, 24)
ADDED = ("nuisance", "noise", "rotated")
TARGETS = ("value", "sign", "classes")
PLACES: dict[str, dict[str, Any]] = {
    **{name: dict(table) for name, table in FAMILIES.items()},
    "smooth-manifold": {"kind": "torus", "dim": 1, "hurst": 0.7, "field": "exact"},
    "smooth-waves": {"family": "smooth-manifold", "kind": "torus", "dim": 1, "hurst": 0.7},
    "nested-ensemble": {"family": "percolation-ensemble", "growth": "nested"},
}
"""Families whose labels are values, or classes made of values or of the hierarchy."""
STRINGS: dict[str, dict[str, Any]] = {
    "random-hierarchy-model": {"levels": 2, "vocabulary": 4, "synonyms": 2, "classes": 4},
    "grammar-language": {"levels": 2, "vocabulary": 4, "synonyms": 2},
    "sparse-parities": {"n_tasks": 4, "n_bits": 8, "task_size": 2},
}
"""Families whose labels are classes or tokens, and whose dimension is that of their strings."""
RELATIVE, LEVEL = 1e-9, 0.05
COMMAND = "scripts/curves_and_floors.py"


@dataclass(frozen=True)
class Cell:
    """One recipe, which every learner is looked at on.

    Parameters
    ----------
    family, target, condition : str
        Names in `PLACES` or `STRINGS`, `TARGETS` and `CONDITIONS`; target "own" is that of the family.
    dimension : int
        Coordinates before nuisance; of strings what they have.
    """

    family: str
    target: str
    dimension: int
    condition: str

    def recipe(self) -> Recipe:
        """Return the recipe; FractalmanError where there is none."""
        table = {"family": self.family, **PLACES.get(self.family, {}), **STRINGS.get(self.family, {})}
        table |= CONDITIONS[self.condition]
        table["seed"] = zlib.crc32(repr(self).encode())  # every recipe has structures of its own
        if self.target != "own":
            table["target"] = self.target
        if self.target == "classes":
            table["subclusters"] = 3
        if table["family"] == "lattice-percolation":
            return from_dict({**table, "side": 16, "ambient_dim": self.dimension})
        table["n_points"] = POINTS
        if table["family"] == "subtasks":  # eight columns more say which subtask it is
            within = {"family": "cascade", "branching": 4, "ambient_dim": self.dimension}
            return from_dict({**table, "within": within, "identity_dim": 8})
        if self.family in STRINGS:
            return from_dict(table)
        return from_dict({**table, "ambient_dim": self.dimension})


def everything() -> list[Cell]:
    """Return the whole grid, in a random order that is always the same."""
    cells = [Cell(f, t, d, c) for f in PLACES for t in TARGETS for d in DIMENSIONS for c in ADDED]
    cells += [Cell(f, "own", 0, c) for f in STRINGS for c in ADDED]
    return [cells[i] for i in np.random.default_rng(12).permutation(len(cells))]


def looked_at(cell: Cell) -> dict[str, Any]:
    """Return what is found of every learner: why it has no curve, or its rows, one a size."""
    try:
        recipe = cell.recipe()
    except FractalmanError as error:
        return dict.fromkeys(LEARNERS, str(error))
    own = recipe.seeds.geometry
    data = [fm.generate(recipe.replace(seed=own + 1 + seed)) for seed in range(DATASETS)]
    known: dict[tuple[int, int], F64] = {}  # labels of one dataset are drawn once for all learners
    draw = generation.label_draws

    def remembered(source: Any, draws: int) -> F64:
        if not any(source is one for one in data):
            return draw(source, draws)
        if (id(source), draws) not in known:
            known[id(source), draws] = draw(source, draws)
        return known[id(source), draws]

    with patch.object(generation, "label_draws", remembered):
        return {learner: _learner(recipe, learner, data) for learner in LEARNERS}


def _learner(recipe: Recipe, learner: str, data: Sequence[Any]) -> str | list[dict[str, Any]]:
    prediction = fm.predict(recipe, learner, draws=DRAWS)
    if not prediction.has_curve:
        try:
            prediction.curve(SIZES)
        except FractalmanError as error:
            return str(error)
        return ""
    own = _columns(prediction)
    datasets = [_columns(fm.predict(one, learner, draws=SPLITS)) for one in data]
    return list(_rows(prediction, own, datasets))


def _columns(prediction: Prediction) -> dict[str, F64 | None]:
    """Risks draw by draw, (draws or 1, sizes), of the curve and, where there is one, of the floor."""
    averages = prediction._averages
    found: dict[str, F64 | None] = {"curve": averages.columns("curve", SIZES), "floor": None, "least": None}
    if prediction.has_floor:
        found["floor"] = averages.columns("floor", SIZES)
        rows = [averages._rows[which].get(SIZES, averages.count) for which in ("curve", "floor")]
        if not any(method is None or method.exact for method in averages.methods.values()):
            found["least"] = (rows[0] - rows[1]) / rows[1].mean(axis=0)
    return found


def _rows(
    prediction: Prediction, own: dict[str, F64 | None], datasets: Sequence[dict[str, F64 | None]]
) -> Iterator[dict[str, Any]]:
    stated = {which: getattr(prediction, which)(SIZES) for which in ("curve", "floor") if own[which] is not None}
    for i, n in enumerate(SIZES):
        row: dict[str, Any] = {"n": n}
        for which, curve in stated.items():
            means = np.array([found[which][:, i].mean() for found in datasets])  # type: ignore[index]
            errors = float(curve.standard_error[i]), float(means.std(ddof=1)) / np.sqrt(DATASETS)
            row[which], row[f"{which}s"] = float(curve.risk[i]), float(means.mean())
            row[f"{which}_p"] = _welch(row[f"{which}s"] - row[which], errors, (max(curve.draws, 1) - 1, DATASETS - 1))
            row[f"{which}_error"] = float(np.hypot(*errors)) / max(row[which], 1e-300)
        if "floor" in row:
            row["above"] = _above(own, i)
            row["aboves"] = _above({w: np.concatenate([f[w] for f in datasets]) for w in own if own[w] is not None}, i)
        yield row


def _welch(difference: float, errors: tuple[float, float], freedoms: tuple[int, int]) -> float:
    """Two-sided p-value; an error without degrees of freedom is known exactly."""
    from scipy.special import stdtr

    variances = np.square(errors)
    total = float(variances.sum())
    if total <= 0.0:
        return 1.0 if abs(difference) < RELATIVE else 0.0
    parts = sum(v * v / f for v, f in zip(variances, freedoms, strict=True) if f > 0)
    freedom = total * total / parts if parts > 0.0 else 1e9
    return float(2.0 * stdtr(freedom, -abs(difference) / np.sqrt(total)))


def _above(columns: dict[str, F64 | None], i: int) -> dict[str, float]:
    """How far the curve is above the floor at one size: the mean share, its p-value of being below, the least share."""
    from scipy.special import stdtr

    curve, floor = (np.asarray(columns[which])[:, i] for which in ("curve", "floor"))
    excess = (curve - floor) if len(curve) == len(floor) else np.array([curve.mean() - floor.mean()])
    scale = float(np.mean(floor)) or 1.0
    error = float(excess.std(ddof=1)) / np.sqrt(excess.size) if excess.size > 1 else 0.0
    mean = float(excess.mean())
    least = 0.0 if columns.get("least") is None else float(np.asarray(columns["least"])[:, i].min())
    if error <= RELATIVE * scale:
        p = 1.0 if mean > -RELATIVE * scale else 0.0
    else:
        p = float(stdtr(excess.size - 1, mean / error))
    return {"mean": mean / scale, "p": p, "least": least, "error": error / scale}


# ---------------------------------------------------------------------------------------------------- report


Found = dict[Cell, dict[str, Any]]


def _looks(found: Found) -> list[tuple[Cell, str, dict[str, Any]]]:
    return [
        (cell, learner, row)
        for cell, entry in found.items()
        for learner, rows in entry.items()
        if not isinstance(rows, str)
        for row in rows
    ]


def _of_floors(looks: Sequence[tuple[Cell, str, dict[str, Any]]]) -> list[tuple[Cell, str, dict[str, Any]]]:
    """Return one look a recipe and size: the floor is that of every learner whose curve has the same draws."""
    return list({(cell, row["n"], row["floor"]): (cell, name, row) for cell, name, row in looks}.values())


def faults(found: Found) -> dict[str, list[str]]:
    """Return what falls short, by question."""
    looks = _looks(found)
    floors = [look for look in looks if "floor" in look[2]]
    exact = [look for look in floors if look[0].target == "value"]
    wrong: dict[str, list[str]] = {}
    for side, whose in (("above", "recipes"), ("aboves", "datasets")):
        wrong[f"curve below the floor, {whose}, after correction for {len(floors)} looks"] = [
            _words(look, f"curve − floor {look[2][side]['mean']:+.2%} of the floor, p = {look[2][side]['p']:.1e}")
            for look in floors
            if look[2][side]["p"] * len(floors) < LEVEL
        ]
        wrong[f"curve below the floor on one structure, values, {whose}, {len(exact)} looks"] = [
            _words(look, f"least {look[2][side]['least']:+.1e} of the floor")
            for look in exact
            if look[2][side]["least"] < -1e-6
        ]
    for which, own in (("curve", looks), ("floor", _of_floors(floors))):
        wrong[f"{which}s of recipe and datasets differ, after correction for {len(own)} looks"] = [
            _words(
                look,
                f"recipe {look[2][which]:.4g}, datasets {look[2][which + 's']:.4g}, p = {look[2][which + '_p']:.1e}",
            )
            for look in own
            if look[2][f"{which}_p"] * len(own) < LEVEL
        ]
    wrong["not a number"] = [_words(look, "curve or floor") for look in looks if _lost(look[2])]
    wrong["no curve, without a reason"] = [
        f"{_name(cell)}, {learner}" for cell, entry in found.items() for learner, rows in entry.items() if rows == ""
    ]
    return wrong


def _lost(row: dict[str, Any]) -> bool:
    return not all(np.isfinite(row[key]) for key in ("curve", "curves", "floor", "floors") if key in row)


def _name(cell: Cell) -> str:
    return f"{cell.family}, {cell.target}, d = {cell.dimension}, {cell.condition}"


def _words(look: tuple[Cell, str, dict[str, Any]], what: str) -> str:
    return f"{_name(look[0])}, {look[1]}, n = {look[2]['n']}: {what}"


def report(found: Found, total: int) -> str:
    """Return curves_and_floors.md, what falls short first."""
    looks = _looks(found)
    reduced = "all" if len(found) == total else f"reduced: {len(found)} of"
    cells = sum(len(entry) for entry in found.values())
    lines = ["# Predicted curves and the floors that they are paired with", ""]
    lines += [f"{datetime.date.today().isoformat()}, {reduced} {total} recipes, {cells} cells: `{COMMAND}`", ""]
    lines += ["## What falls short", ""]
    for question, words in faults(found).items():
        lines += [f"- {question}: {len(words)}", *(f"  - {word}" for word in words[:20])]
    for which in ("curve", "floor"):
        known = [look for look in looks if f"{which}_p" in look[2]]
        own = [row for _, _, row in (_of_floors(known) if which == "floor" else known)]
        p, errors = np.array([row[f"{which}_p"] for row in own]), [row[f"{which}_error"] for row in own]
        due = [f"p < {level:g}: {int((p < level).sum())}, due {level * p.size:.1f}" for level in (0.05, 0.01, 0.001)]
        lines.append(
            f"- {which}s of recipe and datasets, {p.size} looks: {'; '.join(due)}; joint standard error over risk: "
            f"median {np.median(errors):.1%}, largest {max(errors):.1%}"
        )
    lines += [
        "",
        "## By value",
        "",
        "| | looks | least curve over floor | least p of being above | least p of agreement |",
    ]
    lines += ["|---|---|---|---|---|"]
    for key in ("family", "target", "learner", "dimension", "condition"):
        for value in sorted(
            {learner if key == "learner" else getattr(cell, key) for cell, learner, _ in looks}, key=str
        ):
            own = [row for cell, name, row in looks if (name if key == "learner" else getattr(cell, key)) == value]
            sides = [row[side] for row in own if "floor" in row for side in ("above", "aboves")]
            entries = [
                f"{key} {value}", str(len(own)), f"{min(1.0 + side['mean'] for side in sides):.3f}" if sides else "",
                f"{min(side['p'] for side in sides):.1e}" if sides else "", f"{min(row['curve_p'] for row in own):.1e}",
            ]  # fmt: skip
            lines.append(f"| {' | '.join(entries)} |")
    reasons = Counter(
        rows.replace(repr(learner), "LEARNER").replace(repr(cell.family), "FAMILY")
        for cell, entry in found.items()
        for learner, rows in entry.items()
        if isinstance(rows, str)
    )
    lines += ["", "## Why there is no curve", ""]
    lines += [f"- {count} cells: {reason}" for reason, count in reasons.most_common()]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Look at the recipes that are missing and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="processor time after which no recipe begins"
    )
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    journal = options.output / "results.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    found = {Cell(**entry["cell"]): entry["found"] for entry in map(json.loads, lines)}
    wanted = everything()
    for cell in wanted:
        if cell in found or time.process_time() > 60.0 * options.minutes:
            continue
        found[cell] = looked_at(cell)
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"cell": dataclasses.asdict(cell), "found": found[cell]}) + "\n")
    done = {cell: found[cell] for cell in wanted if cell in found}
    if not _looks(done):
        print("no recipe with a curve was finished: give it more --minutes", file=sys.stderr)
        return 2
    (options.output / "curves_and_floors.md").write_text(report(done, len(wanted)), encoding="utf-8")
    return int(any(faults(done).values()))


if __name__ == "__main__":
    sys.exit(main())
