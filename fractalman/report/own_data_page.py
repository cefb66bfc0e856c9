"""The page of `fractalman study-data`: dimension scan, smoothness, predicted and measured curves, verdict."""

from __future__ import annotations

import json
import math
from pathlib import Path

from fractalman._files import as_path
from fractalman.display import round_numbers
from fractalman.display.style import new_figure, saved, settings
from fractalman.prediction.own_prediction import OwnPrediction
from fractalman.prediction.own_study import AGREE, OwnStudy, own_study_table
from fractalman.report import html
from fractalman.report.files import publish, versions
from fractalman.report.tables import number


def write_own_study(study: OwnStudy, folder: str | Path, source: str) -> Path:
    """Write report.html and result.json into a folder, which is made; return the page's path.

    Parameters
    ----------
    study : what was found.
    folder : where.
    source : what the points are called.
    """
    where = as_path(folder, "a folder")
    where.mkdir(parents=True, exist_ok=True)
    text = json.dumps(own_study_table(study) | {"versions": versions()}, indent=1, allow_nan=False)
    publish(where / "result.json", text + "\n")
    return publish(where / "report.html", own_study_page(study, source))


def own_study_page(study: OwnStudy, source: str) -> str:
    """Return the whole page."""
    one = study.prediction
    sections = [
        html.paragraph(study.verdict, "strong"),
        *(html.paragraph(line) for line in one.why().splitlines()),
        html.heading("Dimension and smoothness"),
        html.image(_geometry(study), "svg+xml", "dimension and label differences",
                   "Left: the dimension against distance, with 95 % bars. Right: label differences against distance."),
        html.table(
            ("method", "dimension", "95 %"),
            [
                (name, number(d.value), f"{number(d.interval[0])} … {number(d.interval[1])}")
                for name, d in one.dimensions.items()
            ],
        ),
        html.table(("exponent of the risk", "value", "95 %"), _exponents(one)),
        html.heading("Learning curves, predicted and measured"),
        html.image(_curves(study), "svg+xml", "risk against training points",
                   "Lines: predicted. Points: cross-validated, with two standard errors."),
        html.table(
            ("learner", "n", "predicted", "measured", "standard error"),
            [
                (curve.learner, f"{int(n):,}", number(p), number(m), number(e))
                for curve in study.curves
                for n, p, m, e in zip(curve.n, curve.predicted, curve.measured, curve.standard_error, strict=True)
            ],
        ),
        html.paragraph(_agreement(study), "note"),
        *(html.paragraph(f"{curve.learner}: {curve.failure}", "note") for curve in study.curves if curve.failure),
        html.heading("What qualifies these numbers"),
        *(html.paragraph(said, "note") for said in one.warnings),
    ]  # fmt: skip
    specification = json.dumps({"source": source, "points": one.n_points, "coordinates": one.ambient_dim})
    return html.render(
        "study.html", title=f"Study of {source}", lead="Geometry, smoothness and learning of points of one's own.",
        found=[], sections=sections, specification=specification, versions=versions(),
    )  # fmt: skip


def _agreement(study: OwnStudy) -> str:
    """What the verdict calls agreement, and what the risks are."""
    risk = "Risks are squared errors"
    if study.prediction.classes:
        risk = (
            "Risks of neighbours are shares of wrong answers, of others half the squared error of class columns; what "
            "is predicted of k-nn are its own votes on other parts of these points, so its agreement tests no theory"
        )
    return f"{risk}. Measured ones agree if all lie within {AGREE:.0%} and three standard errors of the predicted."


def _exponents(one: OwnPrediction) -> list[tuple[str, str, str]]:
    """The exponents with noise and above it, and that of the geometry."""
    law, (ratio, error) = one.neighbours, one.from_geometry
    above = "above the noise" if law.noise_found else "above noise that may be there"
    rows = [("of one neighbour, as the labels are", law.noisy), (f"of one neighbour, {above}", law.clean)]
    out = [
        (name, number(e.value), f"{number(e.interval[0])} … {number(e.interval[1])}")
        if math.isfinite(e.value)
        else (name, "not resolved", "")
        for name, e in rows
    ]
    if math.isfinite(ratio):
        out.append(("2H/D", number(ratio), f"{number(ratio - 2.0 * error)} … {number(ratio + 2.0 * error)}"))
    return out


def _geometry(study: OwnStudy) -> bytes:
    with settings():
        figure = new_figure(10.4, 3.9)
        left, right = figure.subplots(1, 2)
        best = study.prediction.dimensions.get("recommended")
        if best is not None:
            best.plot(left)
        smooth = study.prediction.smoothness
        right.plot(smooth.distance, smooth.difference, "o-")
        right.set(xscale="log", yscale="log" if smooth.difference.max() > 0.0 else "linear")
        round_numbers(right.xaxis)
        right.set(xlabel="distance", ylabel="share that differs" if study.prediction.classes else "squared difference")
        return saved(figure)


def _curves(study: OwnStudy) -> bytes:
    with settings():
        figure = new_figure(10.4, 3.9)
        axes = figure.subplots(1, 1)
        for i, curve in enumerate(curve for curve in study.curves if not curve.failure):
            axes.plot(curve.n, curve.predicted, "-", color=f"C{i}", label=f"{curve.learner}, predicted")
            axes.errorbar(curve.n, curve.measured, 2.0 * curve.standard_error, fmt="o", color=f"C{i}")
        some = any((curve.measured > 0.0).any() or (curve.predicted > 0.0).any() for curve in study.curves)
        axes.set(xscale="log", yscale="log" if some else "linear", xlabel="training points", ylabel="risk")
        axes.legend()
        return saved(figure)
