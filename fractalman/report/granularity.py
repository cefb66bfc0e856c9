"""The page of a granularity study, its tables and its lines on a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman.display.style import require_plots
from fractalman.report import granularity_figures
from fractalman.report.csv_text import csv_text
from fractalman.report.files import publish
from fractalman.report.found import found_by_granularity
from fractalman.report.html import details, heading, image, paragraph, table
from fractalman.report.study_page import page
from fractalman.report.study_page import source_words as study_words
from fractalman.report.tables import jsonable, number, recipe_words, risk_words, text_table
from fractalman.studies.trained_source import TrainedSource

if TYPE_CHECKING:
    from markupsafe import Markup

    from fractalman.studies.base import Row
    from fractalman.studies.granularity.result import GranularityResult

NAMES = ("report.html", "granularity.csv", "granularity.json", "granularity.png", "granularity.svg")
_SHARES = ("between", "linear", "nonlinear", "unreached", "floor")
ESTIMATE = "The hierarchy is an estimate from the points, no ground truth: statements about scales are about it."

CUTS_ARE_GIVEN = (
    "Ridges that know a cut are given the fragment of every unseen point, which no learner of all points is; an "
    "estimated hierarchy has seen the unseen points, without their labels."
)


def source_words(result: GranularityResult) -> str:
    """Return in a phrase where the points come from."""
    source = result.study.source
    recipe = getattr(source, "recipe", None)
    if recipe is not None:
        return recipe_words(recipe)
    if isinstance(source, TrainedSource):
        return study_words(result.study)
    data = source.to_dict()["data"]
    if "arrays" in data:
        estimate = "" if result.exact else " (estimated)"
        return f"{data['what']}, hierarchy {data['hierarchy']}{estimate}"
    estimate = "" if result.exact else " (estimated)"
    return f"{Path(data['file']).name}, target {data['target']}, hierarchy {data['hierarchy']}{estimate}"


def share_words(row: Row, name: str) -> str:
    """Return a share in per cent with its half-width."""
    value, half = row[name], row[f"{name}_half_width"]
    if value is None:
        return "—"
    return f"{100 * value:.1f}" + ("" if half is None else f" ± {100 * half:.1f}")


def chance_words(row: Row, name: str) -> str:
    """Return a share in per cent with its half-width, and in brackets what random labels give."""
    value = row[name]
    return share_words(row, name) + ("" if value is None else f" ({100 * row[f'{name}_chance']:.1f})")


def granularity_lines(result: GranularityResult) -> list[str]:
    """Return the spectrum as lines of a terminal."""
    header = ("scale", *(f"{name} %" for name in _SHARES), "between above chance", "linear by", "nonlinear by")
    rows = [
        [f"{row['scale']:,}", *(chance_words(row, name) for name in _SHARES), share_words(row, "between_above_chance"),
         row["linear_learner"],
         row["nonlinear_learner"] if row["nonlinear"] > 0.0 else "—"]
        for row in result.shares
    ]  # fmt: skip
    lines = [source_words(result), *([] if result.exact else [ESTIMATE]), "", *text_table(header, rows)]
    lines += ["in brackets: of labels drawn at random"]
    if result.exponents:
        lines += ["", "exponents of risk ~ n^-exponent inside the fragments", *exponent_lines(result.exponents)]
    disagreeing = [row for row in result.linear if row["agrees"] is False]
    if result.linear:
        held = sum(row["agrees"] is not None for row in result.linear)
        lines += [
            "",
            f"linear regressions within 5 % + 2 standard errors of their law: {held - len(disagreeing)} of {held}",
        ]
    return lines


def exponent_lines(rows: Sequence[Row]) -> list[str]:
    """Return the exponents inside fragments as aligned lines."""
    header = ("scale", "learner", "measured", "expected", "from spectra")
    return text_table(header, [[f"{row['scale']:,}", row["learner"], *_exponent_words(row)] for row in rows])


def _exponent_words(row: Row) -> list[str]:
    out = []
    for name in ("exponent", "expected_exponent", "spectral_exponent"):
        half = row[f"{name}_half_width"]
        # a curve that is the same in every replicate, of a file under one hierarchy, has no scatter to print
        out.append(number(row[name]) + (f" ± {number(half)}" if half is not None and half > 1e-9 else ""))
    return out


def granularity_csv(result: GranularityResult) -> str:
    """Return everything as one CSV table: the rows of shares, risks, exponents, curves and linear regressions."""
    tables = {"share": result.shares, "risk": result.table, "exponent": result.exponents, "curve": result.curves,
              "linear": result.linear}  # fmt: skip
    found = [{"table": name, **row} for name, rows in tables.items() for row in jsonable(rows)]
    return csv_text(found, digits=6)


def write_granularity(result: GranularityResult, folder: str | Path) -> Path:
    """Write report.html and granularity.csv, .json, .png and .svg into an existing folder and return the page's path.

    Errors: MissingExtraError without matplotlib.
    """
    require_plots()
    folder, title = Path(folder), source_words(result).split(";")[0]
    publish(folder / "granularity.csv", granularity_csv(result))
    text = json.dumps(jsonable(result.to_dict()), indent=1, ensure_ascii=False, allow_nan=False)
    publish(folder / "granularity.json", text + "\n")
    for kind in ("png", "svg"):
        publish(folder / f"granularity.{kind}", granularity_figures.shares_figure(result, title, kind))
    return publish(folder / "report.html", granularity_page(result))


# ---------------------------------------------------------------------------------------------------- the page


def _with_half(row: Row, key: str) -> str:
    half = row.get(f"{key}_half_width")
    return risk_words(row[key]) + (f" ± {risk_words(half)}" if half is not None else "")


def _shares_section(result: GranularityResult) -> list[Markup]:
    rows = [
        [f"{row['scale']:,}", *(chance_words(row, name) for name in _SHARES), share_words(row, "between_above_chance"),
         row["linear_learner"], row["nonlinear_learner"] if row["nonlinear"] > 0.0 else "—",
         f"{100 * row['finer_linear']:.1f}", f"{100 * row['alone']:.1f}", f"{100 * row['seen']:.0f}"]
        for row in result.shares
    ]  # fmt: skip
    header = ("scale", *_SHARES, "between, above chance", "linear by", "nonlinear by", "of it by finer ridges",
              "of it without cuts", "seen")  # fmt: skip
    return [
        image(
            granularity_figures.shares_figure(result, "the granularity spectrum"),
            "svg+xml",
            "stacked shares of the label variance against scale",
            "The hierarchy is cut at a ladder of scales. At each, what of the label differs between the fragments "
            "(blue) and within them: learned by linear regression in every fragment (green), by any other learner "
            "beyond that (orange), by none of them though the training labels hold it (light grey), and what the "
            "training labels do not hold (grey, hatched). Bars are 95 % intervals over the replicates; dashed lines "
            "were computed without drawing a label, a network’s from its limit of infinite width.",
        ),
        table(header, rows),
        paragraph(
            "Per cent of the variance of the unseen points’ labels, ± half of the 95 % interval (Student’s t over the "
            "replicates). They add to one: between is the variance of fragment means; linear what the best of "
            "nothing, global ridge and local ridge at this scale or a coarser one takes of the rest; nonlinear what "
            "the best of all other learners takes beyond that, finer ridges among them; floor what the posterior mean "
            "given all training labels leaves. In brackets: the same of labels drawn at random, which means of few "
            "points tell apart as well; above chance: the difference. seen: unseen points whose fragment holds a "
            "training point.",
            "note",
        ),
    ]


def _learners_section(result: GranularityResult) -> list[Markup]:
    whole = result.scales[-1]
    rows = [
        [row["learner"] if row["own_scale"] is None else f"{row['learner']} {row['own_scale']:,}",
         _with_half(row, "risk"), risk_words(row["expected_risk"])]
        for row in result.table
        if row["scale"] == whole
    ]  # fmt: skip
    return [
        heading("Learners"),
        image(
            granularity_figures.risks_figure(result),
            "svg+xml",
            "risks against scale",
            "Mean squared error over the variance of the unseen points’ labels. Ridges that know the cut, against its "
            "scale; learners of all points across. Dashed: expected over labels.",
        ),
        table(("learner", "risk", "expected"), rows),
    ]


def _curves_section(result: GranularityResult) -> list[Markup]:
    figure = granularity_figures.curves_figure(result)
    if figure is None:
        return []
    rows = [[f"{row['scale']:,}", row["learner"], *_exponent_words(row)] for row in result.exponents]
    return [
        heading("Inside the fragments"),
        image(
            figure,
            "svg+xml",
            "learning curves inside fragments",
            "Training points and test points of one fragment, averaged over its largest fragments.",
        ),
        table(("scale", "learner", "exponent", "expected", "from the fragments’ spectra"), rows),
    ]


def _linear_section(result: GranularityResult) -> list[Markup]:
    figure = granularity_figures.linear_figure(result)
    if figure is None:
        return []
    rows = [
        [row["design"], row["learner"], f"{row['d']:,}", f"{row['n']:,}", row["ridge"], str(row["features"] or "—"),
         _with_half(row, "risk"), risk_words(row["predicted_risk"]), number(row["ratio"]), number(row["ratio_error"]),
         {True: "yes", False: "no", None: "—"}[row["agrees"]]]
        for row in result.linear
        if row["ridge"] is not None
    ]  # fmt: skip
    header = ("design", "learner", "d", "n", "ridge", "features", "risk", "law", "ratio", "± s.e.", "5 % + 2 s.e.")
    return [
        heading("Linear regression as a model of generalization"),
        image(
            figure,
            "svg+xml",
            "double descent of linear regression",
            "Points: measured. Lines: from the spectrum of the points alone. Without ridge the risk has its peak at "
            "n = d (triangles lie above the frame); for d far above n linear regression follows the nearest "
            "neighbour’s curve.",
        ),
        details("All regressions", table(header, rows)),
    ]


def granularity_page(result: GranularityResult) -> str:
    """Return the whole page: self-contained HTML."""
    values: dict[str, Any] = dict(result.study.values)
    words = [
        paragraph(source_words(result), "muted"),
        *([] if result.exact else [paragraph(ESTIMATE, "strong")]),
        paragraph(
            f"{values['train_size']:,} training points, {values['test_size']:,} unseen ones, {values['seeds']} "
            f"replicate{'s' * (values['seeds'] != 1)}. {CUTS_ARE_GIVEN}"
        ),
    ]
    parts = [*_shares_section(result), *_learners_section(result), *_curves_section(result), *_linear_section(result)]
    lead = "At which scales of the hierarchy is the label made, and at which is learning it a linear problem?"
    return page("Granularity", lead, [*words, *parts], result.study, found_by_granularity(result))
