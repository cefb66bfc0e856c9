#!/usr/bin/env python3
"""At which training-set size networks learn a Random Hierarchy Model, against n_c·m^L: runs, table and constant.

    .venv/bin/python scripts/sample_complexity.py -o complexity-runs    # runs what is missing, then writes the report

Of every grammar a sweep of networks (multilayer perceptrons, locally connected ones, transformers) and of kernels and
neighbours over sizes from a tenth to ten times n_c·m^L. The size at which a learner's 0–1 risk is half of what the best
constant has, between two sizes by a straight line in ln n, is held against n_c·m^L; and the curves of all grammars over
n/(n_c·m^L) against their mean. Every replicate has rules, strings and weights of its own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from fractalman.experiments import Point, Result, load_spec, run_sweep
from fractalman.experiments.learned_at import half_sizes
from fractalman.experiments.sweep import load_result
from fractalman.theory.grammars import number_of_data, random_hierarchy_sample_complexity

GRAMMARS = ((3, 8, 2, 8), (4, 8, 2, 8), (2, 8, 8, 8), (3, 8, 3, 8), (3, 8, 4, 8), (2, 16, 8, 16))
"""(L, v, m, n_c), two symbols a production."""
SHARES = (0.1, 0.5, 1.0, 2.0, 4.0, 10.0)
NETWORKS = ("mlp", "convolution", "transformer")
LEARNERS = (*NETWORKS, "laplace-kernel", "1-nn", "logistic")
SEEDS, TEST = 3, 1024
TRAINING = {"steps": 1500, "batch_size": 64, "interpolation_tolerance": 5e-3}
"""Of all networks. They stop at a training loss of 0.5 % of ln n_c, where every training string is right."""
REPORT = Path(__file__).resolve().parent.parent / "datasets" / "reference" / "SAMPLE_COMPLEXITY.md"


def networks_of(levels: int) -> dict[str, dict[str, object]]:
    """Return the tables of the networks for strings of so many levels."""
    return {
        "mlp": {"width": 128, "depth": 2, **TRAINING},
        "convolution": {"width": 32, "depth": levels, "weights": "local", **TRAINING},
        "transformer": {
            "width": 32, "depth": 2, "heads": 4, "pooling": "mean", "learning_rate": 3e-3, **TRAINING,
        },
    }  # fmt: skip


def spec_of(grammar: tuple[int, int, int, int], seeds: int = SEEDS) -> dict[str, object]:
    """Return the specification of a grammar's sweep."""
    levels, vocabulary, synonyms, classes = grammar
    due = random_hierarchy_sample_complexity(classes, synonyms, levels)
    return {
        "recipe": {
            "family": "random-hierarchy-model", "n_points": 1, "levels": levels, "vocabulary": vocabulary,
            "synonyms": synonyms, "classes": classes, "seed": 7,
        },
        "sweep": {
            "learners": list(LEARNERS), "train_sizes": [max(4, round(due * share)) for share in SHARES],
            "seeds": seeds, "test_size": TEST,
        },
        **networks_of(levels),
    }  # fmt: skip


def points_of(result: Result, learner: str) -> list[Point]:
    """Return the points of one learner; none where some are not finished."""
    found = [point for point in result.points if point.learner == learner]
    return found if len(found) == result.spec.seeds * len(result.spec.values) else []


def main(arguments: list[str] | None = None) -> int:
    """Run, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the journals")
    parser.add_argument("--grammars", type=int, default=len(GRAMMARS), help="the first so many")
    parser.add_argument("--report", type=Path, default=REPORT, help="the file that is written")
    parser.add_argument("--finished", action="store_true", help="run nothing: the report of what is there")
    options = parser.parse_args(arguments)
    results = {}
    for grammar in GRAMMARS[: options.grammars]:
        name = "L{}-v{}-m{}-c{}".format(*grammar)
        if options.finished:
            if (options.output / name).exists():
                results[grammar] = load_result(options.output / name)
            continue
        results[grammar] = run_sweep(load_spec(spec_of(grammar)), options.output / name, progress=_say(name))
    text = report(
        {grammar: result for grammar, result in results.items() if any(points_of(result, n) for n in LEARNERS)}
    )
    options.report.write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def report(results: dict[tuple[int, int, int, int], Result]) -> str:
    """Return the page: what disagrees first, then the table of all learners, then the collapse of the curves."""
    rows, factors, measured = [], {name: [] for name in LEARNERS}, {name: [] for name in LEARNERS}
    for grammar, result in results.items():
        due = random_hierarchy_sample_complexity(grammar[3], grammar[2], grammar[0])
        strings = number_of_data(grammar[3], grammar[2], 2, grammar[0])
        cells = []
        for name in LEARNERS:
            sizes = half_sizes(points_of(result, name))
            measured[name].append((due, sizes))
            cells.append(_cell(sizes / due) if sizes.size else "not run")
            factors[name].append(cells[-1])
        rows.append("| {}, {}, {}, {} | ".format(*grammar) + " | ".join([f"{due:,}", f"{strings:,}", *cells]) + " |")
    tables = [f"- {name}: {_words(table)}" for name, table in networks_of(2).items()]
    return "\n".join(
        [
            "# At which size a Random Hierarchy Model is learned",
            "",
            f"Written by `scripts/sample_complexity.py`: {SEEDS} replicates of rules, strings and weights, equally",
            f"likely productions of two symbols, one-hot inputs, {TEST:,} test strings. {len(results)} of the script's",
            f"{len(GRAMMARS)} grammars were run. Networks, Adam, {_words(TRAINING)} (a training loss of that share of",
            "ln n_c ends it before its steps do):",
            "",
            *tables,
            "",
            "The convolution is locally connected, with as many layers as the grammar has levels (2 is shown).",
            "",
            "## What does not agree",
            "",
            "If networks learned at n_c·m^L, they would have half of the best constant's risk there, and what knows",
            "nothing of the tree would need more. Over n_c·m^L, in the order of the table:",
            "",
            *[f"- {name}: {'; '.join(factors[name])}" for name in LEARNERS],
            "",
            *order_words(measured),
            "",
            "Not measured: other widths, learning rates and parameterizations, more than two symbols a production,",
            "larger m^L; the budget of steps was not doubled. `fm.confirm` asks for n_c·m^L within √10.",
            "",
            "## Sizes of half the constant's risk, over n_c·m^L",
            "",
            f"± one standard error over replicates; — where a replicate is not there by {SHARES[-1]:g} times n_c·m^L,",
            "or is below at the smallest size.",
            "",
            "| L, v, m, n_c | n_c·m^L | derivations | " + " | ".join(LEARNERS) + " |",
            "|" + "---|" * (3 + len(LEARNERS)),
            *rows,
            "",
            *collapse(results, measured),
        ]
    )


def order_words(measured: dict[str, list[tuple[int, np.ndarray]]]) -> list[str]:
    """Return in how many grammars each network needs fewer strings than the kernel, beyond two standard errors."""
    lines = []
    for name in NETWORKS:
        less = more = known = 0
        for (_, own), (_, other) in zip(measured[name], measured["laplace-kernel"], strict=True):
            if not (_found(own) and _found(other)):
                continue
            known += 1
            gap = np.log(own) - np.log(other)  # the same rules and strings, replicate by replicate
            error = gap.std(ddof=1) / np.sqrt(gap.size)
            less += bool(gap.mean() < -2 * error)
            more += bool(gap.mean() > 2 * error)
        lines.append(
            f"- {name} against the Laplace kernel, paired over replicates: fewer strings in {less}, more in {more}, "
            f"within two standard errors in {known - less - more} of {known} grammars where both are known"
        )
    return lines


def collapse(
    results: dict[tuple[int, int, int, int], Result], measured: dict[str, list[tuple[int, np.ndarray]]]
) -> list[str]:
    """Return whether the curves of all grammars are one curve of n/(n_c·m^L)."""
    lines = [
        "## Do the curves collapse?",
        "",
        "γ: the half-size grows like (n_c·m^L)^γ, least squares over grammars, ± one standard error from their",
        "scatter; the law has 1. Spread: standard deviation over grammars of ln(half-size/(n_c·m^L)), and what",
        "replicates alone would make. Then the mean over grammars of risk over the constant's at the same n/(n_c·m^L),",
        "± the standard deviation over grammars; χ² per degree of freedom of their differences against the errors over",
        "replicates (with a floor of one wrong test string in a hundred): 1 where the curves are one.",
        "",
        "| learner | grammars | γ | spread | of replicates | "
        + " | ".join(f"{s:g}" for s in SHARES)
        + " | χ²/dof, of grammars |",
        "|" + "---|" * (6 + len(SHARES)),
    ]
    for name in LEARNERS:
        known = [(due, sizes) for due, sizes in measured[name] if _found(sizes)]
        cells = [name, str(len(known)), "—", "—", "—"]
        if len(known) >= 3:
            x = np.log([due for due, _ in known])
            logs = [np.log(sizes) for _, sizes in known]
            y = np.array([own.mean() for own in logs])
            slope, error = _slope(x, y)
            within = np.sqrt(np.mean([own.var(ddof=1) / own.size for own in logs]))
            cells[2:] = [f"{slope:.2f} ± {error:.2f}", f"{(y - x).std(ddof=1):.2f}", f"{within:.2f}"]
        finished = [points for result in results.values() if (points := points_of(result, name))]
        curves = np.array([_shares(points) for points in finished])  # grammars, replicates, sizes
        means = curves.mean(axis=1)
        errors = np.maximum(curves.std(axis=1, ddof=1) / np.sqrt(curves.shape[1]), 0.01)
        weights = 1.0 / np.square(errors)
        centre = (weights * means).sum(axis=0) / weights.sum(axis=0)
        freedom = max(1, (len(means) - 1) * means.shape[1])
        chi = float((weights * np.square(means - centre)).sum() / freedom)
        shown = [f"{m:.2f} ± {s:.2f}" for m, s in zip(means.mean(axis=0), means.std(axis=0, ddof=1), strict=True)]
        lines.append("| " + " | ".join([*cells, *shown, f"{chi:.0f} of {len(finished)}"]) + " |")
    return [*lines, ""]


def _found(sizes: np.ndarray) -> bool:
    return bool(sizes.size and (np.isfinite(sizes) & (sizes > 0.0)).all())


def _slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the least-squares slope and its standard error from the scatter."""
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    left = y - y.mean() - slope * centred
    return slope, float(np.sqrt(left @ left / (x.size - 2) / (centred @ centred)))


def _shares(points: list[Point]) -> np.ndarray:
    """Return risk over the best constant's, (replicates, sizes)."""
    sizes, seeds = sorted({p.n for p in points}), sorted({p.seed for p in points})
    found = {(p.seed, p.n): p.risk / p.v_in for p in points}
    return np.array([[found[seed, n] for n in sizes] for seed in seeds])


def _words(table: dict[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in table.items() if key not in TRAINING or table is TRAINING)


def _cell(ratio: np.ndarray) -> str:
    if not _found(ratio):
        return "—"
    return f"{ratio.mean():.2f} ± {ratio.std(ddof=1) / np.sqrt(ratio.size):.2f}"


def _say(name: str):  # type: ignore[no-untyped-def]
    return lambda text: print(f"{name}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
