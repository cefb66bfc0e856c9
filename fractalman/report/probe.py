"""The report of a study of decodability: one page, its tables and figures."""

from __future__ import annotations

from pathlib import Path

from fractalman.report.found import found_by_probe
from fractalman.report.html import heading, image, paragraph, table
from fractalman.report.panels import Line, Panel, panels_figure
from fractalman.report.study_page import interval, page, source_words, write_study
from fractalman.report.tables import text_table
from fractalman.studies.base import Row
from fractalman.studies.probes.result import ProbeResult
from fractalman.studies.probes.view import RATE

HEADER = ("network", "scale", "AUC nearby", "over untrained", "over inputs", "R² of label band", "over untrained",
          "over inputs", "found", "gained", "lost")  # fmt: skip
NOTE = (
    "Of the last hidden layer, at the end of training. AUC nearby: members of a subcluster against the points around\n"
    "it (.5 = chance). R² of label band: how well ridge regression reads off what this scale adds to the next larger\n"
    "one's part of the label (at the largest scale, all that is above).\n"
    "found: share of subclusters whose membership is read off better than by chance among all points; gained, lost:\n"
    "better or worse among nearby points than from the untrained network; at most 5 % of those found, gained or lost\n"
    "are false discoveries (Benjamini & Hochberg). ±: half of the 95 % interval over replicates."
)


def write_probe(result: ProbeResult, folder: str | Path) -> Path:
    """Write report.html, rows.csv, means.csv, latents.csv and result.json into ``folder``; return the report's path."""
    html = probe_page(result)
    return write_study(
        folder, result.study, result.claims, html, rows=result.rows_of_means, means=result.means, latents=result.latents
    )


def probe_lines(result: ProbeResult) -> list[str]:
    """Return the closing table of a run."""
    return [source_words(result.study), "", *text_table(HEADER, claim_rows(result)), "", NOTE]


def claim_rows(result: ProbeResult) -> list[list[str]]:
    """Return the rows under `HEADER`."""
    rows = []
    for claim in result.claims:
        cells = [network_name(claim), str(claim["scale"])]
        for quantity in ("auc_near", "r2_band"):
            for column in (quantity, f"{quantity}_over_untrained", f"{quantity}_over_input"):
                cells.append(interval(claim[column], claim[f"{column}_half_width"]))
        cells += [interval(claim[share], None, 2) for share in ("found", "gained", "lost")]
        rows.append(cells)
    return rows


def network_name(row: Row) -> str:
    """Return what tells a row's network from the others."""
    other = ", shuffled labels" if row["part"] == "shuffled-labels" else ""
    return f"n = {row['n']}, width {row['width']}{other}"


def sizes_figure(result: ProbeResult, quantity: str, y: str, control: tuple[str, str] | None) -> bytes:
    """Return a score of the last hidden layer against the size of latents: as n grows, as width grows, by layer.

    Args:
        quantity: the score. y: its words. control: (quantity, words) drawn dashed, of the base network at the end.
    """
    study, end = result.study, result.study.steps[-1]
    biggest = {"part": "n", "value": study.train_sizes[-1]}
    at = {"quantity": quantity, "against": "size"}
    first = study.steps[0]
    raw = Line("inputs", result.find(**biggest, step=first, layer="input", **at), dashed=True)
    untrained = Line("untrained", result.find(**biggest, step=first, layer=result.last_layer, **at), dashed=True)
    chance = []
    if control is not None:
        rows = result.find(**biggest, step=end, layer=result.last_layer, against="size", quantity=control[0])
        chance = [Line(control[1], rows, dashed=True)]
    own = {"layer": result.last_layer, "step": end, **at}
    by_n = [Line(f"n = {n}", result.find(part="n", value=n, **own)) for n in study.train_sizes]
    widths = sorted({(r["width"], r["part"], r["value"]) for r in result.means if r["part"] == "width" or
                     (r["part"], r["value"]) == ("n", study.train_sizes[-1])})  # fmt: skip
    by_width = [Line(f"width {w}", result.find(part=part, value=value, **own)) for w, part, value in widths]
    layers = list(dict.fromkeys(r["layer"] for r in result.find(**biggest, step=end, **at)))
    by_layer = [
        Line("output" if k == "output" else f"layer {k}", result.find(**biggest, step=end, layer=k, **at))
        for k in layers
    ]
    x, limits = "subcluster size", (0.4, 1.02) if quantity.startswith("auc") else (-0.1, 1.0)
    title = f"layer {result.last_layer}"
    panels = [
        Panel(
            f"{title}: more data",
            x,
            y,
            [*by_n, raw, *([untrained] if first < end else []), *chance],
            True,
            limits=limits,
        ),
        Panel(f"{title}: more width, n = {study.train_sizes[-1]}", x, "", by_width, True, limits=limits),
        Panel(f"layers, n = {study.train_sizes[-1]}", x, "", by_layer, True, limits=limits),
    ]
    return panels_figure(panels if len(by_width) > 1 else [panels[0], panels[2]], 11.0, 4.3)


def depths_figure(result: ProbeResult) -> bytes:
    """Return scores against the depth of latents, and which shares are found, gained and lost by size."""
    first, end, n = result.study.steps[0], result.study.steps[-1], result.study.train_sizes[-1]
    own = {"part": "n", "value": n, "layer": result.last_layer, "step": end}
    depth = [
        Line(f"n = {k}", result.find(**{**own, "value": k}, against="depth", quantity="auc-near"))
        for k in result.study.train_sizes
    ]
    depth.append(
        Line(
            "inputs",
            result.find(**{**own, "layer": "input", "step": first}, against="depth", quantity="auc-near"),
            True,
        )
    )
    words = {"found": "found", "random-found": "random sets found", "gained": "gained", "lost": "lost",
             "beyond-input": "beyond inputs"}  # fmt: skip
    shares = [Line(label, result.find(**own, against="size", quantity=q)) for q, label in words.items()]
    return panels_figure(
        [
            Panel("by depth in the hierarchy", "latents above", "AUC among nearby points", depth, True,
                  (0.5, "chance"), (0.4, 1.02)),
            Panel(f"layer {result.last_layer}, n = {n}", "subcluster size", "share of subclusters", shares, True,
                  limits=(-0.03, 1.05)),
        ],
        9.2, 4.2,
    )  # fmt: skip


def probe_page(result: ProbeResult) -> str:
    """Return the whole page."""
    study = result.study
    lead = (
        "Which of the hierarchy's latents has a network found? Linear probes from every layer to subclusters of known "
        "sizes, fitted on half of the unseen points and scored on the other half."
    )
    caption = (
        f"At most {RATE:.0%} of the latents that are said to be found are expected to be false discoveries, by "
        "Benjamini & Hochberg's procedure over all latents and layers of a network."
    )
    sections = [
        paragraph(source_words(study), "muted"), heading("What training adds"),
        table(HEADER, claim_rows(result)),
        paragraph(" ".join(NOTE.split()), "note"),
        heading("Membership"),
        image(
            sizes_figure(result, "auc-near", "AUC among nearby points", ("auc-random", "random sets")),
            "svg+xml", "decodability of membership",
            "Area under the ROC curve of a logistic probe: members of a subcluster against the points just around it, "
            f"with 95 % intervals over {study.seeds} replicates. Among all points it is near 1 almost everywhere (see "
            "means.csv). Random sets have as many members as the subclusters, at random places.",
        ),
        image(depths_figure(result), "svg+xml", "decodability by depth", caption),
    ]  # fmt: skip
    figures = (
        (
            "r2-band", "R² of the label's part between scales", None,
            "Ridge regression on a layer, of what a scale adds to the label: the sum of the latents' values from the "
            "root to the point's subcluster (of an estimated hierarchy: the subcluster's mean label), minus that at "
            "the next larger scale; at the largest scale, all above. From coarse (right) to fine (left).",
        ),
        (
            "r2-path", "R² of the label's part above the scale", None,
            "The same of the whole sum: the label as it would be without anything smaller.",
        ),
        (
            "r2-value", "R² of the latent's own value", ("r2-exchanged", "exchanged values"),
            "The same of the subcluster's own value. Exchanged values are those of other subclusters of the cut: what "
            "is read off them is membership, and no knowledge of the label.",
        ),
    )  # fmt: skip
    sections.append(heading("Values"))
    for quantity, y, control, caption in figures:
        if result.find(quantity=quantity):
            drawn = sizes_figure(result, quantity, y, control)
            sections.append(image(drawn, "svg+xml", f"decodability: {quantity}", caption))
    return page("What of the hierarchy a network has found", lead, sections, study, found_by_probe(result))
