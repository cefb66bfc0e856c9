#!/usr/bin/env python3
"""Does the prediction of a recipe agree with the predictions of the datasets that it generates?

    .venv/bin/python scripts/recipe_and_dataset.py -o agreement --minutes 20
    cp agreement/recipe_and_dataset.md datasets/statistics/

Every cell of family × learner × dimension × {plain, nuisance, noise, rotated} is one recipe of 400 points. Its curve,
averaged over drawn structures, is held against the mean over 8 generated datasets of the curve in each one's own X.
Expected risks on both sides: no label is drawn and nothing is trained. The difference is counted in joint standard
errors, the recipe's as it states it and that of the datasets' mean from their scatter (9 to 60 degrees of freedom by
Welch and Satterthwaite); a p-value below .05, divided by the cells and sizes looked at, is a disagreement.

Cells come in a random order that a seed fixes, so those finished when time ended are a fair sample; they stand in
results.jsonl at once, and the same command goes on. Exit status: 0 no cell disagrees, 1 one does.

    .venv/bin/python scripts/recipe_and_dataset.py -o fresh --fresh 31           # other recipes, drawn by a seed
    .venv/bin/python scripts/recipe_and_dataset.py -o fresh --fresh 31 --only latt2,bethe-sb --draws 48 --datasets 32

With `--fresh SEED` recipes, dimensions, conditions and learners are others than those of the grid, classes among them:
three learners a recipe. `--draws` and `--datasets` narrow both sides, to tell bias from chance.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import fractalman as fm
from fractalman.recipes import Recipe, from_dict

POINTS, SIZES, DATASETS, SPLITS, DRAWS = 400, (32, 128), 8, 3, 12
DIMENSIONS = (2, 3, 8, 24, 128)
LEARNERS = ("1-nn", "k-nn", "laplace-kernel", "ridge", "random-features", "ntk-kernel", "mlp")
CONDITIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "nuisance": {"nuisance_dim": 3, "nuisance_scale": 0.5},
    "noise": {"noise": 0.4},
    "rotated": {"rotate": True},
}
FAMILIES: dict[str, dict[str, Any]] = {
    "cascade": {"branching": 4, "contraction": 0.45, "hurst": 0.55},
    "unequal-cascade": {"family": "cascade", "masses": [0.25, 0.75], "contraction": [0.4, 0.6], "hurst": 0.8},
    "percolation-cluster": {"label_exponent": 0.1},
    "percolation-ensemble": {"ensemble": "size-biased", "label": "brownian"},
    "bethe-lattice": {"ensemble": "size-biased"},
    "lattice-percolation": {"dim": 2, "side": 24, "clusters": "all"},
    "smooth-manifold": {"kind": "torus", "dim": 1, "hurst": 0.7},
    "subtasks": {"n_subtasks": 4},
}
FRESH: dict[str, dict[str, Any]] = {
    "random-cascade": {"family": "cascade", "branching": [2, 6], "contraction": 0.55, "hurst": 0.35},
    "three-ratios": {"family": "cascade", "masses": [0.5, 0.3, 0.2], "contraction": [0.6, 0.4, 0.3], "hurst": 1.0},
    "brownian-cluster": {"family": "percolation-cluster", "label": "brownian"},
    "rough-cluster": {"family": "percolation-cluster", "label_exponent": -0.12},
    "number-ensemble": {"family": "percolation-ensemble", "ensemble": "number", "label_exponent": 0.1},
    "size-ensemble": {"family": "percolation-ensemble", "ensemble": "size-biased"},
    "bethe": {"family": "bethe-lattice", "coordination": 3, "bond_probability": 0.47},
    "bethe-sb": {"family": "bethe-lattice", "ensemble": "size-biased", "coordination": 4},
    "latt2": {"family": "lattice-percolation", "dim": 2, "side": 32, "clusters": "all"},
    "latt3": {"family": "lattice-percolation", "dim": 3, "side": 9, "clusters": "all", "percolation": "bond",
              "label": "brownian"},
    "sphere": {"family": "smooth-manifold", "kind": "sphere", "dim": 2, "hurst": 0.4},
    "cube": {"family": "smooth-manifold", "kind": "cube", "dim": 1, "hurst": 1.2, "field": "exact"},
    "three-clusters": {"family": "subtasks", "n_subtasks": 3},
    "cascade-signs": {"family": "cascade", "branching": 3, "contraction": 0.4, "hurst": 0.7, "target": "sign"},
    "cluster-threshold": {"family": "percolation-cluster", "target": "threshold", "threshold": 0.5},
    "sphere-signs": {"family": "smooth-manifold", "kind": "sphere", "dim": 2, "hurst": 0.6, "field": "exact",
                     "target": "sign"},
    "cube-waves-signs": {"family": "smooth-manifold", "kind": "cube", "dim": 2, "hurst": 0.5, "target": "sign"},
}  # fmt: skip
FRESH_CONDITIONS: dict[str, dict[str, Any]] = {
    "little nuisance": {"nuisance_dim": 2, "nuisance_scale": 0.3},
    "little noise": {"noise": 0.3},
    "turned": {"rotate": True},
    "everything": {"nuisance_dim": 1, "nuisance_scale": 0.8, "noise": 0.25, "rotate": True},
}
FRESH_LEARNERS = (*LEARNERS, "7-nn", "matern-kernel", "gaussian-kernel")


@dataclass(frozen=True)
class Cell:
    """One recipe and one learner.

    Parameters
    ----------
    family, learner, condition : str
        Names in `FAMILIES`, `LEARNERS` and `CONDITIONS`, or in the `FRESH` ones.
    dimension : int
        Coordinates before nuisance.
    seed : int
        Of the recipe.
    """

    family: str
    learner: str
    dimension: int
    condition: str
    seed: int = 0

    def recipe(self, points: int = POINTS) -> Recipe:
        """Return the recipe; a lattice has as many points as it has."""
        own, conditions = {**FAMILIES, **FRESH}[self.family], {**CONDITIONS, **FRESH_CONDITIONS}
        table = {"family": self.family, **own, **conditions[self.condition]} | (
            {"seed": self.seed} if self.seed else {}
        )
        if table["family"] != "lattice-percolation":
            table["n_points"] = points
        if table["family"] == "subtasks":  # eight columns more say which subtask it is
            own = {"family": "percolation-cluster"} if self.family in FRESH else {"family": "cascade", "branching": 4}
            return from_dict({**table, "within": {**own, "ambient_dim": self.dimension}, "identity_dim": 8})
        return from_dict({**table, "ambient_dim": self.dimension})


def everything() -> list[Cell]:
    """Return the whole grid, in a random order that is always the same."""
    cells = [Cell(f, a, d, c) for f in FAMILIES for a in LEARNERS for d in DIMENSIONS for c in CONDITIONS]
    return [cells[i] for i in np.random.default_rng(12).permutation(len(cells))]


def fresh(seed: int) -> list[Cell]:
    """Return three learners for each of the fresh recipes, in dimensions and conditions that a seed draws."""
    rng = np.random.default_rng(seed)
    cells = []
    for family in FRESH:
        least = 3 if family.startswith(("sphere", "latt3")) else 2
        for learner in rng.choice(FRESH_LEARNERS, 3, replace=False).tolist():
            dimension = max(least, int(rng.choice(DIMENSIONS)))
            condition = str(rng.choice(list(FRESH_CONDITIONS)))
            cells.append(Cell(family, learner, dimension, condition, int(rng.integers(1, 2**31))))
    return [cells[i] for i in rng.permutation(len(cells))]


def covering() -> list[Cell]:
    """Return one cell for each family × learner, in which every other pair of values stands somewhere, too."""
    names = tuple(CONDITIONS)
    return [
        Cell(family, learner, DIMENSIONS[(i + 2 * j) % 5], names[(i + j) % 4])
        for i, family in enumerate(FAMILIES)
        for j, learner in enumerate(LEARNERS)
    ]


def compare(
    recipe: Recipe,
    generated: Recipe,
    learner: str,
    sizes: Sequence[int] = SIZES,
    datasets: int = DATASETS,
    draws: int = DRAWS,
) -> Iterator[dict[str, float]]:
    """Yield a row for every size: both risks, their difference in joint standard errors and its p-value.

    Parameters
    ----------
    recipe : Recipe
        Whose prediction is judged.
    generated : Recipe
        What the datasets are made of: the same, or another one that must be told from it.
    learner : str
        Its name.
    sizes : sequence of int
        Training-set sizes.
    datasets : int
        How many are generated.
    draws : int
        Structures that the recipe's curve averages over.
    """
    from scipy.special import stdtr

    curve = fm.predict(recipe, learner, draws=draws).curve(sizes)
    rows = []
    for seed in range(datasets):
        data = fm.generate(generated.replace(seed=31_000 + seed))
        rows.append(fm.predict(data, learner, draws=SPLITS).curve(sizes).risk)
    found = np.array(rows)
    variances = np.array([np.square(curve.standard_error), found.var(axis=0, ddof=1) / datasets])
    drawn = curve.draws - 1 if curve.draws > 1 else np.inf
    freedom = np.square(variances.sum(axis=0)) / (np.square(variances) / [[drawn], [datasets - 1]]).sum(axis=0)
    sigma = (found.mean(axis=0) - curve.risk) / np.sqrt(variances.sum(axis=0))
    p_value = 2.0 * stdtr(freedom, -np.abs(sigma))
    for i, n in enumerate(sizes):
        yield {
            "n": n, "recipe": float(curve.risk[i]), "datasets": float(found[:, i].mean()), "sigma": float(sigma[i]),
            "p_value": float(p_value[i]), "error": float(np.sqrt(variances[:, i].sum()) / curve.risk[i]),
        }  # fmt: skip


# ---------------------------------------------------------------------------------------------------- report


_NAMES = ("family", "learner", "dimension", "condition", "seed")


def disagree(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that are too improbable for as many looks."""
    return [row for row in rows if row["p_value"] * len(rows) < 0.05]


def report(rows: Sequence[dict[str, Any]], done: int, total: int, command: str) -> str:
    """Return recipe_and_dataset.md, what falls short first."""
    reduced = f"all {total} cells" if done == total else f"reduced: {done} of {total} cells, drawn at random beforehand"
    lines = ["# Predictions of recipes and of the datasets that they generate", ""]
    lines += [f"{datetime.date.today().isoformat()}, {reduced}: `{command}`", ""]
    wrong = disagree(rows)
    without = done - len({tuple(row[key] for key in _NAMES) for row in rows})
    lines += [f"Of {without} cells no curve is known."] * (without > 0) + [""] * (without > 0)
    lines += ["## What falls short", "", f"- disagreements after correction for {len(rows)} looks: {len(wrong)}"]
    lines += [f"  - {_words(row)}" for row in sorted(wrong, key=lambda row: row["p_value"])]
    p = np.array([row["p_value"] for row in rows])
    for level in (0.05, 0.01, 0.001):
        lines.append(f"- p < {level:g}: {int((p < level).sum())} of {len(p)}, due are {level * len(p):.1f}")
    errors = [row["error"] for row in rows]
    lines.append(
        f"- joint standard error over risk: median {np.median(errors):.1%}, largest {max(errors):.1%}; a smaller "
        "difference is not seen"
    )
    lines += [
        "",
        "## By value",
        "",
        "| | looks | mean of σ | root mean square of σ | least p |",
        "|---|---|---|---|---|",
    ]
    for key in ("family", "learner", "dimension", "condition", "n"):
        for value in dict.fromkeys(sorted((row[key] for row in rows), key=str)):
            own = [row for row in rows if row[key] == value]
            sigma = np.array([row["sigma"] for row in own])
            least = min(row["p_value"] for row in own)
            lines.append(
                f"| {key} {value} | {len(own)} | {sigma.mean():+.2f} | {np.sqrt(np.square(sigma).mean()):.2f} "
                f"| {least:.1e} |"
            )
    lines += ["", "## Least probable", ""]
    lines += [f"- {_words(row)}" for row in sorted(rows, key=lambda row: row["p_value"])[:10]]
    return "\n".join(lines) + "\n"


def _words(row: dict[str, Any]) -> str:
    return (
        f"{row['family']}, {row['learner']}, d = {row['dimension']}, {row['condition']}, n = {row['n']}: datasets "
        f"{row['datasets']:.4g}, recipe {row['recipe']:.4g}, {row['sigma']:+.1f} joint standard errors, "
        f"p = {row['p_value']:.1e}"
    )


def _without_output(arguments: list[str] | None) -> list[str]:
    """Return what was typed but the folder and the time, which do not decide what comes out."""
    given, kept = iter(sys.argv[1:] if arguments is None else arguments), []
    for word in given:
        if word in ("-o", "--output", "--minutes"):
            next(given, None)
        else:
            kept.append(word)
    return kept


def main(arguments: list[str] | None = None) -> int:
    """Compare what is missing and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--covering", action="store_true", help="only the cells of the test suite")
    parser.add_argument("--fresh", type=int, metavar="SEED", help="other recipes, drawn by a seed")
    parser.add_argument("--only", default="", metavar="NAMES", help="only these families, with commas")
    parser.add_argument("--draws", type=int, default=DRAWS, help="structures of a recipe's curve")
    parser.add_argument("--datasets", type=int, default=DATASETS, help="datasets of a cell")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no cell after so long")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    journal, end = options.output / "results.jsonl", time.monotonic() + 60.0 * options.minutes
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    finished = {Cell(**entry["cell"]): entry["rows"] for entry in map(json.loads, lines)}
    wanted = covering() if options.covering else everything() if options.fresh is None else fresh(options.fresh)
    wanted = [cell for cell in wanted if not options.only or cell.family in options.only.split(",")]
    for cell in wanted:
        if cell in finished or time.monotonic() > end:
            continue
        recipe, table = cell.recipe(), dataclasses.asdict(cell)
        found: Iterator[dict[str, float]] = iter(())
        if fm.predict(recipe, cell.learner).has_curve:  # of classes there is none of networks, of waves no exact one
            found = compare(recipe, recipe, cell.learner, datasets=options.datasets, draws=options.draws)
        finished[cell] = [{**table, **row} for row in found]
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"cell": table, "rows": finished[cell]}) + "\n")
        print(*table.values(), *[f"{row['sigma']:+.1f}" for row in finished[cell]], flush=True)
    done = [cell for cell in wanted if cell in finished]
    rows = [row for cell in done for row in finished[cell]]
    if not rows:
        print("no cell was finished: give it more --minutes", file=sys.stderr)
        return 2
    command = " ".join(["scripts/recipe_and_dataset.py", *_without_output(arguments)])
    text = report(rows, len(done), len(wanted), command)
    (options.output / "recipe_and_dataset.md").write_text(text, encoding="utf-8")
    return int(bool(disagree(rows)))


if __name__ == "__main__":
    sys.exit(main())
