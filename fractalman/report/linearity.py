"""The report of a study of linearity: one page, its tables, and exponents predicted against measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fractalman.display.style import INK, STYLES, new_figure, saved, settings
from fractalman.report.found import found_by_linearity
from fractalman.report.html import heading, image, paragraph, table
from fractalman.report.study_page import interval, page, rows_csv, source_words, write_files
from fractalman.report.tables import jsonable, text_table
from fractalman.studies.base import Row
from fractalman.studies.linearity.result import TOLERANCE, LinearityResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXPONENTS = ("space", "target", "scale", "measured", "from the spectrum", "difference", "agree", "risk / law",
             "ridgeless / law")  # fmt: skip
CLOSENESS = ("step", "space", "scale", "closeness", "random fragments", "shuffled labels", "nearest rival", "local")
DIMENSIONS = ("space", "units", "intrinsic dimension", "error of one")
NOTE = (
    "Exponents: of risk ~ n^-exponent inside the fragments, at the ridge of least risk by the law, measured and from\n"
    f"the fragment's own spectrum; they agree where the difference is at most {TOLERANCE} plus its half-width.\n"
    "±: half of the 95 % interval over replicates. Closeness: 1 where the network's function on unseen points is\n"
    "that of the fragments' own ridge regressions, 0 where the nearest of global ridge, Laplace kernel and a\n"
    "random network of equal risk describes it as well, negative where better; all are trained on the network's\n"
    "training points."
)
_SAYS = {True: "yes", False: "no", None: "—"}


def write_linearity(result: LinearityResult, folder: str | Path) -> Path:
    """Write report.html, rows.csv and result.json into ``folder`` and return the report's path."""
    text = json.dumps(jsonable(result.to_dict()), indent=1, ensure_ascii=False, allow_nan=False)
    files = {
        "rows.csv": rows_csv(list(result.rows)),
        "result.json": text + "\n",
        "report.html": linearity_page(result),
    }
    write_files(folder, files)
    return Path(folder) / "report.html"


def linearity_lines(result: LinearityResult) -> list[str]:
    """Return the closing tables of a run."""
    return [
        source_words(result.study), "", *text_table(EXPONENTS, exponent_rows(result)), "",
        *text_table(CLOSENESS, closeness_rows(result)), "", *text_table(DIMENSIONS, dimension_rows(result)), "", NOTE,
    ]  # fmt: skip


def exponent_rows(result: LinearityResult) -> list[list[str]]:
    """Return the rows under `EXPONENTS`."""
    return [
        [
            row["space"], row["target"], f"{row['scale']:,}", _with(row, "measured"), _with(row, "predicted"),
            _with(row, "difference"), _SAYS[row["agrees"]], interval(row["ratio"], None),
            interval(row["peak_ratio"], None),
        ]
        for row in result.exponents
    ]  # fmt: skip


def closeness_rows(result: LinearityResult) -> list[list[str]]:
    """Return the rows under `CLOSENESS`."""
    return [
        [
            str(row["step"]), row["space"], f"{row['scale']:,}", _with(row, "closeness"),
            _with(row, "random_fragments"), _with(row, "shuffled_labels"), row["nearest"] or "—",
            _SAYS[row["is_local"]],
        ]
        for row in result.closeness
    ]  # fmt: skip


def dimension_rows(result: LinearityResult) -> list[list[str]]:
    """Return the rows under `DIMENSIONS`."""
    return [
        [row["space"], f"{row['units']:,}", _with(row, "dimension"), interval(row["error"], None)]
        for row in result.dimensions
    ]


def _with(row: Row, name: str) -> str:
    return interval(row[name], row[f"{name}_half_width"])


def exponents_figure(exponents: Mapping[str, Sequence[Row]], kind: str = "svg") -> bytes:
    """Return exponents measured against predicted, one point per (data, layer, scale, target), with the diagonal.

    Points without a verdict are pale.

    Args:
        exponents: name of the data and network → `LinearityResult.exponents`; a colour each.
        kind: "svg", "png" or "pdf".
    """
    with settings():
        figure = new_figure(9.4, 4.4)
        held = {row["target"] for rows in exponents.values() for row in rows}
        targets = [target for target in ("label", "network") if target in held] or ["label"]
        panels = [figure.add_subplot(1, len(targets), k + 1) for k in range(len(targets))]
        for axes, target in zip(panels, targets, strict=True):
            low, high = _points(axes, exponents, target)
            axes.plot([low, high], [low, high], color=INK, lw=0.9, ls=(0, (4, 3)), zorder=1)
            words = "target: the label" if target == "label" else "target: the network’s own function"
            axes.set_title(words, loc="left", fontsize=10)
            axes.set_xlabel("exponent from the local spectrum")
        panels[0].set_ylabel("exponent measured")
        named = {
            label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        labels = [name for name in exponents if name in named]
        handles, columns = [named[name] for name in labels], min(4, max(1, len(labels)))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)
        return saved(figure, kind)


def _points(axes: Axes, exponents: Mapping[str, Sequence[Row]], target: str) -> tuple[float, float]:
    places: list[float] = [0.0]
    for k, (name, every) in enumerate(exponents.items()):
        color, marker = STYLES[k % len(STYLES)]
        rows = [r for r in every if r["target"] == target and r["measured"] is not None]
        if not rows:
            continue
        for told, alpha in ((True, 1.0), (False, 0.25)):  # pale: too wide to be evidence
            mine = [r for r in rows if (r["agrees"] is not None) is told]
            x, y = [r["predicted"] for r in mine], [r["measured"] for r in mine]
            axes.errorbar(
                x, y, xerr=_halves(mine, "predicted"), yerr=_halves(mine, "measured"), color=color, marker=marker,
                ms=4.5, ls="none", elinewidth=0.8, capsize=1.5, label=name if told else None, zorder=3, alpha=alpha,
            )  # fmt: skip
            places += [*x, *y]
    return min(places), max(places)


def _halves(rows: Sequence[Row], name: str) -> list[float]:
    return [row[f"{name}_half_width"] or 0.0 for row in rows]


def curves_figure(result: LinearityResult) -> bytes:
    """Return local learning curves of the label in the input and in the last space, ridgeless and best, with laws."""
    spaces = list(dict.fromkeys(r["space"] for r in result.of("curve")))
    chosen = list(dict.fromkeys([*spaces[:1], *spaces[-1:]]))
    with settings():
        figure = new_figure(9.4, 4.2)
        for k, space in enumerate(chosen):
            axes = figure.add_subplot(1, max(1, len(chosen)), k + 1)
            for i, scale in enumerate(result.study.scales):
                for ridge, dashes in (("best", "-"), ("none", ":")):
                    rows = result.of("curve", space=space, target="label", scale=scale, ridge=ridge, fragment=0)
                    rows = [r for r in rows if r["replicate"] == 0]
                    label = f"scale {scale}" if ridge == "best" else None
                    _curve(axes, rows, STYLES[i % len(STYLES)], dashes, label)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_title(space if space == "input" else f"layer {space}", loc="left", fontsize=10)
            axes.set_xlabel("training points in the fragment")
            axes.legend()
        return saved(figure)


def _curve(axes: Axes, rows: Sequence[Row], style: tuple[str, str], dashes: str, label: str | None) -> None:
    color, marker = style
    axes.errorbar(
        [r["n"] for r in rows], [r["risk"] for r in rows], [1.96 * r["error"] for r in rows], color=color,
        marker=marker, ms=4, ls="none", elinewidth=0.8, mfc=color if dashes == "-" else "none", label=label,
    )  # fmt: skip
    law = [r for r in rows if r["predicted_risk"]]
    axes.plot([r["n"] for r in law], [r["predicted_risk"] for r in law], color=color, lw=1.2, ls=dashes)


def linearity_page(result: LinearityResult) -> str:
    """Return the whole page: self-contained HTML."""
    lead = (
        "Is learning a collection of linear regressions? At every scale of the hierarchy a linear regression of each "
        "fragment, with its own learning curve and the law of its own spectrum, and the network's function beside it."
    )
    training = [
        [str(r["step"]), f"{r['scale']:,}", _with(r, "risk"), _with(r, "risk_within"), _with(r, "variance_within")]
        for r in result.training
    ]
    sections = [
        paragraph(source_words(result.study), "muted"),
        heading("Local linear problems"),
        image(
            exponents_figure({"this study": result.exponents}), "svg+xml", "exponents predicted against measured",
            "Exponents of local learning curves: one point per space and scale, with 95 % intervals over replicates. "
            "Dashed: equal.",
        ),
        table(EXPONENTS, exponent_rows(result)),
        image(
            curves_figure(result), "svg+xml", "local learning curves",
            "Linear regression of the label inside the largest fragment of every scale. Filled and solid: with the "
            "ridge of least risk by the law; open and dotted: without, whose peak stands at rank + 1. Lines: from the "
            "fragment’s spectrum alone. Risks in units of the label’s variance within the fragment.",
        ),
        heading("Closer to local regressions than to other learners?"),
        table(CLOSENESS, closeness_rows(result)),
        paragraph(" ".join(NOTE.split()), "note"),
        heading("Intrinsic dimension"),
        table(DIMENSIONS, dimension_rows(result)),
        heading("The network by scale"),
        table(("step", "scale", "risk", "of it within fragments", "variance of its function within"), training),
    ]  # fmt: skip
    return page("Many linear problems", lead, sections, result.study, found_by_linearity(result))
