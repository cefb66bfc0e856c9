#!/usr/bin/env python3
"""How the error of dictionaries falls with the number of points that they are trained on, against `width_law`.

    .venv/bin/python scripts/dictionary_points.py    # minutes; a table to stdout

A critical cluster in superposition, every feature of 4 points of 2048 or more; n of 1024 points to train on, again and
again, 1024 others to score on, 256 units. Beside the measured exponent stands that of who knows which features a point
has and averages their points (`learned_cosine`, summed over the cluster's own features), and (ζ − 1)/ζ = 1/2.
"""

from __future__ import annotations

import argparse

import numpy as np

import fractalman as fm
from fractalman.learners.dictionaries import AutoencoderSettings, fit_autoencoders
from fractalman.studies.recovery.prediction import Expected
from fractalman.theory.dictionaries import learned_cosine, magnitude_moments

SIZES = (64, 128, 256, 512, 1024)
LEARNERS = (("relu", 0.02), ("topk", 32.0))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=1500)
    own = parser.parse_args()
    signal = float(magnitude_moments("folded-normal").mean)
    for seed in range(1, own.seeds + 1):
        data = fm.generate(
            fm.PercolationCluster(
                n_points=2048, ambient_dim=192, embedding="superposition", feature_magnitude="folded-normal",
                feature_min_size=4, seed=seed,
            )
        )  # fmt: skip
        known, (train, test) = data.dictionary(4), data.split(1024, 1024, seed=seed)
        expected = Expected(known.codes[test].tocsc(), known.parent, known.X[test])
        X = np.asarray(data.X, np.float64)
        variance = float(np.square(X[test] - X[test].mean(axis=0)).sum(axis=1).mean())
        told = [float(expected.gain @ (1.0 - learned_cosine(n * expected.share, signal, variance) ** 2)) for n in SIZES]
        for name, sparsity in LEARNERS:
            settings = AutoencoderSettings(architecture=name, width=256, steps=own.steps, batch_size=64)
            left = []
            for n in SIZES:
                (model,) = fit_autoencoders(
                    np.ascontiguousarray(data.X[train[:n]]), settings, [sparsity], [seed], order=seed
                )
                again = np.asarray(model.decode(model.encode(data.X[test])))
                left.append(float(np.square(X[test] - again).sum(axis=1).mean()) / variance)
            print(
                f"seed {seed}, {name} {sparsity:g}: errors {', '.join(f'{own:.3f}' for own in left)}, exponent "
                f"{_exponent(left):.3f}; told the memberships {_exponent(told):.3f}; law 0.500",
                flush=True,
            )


def _exponent(errors: list[float]) -> float:
    return -float(np.polyfit(np.log(SIZES), np.log(errors), 1)[0])


if __name__ == "__main__":
    main()
