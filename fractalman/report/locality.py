"""The report of a study of locality: one page, its tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fractalman.report.found import found_by_locality
from fractalman.report.html import heading, image, paragraph, table
from fractalman.report.panels import Line, Panel, intervals_figure, panels_figure
from fractalman.report.study_page import interval, page, source_words, write_study
from fractalman.report.tables import text_table
from fractalman.studies.base import Row
from fractalman.studies.locality.pairs import NEAREST
from fractalman.studies.locality.result import LocalityResult

if TYPE_CHECKING:
    from markupsafe import Markup

_NETWORKS = {"base": "", "width": "width {:g}", "depth": "depth {:g}", "shuffled-labels": "shuffled labels",
             "linear": "linear model"}  # fmt: skip
_DISTANCES = {
    "hierarchy": ("points in the smallest common subcluster", True),
    "graph": ("distance in edges", True),
    "euclidean": ("Euclidean distance, 1 = two random points", False),
}
HEADER = ("layer", "step", "nearest tenth gets", "more than linear", "half-distance", "farthest", "explained: tree",
          "Euclidean")  # fmt: skip
NOTE = (
    "nearest tenth gets: the part of |influence| that acts between the nearest tenth of pairs in the hierarchy (.1\n"
    "where distance is no matter). more than linear: that, minus the same in y = xW + b. half-distance: size of the\n"
    "smallest common subcluster at which the influence has fallen half the way from 1 to that between the farthest.\n"
    "explained: share of the influence's variance over pairs. ±: half of the 95 % interval over replicates."
)


def write_locality(result: LocalityResult, folder: str | Path) -> Path:
    """Write report.html, rows.csv, means.csv and result.json into ``folder`` and return the report's path."""
    html = locality_page(result)
    return write_study(folder, result.study, result.claims, html, rows=result.rows, means=result.means)


def locality_lines(result: LocalityResult) -> list[str]:
    """Return the closing table of a run."""
    return [source_words(result.study), "", *text_table(HEADER, claim_rows(result)), "", NOTE]


def claim_rows(result: LocalityResult) -> list[list[str]]:
    """Return the rows under `HEADER`."""
    return [
        [
            claim["layer"],
            str(claim["step"]),
            interval(claim["near_share"], claim["near_share_half_width"]),
            interval(claim["beyond_linear"], claim["beyond_linear_half_width"]),
            interval(claim["half_distance"], claim["half_distance_half_width"], 0),
            interval(claim["far"], claim["far_half_width"]),
            interval(claim["explained_tree"], claim["explained_tree_half_width"]),
            interval(claim["explained_euclidean"], claim["explained_euclidean_half_width"]),
        ]
        for claim in result.claims
    ]


def network_name(row: Row) -> str:
    """Return what tells a row's network from the others."""
    if row["part"] == "base":
        return f"width {row['width']}, depth {row['depth']}"
    return _NETWORKS[row["part"]].format(row["value"])


def influence_figure(result: LocalityResult) -> bytes:
    """Return influence against every kind of distance, at the steps looked at, beside the linear model."""
    steps = result.study.steps
    panels: list[Panel] = []
    for against, (words, logarithmic) in _DISTANCES.items():
        if not result.find(part="base", quantity="influence", against=against):
            continue
        wanted = {"quantity": "influence", "layer": "all", "against": against}
        lines = [Line(_step_name(step, steps), result.find(part="base", step=step, **wanted)) for step in steps]
        lines.append(Line("shuffled labels, end", result.find(part="shuffled-labels", step=steps[-1], **wanted)))
        lines.append(Line("linear model", result.find(part="linear", step=steps[-1], **wanted), dashed=True))
        y = "" if panels else "influence / influence on itself"
        title = "" if panels else "whole network"
        panels.append(Panel(title, words, y, lines, logarithmic, level=(0.0, ""), limits=(-0.6, 1.05)))
    return panels_figure(panels, 11.6)


def layers_figure(result: LocalityResult) -> bytes:
    """Return influence against the tree distance layer by layer, untrained and at the end."""
    steps = list(dict.fromkeys((result.study.steps[0], result.study.steps[-1])))
    panels: list[Panel] = []
    for step in steps:
        wanted = {"part": "base", "step": step, "quantity": "influence", "against": "hierarchy"}
        layers = list(dict.fromkeys(row["layer"] for row in result.find(**wanted)))
        lines = [Line(_layer_name(layer), result.find(layer=layer, **wanted)) for layer in layers]
        linear = result.find(**{**wanted, "part": "linear"}, layer="all")
        lines.append(Line("linear model", linear, dashed=True))
        words, logarithmic = _DISTANCES["hierarchy"]
        y = "" if panels else "influence / influence on itself"
        title = _step_name(step, result.study.steps)
        panels.append(Panel(title, words, y, lines, logarithmic, level=(0.0, "")))
    return panels_figure(panels, 9.2)


def networks_figure(result: LocalityResult) -> bytes:
    """Return how local updates of every network are, by width and depth and with the controls."""
    steps = result.study.steps
    found = result.find(quantity="influence-near-share", layer="all", against="hierarchy")
    order = {"width": 0, "base": 0, "depth": 1, "shuffled-labels": 2, "linear": 3}
    found.sort(key=lambda r: (order[r["part"]], r["width"] if r["part"] in ("base", "width") else r["value"]))
    rows = [(network_name(r), _step_name(r["step"], steps), r) for r in found]
    rows += [
        ("permuted hierarchy", _step_name(r["step"], steps), r)
        for r in result.find(quantity="influence-near-share", layer="all", against="random", part="base")
    ]
    words = "part of an update that the nearest tenth of pairs gets"
    return intervals_figure(rows, words, (NEAREST, "not local"))


def patterns_figure(result: LocalityResult) -> bytes | None:
    """Return Hamming distances of activation patterns, and their agreement with subclusters; None without ReLUs."""
    end = {"part": "base", "step": result.study.steps[-1]}
    layers = list(dict.fromkeys(r["layer"] for r in result.find(**end, quantity="hamming")))
    if not layers:
        return None
    words, _ = _DISTANCES["hierarchy"]
    far = [Line(_layer_name(k), result.find(**end, quantity="hamming", layer=k, against="hierarchy")) for k in layers]
    start = result.find(part="base", step=0, quantity="hamming", layer="all", against="hierarchy")
    far.append(Line("whole network, untrained", start, dashed=True))
    groups = [Line(_layer_name(k), result.find(**end, quantity="group-agreement", layer=k)) for k in layers]
    before = result.find(part="base", step=0, quantity="group-agreement", layer="all")
    groups.append(Line("whole network, untrained", before, dashed=True))
    groups.append(Line("inputs", result.find(**end, quantity="group-agreement", layer="input"), dashed=True))
    regions = [Line(_layer_name(k), result.find(**end, quantity="agreement", layer=k)) for k in layers]
    return panels_figure(
        [
            Panel("activation patterns, end", words, "share of units that differ", far, True),
            Panel("regions against subclusters", "size s of the cut", "adjusted mutual information", regions, True,
                  limits=(-0.03, 1.0)),
            Panel("groups of patterns against subclusters", "size s of the cut", "", groups, True, limits=(-0.03, 1.0)),
        ],
        10.8,
    )  # fmt: skip


def locality_page(result: LocalityResult) -> str:
    """Return the whole page."""
    study = result.study
    lead = (
        "Is an update felt by nearby points only? One step of gradient descent at a training point moves the "
        "prediction at every unseen point; how much, relative to the point itself, is computed exactly, layer by layer."
    )
    influence = image(
        influence_figure(result), "svg+xml", "influence against distance",
        "Mean influence of one gradient step on other points against their distance, with 95 % intervals over "
        f"{study.seeds} replicates (own data, split and initialization). In the linear model it is the Gram matrix of "
        "the inputs and never changes.",
    )  # fmt: skip
    layers = image(
        layers_figure(result), "svg+xml", "influence by layer",
        "The same, layer by layer: what the step in one layer's weights and biases does, relative to what it does at "
        "the point itself.",
    )  # fmt: skip
    networks = image(
        networks_figure(result), "svg+xml", "locality by network",
        "Part of the whole |influence| that acts between the nearest tenth of pairs in the hierarchy. "
        "The permuted hierarchy is the control: its points have changed places at random.",
    )  # fmt: skip
    sections = [
        paragraph(source_words(study), "muted"), heading("How local an update is"),
        table(HEADER, claim_rows(result)),
        paragraph(" ".join(NOTE.split()), "note"),
        influence, heading("Layer by layer"), layers, heading("Width, depth and controls"), networks,
        *_context(result),
    ]  # fmt: skip
    drawn = patterns_figure(result)
    if drawn is not None:
        sections += [heading("Linear regions"), _regions(result), image(
            drawn, "svg+xml", "activation patterns",
            "Left: the share of ReLUs that are on at one point and off at the other. Middle: whether the points of one "
            "linear region are those of one subcluster (0 = as random, also where every point has a region of its "
            "own). Right: patterns joined by Hamming distance into as many groups as the cut has fragments, beside "
            "groups of the raw inputs by Euclidean distance.",
        )]  # fmt: skip
    return page("How local learning is", lead, sections, study, found_by_locality(result))


def _context(result: LocalityResult) -> list[Markup]:
    """Return risks and the check of the first order, network by network."""
    rows = []
    for risk in result.find(quantity="test-risk"):
        same = {key: risk[key] for key in ("part", "value", "step")}
        one = {q: result.find(quantity=q, **same) for q in ("train-risk", "step-error")}
        small = [r for r in one["step-error"] if r["place"] == min(q["place"] for q in one["step-error"])]
        rows.append(
            [
                network_name(risk), str(risk["step"]), interval(risk["number"], risk["half_width"]),
                interval(one["train-risk"][0]["number"], one["train-risk"][0]["half_width"]),
                interval(small[0]["number"], small[0]["half_width"], 4) if small else "—",
            ]
        )  # fmt: skip
    for row in result.find(quantity="diverged"):
        rows.append([network_name(row), str(row["step"]), f"diverged in {row['replicates']} replicates", "", ""])
    header = ("network", "step", "test risk", "training risk", "first order, relative error")
    note = (
        "First order: root mean square of what a step that removes a hundredth of a residual changes elsewhere, minus "
        "what the kernel says, over the latter. Influences are those of plain gradient descent; the networks were "
        f"trained as [{result.study.learner}] says."
    )
    return [heading("The networks", 3), table(header, rows), paragraph(note, "note")]


def _regions(result: LocalityResult) -> Markup:
    rows = []
    for r in result.find(quantity="regions", step=(result.study.steps[0], result.study.steps[-1])):
        points = round((r["count"] or 0) / max(1, r["replicates"]))
        found = interval(r["number"], r["half_width"], 1)
        rows.append([f"{network_name(r)}, {_layer_name(r['layer'])}", str(r["step"]), found, str(points)])
    return table(("layer", "step", "distinct regions", "of so many points"), rows)


def _step_name(step: int, steps: tuple[int, ...]) -> str:
    return "untrained" if step == 0 else f"step {step}" if step < steps[-1] else f"end (step {step})"


def _layer_name(layer: str) -> str:
    return {"all": "whole network", "output": "output layer"}.get(layer, f"layer {layer}")
