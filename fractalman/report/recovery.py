"""The report of a study of recovery: one page, its tables and figures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from fractalman.report.found import found_by_recovery
from fractalman.report.html import heading, image, paragraph, table
from fractalman.report.panels import Line, Panel, panels_figure
from fractalman.report.study_page import interval, page, source_words, write_study
from fractalman.report.tables import number, text_table
from fractalman.studies.recovery.result import RecoveryResult
from fractalman.studies.recovery.width import WidthVerdict

HEADER = ("dictionary", "width", "sparsity", "MCC", "chance", "best F1", "chance", "L0", "error", "faithful",
          "nested", "selected", "least", "absorbed", "composed", "chance", "predicted", "label")  # fmt: skip
CELLS = ("mcc", "chance_mcc", "best_f1", "chance_best_f1", "l0", "error", "error_faithful", "error_nested",
         "error_selected", "error_path", "absorbed", "composed", "chance_composition",
         "predicted_absorbed", "label_kept")  # fmt: skip
WIDTH_HEADER = (
    "dictionary",
    "sparsity",
    "widths",
    "of",
    "prediction",
    "exponent",
    "predicted",
    "ratio",
    "agrees",
    "why",
)
WIDTH_NOTE = (
    "How the error falls with the width, and the number of features found (|cosine| .9) rises: exponents over the\n"
    "widths, replicate by replicate, beside those of theory for the same features. Prediction: wide, faithful units\n"
    "and as many a point as there are (the width law); selected, faithful units of which the largest magnitudes fire,\n"
    "at the measured L0; one feature a unit; rank, no prediction but the least that any units of this number leave.\n"
    "Ratio: measured over predicted, with its 95 % interval. Agrees: exponents differ by less than the 95 %\n"
    "half-width of their difference, and that is at most half of the prediction; features found also by their number.\n"
    "One true prediction in twenty is refuted."
)
NOTE = (
    "Scores on points that were not trained on, beside the level of random directions (MCC) and of codes shuffled\n"
    "against the points (best F1). Sparsity: units a point, or the weight of the penalty. Error: share of the\n"
    "variance that is not reconstructed, beside what the best units of this width and L0 leave (orthogonal\n"
    "directions): faithful ones; ones that may stand for stretches of a path (nested); faithful ones of which the\n"
    "largest magnitudes of a point fire (selected); least: at any width, of units that fire by membership. Absorbed:\n"
    "share of edges whose parent's unit misses .5 more of the points with the child; composed: whose child's unit\n"
    "has more than half as much of the parent's direction as of its own (chance: of an unrelated feature's);\n"
    "predicted: where merging lowers the loss. Label: share of what a linear readout of the points knows of their\n"
    "labels that is kept where reconstructions take their place. ±: half of the 95 % interval over replicates."
)


def write_recovery(result: RecoveryResult, folder: str | Path) -> Path:
    """Write report.html, rows.csv, means.csv and result.json into ``folder``; return the report's path."""
    width = [asdict(own) for own in result.width_verdicts]
    html = recovery_page(result)
    return write_study(folder, result.study, result.claims, html, rows=result.rows, means=result.means, width=width)


def recovery_lines(result: RecoveryResult) -> list[str]:
    """Return the closing table of a run."""
    lines = [source_words(result.study), "", *text_table(HEADER, claim_rows(result)), "", NOTE, *disagreements(result)]
    widths = width_rows(result)
    return [*lines, "", *text_table(WIDTH_HEADER, widths), "", WIDTH_NOTE] if widths else lines


def width_rows(result: RecoveryResult) -> list[list[str]]:
    """Return the rows under `WIDTH_HEADER`, disagreements first; none with fewer than three widths."""
    order = {False: 0, None: 1, True: 2}
    word = {False: "differs", None: "not resolved", True: "agrees"}
    return [
        [
            own.dictionary, f"{own.sparsity:g}" if own.sparsity else "—", " ".join(map(str, own.widths)), own.quantity,
            "one a unit" if own.quantity == "found" else own.prediction.removeprefix("error-"),
            interval(own.measured, own.measured_half_width), interval(own.predicted, None), _ratio(own),
            word[own.agrees], own.reason,
        ]
        for own in sorted(result.width_verdicts, key=lambda own: order[own.agrees])
    ]  # fmt: skip


def _ratio(own: WidthVerdict) -> str:
    if own.ratio is None or own.ratio_low is None or own.ratio_high is None:
        return "—"
    return f"{number(own.ratio, 3)} ({number(own.ratio_low, 3)} to {number(own.ratio_high, 3)})"


def claim_rows(result: RecoveryResult) -> list[list[str]]:
    """Return the rows under `HEADER`."""
    return [
        [claim["dictionary"], str(claim["width"]), f"{claim['sparsity']:g}" if claim["sparsity"] else "—"]
        + [interval(claim.get(cell), claim.get(f"{cell}_half_width")) for cell in CELLS]
        for claim in result.claims
    ]


def disagreements(result: RecoveryResult) -> list[str]:
    """Return a sentence on dictionaries whose error is less than the least predicted; none where there are none."""
    below = result.below_least
    if not below:
        return []
    names = [f"{row['dictionary']} (width {row['width']}, sparsity {row['sparsity']:g})" for row in below]
    return [
        "",
        f"Below the least error of units that fire by membership, so these fire by magnitudes: {', '.join(names)}.",
    ]


def scales_figure(result: RecoveryResult) -> bytes:
    """Return recovery against scale: F1 and cosine at the widest, each dictionary at its best sparsity."""
    width = result.study.widths[-1]
    lines: dict[str, list[Line]] = {"scale-f1": [], "scale-cosine": []}
    for name in result.study.dictionaries:
        claims = [c for c in result.claims if (c["dictionary"], c["width"]) == (name, width)]
        if not claims:
            continue
        best = max(claims, key=lambda claim: claim["best_f1"] or 0.0)["sparsity"]
        for quantity, drawn in lines.items():
            rows = result.find(dictionary=name, width=width, sparsity=best, quantity=quantity)
            drawn.append(Line(name, sorted(rows, key=lambda row: row["scale"])))
    x = "halvings of the number of points"
    return panels_figure(
        [
            Panel(f"firing, width {width}", x, "mean best F1", lines["scale-f1"], limits=(-0.03, 1.03)),
            Panel(f"directions, width {width}", x, "mean |cosine|", lines["scale-cosine"], limits=(-0.03, 1.03)),
        ],
        9.2, 4.4,
    )  # fmt: skip


def recovery_page(result: RecoveryResult) -> str:
    """Return the whole page."""
    lead = (
        "Which features of a hierarchy do dictionaries recover? The truth is known: which subclusters a point lies in, "
        "and the direction of each."
    )
    below = " ".join(disagreements(result)).strip()
    sections = [
        paragraph(source_words(result.study), "muted"),
        *([paragraph(below, "note")] if below else []),
        heading("Recovery against scale"),
        image(
            scales_figure(result), "svg+xml", "recovery against scale",
            "Features by the size of their subcluster: 0 = half of the points or more, each further step half as many. "
            "Features without a unit count as 0. Each dictionary at the sparsity of its best mean F1.",
        ),
        heading("Scores, and predicted beside measured"),
        table(HEADER, claim_rows(result)),
        paragraph(" ".join(NOTE.split()), "note"),
    ]  # fmt: skip
    if widths := width_rows(result):
        sections += [heading("Against the width"), table(WIDTH_HEADER, widths)]
        sections.append(paragraph(" ".join(WIDTH_NOTE.split()), "note"))
    return page("What dictionaries recover of a hierarchy", lead, sections, result.study, found_by_recovery(result))
