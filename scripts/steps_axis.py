#!/usr/bin/env python3
"""Networks stopped after t steps, beside gradient flow with their tangent kernel on the very same points.

    .venv/bin/python scripts/steps_axis.py -o steps      # train what is missing, write steps_axis.csv and steps_axis.md
    cp steps/steps_axis.* datasets/statistics/
    .venv/bin/python scripts/steps_axis.py --expected    # theory anew beside the committed risks of gradient descent
    .venv/bin/python scripts/steps_axis.py --constant    # of `prediction.stopped`, from the committed table
    .venv/bin/python scripts/steps_axis.py --check       # exit with 1 if it is not what the table says

Three recipes, a cascade, the critical cluster and a rough field on the sphere; 4 structures of each, 4 label vectors
as 4 outputs of one network of width 256 and depth 2, trained on n = 128 and 512 points by gradient descent with
momentum .9 ("sgd") and by Adam, each number of steps with a schedule of its own, as the harness has it. Beside every
risk stands what `theory.TangentNetwork` expects on those points: for sgd at the area under the schedule. Adam has no
such time; its expectation is taken at the time at which gradient flow has the training risk that was measured.

Ratios are of means over structures, their errors from the structures. Units: the prior variance of a label.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import fractalman as fm
from fractalman import theory
from fractalman._typing import F64, I64
from fractalman.datasets.memory import Dataset
from fractalman.learners import Problem, make
from fractalman.prediction.splits import Splits
from fractalman.random.keys import key64
from fractalman.recipes import Recipe
from fractalman.theory.network_smoothers import TangentNetwork, training_time

SIZES, STEPS, STRUCTURES, OUTPUTS, TESTS = (128, 512), (50, 100, 200, 400, 800, 1600, 3200), 4, 4, 512
RATES = {"sgd": 2e-3, "adam": 1e-3}
WIDTH, DEPTH, BATCH = 256, 2, 64
RECIPES: dict[str, Recipe] = {
    "cascade": fm.Cascade(n_points=2048, branching=4, contraction=0.5, hurst=0.5, ambient_dim=24),
    "cluster": fm.PercolationCluster(n_points=8192, ambient_dim=128),
    "sphere": fm.SmoothManifold(n_points=2048, kind="sphere", dim=2, hurst=0.5, ambient_dim=24),
}
ROOT = Path(__file__).resolve().parent.parent
TABLE, MODULE = ROOT / "datasets/statistics/steps_axis.csv", ROOT / "fractalman/prediction/stopped.py"
BLOCK = re.compile(r"(# made by scripts/steps_axis\.py\n).*?(# end\n)", re.DOTALL)
COLUMNS = (
    "recipe", "optimizer", "n", "steps", "structure", "risk", "train_risk", "expected", "expected_train", "time",
    "kernel", "floor",
)  # fmt: skip


def learner(optimizer: str, steps: int) -> Any:
    """Return the network of so many steps."""
    settings = {
        "width": WIDTH, "depth": DEPTH, "steps": steps, "batch_size": BATCH, "learning_rate": RATES[optimizer],
        "optimizer": optimizer, "interpolation_tolerance": 0.0,
    }  # fmt: skip
    return make("mlp", settings)


def rows(name: str, optimizer: str, n: int) -> Iterator[dict[str, Any]]:
    """Train every number of steps on every structure, and yield what came beside what is expected."""
    data = [fm.generate(RECIPES[name].replace(seed=77_000 + i)) for i in range(STRUCTURES)]
    draws = [next(Splits(one).draws((n,))) for one in data]
    labels = [fm.label_draws(one, OUTPUTS) for one in data]
    parts = [(draw.order[:n], draw.test[:TESTS]) for draw in draws]
    expected = [_Expected(one, draw.covariance, *part) for one, draw, part in zip(data, draws, parts, strict=True)]
    for steps in STEPS:
        problems = [
            Problem(one.X[train], y[train], np.concatenate([one.X[test], one.X[train]]), key64(n, steps, i))
            for i, (one, y, (train, test)) in enumerate(zip(data, labels, parts, strict=True))
        ]
        network = learner(optimizer, steps)
        for i, end in enumerate(network.run(problems)):
            train, test = parts[i]
            squares = np.square(end.prediction - labels[i][np.concatenate([test, train])])
            risk, seen = float(squares[: test.size].mean()), float(squares[test.size :].mean())
            warmup = int(min(100, max(1, steps // 20)))
            when = training_time(RATES[optimizer], steps, warmup) if optimizer == "sgd" else expected[i].when(seen)
            due = expected[i].at(when)
            yield {
                "recipe": name, "optimizer": optimizer, "n": n, "steps": steps, "structure": i, "risk": risk,
                "train_risk": seen, "expected": due[0], "expected_train": due[1], "time": when,
                "kernel": expected[i].kernel, "floor": expected[i].floor,
            }  # fmt: skip


def expected_anew(table: list[dict[str, Any]]) -> None:
    """Compute what is expected of gradient descent again, beside the risks that were measured."""
    for name, n in dict.fromkeys((row["recipe"], int(row["n"])) for row in table):
        for i in range(STRUCTURES):
            own = [
                row
                for row in table
                if (row["recipe"], int(row["n"]), int(row["structure"]), row["optimizer"]) == (name, n, i, "sgd")
            ]
            data = fm.generate(RECIPES[name].replace(seed=77_000 + i))
            draw = next(Splits(data).draws((n,)))
            found = _Expected(data, draw.covariance, draw.order[:n], draw.test[:TESTS])
            for row in own:
                steps = int(row["steps"])
                when = training_time(RATES["sgd"], steps, int(min(100, max(1, steps // 20))))
                due = found.at(when)
                row |= {
                    key: f"{v:.5g}" for key, v in zip(("expected", "expected_train", "time"), (*due, when), strict=True)
                }


class _Expected:
    """Risks of gradient flow on one structure: at test and training points, after a time."""

    def __init__(self, data: Dataset, covariance: theory.LabelCovariance, train: I64, test: I64) -> None:
        self.covariance, self.train, self.test = covariance, train, test
        self.X, self.Z = data.X[train], data.X[test]
        ridged = make("ntk-kernel", {"depth": DEPTH}).smoother()
        if ridged is None:
            raise RuntimeError("the tangent kernel is a smoother")
        self.kernel = float(ridged.expected(covariance, self.X, self.Z, train, test, 1).risk.mean())
        tree = data.label_tree
        floor = (
            theory.bayes_curve(tree, train, [train.size], test)
            if tree is not None
            else theory.gaussian_floor_with_error(covariance, train, [train.size], test)[0]
        )
        self.floor = float(np.asarray(floor).mean())
        self._known: dict[float, tuple[float, float]] = {}

    def at(self, when: float) -> tuple[float, float]:
        """Return the expected risk at the test points and at the training points."""
        if when not in self._known:
            network = TangentNetwork(WIDTH, DEPTH, "standard", when, OUTPUTS)
            both = np.concatenate([self.Z, self.X])
            points = np.concatenate([self.test, self.train])
            risk = network.expected(self.covariance, self.X, both, self.train, points, 0).risk
            self._known[when] = float(risk[: self.test.size].mean()), float(risk[self.test.size :].mean())
        return self._known[when]

    def when(self, train_risk: float) -> float:
        """Return the time at which the training risk has come down to that, by bisection of its logarithm."""
        low, high = math.log(1e-4), math.log(1e6)
        for _ in range(18):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.at(math.exp(middle))[1] > train_risk else (low, middle)
        return math.exp(0.5 * (low + high))


# ---------------------------------------------------------------------------------------------------- report


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def write(path: Path, table: list[dict[str, Any]]) -> None:
    """Write the rows of a table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()} for row in table)


def groups(table: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, str, int], F64, F64, I64]]:
    """Yield (recipe, optimizer, n), measured and expected risks (structures, steps), and the steps."""
    for key in dict.fromkeys((row["recipe"], row["optimizer"], int(row["n"])) for row in table):
        own = [row for row in table if (row["recipe"], row["optimizer"], int(row["n"])) == key]
        steps = np.array(sorted({int(row["steps"]) for row in own}))
        shaped = {
            name: np.array(
                [[float(row[name]) for row in own if int(row["steps"]) == s] for s in steps]
            ).T
            for name in ("risk", "expected")
        }  # fmt: skip
        yield key, shaped["risk"], shaped["expected"], steps


def ratios(measured: F64, expected: F64) -> tuple[F64, F64]:
    """Return ln(mean over mean) at every number of steps and its standard error, over structures."""
    logs = np.log(measured.mean(axis=0) / expected.mean(axis=0))
    parts = measured / measured.mean(axis=0) - expected / expected.mean(axis=0)
    return logs, parts.std(axis=0, ddof=1) / math.sqrt(len(measured))


def slope(values: F64, steps: I64) -> float:
    """Return the exponent of the mean risk in the number of steps."""
    x = np.log(steps) - np.log(steps).mean()
    return -float(x @ np.log(values.mean(axis=0)) / (x @ x))


def measured(table: list[dict[str, Any]], without: tuple[str, str, int] | None = None) -> dict[str, float]:
    """Return ratio and errors of another curve, from those of gradient descent; a curve may be left out."""
    curves = [entry for entry in groups(table) if entry[0][1] == "sgd" and entry[0] != without]
    logs = np.array([ratios(risks, expected)[0] for _, risks, expected, _ in curves])
    slopes = np.array([slope(risks, steps) - slope(expected, steps) for _, risks, expected, steps in curves])
    means, wider = logs.mean(axis=1), math.sqrt(1.0 + 1.0 / len(curves))
    return {
        "ratio": math.exp(float(means.mean())),
        "shared_error": float(means.std(ddof=1)) * wider,
        "size_error": math.sqrt(float(np.square(logs - means[:, None]).sum()) / (logs.size - len(curves))),
        "slope_error": math.sqrt(float(np.mean(slopes**2))),
        "families": len(curves),
    }


def inside(table: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    """Return how many risks, and exponents, of curves of gradient descent lie within ± 1.96 errors, and of how many.

    The band is that of the other curves, so a curve takes no part in its own; the structures' error is added.
    """
    points = [0, 0, 0, 0]
    for key, risks, expected, steps in groups(table):
        if key[1] != "sgd":
            continue
        band, (logs, errors) = measured(table, key), ratios(risks, expected)
        width = np.hypot(errors, math.hypot(band["shared_error"], band["size_error"]))
        points[0] += int((np.abs(logs - math.log(band["ratio"])) <= 1.96 * width).sum())
        points[1] += logs.size
        x = np.log(steps) - np.log(steps).mean()
        own = (risks / risks.mean(axis=0) - expected / expected.mean(axis=0)) @ x / (x @ x)
        joint = math.hypot(band["slope_error"], float(own.std(ddof=1)) / math.sqrt(len(own)))
        points[2] += abs(slope(risks, steps) - slope(expected, steps)) <= 1.96 * joint
        points[3] += 1
    return points[0], points[1], points[2], points[3]


def constant(table: list[dict[str, Any]]) -> str:
    """Return the line of the module."""
    found = measured(table)
    words = ", ".join(f"{k}={v:.3f}" if isinstance(v, float) else f"{k}={v}" for k, v in found.items())
    return f"STOPPED = NetworkRatio({words})\n"


def report(table: list[dict[str, Any]]) -> str:
    """Return the tables of ratios and exponents."""
    names, held = [f"{s}" for s in STEPS], inside(table)
    lines = ["# Networks stopped after t steps, over their tangent kernel's gradient flow", ""]
    lines += ["Made by `scripts/steps_axis.py`; ± is one standard error over 4 structures.", ""]
    lines += [
        f"Of gradient descent {held[0]} of {held[1]} risks and {held[2]} of {held[3]} exponents in the steps lie in "
        "± 1.96 errors, each curve held against the band of the others.",
        "",
    ]
    lines += [f"| recipe | optimizer | n | {' | '.join(names)} | exponent in steps | of gradient flow |"]
    lines += ["|---" * (5 + len(names)) + "|"]
    for (recipe, optimizer, n), measured, expected, steps in groups(table):
        logs, errors = ratios(measured, expected)
        cells = [f"{math.exp(a):.2f} ± {math.exp(a) * e:.2f}" for a, e in zip(logs, errors, strict=True)]
        own = f"{slope(measured, steps):.3f} | {slope(expected, steps):.3f}"
        lines.append(f"| {recipe} | {optimizer} | {n} | {' | '.join(cells)} | {own} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Train what is missing and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--constant", action="store_true", help="write the constant of prediction/stopped.py")
    parser.add_argument("--check", action="store_true", help="compare it")
    parser.add_argument("--expected", action="store_true", help="compute theory anew in the committed table")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="processor time after which nothing begins")
    options = parser.parse_args(arguments)
    if options.constant or options.check:
        text, table = MODULE.read_text(encoding="utf-8"), read(TABLE)
        wanted = BLOCK.sub(lambda match: match[1] + constant(table) + match[2], text)
        print(constant(table), end="")
        if options.constant:
            MODULE.write_text(wanted, encoding="utf-8")
        return int(options.check and wanted != text)
    if options.expected:
        table = read(TABLE)
        expected_anew(table)
        write(TABLE, table)
        TABLE.with_suffix(".md").write_text(report(table), encoding="utf-8")
        return 0
    if options.output is None:
        parser.error("expected -o FOLDER, --constant or --check")
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "steps_axis.csv"
    table = read(path) if path.exists() else []
    done = {(row["recipe"], row["optimizer"], int(row["n"])) for row in table}
    for optimizer in RATES:
        for n in SIZES:
            for name in RECIPES:
                if (name, optimizer, n) in done or time.process_time() > 60.0 * options.minutes:
                    continue
                table += list(rows(name, optimizer, n))
                write(path, table)
    text = report(table)
    (options.output / "steps_axis.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
