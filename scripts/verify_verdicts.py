#!/usr/bin/env python3
"""Do verdicts mean what they say? Sabotaged labels must not agree; clean odd recipes must, and must be resolved.

    .venv/bin/python scripts/verify_verdicts.py -o verdicts                       # everything: hours
    .venv/bin/python scripts/verify_verdicts.py -o verdicts --learners 1-nn,k-nn --only 'clean-*' --minutes 10
    .venv/bin/python scripts/verify_verdicts.py -o verdicts --draw 2026 --minutes 40   # fresh recipes, a balanced draw
    cp verdicts/verdicts.* datasets/statistics/

Every case is one sweep (n = 32 … 512, 512 test points, 128 label vectors) of one recipe under one condition with 2, 3
or 5 replicates; of a network n = 64 … 512, the 8 label vectors that a sweep has by itself, of which it learns one, and
twice as many replicates. Sabotage: labels × .3, × .8, × 1.3, × 2, × 5, cubed, shuffled, a tenth shuffled, three values
only, of another Hurst or label exponent, half of the label vectors of another, undeclared noise of standard deviation
.1; predictions are of the recipe that is declared. Clean: 60 recipes of four families in 2 to 128 dimensions, with
nuisance coordinates, noise and rotation. Wanted: no sabotage agrees; of the clean verdicts at most 5 % differ and at
least 70 % are resolved. Of sabotage that agrees the report says by how much it changes the level, by the curve of the
recipe that it amounts to: a change inside the ± that the verdict prints is one that the verdict does not deny, and
cannot see.

With `--draw SEED` everything is new: clean recipes, the seeds of all of them, and which learners meet which case,
decided by SEED before anything runs. Every one of the 108 recipes × sabotages gets one learner so that each recipe and
each sabotage meets all of them, every clean recipe two; the order is random, so what was finished when time ended is
a fair sample of all.

With `--target sign` labels are the signs of the values and risks shares of wrong answers; sabotage is then what classes
can be: shuffled, a tenth shuffled, of another exponent, half of the label vectors of another.

Finished cases stand in results.jsonl at once: the same command goes on where it was killed or where `--minutes` ended
it. The folder gets verdicts.md and verdicts.csv. Exit status: 0 as wanted, 1 not, 2 a request that cannot be met.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import datetime
import fnmatch
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from _odd_recipes import SABOTAGED, clean_recipes, recipes

from fractalman import generation, prediction
from fractalman.errors import FractalmanError
from fractalman.experiments import Spec, load_spec, run_sweep
from fractalman.random.streams import Role, key64, normals, permutation
from fractalman.recipes import Recipe, from_dict

LEARNERS = ("1-nn", "k-nn", "laplace-kernel", "ridge", "random-features", "ntk-kernel", "mlp")
SWEEP = {"train_sizes": [32, 64, 128, 256, 512], "test_size": 512, "label_draws": 128}
NETWORK = {
    "sweep": {"train_sizes": [64, 128, 256, 512], "test_size": 512},
    "mlp": {"width": 128, "batch_size": 64, "learning_rate": 2e-3, "steps": 4000},
}
"""What replaces `SWEEP` where a network is trained: 12 to 40 s of processor time a case, most of it training."""
SEEDS = (5, 3, 2)
DIFFER, RESOLVED = 0.05, 0.70

# ---------------------------------------------------------------------------------------------------- sabotage

_generate, _label_draws, _predict = generation.generate, generation.label_draws, prediction.make_prediction
Labels = Callable[[Any, int], np.ndarray]


def _scaled(factor: float) -> Labels:
    return lambda data, draws: factor * _label_draws(data, draws)


def _cubed(data: Any, draws: int) -> np.ndarray:
    return _label_draws(data, draws) ** 3


def _shuffled(data: Any, draws: int) -> np.ndarray:
    labels = _label_draws(data, draws)
    return labels[permutation(key64(data.recipe.seeds.labels, Role.ORDER), len(labels))]


def _noisy(data: Any, draws: int) -> np.ndarray:
    labels = _label_draws(data, draws)
    noise = normals(key64(data.recipe.seeds.labels, Role.NOISE), labels.size).reshape(labels.shape)
    return labels + 0.1 * noise


def _tenth_shuffled(data: Any, draws: int) -> np.ndarray:
    labels = _label_draws(data, draws)
    some = permutation(key64(data.recipe.seeds.labels, Role.ORDER), len(labels))[: len(labels) // 10]
    labels[some] = labels[np.roll(some, 1)]
    return labels


def _three_values(data: Any, draws: int) -> np.ndarray:
    """The same variance, about."""
    labels = _label_draws(data, draws)
    return np.where(np.abs(labels) > 0.6, 1.35 * np.sign(labels), 0.0)


def rougher(recipe: Recipe) -> Recipe:
    """Return the recipe with half the Hurst exponent, or another label exponent where it has none."""
    if hasattr(recipe, "hurst"):
        return recipe.replace(hurst=0.5 * recipe.hurst)
    return recipe.replace(label_exponent=-0.1)


def _other(data: Any, draws: int) -> np.ndarray:
    return _label_draws(_generate(rougher(data.recipe)), draws)


def _half_other(data: Any, draws: int) -> np.ndarray:
    labels = _label_draws(data, draws)
    labels[:, ::2] = _other(data, draws)[:, ::2]
    return labels


FACTORS = {"times .3": 0.3, "times 2": 2.0, "times 5": 5.0, "times .8": 0.8, "times 1.3": 1.3}
SABOTAGE: dict[str, Labels] = {
    **{name: _scaled(factor) for name, factor in FACTORS.items()},
    "cubed": _cubed,
    "shuffled": _shuffled,
    "other exponent": _other,
    "half other exponent": _half_other,
    "noise .1": _noisy,
    "tenth shuffled": _tenth_shuffled,
    "three values": _three_values,
}
CLEAN = "clean"
CLASS_SABOTAGE = ("shuffled", "tenth shuffled", "other exponent", "half other exponent")


@dataclass(frozen=True)
class Case:
    """One sweep.

    Parameters
    ----------
    recipe : str
        Name of the recipe.
    condition : str
        "clean" or a name of `SABOTAGE`.
    seeds : int
        Replicates.
    learners : tuple of str
        Those of the sweep.
    draw : int or None
        Whose recipes they are.
    target : {"value", "sign"}
        What the labels are.
    """

    recipe: str
    condition: str
    seeds: int
    learners: tuple[str, ...] = LEARNERS
    draw: int | None = None
    target: str = "value"

    @property
    def name(self) -> str:
        """What stands in results.jsonl."""
        return f"{self.recipe}/{self.condition}/{self.seeds}"

    @property
    def table(self) -> dict[str, Any]:
        """The recipe itself."""
        return recipes(self.draw)[self.recipe] | ({} if self.target == "value" else {"target": self.target})


def cases(learners: Sequence[str] = LEARNERS) -> list[Case]:
    """Return all of them, each with all learners, in an order in which every prefix says something about everything."""
    clean = [Case(name, CLEAN, SEEDS[i % 3]) for i, name in enumerate(clean_recipes())]
    sabotage = [Case(r, c, s) for s in SEEDS for c in (*SABOTAGE, CLEAN) for r in SABOTAGED]
    sabotage.sort(key=lambda case: key64(12, Role.ORDER, *case.name.encode()))
    mixed: list[Case] = []
    while clean or sabotage:
        mixed += sabotage[:3] + clean[:1]
        sabotage, clean = sabotage[3:], clean[1:]
    return [dataclasses.replace(case, learners=tuple(learners)) for case in mixed]


def drawn(seed: int, learners: Sequence[str] = LEARNERS) -> list[Case]:
    """Return a balanced draw: 108 sabotages with a learner each and 60 clean recipes with two each, in random order."""
    rng = np.random.default_rng(seed)
    order, count = [str(name) for name in rng.permutation(list(learners))], len(learners)
    named, conditions = (rng.permutation(list(names)) for names in (SABOTAGED, SABOTAGE))
    found = [
        Case(str(name), str(condition), SEEDS[(i + 2 * j) % 3], (order[(i + j) % count],), seed)
        for i, name in enumerate(named)
        for j, condition in enumerate(conditions)
    ]
    for i, name in enumerate(clean_recipes(seed=seed)):
        pair = dict.fromkeys(order[(i + shift) % count] for shift in (0, 3))
        found.append(Case(name, CLEAN, SEEDS[i // 4 % 3], tuple(pair), seed))
    return [found[i] for i in rng.permutation(len(found))]


@cache
def _prediction(recipe: str, learner: str) -> Any:
    return _predict(from_dict(json.loads(recipe)), learner=learner)


def _remembered(recipe: Recipe, learner: Any, loss: str | None = None) -> Any:  # noqa: ARG001 (0–1 is the only one)
    """A recipe's prediction, made once for all sabotage of it."""
    name = getattr(learner, "name", learner)
    return _prediction(json.dumps(recipe.to_dict(), sort_keys=True), name)


@contextlib.contextmanager
def _sabotage(condition: str) -> Iterator[None]:
    labels = SABOTAGE.get(condition, _label_draws)
    with (
        mock.patch("fractalman.generation.label_draws", labels),
        mock.patch("fractalman.prediction.make_prediction", _remembered),
    ):
        yield


def specifications(case: Case) -> list[dict[str, Any]]:
    """Return the tables of a case's sweeps: one of all smoothers, one of the network."""
    smoothers, networks = ([name for name in case.learners if (name in NETWORK) is own] for own in (False, True))
    found = []
    if smoothers:
        found.append({"recipe": case.table, "sweep": {**SWEEP, "seeds": case.seeds, "learners": smoothers}})
    for name in networks:
        sweep = {**NETWORK["sweep"], "seeds": 2 * case.seeds, "learners": [name]}
        found.append({"recipe": case.table, "sweep": sweep, name: NETWORK[name]})
    return found


def run(case: Case) -> list[dict[str, Any]]:
    """Return one row a learner."""
    return [row for table in specifications(case) for row in _rows(case, load_spec(table))]


def _rows(case: Case, spec: Spec) -> list[dict[str, Any]]:
    """Run one sweep of a case."""
    with _sabotage(case.condition), tempfile.TemporaryDirectory() as folder:
        result = run_sweep(spec, Path(folder) / "run")
    rows = []
    for verdict in result.verdicts:
        level = verdict.level
        rows.append({
            "recipe": case.recipe, "condition": case.condition, "seeds": spec.seeds, "learner": verdict.learner,
            "agrees": verdict.agrees, "slope_agrees": verdict.slope_agrees,
            "level_agrees": None if level is None else level.agrees, "ratio": None if level is None else level.ratio,
            "half_width": None if level is None else level.half_width,
            "own_ratio": None if level is None else level.own_ratio,
            "own_half_width": None if level is None else level.own_half_width,
            "changed_to": effect(case, verdict.learner, level.sizes) if verdict.agrees and level else None,
            "measured": verdict.measured, "due": verdict.predicted_local, "reason": verdict.reason,
        })  # fmt: skip
    return rows


def effect(case: Case, learner: str, sizes: Sequence[int]) -> float | None:
    """Return the level that sabotage gives, its own curve over the declared one, mean over the sizes; None unknown."""
    if case.condition in FACTORS:
        return FACTORS[case.condition] ** 2
    declared = from_dict(case.table)
    if case.condition == "noise .1":
        actual, share = declared.replace(noise=0.1), 1.0
    elif case.condition in ("other exponent", "half other exponent"):
        actual, share = rougher(declared), 0.5 if case.condition[:4] == "half" and learner not in NETWORK else 1.0
    else:
        return None
    curves = [np.asarray(_remembered(recipe, learner).curve(list(sizes)).risk) for recipe in (actual, declared)]
    return float(1.0 + share * (np.mean(curves[0] / curves[1]) - 1.0))


def inside(row: dict[str, Any]) -> bool:
    """Whether a sabotage changes the level by less than the ± of its verdict."""
    width = row["half_width"] if row["own_half_width"] is None else row["own_half_width"]
    return row["changed_to"] is not None and abs(row["changed_to"] - 1.0) < width


# ---------------------------------------------------------------------------------------------------- report


def said(rows: Sequence[dict[str, Any]]) -> tuple[int, int, int]:
    """Return how many agree, differ and have no verdict."""
    return tuple(sum(row["agrees"] is answer for row in rows) for answer in (True, False, None))  # type: ignore[return-value]


def as_wanted(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether no sabotage agrees and clean verdicts are as they should be, by their shares and not by intervals."""
    clean, sabotage = _parts(rows)
    agrees, differs, _ = said(clean)
    few = not clean or (differs <= DIFFER * len(clean) and agrees + differs >= RESOLVED * len(clean))
    return few and said(sabotage)[0] == 0


def _parts(rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return [r for r in rows if r["condition"] == CLEAN], [r for r in rows if r["condition"] != CLEAN]


def pooled(rows: Sequence[dict[str, Any]], beside: Sequence[dict[str, str]], paths: Sequence[Path]) -> list[str]:
    """Return what several draws say together, as lines; none without others."""
    if not beside:
        return []
    every = [(row["condition"], str(row["agrees"])) for row in (*rows, *beside)]
    clean, sabotage = ([answer for name, answer in every if (name == CLEAN) is own] for own in (True, False))
    wrong, open_, agreed = clean.count("False"), sum(a not in ("True", "False") for a in clean), sabotage.count("True")
    resolved = len(clean) - open_
    return [
        f"- together with {', '.join(path.stem for path in paths)}: of {len(sabotage)} sabotages {agreed} agree"
        f"{share(agreed, len(sabotage))}; of {len(clean)} clean ones {wrong} differ{share(wrong, len(clean))}, "
        f"{resolved} are resolved{share(resolved, len(clean))}",
    ]


def report(
    rows: Sequence[dict[str, Any]], done: int, asked: int, total: int, command: str, more: Sequence[str] = ()
) -> str:
    """Return verdicts.md, what falls short first."""
    clean, sabotage = _parts(rows)
    everything = "all cases" if done == total else f"reduced: {done} of {total} cases"
    lines = ["# Verdicts under sabotage, and on clean odd recipes", ""]
    lines += [f"{datetime.date.today().isoformat()}, {everything} ({asked} asked for): `{command}`", ""]
    agreed = [row for row in sabotage if row["agrees"] is True]
    wrong = [row for row in clean if row["agrees"] is False]
    lines += ["## What falls short", ""]
    hidden = sum(map(inside, agreed))
    lines += [
        f"- sabotage that agrees: {len(agreed)} of {len(sabotage)}{share(len(agreed), len(sabotage))} (wanted: 0); "
        f"{hidden} of them change the level"
    ]
    lines[-1] += " by less than the ± of their verdict"
    lines += [
        f"  - {_words(row)}"
        + ("" if row["changed_to"] is None else f" (its own curve has the level {row['changed_to']:.3f})")
        for row in agreed
    ]
    open_ = said(sabotage)[2]
    differ = len(sabotage) - open_ - len(agreed)
    lines += [f"- sabotage without a verdict: {open_} of {len(sabotage)}; {differ} differ, as they should"]
    resolved = sum(row["agrees"] is not None for row in clean)
    lines += [
        f"- clean that differs: {len(wrong)} of {len(clean)}{share(len(wrong), len(clean))} (wanted: {DIFFER:.0%})"
    ]
    lines += [f"  - {_words(row)}" for row in wrong]
    lines += [
        f"- clean that is resolved: {resolved} of {len(clean)}{share(resolved, len(clean))} (wanted: at least "
        f"{RESOLVED:.0%})",
        *more,
        "",
    ]
    lines += ["## All", "", "| condition | learner | agrees | differs | no verdict |", "|---|---|---|---|---|"]
    for condition in dict.fromkeys(row["condition"] for row in rows):
        for learner in dict.fromkeys(row["learner"] for row in rows):
            own = [row for row in rows if (row["condition"], row["learner"]) == (condition, learner)]
            if own:
                lines.append("| " + " | ".join([condition, learner, *map(str, said(own))]) + " |")
    return "\n".join(lines) + "\n"


def share(some: int, of: int) -> str:
    """Return a share with its exact 95 % interval (Clopper & Pearson), as a phrase; "" of nothing."""
    from scipy.special import betaincinv

    if not of:
        return ""
    low = 0.0 if some == 0 else float(betaincinv(some, of - some + 1, 0.025))
    high = 1.0 if some == of else float(betaincinv(some + 1, of - some, 0.975))
    return f", {100 * some / of:.1f} % ({100 * low:.1f} … {100 * high:.1f} %)"


def _words(row: dict[str, Any]) -> str:
    return f"{row['recipe']}, {row['condition']}, {row['seeds']} seeds, {row['learner']}: {row['reason']}"


def _case(entry: dict[str, Any]) -> Case:
    """Return the case of a line of results.jsonl."""
    known = {field.name: entry[field.name] for field in dataclasses.fields(Case) if field.name in entry}
    return Case(**known | {"learners": tuple(known["learners"])})


def main(arguments: list[str] | None = None) -> int:
    """Run what is missing and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--learners", default=",".join(LEARNERS))
    parser.add_argument(
        "--only", default="*", help="cases whose name (recipe/condition/seeds) matches, patterns with commas"
    )
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no case after so long")
    parser.add_argument("--draw", type=int, metavar="SEED", help="fresh recipes and seeds, a balanced draw of cases")
    parser.add_argument("--target", choices=("value", "sign"), default="value", help="what labels are")
    parser.add_argument("--beside", type=Path, nargs="+", default=[], metavar="CSV", help="tables counted together")
    options = parser.parse_args(arguments)
    learners = options.learners.split(",")
    patterns = options.only.split(",")
    everything = cases(learners) if options.draw is None else drawn(options.draw, learners)
    if options.target != "value":
        kept = [case for case in everything if case.condition in (CLEAN, *CLASS_SABOTAGE)]
        everything = [dataclasses.replace(case, target=options.target) for case in kept]
    wanted = [case for case in everything if any(fnmatch.fnmatch(case.name, pattern) for pattern in patterns)]
    if not wanted:
        print(f"--only {options.only!r} matches no case: use e.g. 'clean-*' or '*/shuffled/5'", file=sys.stderr)
        return 2
    options.output.mkdir(parents=True, exist_ok=True)
    journal, end = options.output / "results.jsonl", time.monotonic() + 60.0 * options.minutes
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    finished = {_case(entry): entry["rows"] for entry in map(json.loads, lines)}
    for case in wanted:
        if case in finished or time.monotonic() > end:
            continue
        try:
            finished[case] = run(case)
        except FractalmanError as error:
            print(f"{case.name}: {error}", file=sys.stderr)
            return 2
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**dataclasses.asdict(case), "rows": finished[case]}) + "\n")
        print(case.name, [(row["learner"], row["agrees"]) for row in finished[case]], flush=True)
    mine = [finished[case] for case in wanted if case in finished]
    rows = [row for own in mine for row in own]
    if not rows:
        print("no case was finished: give it more --minutes", file=sys.stderr)
        return 2
    command = f"scripts/verify_verdicts.py --learners {options.learners}" + (
        f" --only '{options.only}'" if options.only != "*" else ""
    )
    command += "" if options.draw is None else f" --draw {options.draw}"
    command += "" if options.target == "value" else f" --target {options.target}"
    beside = [row for path in options.beside for row in csv.DictReader(path.open(encoding="utf-8"))]
    text = report(rows, len(mine), len(wanted), len(everything), command, pooled(rows, beside, options.beside))
    (options.output / "verdicts.md").write_text(text, encoding="utf-8")
    with (options.output / "verdicts.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [key for key in rows[0] if key != "reason"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return int(not as_wanted(rows))


if __name__ == "__main__":
    sys.exit(main())
