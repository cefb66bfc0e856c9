#!/usr/bin/env python3
"""Whether trained autoencoders merge children with parents where the law of the magnitudes says that it pays.

scripts/merging.py [--seeds 3] [--steps 800] [--widths 32 64] [--penalties .02 .05 .1 .2]      needs JAX

Points in superposition of a binary cascade, whose magnitudes are constants (merging pays at every edge from a penalty
of 0 on) or folded normals (it pays at none: all edges have the same law). One line for each kind of magnitude,
architecture, width and penalty: share of the edges at which merging pays; share at which the child's unit has more than
half as much of the parent's direction as of its own, and by chance. ± 95 % over seeds.
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import numpy as np

import fractalman as fm
from fractalman.learners.dictionaries import AutoencoderSettings, fit_autoencoders
from fractalman.measure.recovery import Truth, recovery
from fractalman.measure.recovery.absorption import COMPOSED
from fractalman.measure.scaling import student_t
from fractalman.studies.recovery.prediction import ROUNDING, Expected
from fractalman.studies.recovery.run import PENALTY

RECIPE = fm.Cascade(n_points=3072, ambient_dim=96, branching=2, embedding="superposition", feature_min_size=64)


def measured(magnitude: str, architecture: str, width: int, options: Any, seed: int) -> list[list[float]]:
    """Return the three numbers of every penalty, on 1024 points that were not trained on."""
    data = fm.generate(RECIPE.replace(feature_magnitude=magnitude, seed=seed))
    known = data.dictionary(64)
    train, test = data.split(2048, 1024, seed=seed)
    settings = AutoencoderSettings(architecture=architecture, width=width, steps=options.steps, batch_size=64)
    models = fit_autoencoders(np.asarray(known.X[train]), settings, options.penalties, [seed], order=seed)
    expected = Expected(
        known.codes[test].tocsc(), known.parent, known.X[test], share=known.size / len(known.X), magnitude=magnitude
    )
    truth = Truth(known.directions, known.codes[test], known.parent, np.asarray(known.X[test]))
    rows = []
    for penalty, model in zip(options.penalties, models, strict=True):
        score = recovery(model, truth, seed=seed)
        gains = expected.merge_gains(PENALTY[architecture], penalty)
        composed = score.absorption.composed
        found = composed[np.isfinite(composed)] > COMPOSED
        rows.append([float((gains > ROUNDING).mean()), float(found.mean()), score.chance["composition"]])
    return rows


def shown(values: Any) -> str:
    """Mean ± half of the 95 % interval over seeds."""
    there = values[np.isfinite(values)]
    if there.size < 2:
        return "—" if not there.size else f"{there[0]:.2f}"
    return f"{there.mean():.2f} ± {student_t(there.size - 1) * there.std(ddof=1) / np.sqrt(there.size):.2f}"


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--penalties", type=float, nargs="+", default=[0.02, 0.05, 0.1, 0.2])
    options = parser.parse_args()
    print("| magnitudes | dictionary | w | penalty | pays | composed (chance) |")
    print("|---|---|---|---|---|---|")
    kinds = itertools.product(("constant", "folded-normal"), ("jumprelu", "relu"), options.widths)
    for magnitude, architecture, width in kinds:
        runs = np.array([measured(magnitude, architecture, width, options, seed) for seed in range(options.seeds)])
        for i, penalty in enumerate(options.penalties):
            pays, share, chance = (runs[:, i, j] for j in range(3))
            print(
                f"| {magnitude} | {architecture} | {width} | {penalty:g} | {pays.mean():.2f} | {shown(share)} "
                f"({np.nanmean(chance):.2f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
