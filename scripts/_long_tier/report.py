"""The report of the long tier: a table in Markdown and in CSV, and plots."""

from __future__ import annotations

import csv
import io
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ALARM = 1e-3
REJECTED = 1e-9
COLUMNS = ("check", "draws", "p_value", "control", "verdict", "cpu_seconds", "date", "remark")

Result = dict[str, Any]


def verdict(result: Result, threshold: float) -> str:
    """What came of a check."""
    if not float(result["p"]) > threshold:  # nan too
        return "LAW BROKEN"
    return "ok" if float(result["control"]) < REJECTED else "CONTROL NOT REJECTED"


def dates(results: Sequence[Result]) -> str:
    """The day of the results, or the first and the last one."""
    days = sorted({str(r["date"]) for r in results})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def as_csv(results: Sequence[Result], threshold: float) -> str:
    """The report as a table for programs."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(COLUMNS)
    for r in results:
        numbers = f"{r['p']:.4g}", f"{r['control']:.2g}"
        write.writerow(
            [r["name"], r["n"], *numbers, verdict(r, threshold), f"{r['seconds']:.1f}", r["date"], r["remark"]]
        )
    return out.getvalue()


def as_markdown(
    results: Sequence[Result], threshold: float, scale: float, total: int, code: str, missing: Sequence[str] = ()
) -> str:
    """The report for people: what broke or is missing first, then every check."""
    import h5py
    import numba
    import numpy
    import scipy

    import fractalman

    bad = [r for r in results if verdict(r, threshold) != "ok"]
    thin = f" **Scale {scale:g}: fewer draws than meant.**" if scale != 1.0 else ""
    lines = [
        "# Statistical checks",
        "",
        f"{dates(results)} · fractalman {fractalman.__version__}, stream version {fractalman.STREAM_VERSION}, code "
        f"`{code}` · Python {platform.python_version()}, numpy {numpy.__version__}, numba {numba.__version__}, "
        f"scipy {scipy.__version__}, h5py {h5py.__version__} · {platform.machine()}, {os.cpu_count()} cores",
        "",
        f"**{len(results) - len(bad)} of {len(results) + len(missing)} checks passed.** {total} checks share a "
        f"false-alarm probability of {ALARM:g}: a p-value must exceed {threshold:.2g}; a control, which is something "
        f"wrong put through the same test, must fall below {REJECTED:g}.{thin}",
        "",
        "Measured exponents and thresholds stand with two errors, of the draws and of finite size; their p-values take "
        "both in quadrature and are conservative.",
        "",
    ]
    if bad:
        lines += ["Not passed: " + ", ".join(f"{r['name']} ({verdict(r, threshold)})" for r in bad) + ".", ""]
    if missing:
        lines += [f"Not run: {', '.join(missing)}.", ""]
    lines += ["| check | draws | p-value | control | | CPU s | remark |", "|---|---:|---:|---:|---|---:|---|"]
    for r in results:
        numbers = f"{r['n']:,} | {r['p']:.3g} | {r['control']:.1g} | {verdict(r, threshold)} | {r['seconds']:.1f}"
        lines.append(f"| {r['name']} | {numbers} | {r['remark']} |")
    smallest, seconds = min(float(r["p"]) for r in results), sum(float(r["seconds"]) for r in results)
    lines += [
        "",
        f"Smallest p-value {smallest:.3g} of {len(results)}; uniform p-values would put it near 1/{len(results)}. "
        f"{seconds / 60:.0f} minutes of CPU time.",
    ]
    return "\n".join(lines) + "\n"


def published(path: Path, text: str) -> None:
    """Write a file at once or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def plots(results: Sequence[Result], folder: Path) -> None:
    """Quantile–quantile plots: one of all p-values, and in qq/ one of every check's normal scores."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        print("no plots: pip install 'fractalman[plots]'", file=sys.stderr)
        return
    import numpy as np
    from scipy import stats

    def figure(x: Any, y: Any, path: Path, title: str, **labels: Any) -> None:
        drawing, axes = pyplot.subplots(figsize=(3.6, 3.6), layout="constrained")
        axes.axline((0, 0), slope=1, color="#b0b7c3", linewidth=1)
        axes.plot(x, y, ".", markersize=4, color="#0072B2", rasterized=True)
        axes.set(**labels)
        axes.set_title(title, fontsize=9)
        drawing.savefig(path, dpi=120)
        pyplot.close(drawing)

    (folder / "qq").mkdir(exist_ok=True)
    for r in results:
        z = np.sort(np.array(r["scores"]))
        if z.size < 5:
            continue
        name = re.sub(r"[^A-Za-z0-9=.-]+", "-", str(r["name"])) + ".png"
        title = f"{r['name']}\np = {r['p']:.3g}"
        expected = stats.norm.ppf((np.arange(z.size) + 0.5) / z.size)
        figure(expected, z, folder / "qq" / name, title, xlabel="standard normal quantiles", ylabel="scores")
    if not results:
        return
    p = np.sort([float(r["p"]) for r in results])
    uniform = (np.arange(p.size) + 0.5) / p.size
    title = f"p-values of {p.size} checks, {dates(results)}"
    labels = {"xlabel": "uniform quantiles", "ylabel": "p-values", "xlim": (0, 1), "ylim": (0, 1)}
    figure(uniform, p, folder / "p-values.png", title, **labels)
