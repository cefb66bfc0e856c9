#!/usr/bin/env python3
"""The tables of datasets/reference, made again from the points that are committed there.

    .venv/bin/python scripts/reference_tables.py            # rewrite the tables of README.md and FINDINGS.md
    .venv/bin/python scripts/reference_tables.py --check    # exit with 1 if one of them is not what the points say

A table stands between `<!-- table NAME -->` and `<!-- end -->`. ± is half of the 95 % Student-t interval over the
replicates everywhere; ratios are geometric means over replicates of risks on the same points with the same labels.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from fractalman.measure import fit_power_law, student_t

REFERENCE = Path(__file__).resolve().parent.parent / "datasets" / "reference"
PAGES = ("README.md", "FINDINGS.md")
CAMPAIGN = r"(again|five|labels|onepass|steps|width)-.*|mlp-.*-same-labels"
KINDS = ("differs", "no verdict", "agrees")
LEARNERS = ("1-nn", "ridge", "laplace-kernel", "ntk-kernel", "mlp")
BLOCK = re.compile(r"(?P<head><!-- table (?P<name>[a-z-]+) -->\n).*?(?P<tail><!-- end -->)", re.DOTALL)

Risks = dict[float, np.ndarray]
"""Position on the axis → risk of every replicate."""


def table_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def runs(root: Path, pattern: str) -> list[Path]:
    """Return the folders of runs that are finished and whose name matches, in the order of their names."""
    found = sorted(path.parent for path in root.glob("*/points.csv"))
    return [path for path in found if re.fullmatch(pattern, path.name)]


def risks(folder: Path, learner: str, doubled: str = "", column: str = "risk") -> Risks:
    """Return a learner's risks (or another column), replicates in their order."""
    found: dict[float, dict[int, float]] = {}
    for row in table_rows(folder / "points.csv"):
        if row["learner"] == learner and row.get("doubled", "") == doubled:
            place = float(row.get("value") or row["n"])
            found.setdefault(place, {})[int(row["seed"])] = float(row[column])
    return {place: np.array([by[i] for i in sorted(by)]) for place, by in sorted(found.items())}


def parameters(folder: Path, doubled: str = "") -> dict[float, int]:
    """Return position on the axis → number of parameters of the networks of a run (with a setting doubled)."""
    rows = table_rows(folder / "points.csv")
    return {
        float(row["value"]): int(row["parameters"])
        for row in rows
        if row["learner"] == "mlp" and row["doubled"] == doubled
    }


def mean_and_half(sample: np.ndarray) -> tuple[float, float]:
    """Return the mean and half of its 95 % Student-t interval."""
    return float(sample.mean()), student_t(sample.size - 1) * float(sample.std(ddof=1)) / math.sqrt(sample.size)


def ratio(upper: np.ndarray, lower: np.ndarray) -> tuple[float, float]:
    """Return the geometric mean of a paired ratio and half of its 95 % interval (of the logarithm, times the mean)."""
    mean, half = mean_and_half(np.log(upper / lower))
    return math.exp(mean), math.exp(mean) * half


def slope(places: Sequence[float], losses: np.ndarray) -> tuple[float, float]:
    """Return the exponent of the mean curve and half of its 95 % interval, as the verdicts have them."""
    fit = fit_power_law(places, losses)
    return fit.value, fit.half_width


def paired_slope(upper: Risks, lower: Risks) -> tuple[float, float]:
    """Return the exponent of upper less that of lower, replicate by replicate: mean of slopes of log ratios."""
    places = [n for n in upper if n in lower]
    x = np.log(places)
    logs = np.log(np.array([upper[n] / lower[n] for n in places])).T
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    return mean_and_half(-logs @ weights)


# ---------------------------------------------------------------------------------------------------- words


def number(value: float, digits: int = 3) -> str:
    """Return a decimal without its leading zero."""
    text = f"{value:.{digits}f}"
    return re.sub(r"^(-?)0\.", r"\1.", text)


def both(pair: tuple[float, float], digits: int = 3) -> str:
    """Return value ± half-width."""
    return f"{number(pair[0], digits)} ± {number(pair[1], digits)}"


def markdown(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in body]) + "\n"


def small(value: float) -> str:
    """Return a risk to three digits."""
    return number(value, max(3, 2 - math.floor(math.log10(value)))) if value > 0 else "0"


# ---------------------------------------------------------------------------------------------------- tables


def verdicts(root: Path) -> str:
    """Every verdict of the campaign, disagreements first."""
    rows: list[tuple[int, *tuple[str, ...]]] = []
    without: dict[str, list[str]] = {}
    for folder in runs(root, CAMPAIGN):
        for row in table_rows(folder / "matrix.csv"):
            learner, said = row["learner"], row["verdict"]
            if not row["measured"]:
                without.setdefault(row["reason"].removeprefix("not measurable: "), []).append(
                    f"{learner} in {folder.name}"
                )
                continue
            kind = said.split(":")[0]
            local = row["predicted_here"]
            rows.append(
                (
                    KINDS.index(kind),
                    folder.name,
                    learner,
                    row["replicates"],
                    f"{row['window_low']}…{row['window_high']}" + (" (P)" if row["abscissa"] == "P" else ""),
                    both((float(row["measured"]), float(row["half_width"]))),
                    number(float(local)) if local else "",
                    number(float(row["predicted"])) if row["predicted"] else "",
                    said.replace("differs", "**differs**") if kind != "no verdict" else row["reason"].split(":")[0],
                )
            )
    head = ("run", "learner", "replicates", "fitted", "measured", "local", "asymptote", "verdict")
    order = sorted(rows, key=lambda row: (row[0], row[1], LEARNERS.index(row[2])))
    shown = markdown(head, [row[1:] for row in order])
    if not without:
        return shown
    lines = [f"- {reason}: {', '.join(names)}." for reason, names in sorted(without.items())]
    return shown + "\nNot measurable:\n\n" + "\n".join(lines) + "\n"


def data_limited(folder: Path, learner: str) -> list[float]:
    """Return the places of a run at which the rule of the regimes calls a learner data-limited."""
    rows = table_rows(folder / "points.csv")
    own = {float(row["value"]): row["regime"] for row in rows if row["learner"] == learner and not row["doubled"]}
    return [place for place, regime in own.items() if regime == "data-limited"]


def against(root: Path, learner: str) -> str:
    """Risk of a learner over that of the tangent kernel, at every n, and the difference of the two exponents.

    Places at which the learner is not data-limited stand in brackets and enter neither the differences nor the means.
    """
    found: dict[str, tuple[Risks, Risks]] = {}
    kept: dict[str, tuple[Risks, Risks]] = {}
    for folder in runs(root, r"(again|five)-.*"):
        upper, lower = risks(folder, learner), risks(folder, "ntk-kernel")
        places = data_limited(folder, learner)
        found[folder.name] = upper, lower
        kept[folder.name] = {n: upper[n] for n in places}, {n: lower[n] for n in places}
    sizes = sorted({n for upper, _ in found.values() for n in upper})
    body, last, differences = [], list[float](), list[float]()
    for name, (upper, lower) in found.items():
        row = [name]
        for n in sizes:
            text = both(ratio(upper[n], lower[n]), 2) if n in upper else ""
            row.append(text if n in kept[name][0] else f"({text})")
        end = max(kept[name][0])
        last.append(math.log(ratio(upper[end], lower[end])[0]))
        if len(kept[name][0]) > 2:
            difference = paired_slope(*kept[name])
            differences.append(difference[0])
            row.append(both(difference))
        else:
            row.append("")
        body.append(row)
    if len(body) > 1:
        mean, half = mean_and_half(np.array(last))
        final = both((math.exp(mean), math.exp(mean) * half), 2)
        blank = [""] * (len(sizes) - 1)
        body.append(
            ["mean over the runs", *blank, f"{final} at the largest", both(mean_and_half(np.array(differences)))]
        )
    return markdown(("run", *(f"n = {n:g}" for n in sizes), "difference of exponents"), body)


def tangent(root: Path) -> str:
    """MLP over tangent kernel."""
    return against(root, "mlp")


def neighbours(root: Path) -> str:
    """Laplace kernel over tangent kernel."""
    return against(root, "laplace-kernel")


def efficiency(root: Path) -> str:
    """Risk over the Bayes floor at the smallest and the largest n."""
    body = []
    for folder in runs(root, r"five-.*"):
        floor = risks(folder, "bayes")
        if not floor:
            continue
        ends = (min(floor), max(floor))
        row = [folder.name, " → ".join(small(float(floor[n].mean())) for n in ends)]
        for learner in LEARNERS:
            own = risks(folder, learner)
            row.append(" → ".join(number(float(own[n].mean() / floor[n].mean()), 2) for n in ends))
        body.append(row)
    return markdown(("run", "floor", *LEARNERS), body)


def interpolation(root: Path) -> str:
    """Training over test risk of the networks."""
    body = []
    for folder in runs(root, r"five-.*"):
        train, test = risks(folder, "mlp", column="train_risk"), risks(folder, "mlp")
        body.append([folder.name, *(f"{train[n].mean() / test[n].mean():.1e}" for n in test)])
    return markdown(("run", *(f"n = {n:g}" for n in test)), body)


def one_pass(root: Path) -> str:
    """Risk against P at every budget, slopes between neighbours, and the slope over all places of the axis."""
    body = []
    for folder in runs(root, r"onepass-.*|width-.*-long"):
        spec = tomllib.loads((folder / "spec.toml").read_text())
        P = parameters(folder)
        for doubled, factor in (("", 1), ("steps", 2)):
            own = risks(folder, "mlp", doubled)
            counts = [P[w] for w in own]
            overall = slope(counts, np.array([own[w] for w in own]).T)
            if not doubled:  # the last width doubled is one more place
                last = max(own)
                own[2 * last] = risks(folder, "mlp", "width")[last]
                counts.append(parameters(folder, "width")[last])
            means = [float(own[w].mean()) for w in own]
            losses = np.array([own[w] for w in own]).T
            local = [slope(counts[i : i + 2], losses[:, i : i + 2]) for i in range(len(counts) - 1)]
            body.append([
                folder.name, str(spec["mlp"]["depth"]), str(factor * spec["mlp"]["steps"]),
                ", ".join(f"{p}: {small(r)}" for p, r in zip(counts, means, strict=True)),
                ", ".join(both(pair, 2) for pair in local),
                both(overall),
            ])  # fmt: skip
    return markdown(("run", "hidden layers", "steps", "P: risk", "slopes between neighbours", "slope over all"), body)


def equal_parameters(root: Path) -> str:
    """One hidden layer over three at the same P, replicates paired."""
    deep, shallow = root / "onepass-k4-h0.5", root / "onepass-k4-h0.5-shallow"
    body = []
    for doubled, said in (("", "8000"), ("steps", "16000")):
        one, three = risks(shallow, "mlp", doubled), risks(deep, "mlp", doubled)
        if not (one and three):
            return ""
        for (width, upper), (other, lower) in zip(one.items(), three.items(), strict=True):
            counts = f"{parameters(shallow)[width]}, {parameters(deep)[other]}"
            body.append(
                [said, f"{width:g}, {other:g}", counts, small(float(upper.mean())),
                 small(float(lower.mean())), both(ratio(upper, lower), 2)]
            )  # fmt: skip
    head = ("steps", "widths", "P", "risk, one layer", "risk, three layers", "one over three")
    return markdown(head, body)


def same_labels(root: Path) -> str:
    """Earlier networks over kernels and neighbours on the label vector that the networks saw."""
    body, sizes = [], list[float]()
    for folder in runs(root, r"mlp-.*-same-labels"):
        base = folder.name.removesuffix("-same-labels")
        for run in (root / name for name in (base, f"{base}-lr1e-3") if (root / name).exists()):
            network = risks(run, "mlp")
            sizes = list(network)
            own = slope(sizes, np.array([network[n] for n in sizes]).T)
            for learner in ("1-nn", "laplace-kernel", "ntk-kernel"):
                other = risks(folder, learner)
                body.append(
                    [
                        run.name,
                        learner,
                        *(both(ratio(network[n], other[n]), 2) for n in sizes),
                        both(own),
                        both(slope(sizes, np.array([other[n] for n in sizes]).T)),
                        both(paired_slope(network, other)),
                    ]
                )
    head = ("run", "over", *(f"n = {n:g}" for n in sizes), "network's exponent", "the other's", "difference, paired")
    return markdown(head, body)


def groups(root: Path) -> str:
    """What eight replicates with one label vector each are worth: many such experiments with one neighbour."""
    folder = root / "labels-k8-h1"
    if not (folder / "points.csv").exists():
        return ""
    own = risks(folder, "1-nn")
    losses = np.array(list(own.values())).T
    due = float(table_rows(folder / "matrix.csv")[0]["predicted_here"])
    found = np.array([slope(list(own), losses[i : i + 8]) for i in range(0, len(losses) - 7, 8)])
    held = int(np.sum(np.abs(found[:, 0] - due) <= found[:, 1]))
    return markdown(
        ("experiments of 8", "due", "mean", "standard deviation", "mean half-width", "intervals that hold what is due"),
        [[str(len(found)), number(due), *map(number, (found[:, 0].mean(), found[:, 0].std(ddof=1), found[:, 1].mean())),
          f"{held} of {len(found)}"]],
    )  # fmt: skip


TABLES: dict[str, Callable[[Path], str]] = {
    "verdicts": verdicts,
    "tangent": tangent,
    "neighbours": neighbours,
    "efficiency": efficiency,
    "interpolation": interpolation,
    "one-pass": one_pass,
    "equal-parameters": equal_parameters,
    "same-labels": same_labels,
    "groups": groups,
}


def rewritten(page: str, root: Path) -> str:
    """Return a page with every table made again."""
    return BLOCK.sub(lambda found: f"{found['head']}\n{TABLES[found['name']](root)}\n{found['tail']}", page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite the tables, or say which are not what the points say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a table is out of date")
    parser.add_argument("--root", type=Path, default=REFERENCE, help="folder of the runs")
    options = parser.parse_args(arguments)
    stale = []
    for name in PAGES:
        path = options.root / name
        page = path.read_text()
        made = rewritten(page, options.root)
        if made != page:
            stale.append(name)
            if not options.check:
                path.write_text(made)
    if stale:
        print(f"{'out of date' if options.check else 'rewritten'}: {', '.join(stale)}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
