#!/usr/bin/env python3
"""Who is right on sets whose truth is known: other people's estimators and ours, side by side.

    .venv/bin/python -m pip install -c constraints.txt -e '.[learners,plots,referee]'
    .venv/bin/python scripts/referee dimension --jobs 2 -o referee-runs

Runs a trial (or "all"), keeps its journal in FOLDER/TRIAL, continues it when it was stopped, and writes its table to
datasets/referee/TRIAL.md and TRIAL.csv and its figure to docs/images. A package that is not installed is left out and
said. ``--report`` writes them from the journal as far as it got; ``--ours`` asks our own methods again before that, as
they are today: other people's answers do not change with our build. ``--again PACKAGE`` does so for another package,
one that came later or has an environment of its own (elsewhere.py). Both keep a journal of their own below the first
one's folder, for each build of the package: stopped and typed again they go on, and ``--report`` knows of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from experiment import TRIALS, Referee, again_folder, again_spec, all_rows, replaced, spec_of, trial_of
from report import checked, write_report
from trial import present

from fractalman.experiments.engine import run_experiment

ROOT = Path(__file__).parent.parent.parent


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trial", choices=[*TRIALS, "all"])
    parser.add_argument("-o", "--out", type=Path, default=Path("referee-runs"), metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=20, help="sets of each kind and size (default 20)")
    parser.add_argument("--sizes", type=int, nargs="*", default=[], metavar="N", help="only these sizes")
    parser.add_argument("--cases", default="", metavar="A;B", help="only these cases")
    parser.add_argument("--methods", default="", metavar="A;B", help="only these methods")
    parser.add_argument("--join", action="append", default=[], type=Path, metavar="FOLDER", help="with its rows, too")
    parser.add_argument("--keep", action="store_true", help="keep what the committed table has and no row asks again")
    parser.add_argument("--check", action="store_true", help="run nothing, compare with the committed table")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--report", action="store_true", help="run nothing, write the report of what is there")
    parser.add_argument("--ours", action="store_true", help="of what is there ask our own methods again, and report")
    parser.add_argument(
        "--again",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="ask a package's methods again, or for the first time",
    )
    options = parser.parse_args()
    for name in TRIALS if options.trial == "all" else (options.trial,):
        trial = trial_of(name)
        absent = sorted({one.package for one in trial.methods} - {one.package for one in present(trial.methods)})
        if absent:
            print(f"{name}: not installed and left out: {', '.join(absent)}", file=sys.stderr)
        folder = options.out / name
        chosen, methods = ([one for one in text.split(";") if one] for text in (options.cases, options.methods))
        if options.check:
            print(f"{name}: {checked(trial, all_rows(folder), ROOT)}")
            continue
        again = [*(["fractalman"] if options.ours else []), *options.again]
        for package in again:
            asked = again_spec(folder, package, chosen)
            run_experiment(Referee(), asked, again_folder(folder, asked), _say, jobs=options.jobs)
        if not (options.report or again):
            spec = spec_of(name, options.seeds, options.sizes, chosen, methods)
            run_experiment(Referee(), spec, folder, _say, jobs=options.jobs)
        rows = all_rows(folder)
        for one in options.join:  # of an answer that two runs have the first is meant
            rows = replaced(all_rows(one / name), rows)
        print(write_report(trial, rows, ROOT, options.keep))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
