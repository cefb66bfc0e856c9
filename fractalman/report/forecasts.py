"""Predictions as rows and words: exponents, law, reasons, curve and floor, for a person and for a program."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman.errors import RecipeError
from fractalman.prediction.display import default_sizes
from fractalman.prediction.losses import CROSS_ENTROPY, SQUARED, ZERO_ONE
from fractalman.report.tables import jsonable, number, text_table
from fractalman.theory.laws import window_words

if TYPE_CHECKING:
    from fractalman.prediction import Curve, Plan, Prediction
    from fractalman.recipes import Recipe


def prediction_table(prediction: Prediction, recipe: Recipe, sizes: Sequence[int] | None = None) -> dict[str, Any]:
    """Return everything a prediction says at ``sizes`` as plain values."""
    law = prediction.law
    table: dict[str, Any] = {
        "recipe": recipe.to_dict(),
        "learner": prediction.learner,
        "loss": prediction.loss,
        "data_exponent": law.data_exponent,
        "logarithmic": law.logarithmic,
        "data_logarithms": law.data_logarithms,
        "model_exponent": law.model_exponent,
        "model_logarithms": law.model_logarithms,
        "irreducible": law.irreducible,
        "excess_exponent": law.excess_exponent,
        "local_exponent": None,
        "law": str(law),
        "why": law.reason,
        "inputs": law.inputs,
        "domain": law.domain,
        "computed": law.computed,
        "references": [{"work": s.work, "says": s.says, "read": s.read} for s in law.references],
        "source": law.source,
        "evidence": law.evidence,
        "assumptions": law.assumptions,
        "windows": law.windows,
        "conflicts": law.conflicts,
        "nearest": law.nearest,
        "log_period": law.log_period,
        "attained": law.attained,
        "window_words": [window_words(window) for window in law.windows],
        "conflict_words": [str(conflict) for conflict in law.conflicts],
        "compute_optimal": _frontier(prediction),
        "population": None,
        "within_variance": None,
        "curve": None,
        "floor": None,
    }
    if not prediction.has_curve and not prediction.has_floor:
        return dict(jsonable(table))
    table["population"] = prediction.population
    if not prediction.population > 1:  # one point leaves nothing to test on
        return dict(jsonable(table))
    table["within_variance"] = prediction.within_variance
    if prediction.has_curve:
        asked = list(sizes) if sizes else default_sizes(prediction.population, prediction.affordable)
        curve = prediction.curve(asked)
        table["curve"] = _columns(curve) | {"local_exponent": _slopes(curve)}
        with contextlib.suppress(RecipeError):  # one size has no slope, nor has a curve that ends inside the window
            local = prediction.local_exponent(asked[0], asked[-1], sizes=asked)
            table["local_exponent"] = {
                "from": asked[0], "to": asked[-1],
                "value": local.value, "standard_error": local.standard_error,
            }  # fmt: skip
    if prediction.has_floor:
        asked = list(sizes) if sizes else default_sizes(prediction.population, prediction.affordable_floor)
        table["floor"] = _columns(prediction.floor(asked))
    return dict(jsonable(table))


def _columns(curve: Curve) -> dict[str, Any]:
    return {
        "kind": curve.kind,
        "n": curve.n,
        "risk": curve.risk,
        "standard_error": curve.standard_error,
        "draws": curve.draws,
        "reason": curve.reason,
    }


def _slopes(curve: Curve) -> list[float | None]:
    """The exponent between every size and the one before it; None at the first, and where the curve has ended."""
    out: list[float | None] = [None]
    for i in range(1, len(curve)):
        before, after = float(curve.risk[i - 1]), float(curve.risk[i])
        ended = not (before > 0.0 and after > 0.0)  # nan where a floor is not resolved
        out.append(None if ended else -math.log(after / before) / math.log(curve.n[i] / curve.n[i - 1]))
    return out


def _frontier(prediction: Prediction) -> dict[str, Any] | None:
    """The exponents of the compute-optimal frontier; they need no amplitudes."""
    law = prediction.law
    data = law.data_exponent if law.data_exponent is not None else law.excess_exponent
    if data is None or law.model_exponent is None:
        return None
    total = data + law.model_exponent
    return {
        "training_points": law.model_exponent / total,
        "model_size": data / total,
        "risk": data * law.model_exponent / total,
    }


# ---------------------------------------------------------------------------------------------------- words


def _law_lines(table: Mapping[str, Any]) -> list[str]:
    data, model, local = table["data_exponent"], table["model_exponent"], table["local_exponent"]
    asymptote = "no power law" if data is None else f"L ~ n^-{data:.4f}{_logarithms(table['data_logarithms'], 'n')}"
    if data is None and table["excess_exponent"] is not None:
        floor = table["irreducible"]
        rest = "what stays" if floor is None else f"{floor:.4g}"
        asymptote = f"L - {rest} ~ n^-{table['excess_exponent']:.4f}"
    lines = [f"learner         {table['learner']}", f"exponent        asymptote: {asymptote}"]
    if local is not None:
        error = f" ± {local['standard_error']:.4f}" if local["standard_error"] else ""
        lines[-1] += f"   |   local exponent: {local['value']:.4f}{error} from n = {local['from']} to {local['to']}"
        lines.append("                compare a fit over these sizes with the local exponent")
    if model is not None:
        cells = _logarithms(table["model_logarithms"], "P")
        lines.append(f"in model size   L ~ P^-{model:.4f}{cells} (P cells or pieces placed at best)")
    best = table["compute_optimal"]
    if best is not None:
        lines.append(
            f"compute C = nP  n ~ C^{best['training_points']:.3f}, P ~ C^{best['model_size']:.3f}, "
            f"L ~ C^-{best['risk']:.4f} if the two errors add, {table['learner']}'s in n and that of the best P cells"
        )
    return lines


def _logarithms(power: float, letter: str) -> str:
    if not power:
        return ""
    return f" · ln {letter}" if power == 1 else f" · (ln {letter})^{power:g}"


def prediction_lines(table: Mapping[str, Any]) -> list[str]:
    """Return a prediction as the lines that `fractalman predict` prints."""
    lines = [
        *_law_lines(table),
        f"law             {table['law']}",
        f"why             {table['why']}",
        f"holds for       {table['domain']}",
        f"source          {table['source']}",
        f"evidence        {table['evidence'].removeprefix('checked: ')}",
    ]
    for name, key in (("windows", "window_words"), ("assumptions", "assumptions"), ("conflicts", "conflict_words")):
        if table[key]:
            lines += [name, *(f"  - {text}" for text in table[key])]
    if table["references"]:
        lines.append("references")
        lines += [f"  - {found['work']}: {found['says']} ({_read(found['read'])})" for found in table["references"]]
    if table["nearest"]:
        lines.append(f"nearest law     {table['nearest']}")
    return [*lines, *_curve_lines(table)]


_UNITS = {
    SQUARED: "risks in units of the label's prior variance; V_in = {:.4f} is the expected variance within the "
    "population, the best constant's risk",
    ZERO_ONE: "0–1 risks, shares of wrong classes; V_in = {:.4f} is the expected share of all but the commonest class "
    "within the population, the best constant's risk",
    CROSS_ENTROPY: "cross-entropies in nats; V_in = {:.4f} is the expected entropy of the classes' shares within the "
    "population, the best constant's risk",
}


def _read(read: str) -> str:
    return read if read.startswith("not ") else f"read: {read}"


def _curve_lines(table: Mapping[str, Any]) -> list[str]:
    """The curve and the floor, row by row."""
    curve, floor, variance = table["curve"], table["floor"], table["within_variance"]
    if curve is None and floor is None:
        return []
    risks = dict(zip(curve["n"], zip(curve["risk"], curve["standard_error"], curve["local_exponent"], strict=True),
                     strict=True)) if curve else {}  # fmt: skip
    floors = (
        dict(zip(floor["n"], zip(floor["risk"], floor["standard_error"], strict=True), strict=True)) if floor else {}
    )
    rows = []
    for n in sorted({*risks, *floors}):
        risk, error, slope = risks.get(n, (None, None, None))
        spread = "—" if risk is None else number(error, 5) if error else "exact"
        share = None if risk is None or not variance else risk / variance
        lowest, around = floors.get(n, (None, None))
        below = "below rounding" if n in floors and lowest is None else number(lowest, 5)
        scatter = "—" if lowest is None else number(around, 5) if around else "exact"
        rows.append([str(n), number(risk, 5), spread, number(share, 4), number(slope, 3), below, scatter])
    lowest_name = "Bayes floor" if floor is None or floor["kind"].startswith("Bayes") else "best linear smoother"
    header = ["n", "risk", "standard error", "risk / V_in", "exponent so far", lowest_name, "its error"]
    keep = [0, *((1, 2, 3, 4) if risks else ()), *((5, 6) if floors else ())]
    kinds = "; ".join(part["kind"] for part in (curve, floor) if part)
    kinds += "".join(f"; {part['reason']}" for part in (curve, floor) if part and part["reason"])
    return [
        "",
        kinds,
        _UNITS[table["loss"]].format(variance),
        *text_table([header[i] for i in keep], [[row[i] for i in keep] for row in rows]),
    ]


def plan_lines(plan: Plan) -> list[str]:
    """Return a plan as the lines that `fractalman plan` prints."""
    population = "unlimited" if math.isinf(plan.population) else f"{plan.population:.0f}"
    lines = [
        f"learner     {plan.learner}",
        f"wanted      the exponent to ± {plan.resolution:g} (95 %), with at most {plan.budget:,} {plan.unit}",
        f"population  {population}",
        f"possible    {'yes' if plan.possible else 'no'}: {plan.reason}",
    ]
    if plan.chosen is not None:
        asymptote = "no power law" if plan.asymptote is None else f"{plan.asymptote:.4f}"
        local = "no curve" if plan.chosen.exponent is None else f"{plan.chosen.exponent:.4f}"
        lines += [
            f"exponent    asymptote: {asymptote}   |   local exponent: {local}",
            "",
            "[sweep]",
            *(
                [f"train_sizes = {list(plan.chosen.sizes)}"]
                if plan.axis == "n"
                else [f'axis = "{plan.axis}"', f"values = {list(plan.chosen.sizes)}", f"train_size = {plan.n}"]
            ),
            f"seeds = {plan.chosen.seeds}",
        ]
    if plan.options:
        shown = list(plan.options[:12])
        if plan.chosen is not None and plan.chosen not in shown:
            shown.append(plan.chosen)
        rows = [
            [
                "→" if option == plan.chosen else "",
                f"{option.sizes[0]} … {option.sizes[-1]}",
                number(option.exponent, 4),
                number(option.scatter, 4),
                str(option.seeds),
                number(option.half_width, 4),
                f"{option.points:,}",
            ]
            for option in shown
        ]
        header = ["", "sizes, doubling", "local exponent", "scatter of one", "seeds", "half-width", plan.unit]
        lines += ["", *text_table(header, rows)]
        if plan.chosen is not None:
            lines += [f"→ chosen: {_why_chosen(plan)}"]
    return [*lines, *(f"  - {note}" for note in plan.notes)]


def _why_chosen(plan: Plan) -> str:
    """Why the marked window and no other."""
    if plan.possible:
        if plan.axis != "n":
            return "of all windows within the budget the one whose exponent exceeds its errors most"
        return "of all windows within the budget the one that reaches the largest n, and of those the cheapest"
    return "no window is within the budget; this one is the cheapest of all"


def curve_of(table: Mapping[str, Any], key: str) -> tuple[np.ndarray[Any, Any], ...] | None:
    """Return (sizes, risk, standard error) of "curve" or "floor" in a table, or None."""
    part = table[key]
    return None if part is None else tuple(np.array(part[name], float) for name in ("n", "risk", "standard_error"))
