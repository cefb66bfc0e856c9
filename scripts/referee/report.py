"""Rows of a trial as a table, a figure and a small CSV file."""

from __future__ import annotations

import csv
import datetime
import platform
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from trial import Row, Trial

_HEAD = ["method", "case", "n", "truth", "median", "rms_error", "spread", "coverage", "failures"]


@dataclass(frozen=True)
class Cell:
    """What a method answered on one case at one size, over its seeds."""

    median: float
    error: float
    """Root mean square of value − truth over the answers, relative where the trial says so."""
    spread: float
    coverage: float | None
    """Share of the 95 % intervals that hold the truth; None = it gives none."""
    failures: float
    seconds: float
    answers: int


def cells_of(trial: Trial, rows: Sequence[Row]) -> dict[tuple[str, str, int], Cell]:
    """Return (method, case, n) → cell."""
    groups: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["method"], row["case"], row["n"]].append(row)
    return {key: _cell(trial, group) for key, group in groups.items()}


def _cell(trial: Trial, group: Sequence[Row]) -> Cell:
    given = [row for row in group if row["value"] is not None]
    value = np.array([row["value"] for row in given])
    truth = group[0]["truth"]
    unit = truth if trial.relative else 1.0
    bounds = [row for row in given if row["low"] is not None and row["high"] is not None]
    return Cell(
        median=float(np.median(value)) if len(value) else float("nan"),
        error=float(np.sqrt(np.mean((value - truth) ** 2)) / unit) if len(value) else float("nan"),
        spread=float(np.std(value, ddof=1)) if len(value) > 1 else float("nan"),
        coverage=float(np.mean([row["low"] <= truth <= row["high"] for row in bounds])) if bounds else None,
        failures=1.0 - len(given) / len(group),
        seconds=float(np.median([row["seconds"] for row in group])),
        answers=len(given),
    )


def _plain(trial: Trial, case: str, cell: Cell) -> list[str]:
    numbers = (trial.case(case).truth, cell.median, cell.error, cell.spread, cell.coverage, cell.failures)
    return ["" if v is None or v != v else f"{v:.4g}" for v in numbers]


def checked(trial: Trial, rows: Sequence[Row], root: Path) -> str:
    """Return in words how a run's cells differ from those of the committed table, which has its seeds or fewer."""
    groups: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["seed"]):
        groups[row["method"], row["case"], row["n"]].append(row)
    same, fewer = 0, 0
    apart: dict[str, list[float]] = defaultdict(list)
    with (root / "datasets" / "referee" / f"{trial.name}.csv").open(newline="", encoding="utf-8") as file:
        committed = list(csv.DictReader(file))
    for held in committed:
        mine = groups.get((held["method"], held["case"], int(held["n"])))
        if mine is None or held["failures"] == "1":
            continue
        asked = round(int(held["answers"]) / (1.0 - float(held["failures"])))
        if len(mine) < asked:
            fewer += 1
            continue
        cell = _cell(trial, mine[:asked])
        if _plain(trial, held["case"], cell) == [held[name] for name in _HEAD[3:]]:
            same += 1
        else:
            apart[held["method"]].append(abs(cell.median - float(held["median"])))
    said = [f"{method} in {len(far)} (medians by up to {max(far):.2g})" for method, far in sorted(apart.items())]
    total = same + sum(len(far) for far in apart.values())
    return (
        f"{same} of {total} cells are the same in every digit that the table has"
        + (f"; others: {', '.join(said)}" if said else "")
        + (f"; {fewer} have fewer seeds than the table" if fewer else "")
    )


def kept_cells(trial: Trial, rows: Sequence[Row], root: Path) -> dict[tuple[str, str, int], Cell]:
    """Return the cells of the committed table whose set no row asks again."""
    asked = {(row["method"], row["case"], row["n"]) for row in rows}
    names = {method.name for method in trial.methods}, {case.name for case in trial.cases}
    out = {}
    with (root / "datasets" / "referee" / f"{trial.name}.csv").open(newline="", encoding="utf-8") as file:
        for held in csv.DictReader(file):
            key = held["method"], held["case"], int(held["n"])
            if key in asked or key[0] not in names[0] or key[1] not in names[1]:
                continue
            median, error, spread, failures, seconds = (
                float(held[name] or "nan") for name in ("median", "rms_error", "spread", "failures", "cpu_seconds")
            )
            covered = float(held["coverage"]) if held["coverage"] else None
            out[key] = Cell(median, error, spread, covered, failures, seconds, int(held["answers"]))
    return out


def write_report(trial: Trial, rows: Sequence[Row], root: Path, keep: bool = False) -> str:
    """Write datasets/referee/NAME.md and .csv and docs/images/referee-NAME.png; return what was written in words.

    With ``keep`` what no row asks again stays in the table as it is there.
    """
    cells, folder = cells_of(trial, rows), root / "datasets" / "referee"
    folder.mkdir(parents=True, exist_ok=True)
    if keep:
        cells |= kept_cells(trial, rows, root)
    with (folder / f"{trial.name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*_HEAD, "cpu_seconds", "answers"])
        for (method, case, n), cell in sorted(cells.items()):
            writer.writerow([method, case, n, *_plain(trial, case, cell), f"{cell.seconds:.4g}", cell.answers])
    (folder / f"{trial.name}.md").write_text(page(trial, rows, cells), encoding="utf-8")
    draw(trial, cells, root / "docs" / "images" / f"referee-{trial.name}.png")
    return f"{len(rows)} answers: datasets/referee/{trial.name}.md, .csv, docs/images/referee-{trial.name}.png"


def page(trial: Trial, rows: Sequence[Row], cells: dict[tuple[str, str, int], Cell]) -> str:
    """Return the trial's page as Markdown."""
    versions = sorted({f"{row['package']} {row['version']}" for row in rows})
    given = {(row["method"], row["case"], row["n"]) for row in rows}
    sizes = sorted({n for _, _, n in cells})
    again = {n: [m.name for m in trial.methods if any(k[0] == m.name and k[2] == n and k not in given for k in cells)]
             for n in sizes}  # fmt: skip
    kept = [f"at n = {n:,} {', '.join(names)}" for n, names in again.items() if names]
    out = [
        f"# {trial.question}",
        "",
        f"{datetime.date.today().isoformat()} · {', '.join(versions)} · Python {platform.python_version()}, numpy "
        f"{np.__version__} · `scripts/referee {trial.name}`",
        "",
        *_left_out(trial, sizes),
        *([f"As they were in the table of before, not asked again: {'; '.join(kept)}.", ""] if kept else []),
        f"Draws of a case: {'; '.join(_draws(trial, cells, n) for n in sizes)}.",
        "",
        f"Median over the cases of the root mean square error of the {trial.quantity}, by n; the share of 95 % "
        "intervals that hold the truth; answers that are none; processor time of one answer at the largest n asked.",
        "",
        f"| method | settings | {' | '.join(f'n = {n}' for n in sizes)} | coverage | failures | seconds |",
        f"|---|---|{'---:|' * (len(sizes) + 3)}",
    ]
    for method in trial.methods:
        mine = {key: cell for key, cell in cells.items() if key[0] == method.name}
        if not mine:
            continue
        by_size = []
        for n in sizes:
            errors = [c.error for key, c in mine.items() if key[2] == n and c.error == c.error]
            by_size.append(f"{np.median(errors):.3f}" if errors else "–")
        covered = [c.coverage for c in mine.values() if c.coverage is not None]
        failures = np.mean([c.failures for c in mine.values()])
        most = max(key[2] for key in mine)
        seconds = np.median([c.seconds for key, c in mine.items() if key[2] == most])
        share = f"{np.mean(covered):.2f}" if covered else "–"
        name = f"{method.package} {method.name}" if method.package not in method.name else method.name
        out.append(
            f"| {name} | {method.settings} | {' | '.join(by_size)} | {share} | {failures:.2f} | "
            f"{seconds:.2g} ({most}) |"
        )
    out += ["", f"## Every case (median answer at n = {sizes[-1]} or the largest n asked)", ""]
    names = [m.name for m in trial.methods if any(key[0] == m.name for key in cells)]
    out += [f"| case | truth | {' | '.join(names)} |", f"|---|---:|{'---:|' * len(names)}"]
    for case in trial.cases:
        line = []
        for name in names:
            asked = [n for n in sizes if (name, case.name, n) in cells]
            cell = cells[name, case.name, asked[-1]] if asked else None
            line.append("–" if cell is None or cell.median != cell.median else f"{cell.median:.3f}")
        out.append(f"| {case.name} | {case.truth:.3f} | {' | '.join(line)} |")
    reasons: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        if row["error"]:
            reasons[row["method"], row["error"][:90]] += 1
    if reasons:
        out += ["", "## Answers that are none", "", "| method | why | times |", "|---|---|---:|"]
        ranked = sorted(reasons.items(), key=lambda pair: -pair[1])[:12]
        out += [f"| {method} | {why.replace('|', '/')} | {times} |" for (method, why), times in ranked]
    return "\n".join([*out, ""])


def _draws(trial: Trial, cells: dict[tuple[str, str, int], Cell], n: int) -> str:
    """Say how many draws the cells of a size have, and of how many sets."""
    mine = {key: cell for key, cell in cells.items() if key[2] == n and cell.answers}
    many = sorted({round(cell.answers / (1.0 - cell.failures)) for cell in mine.values()})
    asked = len({case for _, case, _ in mine})
    sets = f" ({asked} of {len(trial.cases)} sets)" if asked < len(trial.cases) else ""
    return f"n = {n:,} {' or '.join(map(str, many))}{sets}"


def _left_out(trial: Trial, sizes: Sequence[int]) -> list[str]:
    """Say which methods are not asked at the larger sizes, and which of some sets only."""
    most = {one.name: one.most for one in trial.methods if one.most < sizes[-1]}
    wide = {one.name: one.wide for one in trial.methods if one.wide < sizes[-1] <= one.most}
    said = []
    if most:
        ends = ", ".join(f"{name} {n:,}" for name, n in most.items())
        said.append(f"Asked up to so many points; beyond, all pairs at once or minutes an answer: {ends}.")
    if wide:
        ends = ", ".join(f"{name} {n:,}" for name, n in wide.items())
        said.append(
            f"Asked up to so many points of sets in more than 15 coordinates, where all pairs are compared: {ends}; "
            "beyond, their medians are of the other sets."
        )
    return [" ".join(said), ""] if said else []


def draw(trial: Trial, cells: dict[tuple[str, str, int], Cell], path: Path) -> None:
    """Draw the median answer against n for up to four cases, one line a method, the truth dashed.

    Methods stand side by side a little, 3 % of n apart.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = [m.name for m in trial.methods if any(key[0] == m.name for key in cells)]
    figure, axes = plt.subplots(1, len(trial.figure), figsize=(3.1 * len(trial.figure) + 2.4, 3.4), squeeze=False)
    colour = plt.get_cmap("tab20")
    for ax, case in zip(axes[0], trial.figure, strict=True):
        truth = trial.case(case).truth
        ours = truth
        for number, name in enumerate(names):
            sizes = sorted(n for method, c, n in cells if (method, c) == (name, case))
            if not sizes:
                continue
            values = [cells[name, case, n].median for n in sizes]
            spread = [np.nan_to_num(cells[name, case, n].spread) for n in sizes]
            wide = 2.2 if name.startswith("fractalman") else 1.0
            marker = "os^Dv<>Pp*hX"[number % 12]
            beside = 1.0 + 0.03 * (number - (len(names) - 1) / 2)  # methods do not hide each other
            ax.errorbar(
                np.multiply(sizes, beside),
                values,
                spread,
                color=colour(number % 20),
                lw=wide,
                ms=3.5,
                marker=marker,
                label=name,
            )
        ax.axhline(ours, color="black", ls="--", lw=1)
        if len({n for _, c, n in cells if c == case}) > 1:  # many sizes: far answers would flatten all curves
            ax.set_ylim(*(trial.axis or (0.4 * truth, 1.8 * truth)))
        ax.set(xscale="log", title=case, xlabel="n")
        ax.set_xticks(every := sorted({n for _, c, n in cells if c == case}), [f"{n:,}" for n in every], minor=False)
        ax.minorticks_off()
        ax.title.set_fontsize(9)
        ax.tick_params(labelsize=7)
    axes[0][0].set_ylabel(trial.quantity, fontsize=9)
    axes[0][-1].legend(
        *axes[0][0].get_legend_handles_labels(), fontsize=6, loc="center left", bbox_to_anchor=(1.02, 0.5)
    )
    figure.savefig(path, dpi=130, bbox_inches="tight")
    plt.close(figure)
