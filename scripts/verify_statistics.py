#!/usr/bin/env python3
"""The long statistical tier: exact laws at sizes that CI cannot afford, with a dated report.

    .venv/bin/python scripts/verify_statistics.py --list
    .venv/bin/python scripts/verify_statistics.py --only 'A5/*' --jobs 2 -o statistics

Every check compares draws with an exact law and must also reject a control. The p-values of the whole list share one
budget: a run of all checks on correct code raises a false alarm with probability ALARM at most; a filtered run spends
its share only. Controls must fall below REJECTED. Seeds are fixed, so a run repeats. Exit status: 0 all passed, 1 not,
2 a request that cannot be met. `--scale` below 1 takes fewer draws, to try a check out; controls may then fail.
"""

from __future__ import annotations

import argparse
import datetime
import fnmatch
import json
import multiprocessing
import os
import platform
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FRACTALMAN_THREADS"):
    os.environ.setdefault(variable, "1")  # one check a process

ALARM = 1e-3
REJECTED = 1e-9


def work(name: str, scale: float) -> dict[str, object]:
    """Run one check, in whatever process."""
    from _statistical_checks import CHECKS

    start = time.perf_counter()
    found = CHECKS[name](scale)
    return {
        "name": name,
        "p": found.p,
        "n": found.n,
        "control": found.control,
        "remark": found.remark,
        "seconds": time.perf_counter() - start,
        "scores": [float(z) for z in found.scores],
    }


def verdict(result: dict[str, object], threshold: float) -> str:
    """What came of a check."""
    p, control = result["p"], result["control"]
    assert isinstance(p, float)
    assert isinstance(control, float)
    if not p > threshold:  # nan too
        return "LAW BROKEN"
    return "ok" if control < REJECTED else "CONTROL NOT REJECTED"


def table(results: list[dict[str, object]], threshold: float, scale: float, total: int) -> str:
    """The report in Markdown."""
    import h5py
    import numba
    import numpy
    import scipy

    import fractalman

    good = sum(verdict(r, threshold) == "ok" for r in results)
    lines = [
        "# Statistical checks",
        "",
        f"{datetime.date.today().isoformat()} · fractalman {fractalman.__version__}, stream version "
        f"{fractalman.STREAM_VERSION} · Python {platform.python_version()}, numpy {numpy.__version__}, numba "
        f"{numba.__version__}, scipy {scipy.__version__}, h5py {h5py.__version__} · {platform.machine()}",
        "",
        f"**{good} of {len(results)} checks passed.** {total} checks share a false-alarm probability of {ALARM:g}: a "
        f"p-value must exceed {threshold:.2g}; a control must fall below {REJECTED:g}."
        + (f" **Scale {scale:g}: fewer draws than meant.**" if scale != 1.0 else ""),
        "",
        "| check | draws | p-value | control | | seconds | remark |",
        "|---|---:|---:|---:|---|---:|---|",
    ]
    for r in results:
        lines.append(
            f"| {r['name']} | {r['n']:,} | {r['p']:.3g} | {r['control']:.1g} | {verdict(r, threshold)} "
            f"| {r['seconds']:.1f} | {r['remark']} |"
        )
    smallest = min(float(str(r["p"])) for r in results)
    lines += [
        "",
        f"Smallest p-value {smallest:.3g} of {len(results)}; uniform p-values would put it near 1/{len(results)}.",
    ]
    return "\n".join(lines) + "\n"


def plots(results: list[dict[str, object]], folder: Path) -> None:
    """Quantile–quantile plots of every check's normal scores, and one of all p-values."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        print("no plots: pip install 'fractalman[plots]'", file=sys.stderr)
        return
    import numpy as np
    from scipy import stats

    for r in results:
        z = np.sort(np.array(r["scores"]))
        if z.size < 5:
            continue
        expected = stats.norm.ppf((np.arange(z.size) + 0.5) / z.size)
        figure, axes = pyplot.subplots(figsize=(3.6, 3.6), layout="constrained")
        axes.axline((0, 0), slope=1, color="#b0b7c3", linewidth=1)
        axes.plot(expected, z, ".", markersize=4, color="#0072B2", rasterized=True)
        axes.set(xlabel="standard normal quantiles", ylabel="scores", title=f"{r['name']}\np = {r['p']:.3g}")
        axes.title.set_fontsize(9)
        figure.savefig(folder / (re.sub(r"[^A-Za-z0-9=.-]+", "-", str(r["name"])) + ".png"), dpi=120)
        pyplot.close(figure)
    p = np.sort([float(str(r["p"])) for r in results])
    figure, axes = pyplot.subplots(figsize=(3.6, 3.6), layout="constrained")
    axes.axline((0, 0), slope=1, color="#b0b7c3", linewidth=1)
    axes.plot((np.arange(p.size) + 0.5) / p.size, p, ".", color="#0072B2")
    axes.set(xlabel="uniform quantiles", ylabel="p-values of all checks", xlim=(0, 1), ylim=(0, 1))
    figure.savefig(folder / "all-p-values.png", dpi=120)
    pyplot.close(figure)


def main() -> int:
    """Run what was asked for."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from _statistical_checks import CHECKS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the checks and stop")
    parser.add_argument("--only", metavar="PATTERN", action="append", help="checks whose name fits, e.g. 'A5/*'")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the draws")
    parser.add_argument("-o", "--output", type=Path, default=Path("statistics"), help="folder of the report")
    asked = parser.parse_args()
    names = [n for n in CHECKS if not asked.only or any(fnmatch.fnmatchcase(n, p) for p in asked.only)]
    if asked.list:
        for name in names:
            print(f"{name:42} {(CHECKS[name].__doc__ or '').splitlines()[0]}")
        return 0
    if not names or asked.jobs < 1 or not 0 < asked.scale <= 1:
        print(
            f"--only {asked.only}, --jobs {asked.jobs}, --scale {asked.scale}: allowed are patterns that fit a name of "
            "--list, 1 or more jobs and a scale in (0, 1]",
            file=sys.stderr,
        )
        return 2
    folder = asked.output / f"{datetime.date.today().isoformat()}"
    folder.mkdir(parents=True, exist_ok=True)
    threshold = ALARM / len(CHECKS)
    results: dict[str, dict[str, object]] = {}

    def keep(result: dict[str, object]) -> None:
        name = str(result["name"])
        results[name] = result
        print(
            f"[{len(results)}/{len(names)}] {name}: p = {result['p']:.3g}, control {result['control']:.1g}, "
            f"{result['seconds']:.1f} s  {verdict(result, threshold)}",
            file=sys.stderr,
            flush=True,
        )
        kept = [results[n] for n in names if n in results]
        (folder / "report.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        (folder / "report.md").write_text(table(kept, threshold, asked.scale, len(CHECKS)), encoding="utf-8")

    if asked.jobs == 1:
        for name in names:
            keep(work(name, asked.scale))
    else:
        with ProcessPoolExecutor(asked.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            for done in as_completed([pool.submit(work, name, asked.scale) for name in names]):
                keep(done.result())
    plots([results[n] for n in names], folder)
    print(folder / "report.md")
    return 0 if all(verdict(r, threshold) == "ok" for r in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
