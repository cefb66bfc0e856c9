#!/usr/bin/env python3
"""The long statistical tier: exact laws at sizes that CI cannot afford, with a dated report.

    .venv/bin/python scripts/verify_statistics.py --list
    .venv/bin/python scripts/verify_statistics.py --only 'A5/*' --jobs 2 -o statistics
    .venv/bin/python scripts/verify_statistics.py --jobs 2 -o statistics && cp statistics/report.* datasets/statistics/

Every check compares draws with an exact law, or with the literature's constants, and must also reject a control. The
p-values of the whole list share one budget: a run of all checks on correct code raises a false alarm with probability
10^-3 at most; a filtered run spends its share only. Controls must fall below 10^-9. Seeds are fixed, so a run repeats.

The folder gets report.md and report.csv (the date is inside), p-values.png, qq/ and results.jsonl, where every finished
check stands at once: the same command continues a run that was killed. Results of other code are not taken for this
code's. `--scale` below 1 takes fewer draws, to try a check out; controls may then fail. Exit status: 0 all passed,
1 not, 2 a request that cannot be met, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import fnmatch
import math
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FRACTALMAN_THREADS"):
    os.environ.setdefault(variable, "1")  # one check a process
sys.path.insert(0, str(Path(__file__).resolve().parent))

LAST_TABLE = Path(__file__).resolve().parent.parent / "datasets" / "statistics" / "report.csv"


def work(name: str, scale: float) -> dict[str, Any]:
    """Run one check, in whatever process; a check that fails says why and keeps nobody else from running."""
    from _long_tier import CHECKS
    from _long_tier.journal import thinned

    start = time.process_time()
    try:
        found = CHECKS[name](scale)
    except Exception:
        return {"name": name, "error": traceback.format_exc()}
    return {
        "name": name,
        "p": float(found.p),
        "n": int(found.n),
        "control": float(found.control),
        "remark": found.remark,
        "seconds": time.process_time() - start,
        "date": datetime.date.today().isoformat(),
        "scores": thinned([float(z) for z in found.scores]),
    }


def finished(names: list[str], scale: float, jobs: int) -> Iterator[dict[str, Any]]:
    """Run checks and yield their results as they come."""
    if jobs == 1:
        yield from (work(name, scale) for name in names)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(work, name, scale) for name in names]
        try:
            for done in as_completed(running):
                yield done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def expected_seconds(path: Path = LAST_TABLE) -> dict[str, float]:
    """CPU seconds of every check in the last committed report."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["check"]: float(row["cpu_seconds"]) for row in csv.DictReader(file)}


def time_left(elapsed: float, done: list[str], open_: list[str], weight: dict[str, float]) -> str:
    """How long the open checks will take if they go on as the finished ones; unknown checks weigh like the average."""
    usual = sum(weight.values()) / len(weight) if weight else 1.0
    past, to_come = (sum(weight.get(name, usual) for name in names) for names in (done, open_))
    return f"{math.ceil(elapsed / past * to_come / 60)} min left" if past > 0 else ""


def main() -> int:
    """Run what was asked for."""
    from _long_tier import CHECKS
    from _long_tier.journal import Journal, code_digest
    from _long_tier.report import ALARM, as_csv, as_markdown, plots, published, verdict

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the checks and stop")
    parser.add_argument("--only", metavar="PATTERN", action="append", help="checks whose name fits, e.g. 'A5/*'")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the draws")
    parser.add_argument("-o", "--output", type=Path, default=Path("statistics"), help="folder of the report")
    asked = parser.parse_args()
    names = [n for n in sorted(CHECKS) if not asked.only or any(fnmatch.fnmatchcase(n, p) for p in asked.only)]
    if asked.list:
        for name in names:
            print(f"{name:42} {(CHECKS[name].__doc__ or '').splitlines()[0]}")
        return 0
    if not names or asked.jobs < 1 or not 0 < asked.scale <= 1:
        print(
            f"--only {asked.only}, --jobs {asked.jobs}, --scale {asked.scale}: expected patterns that fit a name of "
            "--list, 1 or more jobs and a scale in (0, 1]",
            file=sys.stderr,
        )
        return 2
    folder, threshold = asked.output, ALARM / len(CHECKS)
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder / "results.jsonl", code_digest(), asked.scale)
    weight = expected_seconds()
    left = sorted((n for n in names if n not in journal.results), key=lambda n: -weight.get(n, 0.0))
    if journal.others:
        print(f"{journal.others} results of other code or scale are left aside", file=sys.stderr)
    if len(left) < len(names):
        print(f"{len(names) - len(left)} of {len(names)} checks are done already", file=sys.stderr)

    def report() -> list[dict[str, Any]]:
        kept = [journal.results[n] for n in names if n in journal.results]
        if kept:
            missing = [n for n in names if n not in journal.results]
            text = as_markdown(kept, threshold, asked.scale, len(CHECKS), journal.code, missing)
            published(folder / "report.md", text)
            published(folder / "report.csv", as_csv(kept, threshold))
        return kept

    start, done = time.monotonic(), []
    try:
        for result in finished(left, asked.scale, asked.jobs):
            done.append(str(result["name"]))
            still = [n for n in left if n not in done]
            wait = f"  ({time_left(time.monotonic() - start, done, still, weight)})" if still else ""
            head = f"[{len(names) - len(still)}/{len(names)}] {result['name']}"
            if "error" in result:
                print(f"{head}: FAILED{wait}\n{result['error']}", file=sys.stderr, flush=True)
                continue
            journal.add(result)
            report()
            print(
                f"{head}: p = {result['p']:.3g}, control {result['control']:.1g}, {result['seconds']:.1f} s  "
                f"{verdict(result, threshold)}{wait}",
                file=sys.stderr,
                flush=True,
            )
    except KeyboardInterrupt:
        print(f"stopped after {len(done)} checks: the same command continues", file=sys.stderr)
        return 130
    kept = report()
    plots(kept, folder)
    print(folder / "report.md")
    return 0 if len(kept) == len(names) and all(verdict(r, threshold) == "ok" for r in kept) else 1


if __name__ == "__main__":
    sys.exit(main())
