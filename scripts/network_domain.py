#!/usr/bin/env python3
"""Where does the ratio of networks to their tangent kernel hold? Odd recipes, few coordinates, nuisance, noise.

    scripts/network_domain.py -o domain --minutes 12     # clean recipes of `verify_verdicts.py`, draw 7; goes on
    scripts/network_domain.py -o domain --table          # only the table and the constant, from what is there
    cp domain/network_domain.* datasets/statistics/
    scripts/network_domain.py --check                    # exit with 1 if the constant is not what the table says

Every recipe: n = 64 … 512, four structures, a network of two layers of 128 that learns eight label vectors at once
(`--outputs 1`: one, on eight structures), 4000 steps of Adam at 2e-3. Its risk over the one expected of ridge
regression with its tangent kernel on the very points, and that of the kernel without ridge over the same. The constant
`ELSEWHERE` of `prediction.networks` is about the recipes outside the campaign's domain, at sizes at which the training
risk is below a tenth of the test risk: root mean squares of ln(ratio / the campaign's) over the recipes, of the sizes
about each recipe's mean, and of the ratio's exponents. `SEVERAL` is about those inside, of eight label vectors.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import math
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from _odd_recipes import recipes
from verify_verdicts import NETWORK

from fractalman.experiments import load_spec
from fractalman.experiments.replicates import remembered
from fractalman.experiments.sweep import SWEEP
from fractalman.prediction.networks import CAMPAIGN, ELSEWHERE, SEVERAL, NetworkRatio, elsewhere, measured_ratio
from fractalman.recipes import from_dict

DRAW, LIMITED, SMALLEST_RIDGE = 7, 0.1, 1e-6
TABLE = Path(__file__).resolve().parent.parent / "datasets" / "statistics" / "network_domain.csv"
MODULE = Path(__file__).resolve().parent.parent / "fractalman" / "prediction" / "networks.py"
BLOCK = re.compile(r"(# made by scripts/network_domain\.py\n).*?(# end\n)", re.DOTALL)


def measured(name: str, outputs: int) -> list[dict[str, Any]]:
    """Return one row a size of a recipe."""
    table, structures = recipes(DRAW)[name], 4 if outputs > 1 else 8
    sweep = {**NETWORK["sweep"], "seeds": structures, "learners": ["mlp"]}
    spec = load_spec({"recipe": table, "sweep": {**sweep, "network_draws": outputs}, "mlp": NETWORK["mlp"]})
    points = [p for task in SWEEP.tasks(spec) if task.learner == "mlp" for p in SWEEP.run(spec, task, None)]
    ratio = measured_ratio(spec.recipe, outputs).ratio
    smoother: Any = spec.make("mlp").smoother()
    bare = dataclasses.replace(smoother, ridges=(SMALLEST_RIDGE,))
    rows = []
    for n in spec.train_sizes:
        own = sorted((p for p in points if p.n == n), key=lambda p: p.seed)
        kernel = np.array([p.expected_risk / ratio for p in own])
        ratios = np.array([p.risk for p in own]) / kernel
        ridgeless = []
        for p in own:
            r = remembered(spec, p.seed, n)
            train, test = np.arange(n), len(r.X_train) + np.arange(len(r.X_test))
            found = bare.expected(r.covariance, r.X_train[:n], r.X_test, train, test, 0)
            ridgeless.append(float(found.risk.mean()))
        rows.append({
            "recipe": name, "family": spec.recipe.family, "ambient_dim": spec.recipe.ambient_dim,
            "nuisance_dim": spec.recipe.nuisance_dim, "noise": spec.recipe.noise, "outputs": outputs, "n": n,
            "kernel": float(kernel.mean()), "ratio": float(ratios.mean()),
            "error": float(ratios.std(ddof=1)) / math.sqrt(len(own)),
            "train_share": float(np.mean([p.train_risk for p in own]) / np.mean([p.risk for p in own])),
            "ridgeless": float(np.mean(np.array(ridgeless) / kernel)),
        })  # fmt: skip
    return rows


def constants(rows: Sequence[dict[str, Any]]) -> str:
    """Return the lines of code that hold what the rows say, outside the domain and inside."""
    several = found(rows, outside=False)
    told = dataclasses.replace(CAMPAIGN, shared_error=several.shared_error, families=several.families)
    return _line("ELSEWHERE", found(rows, outside=True)) + _line("SEVERAL", told)


def found(rows: Sequence[dict[str, Any]], *, outside: bool) -> NetworkRatio:
    """Return the errors of the campaign's ratio on recipes outside its domain, or inside, of several label vectors."""
    levels, slopes, squares, freedom = [], [], 0.0, 0
    for name in dict.fromkeys(row["recipe"] for row in rows):
        if bool(elsewhere(from_dict(recipes(DRAW)[name]))) is not outside:
            continue
        own = [row for row in rows if row["recipe"] == name and int(row["outputs"]) > 1]
        own = [row for row in own if float(row["train_share"]) < LIMITED]
        if not own:
            continue
        logs = np.log([float(row["ratio"]) / CAMPAIGN.ratio for row in own])
        levels.append(float(logs.mean()))
        squares, freedom = squares + float(np.square(logs - logs.mean()).sum()), freedom + len(own) - 1
        if len(own) > 2:
            slopes.append(float(np.polyfit(np.log([float(row["n"]) for row in own]), logs, 1)[0]))
    count = len(levels)
    shared = math.sqrt(float(np.mean(np.square(levels))) * (1.0 + 1.0 / count))
    slope = math.sqrt(float(np.mean(np.square(slopes))))
    return NetworkRatio(CAMPAIGN.ratio, shared, math.sqrt(squares / freedom), slope, count)


def _line(name: str, ratio: NetworkRatio) -> str:
    values = [f"{key}={getattr(ratio, key):.3f}" for key in ("ratio", "shared_error", "size_error", "slope_error")]
    return f"{name} = NetworkRatio({', '.join(values)}, families={ratio.families})\n"


def report(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table as text."""
    lines = [
        "# Networks over their tangent kernel on odd recipes",
        "",
        f"Made by `scripts/network_domain.py`, recipes of draw {DRAW}: network over what ridge regression with its "
        "tangent kernel is expected to have on the very points, ± one standard error over four structures (eight where "
        "one label vector is learned). In brackets: the training risk is a tenth of the test risk or more.",
        "",
        "Outside the campaign's domain (24 coordinates or more, no nuisance): "
        f"`{_line('ELSEWHERE', found(rows, outside=True)).strip()}`; inside, several label vectors: "
        f"`{_line('SEVERAL', found(rows, outside=False)).strip()}`, of which the first error is used: the others are "
        f"the campaign's ({CAMPAIGN.size_error:.3f}, {CAMPAIGN.slope_error:.3f}).",
        "",
        "| recipe | family | d | nuisance | noise | labels at once | kernel, n = 64 | 64 | 128 | 256 | 512 | kernel "
        "without ridge, n = 64 |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    every = {(row["recipe"], int(row["outputs"])): row for row in reversed(rows)}
    for (name, outputs), first in sorted(every.items(), key=lambda item: (int(item[1]["ambient_dim"]), item[0])):
        cells = []
        for row in rows:
            if (row["recipe"], int(row["outputs"])) == (name, outputs):
                said = f"{float(row['ratio']):.2f} ± {float(row['error']):.2f}"
                cells.append(said if float(row["train_share"]) < LIMITED else f"({said})")
        head = [name, first["family"], first["ambient_dim"], first["nuisance_dim"], first["noise"], outputs]
        ends = f"{float(first['kernel']):.3f} | {' | '.join(cells)} | {float(first['ridgeless']):.2f}"
        lines.append(f"| {' | '.join(map(str, head))} | {ends} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run what is missing, write the table and the constant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no recipe after so long")
    parser.add_argument("--only", default="", help="names of recipes, with commas")
    parser.add_argument("--outputs", type=int, default=8, help="label vectors that a network learns at once")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--check", action="store_true", help="compare the constant with the committed table")
    options = parser.parse_args(arguments)
    if options.check:
        line = constants(list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines())))
        print(f"in use: {ELSEWHERE}, {SEVERAL}\nfrom the table:\n{line}", end="")
        return int(BLOCK.sub(lambda m: m[1] + line + m[2], MODULE.read_text("utf-8")) != MODULE.read_text("utf-8"))
    if options.output is None:
        parser.error("-o FOLDER is needed but for --check")
    options.output.mkdir(parents=True, exist_ok=True)
    journal, end = options.output / "results.jsonl", time.monotonic() + 60.0 * options.minutes
    entries = [json.loads(line) for line in journal.read_text("utf-8").splitlines()] if journal.exists() else []
    names = options.only.split(",") if options.only else [name for name in recipes(DRAW) if name.startswith("clean")]
    for name in [] if options.table else names:
        if [name, options.outputs] in [entry[:2] for entry in entries] or time.monotonic() > end:
            continue
        entries.append([name, options.outputs, measured(name, options.outputs)])
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entries[-1]) + "\n")
        print(name, flush=True)
    rows = [row for entry in entries for row in entry[2]]
    if not rows:
        print("no recipe was finished: give it more --minutes", file=sys.stderr)
        return 2
    (options.output / "network_domain.md").write_text(report(rows), encoding="utf-8")
    with (options.output / "network_domain.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    text = MODULE.read_text(encoding="utf-8")
    MODULE.write_text(BLOCK.sub(lambda m: m[1] + constants(rows) + m[2], text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
