#!/usr/bin/env python3
"""A decoder transformer on the sources of the standard library: loss against size and data, and what its layers hold.

    .venv/bin/python scripts/text_transformer.py -o FOLDER      # runs what is missing, then writes the report

Runs the catalogue's confirm-text-transformer at several widths (steps = data: every context is seen once), fits the
joint law of all of them, and runs granularity-text-transformer layer by layer and linearity-text-transformer. Every
run has its journal in FOLDER and goes on where it was killed.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

import fractalman as fm
from fractalman.catalogue.studies import study_text

WIDTHS = {"": (16, 32, 64), "-small": (8, 16, 32)}
LAYERS = {"": ("embedding", "layer-1", "layer-2"), "-small": ("embedding", "layer-1")}
REPORT = Path(__file__).resolve().parent.parent / "datasets" / "reference" / "TEXT.md"


def main() -> int:
    """Run, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True)
    parser.add_argument("--report", type=Path, default=REPORT, help="the file that is written")
    parser.add_argument("--small", action="store_true", help="the catalogue's one-minute specifications")
    options = parser.parse_args()
    size = "-small" if options.small else ""
    folder: Path = options.output
    sweeps, layers = {}, {}
    for layer in LAYERS[size]:
        spec = tomllib.loads(study_text(f"granularity-text-transformer{size}"))
        spec["network"]["layer"] = layer
        layers[layer] = fm.granularity(spec, folder / f"granularity-{layer}", progress=_say(layer))
    linear = fm.linearity(f"text-transformer{size}", folder / "linearity", progress=_say("linearity"))
    for width in WIDTHS[size]:
        spec = tomllib.loads(study_text(f"confirm-text-transformer{size}"))
        spec["transformer"]["width"] = width
        sweeps[width] = fm.confirm(spec, folder / f"confirm-{width}", progress=_say(f"width {width}"))
    text = "\n".join([*head(sweeps, size), *scaling(sweeps), *granularity(layers), *linearity(linear), ""])
    text = text.replace(" ± nan", "")  # of one replicate
    options.report.write_text(text, encoding="utf-8")
    print(text)
    return 0


def _say(name: str) -> Any:
    return lambda text: print(f"{name}: {text}", file=sys.stderr, flush=True)


def head(sweeps: dict[int, Any], size: str) -> list[str]:
    """Return what was run on what."""
    spec = next(iter(sweeps.values())).spec
    return [
        "# A transformer on text",
        "",
        f"Written by `scripts/text_transformer.py{' --small' if size else ''}`: decoder transformers "
        f"(depth {spec.settings['transformer']['depth']}, {spec.settings['transformer']['heads']} heads, context "
        f"{spec.recipe.context} characters of {spec.recipe.target_classes} kinds) on the source files of Python's",
        f"standard library (PSF License Agreement; read where Python is installed, digest {spec.recipe.digest[:12]};",
        "of another version of Python the numbers are others). A fifth of the files, chosen anew by every replicate,",
        f"is held out and tests. {spec.seeds} replicates; ± is half of the 95 % Student-t interval over them unless",
        "said.",
        "",
    ]


def scaling(sweeps: dict[int, Any]) -> list[str]:
    """Return the table of losses and the joint law."""
    rows, P, n, loss = [], [], [], []
    for width, result in sweeps.items():
        for steps in result.spec.values:
            mine = [p for p in result.points if p.learner == "transformer" and p.value == steps]
            risks = np.array([p.risk for p in mine])
            half = fm.measure.student_t(risks.size - 1) * risks.std(ddof=1) / np.sqrt(risks.size)
            seen = mine[0].n * result.spec.recipe.context
            rows.append(
                f"| {width} | {mine[0].parameters:,} | {steps:,} | {seen:,} | {risks.mean():.3f} ± {half:.3f} |"
            )
            P += [float(mine[0].parameters or 0)] * risks.size
            n += [float(seen)] * risks.size
            loss += risks.tolist()
    lines = [
        "## Loss against parameters and characters seen",
        "",
        "Cross-entropy of the next character in nats, unseen files; every context is seen once, so steps and data are",
        "one axis.",
        "",
        "| width | P | steps | characters seen | cross-entropy |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]
    try:
        fit = fm.measure.fit_joint_power_law(np.array(P), np.array(n), np.array(loss))
    except fm.errors.FractalmanError as error:
        return [*lines, f"No joint law: {error}", ""]
    said = [f"- {line}" for line in str(fit).splitlines() if line.strip()]
    return [*lines, "The joint law E + A·P^−α_P + B·D^−α_D of these rows, D in characters:", "", *said, ""]


def granularity(layers: dict[str, Any]) -> list[str]:
    """Return at which scales the logits are made, layer by layer."""
    lines = [
        "## The logits by scale of the contexts",
        "",
        "Share of the logits' variance that lies between the fragments of Ward's hierarchy of the layer, and the risk",
        "of learners of all unseen contexts from that layer, over the logits' variance; means over replicates.",
        "",
    ]
    for layer, result in layers.items():
        parts = ", ".join(f"s = {r['scale']:,}: {r['between']:.2f}" for r in result.shares)
        risks: dict[str, list[float]] = {}
        for row in result.rows:
            if row["row"] == "risk" and row["scale"] == max(r["scale"] for r in result.rows if r["row"] == "risk"):
                name = row["learner"] if row["own_scale"] is None else f"{row['learner']} at {row['own_scale']:,}"
                risks.setdefault(name, []).append(row["risk"])
        words = ", ".join(f"{name} {np.mean(values):.3f}" for name, values in risks.items())
        lines += [f"- **{layer}** shares: {parts}. Risks: {words}."]
    return [*lines, ""]


def linearity(result: Any) -> list[str]:
    """Return dimensions and local exponents."""
    lines = [
        "## Intrinsic dimension of the contexts, layer by layer",
        "",
        "| layer | units | dimension | error of one replicate |",
        "|---|---|---|---|",
    ]
    for row in result.dimensions:
        known = row["dimension"] is not None
        cell = f"{row['dimension']:.1f} ± {row['dimension_half_width'] or float('nan'):.1f}" if known else "none found"
        lines.append(f"| {row['space']} | {row['units']} | {cell} | {row['error'] or float('nan'):.1f} |")
    rows = result.exponents
    told = [row for row in rows if row["agrees"] is not None]
    agree = sum(bool(row["agrees"]) for row in told)
    lines += [
        "",
        "## Local linear problems: exponents measured against those of the local spectra",
        "",
        f"From a layer to the logits, inside fragments: {agree} of {len(told)} resolved exponents agree "
        f"(|difference| ≤ .05 + half-width, half-width ≤ .2), {len(rows) - len(told)} are not resolved.",
        "",
        "| layer | scale | measured | from the spectrum | difference | risk / law |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: (row["agrees"] is not False, row["space"], row["scale"])):
        cells = [
            "—" if row[key] is None else f"{row[key]:.2f} ± {row[f'{key}_half_width'] or float('nan'):.2f}"
            for key in ("measured", "predicted", "difference")
        ]
        ratio = "—" if row["ratio"] is None else f"{row['ratio']:.2f}"
        lines.append(f"| {row['space']} | {row['scale']:,} | " + " | ".join([*cells, ratio]) + " |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
