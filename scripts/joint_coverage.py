#!/usr/bin/env python3
"""How often the 95 % intervals of joint fits hold the truth: eight kinds of noise, 9 to 245 rows, six kinds of error.

    .venv/bin/python scripts/joint_coverage.py --tables 200 --draws 0 --seed 1 -o joint_coverage
    cp joint_coverage/joint_fits.* joint_coverage/frontiers.md datasets/statistics/

Every table is drawn from L = 1.8 + 480·P^-.34 + 2100·n^-.37 with noise of 0.8 % (root mean square) on ln L: constant,
falling with n or with P, heavy-tailed (Student's t of 3), half of it shared by the rows of one model size (grouped),
or half of it a tilt of each model size along ln n, which leaves the size's mean where it was (tilted), or half of it
shared by the rows of one data size (data), or a third each by those of one model size and of one data size (both). Of
200 rows there are 8 model sizes of 25 each, of the other numbers about as many sizes on either axis. Each is fitted as
`fit_joint_power_law` fits it; then errors are taken from equal noise, between rows, between model sizes, from
bootstraps over rows and over model sizes (percentiles; --draws 0 leaves them out), and as the package prints them.

The frontier's exponent is judged on tables of 7 budgets with the runs of one budget around its optimum, by each of
Hoffmann's three approaches, and so are the optimum at the largest budget and at a hundred times that. A run is a
function of --seed; its cells are kept in journals, and --minutes of processor time end it early, to be
gone on with by the same command. The tables printed begin with the shortfalls. Exit status: 0 done, 2 a request that
cannot be met, 3 ended by --minutes.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import math
import os
import platform
import sys
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy
from _journal import journalled
from scipy.special import stdtrit

import fractalman as fm
from fractalman.measure import sandwich
from fractalman.measure.labels import same_size
from fractalman.measure.surfaces import Surface, robust, solve

TRUTH = {"α_P": 0.34, "α_D": 0.37, "E": 1.8, "ln A": math.log(480.0), "ln B": math.log(2100.0)}
ROWS = {9: (3, 3), 16: (4, 4), 25: (5, 5), 49: (7, 7), 107: (12, 12), 200: (8, 25), 245: (18, 18)}  # sizes: P, n
NOISES = ("constant", "falls with n", "falls with P", "heavy-tailed", "grouped", "tilted", "data", "both")
ERRORS = ("equal noise", "rows", "model sizes", "bootstrap rows", "bootstrap sizes", "printed")
JUDGED = ("envelope", "isoFLOP", "parametric", "P* at the largest budget", "P* at 100 times that")
LADDER = 40  # models, from 1e7 to 1e11 parameters, of which each budget trains those near its best
NOISE = 0.008
WANTED = (0.92, 0.98)


def design(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of models and data: a grid, of which large tables keep a band of budgets, as published ones do."""
    k, m = ROWS[rows]
    P, n = (a.ravel() for a in np.meshgrid(np.geomspace(5e7, 1e10, k), np.geomspace(5e8, 2e11, m)))
    if k > 8:
        keep = (6 * P * n > 5e18) & (6 * P * n < 4e21)
        P, n = P[keep], n[keep]
    return P, n


def noise(kind: str, P: np.ndarray, n: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deviations of ln L."""
    z = rng.standard_normal(P.size)
    if kind == "heavy-tailed":
        return NOISE * rng.standard_t(3, P.size) / math.sqrt(3.0)
    if kind == "grouped":
        sizes = same_size(P)
        return NOISE * (z + rng.standard_normal(sizes.max() + 1)[sizes]) / math.sqrt(2.0)
    if kind in ("data", "both"):
        sizes, models = same_size(n), same_size(P)
        z = z + rng.standard_normal(sizes.max() + 1)[sizes]
        return (
            NOISE
            * (z + (kind == "both") * rng.standard_normal(models.max() + 1)[models])
            / np.sqrt(2 + (kind == "both"))
        )
    if kind == "tilted":
        sizes, x = same_size(P), np.log(n) - np.log(n).mean()
        return NOISE * (z + rng.standard_normal(sizes.max() + 1)[sizes] * x / x.std()) / math.sqrt(2.0)
    size = {"falls with n": (n / n.mean()) ** -0.7, "falls with P": (P / P.mean()) ** -0.5}.get(kind, np.ones(P.size))
    return NOISE * size / np.sqrt(np.mean(size**2)) * z


def needed(surface: Surface, q: np.ndarray, threshold: float, k: int, truth: float) -> float:
    """By how much the cost must rise for the k-th parameter's profile to reach the truth."""
    inside, slot, value = surface, 0, truth / surface.unit
    if k < 2:
        slot, value = 3 + k, truth
    elif k > 2:
        centres = surface.centres.copy()
        centres[k - 3] = 0.0
        inside, slot, value = surface.recentred(centres), k - 2, truth - math.log(surface.unit)
    start = inside.moved(surface, q)
    at = start.copy()
    at[slot] = value
    fixed = np.zeros(5, np.bool_)
    fixed[slot] = True
    found = solve(inside, [at], threshold, fixed=fixed, tolerance=1e-9, steps=200)
    return inside.cost(found, threshold) - inside.cost(start, threshold)


def bootstrap(
    surface: Surface,
    q: np.ndarray,
    threshold: float,
    groups: np.ndarray | None,
    rng: np.random.Generator,
    draws: int,
) -> np.ndarray:
    """95 % percentiles of θ over fits to rows, or groups of rows, drawn with replacement: (2, parameters)."""
    values = []
    count = surface.n_rows if groups is None else int(groups.max()) + 1
    for _ in range(draws):
        drawn = np.bincount(rng.integers(0, count, count), minlength=count).astype(float)
        weight = drawn if groups is None else drawn[groups]
        values.append(surface.theta(solve(surface, [q], threshold, weight=weight, tolerance=1e-7, steps=60)))
    return np.quantile(values, [0.025, 0.975], axis=0)


def cell(kind: str, rows: int, tables: int, seed: int, draws: int) -> dict[str, np.ndarray]:
    """Share of tables whose interval holds the truth, for every kind of error: (parameters,)."""
    P, n = design(rows)
    sizes = same_size(P)
    clean = 1.8 + 480.0 * P**-0.34 + 2100.0 * n**-0.37
    rng = np.random.default_rng([seed, rows, NOISES.index(kind)])
    truth = np.array(list(TRUTH.values()))
    hits = {name: np.zeros(5) for name in ERRORS if draws or "bootstrap" not in name}
    for _ in range(tables):
        surface = Surface.of([P, n], clean * np.exp(noise(kind, P, n, rng)))
        q, threshold = robust(surface, None)
        found = sandwich.scores(surface, q, threshold)
        variance = float(found.score @ found.score) / max(1, rows - 5)
        between = {
            "equal noise": sandwich.Covariance(found.bread, found.shape * variance, np.full(5, float(rows - 5))),
            "rows": sandwich.between_rows(found),
            "model sizes": sandwich.between_groups(found, sizes),
        }
        shared = [(sizes, surface.axes[1]), (same_size(n), surface.axes[0])]
        between["printed"] = sandwich.honest(found, [one for one in shared if one[0].max() >= 3])[0]
        rise = [needed(surface, q, threshold, k, truth[k]) for k in range(5)]
        for name, covariance in between.items():
            t = stdtrit(covariance.degrees_of_freedom, 0.975)
            hits[name] += rise <= 0.5 * t**2 * np.diag(covariance.matrix) / covariance.bread
        for name, groups in (("bootstrap rows", None), ("bootstrap sizes", sizes)) if draws else ():
            low, high = bootstrap(surface, q, threshold, groups, rng, draws)
            hits[name] += (low <= truth) & (truth <= high)
    return {name: hit / tables for name, hit in hits.items()}


def budgets(models: int = LADDER) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of runs of seven budgets: of a ladder of models those within a factor 5 of the budget's best."""
    best = best_size(compute := np.geomspace(1e19, 1e22, 7))
    ladder = np.geomspace(1e7, 1e11, models)
    pairs = [(P, C / (6.0 * P)) for C, at in zip(compute, best, strict=True) for P in ladder if at / 5 < P < at * 5]
    P, n = np.array(pairs).T
    return P, n


def best_size(compute: np.ndarray) -> np.ndarray:
    """P* of the law at C = 6·P·n: where both terms' slopes are equal."""
    a, b = TRUTH["α_P"], TRUTH["α_D"]
    ratio = a * math.exp(TRUTH["ln A"]) / (b * math.exp(TRUTH["ln B"]))
    return np.asarray(ratio ** (1 / (a + b)) * (compute / 6.0) ** (b / (a + b)))


def frontier_cell(kind: str, tables: int, seed: int, models: int = LADDER) -> np.ndarray:
    """Share of isoFLOP tables whose intervals hold the truth, and of those that have one: (2, judged)."""
    P, n = budgets(models)
    clean = 1.8 + 480.0 * P**-0.34 + 2100.0 * n**-0.37
    exponent = TRUTH["α_D"] / (TRUTH["α_P"] + TRUTH["α_D"])
    rng = np.random.default_rng([seed, 0, NOISES.index(kind)])
    asked = 1e22 * np.array([1.0, 100.0])
    hits, given = np.zeros(len(JUDGED)), np.zeros(len(JUDGED))
    for _ in range(tables):
        fit = fm.measure.fit_joint_power_law(P, n, clean * np.exp(noise(kind, P, n, rng)))
        ends = [found.interval["params"] for found in fm.measure.approaches(fit)]
        truth = [exponent] * 3 + best_size(asked).tolist()
        try:
            ends += fm.measure.optimum(fit, asked).interval["n_params"].tolist()
        except fm.FractalmanError:
            ends += [(math.nan, math.nan)] * 2
        for k, ((low, high), value) in enumerate(zip(ends, truth, strict=True)):
            given[k] += not math.isnan(low)
            hits[k] += low <= value <= high
    return np.stack([hits / np.maximum(given, 1), given / tables])


def _frontiers(kind: str, models: int, tables: int, seed: int) -> list[list[float]]:
    found: list[list[float]] = frontier_cell(kind, tables, seed, models).tolist()
    return found


def _joint(kind: str, rows: int, tables: int, seed: int, draws: int) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in cell(kind, rows, tables, seed, draws).items()}


def frontier_report(
    tables: int, seed: int, noises: list[str], ladders: list[int], journal: Path, minutes: float
) -> str | None:
    """Coverage of the frontier's intervals as a page; None where the time ended first.

    The rows that the journal has are not drawn again.
    """
    wanted = [(kind, models, tables, seed) for models in ladders for kind in noises]
    cells_of = [
        (one, partial(lambda kind, models, *_: frontier_cell(kind, tables, seed, models).tolist(), *one))
        for one in wanted
    ]
    kept = journalled(cells_of, journal, minutes)
    if kept is None:
        return None
    lines = [
        "# Coverage of frontier exponents and optima", "",
        f"{datetime.date.today().isoformat()} · fractalman {fm.__version__} · numpy {np.__version__}, scipy "
        f"{scipy.__version__} · {tables} tables a row, so ± {2 * math.sqrt(0.05 * 0.95 / tables):.3f} (two standard "
        f"errors) · seed {seed} · scripts/joint_coverage.py", "",
        f"Runs at 7 budgets from 1e19 to 1e22 FLOP; the true exponent of P* ~ C^a is "
        f"{TRUTH['α_D'] / (TRUTH['α_P'] + TRUTH['α_D']):.4f}. In parentheses the share of tables that have an "
        "interval, where it is not all.", "",
        f"| rows | noise | {' | '.join(JUDGED)} |", "|---:|---|" + "---:|" * len(JUDGED),
    ]  # fmt: skip
    for one in sorted(wanted, key=lambda one: min(kept[one][0])):
        kind, models, *_ = one
        shares = [f"{h:.3f}" + ("" if g == 1.0 else f" ({g:.2f})") for h, g in zip(*kept[one], strict=True)]
        lines.append(f"| {budgets(models)[0].size} | {kind} | {' | '.join(shares)} |")
    return "\n".join(lines) + "\n"


def report(results: list[tuple[str, int, str, np.ndarray]], tables: int, seed: int) -> str:
    """The study as a page: shortfalls of what is printed, then all of it."""
    low, high = WANTED
    printed = [(kind, rows, values) for kind, rows, name, values in results if name == "printed"]
    short = [
        (float(value), kind, rows, symbol)
        for kind, rows, values in printed
        for symbol, value in zip(TRUTH, values, strict=True)
        if value < low
    ]
    wide = sum(float(value) > high for _, _, values in printed for value in values)
    cells = 5 * len(printed)
    lines = [
        "# Coverage of the intervals of joint fits", "",
        f"{datetime.date.today().isoformat()} · fractalman {fm.__version__} · Python {platform.python_version()}, "
        f"numpy {np.__version__}, scipy {scipy.__version__} · {tables} tables a cell, so "
        f"± {2 * math.sqrt(0.05 * 0.95 / tables):.3f} (two standard errors) · seed {seed} · "
        "scripts/joint_coverage.py", "",
        f"Of {cells} printed intervals (95 %), {cells - len(short) - wide} cover {low:.0%} to {high:.0%}, "
        f"{len(short)} less, {wide} more.", "", "## Shortfalls of what is printed", "",
    ]  # fmt: skip
    if short:
        lines += ["| covered | parameter | noise | rows |", "|---:|---|---|---:|"]
        lines += [f"| {value:.3f} | {symbol} | {kind} | {rows} |" for value, kind, rows, symbol in sorted(short)]
    else:
        lines.append("None.")
    lines += ["", "## Which error is printed", ""]
    lines += ["Least and mean coverage over all cells and parameters, and the share of them within what is wanted:", ""]
    lines += ["| errors | least | mean | within |", "|---|---:|---:|---:|"]
    for name in dict.fromkeys(name for _, _, name, _ in results):
        values = np.concatenate([v for _, _, n, v in results if n == name])
        inside = float(((values >= low) & (values <= high)).mean())
        lines.append(f"| {name} | {values.min():.3f} | {values.mean():.3f} | {inside:.2f} |")
    lines += [
        "",
        "## All cells",
        "",
        f"| noise | rows | errors | {' | '.join(TRUTH)} |",
        "|---|---:|---|" + "---:|" * 5,
    ]
    for kind, rows, name, values in results:
        lines.append(f"| {kind} | {rows} | {name} | " + " | ".join(f"{v:.3f}" for v in values) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=200, help="tables a cell (default 200)")
    parser.add_argument("--rows", type=int, nargs="*", default=list(ROWS), help="which numbers of rows")
    parser.add_argument("--noises", default=";".join(NOISES), help=f"which of {';'.join(NOISES)}")
    parser.add_argument("--seed", type=int, default=0, help="of the tables (default 0)")
    parser.add_argument("--draws", type=int, default=200, help="of each bootstrap; 0 leaves bootstraps out")
    parser.add_argument(
        "--ladders", type=int, nargs="*", default=[LADDER], help="models of the frontiers' tables: 40 are 96 runs"
    )
    parser.add_argument("--only-frontiers", action="store_true", help="leave the joint fits out")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of processor time, after which to stop")
    parser.add_argument(
        "-o", "--output", default="joint_coverage", help="folder of joint_fits.md, joint_fits.csv and frontiers.md"
    )
    options = parser.parse_args()
    noises = [kind for kind in NOISES if kind in options.noises.split(";")]
    if options.tables < 1 or not noises or not set(options.rows) <= set(ROWS):
        print(f"expected --tables 1 or more, --noises and --rows of {', '.join(map(str, ROWS))}", file=sys.stderr)
        return 2
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    page = frontier_report(
        options.tables, options.seed, noises, options.ladders, folder / "frontiers.jsonl", options.minutes
    )
    if page is None:
        return 3
    (folder / "frontiers.md").write_text(page, encoding="utf-8")
    if options.only_frontiers:
        return 0
    wanted = [(kind, rows, options.tables, options.seed, options.draws) for rows in options.rows for kind in noises]
    cells = [(one, partial(_joint, *one)) for one in wanted]
    kept = journalled(cells, folder / "joint_fits.jsonl", options.minutes)
    if kept is None:
        return 3
    results = [(*one[:2], name, np.array(values)) for one in wanted for name, values in kept[one].items()]
    text = report(results, options.tables, options.seed)
    (folder / "joint_fits.md").write_text(text, encoding="utf-8")
    with (folder / "joint_fits.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["noise", "rows", "errors", *TRUTH])
        writer.writerows([kind, rows, name, *(f"{v:.4f}" for v in values)] for kind, rows, name, values in results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
