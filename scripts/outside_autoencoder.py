#!/usr/bin/env python3
"""An outside library's sparse autoencoder trained on our stream, and scored by that library and by fm.recovery.

scripts/outside_autoencoder.py [--steps 3000]   needs overcomplete (PyPI) and PyTorch; exit status 1 where scores differ

The metrics that coincide: units a point, dead units, R² with its mean over all coordinates, and, where as many units as
features are asked for, the assignment of largest total cosine (that library's is signed; so are both columns here).
"""

from __future__ import annotations

import argparse
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

import fractalman as fm
from fractalman.measure.recovery import encoded

RECIPE = fm.Cascade(
    n_points=2048, ambient_dim=64, branching=2, embedding="superposition", feature_magnitude="folded-normal",
    feature_min_size=64,
)  # fmt: skip


def library() -> Any:
    """Return overcomplete; its vision models and pictures, which are not used here, may be missing."""

    def anything(name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return object

    for name in ("models", "visualization"):
        stand_in: Any = types.ModuleType(f"overcomplete.{name}")
        stand_in.__getattr__ = anything
        sys.modules.setdefault(stand_in.__name__, stand_in)
    import overcomplete

    return overcomplete


class Batches:
    """Batches of a stream as tensors, as a loader gives them."""

    def __init__(self, stream: Any, steps: int) -> None:
        self.stream, self.steps = stream, steps

    def __iter__(self) -> Iterator[Any]:
        import torch

        return (torch.from_numpy(self.stream.batch(k)) for k in range(self.steps))


def trained(steps: int, units: int, width: int, seed: int = 0) -> Any:
    """Return a TopK autoencoder of that library after ``steps`` batches of the stream."""
    import torch

    own = library()
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    model = own.TopKSAE(RECIPE.ambient_dim, nb_concepts=width, top_k=units)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def squared_error(x: Any, x_hat: Any, *_: Any) -> Any:
        return (x - x_hat).square().mean()

    from overcomplete.sae.train import train_sae

    train_sae(model, Batches(fm.stream(RECIPE, 256), steps), squared_error, optimizer, nb_epochs=1, monitoring=0)
    return model.eval()


def compared(model: Any) -> dict[str, tuple[float, float]]:
    """Return metric → (that library's number, ours), on points of a later pass that training did not see."""
    import torch

    own = library()
    stream = fm.stream(RECIPE, 256)
    rows = np.arange(RECIPE.n_points) + 10_000 * stream.n_points
    points, known = stream.X(rows), fm.generate(RECIPE).dictionary(RECIPE.feature_min_size)
    truth = fm.measure.recovery.Truth(known.directions, stream.codes(rows), known.parent, points)
    with torch.no_grad():
        x = torch.from_numpy(points)
        _, codes, made = model(x)
        theirs = {
            "units a point": float(own.l0(codes)) * codes.shape[1],
            "dead units": float(own.dead_codes(codes).mean()),
            "R²": float(own.r2_score(x, made)),
        }
    score = fm.recovery(model, truth)
    total = np.square(points - points.mean(axis=0)).sum() / np.square(points - points.mean()).sum()
    ours = {
        "units a point": score.l0,
        "dead units": score.dead,
        "R²": 1.0 - (1.0 - score.explained) * total,  # their mean is one number for all coordinates
    }
    decoder, features = encoded(model, points).decoder, np.asarray(known.directions)
    if decoder.shape == features.shape:
        loss = own.cosine_hungarian_loss(torch.from_numpy(np.asarray(decoder)), torch.from_numpy(features))
        theirs["mean assigned cosine, signed"] = 1.0 - loss / len(features)
        ours["mean assigned cosine, signed"] = signed(decoder, features)
    print(score)
    return {name: (theirs[name], ours[name]) for name in theirs}


def signed(decoder: Any, features: Any) -> float:
    """Return our matching without its absolute value, by one more coordinate that makes all cosines positive.

    (u, 1) and (v, 1) of unit vectors have the cosine (1 + u·v) / 2, which is never negative and has the same order.
    """
    from fractalman.measure.recovery import match_dictionary

    def lifted(rows: Any) -> Any:
        own = np.asarray(rows, np.float64)
        return np.hstack([own / np.linalg.norm(own, axis=1, keepdims=True), np.ones((len(own), 1))])

    return 2.0 * match_dictionary(lifted(decoder), lifted(features)).mcc - 1.0


def main() -> int:
    """Train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000, help="batches of 256 points (3000)")
    parser.add_argument("--units", type=int, default=4, help="units a point (4)")
    arguments = parser.parse_args()
    width = fm.generate(RECIPE).dictionary(RECIPE.feature_min_size).size.size
    table = compared(trained(arguments.steps, arguments.units, width))
    for name, (theirs, ours) in table.items():
        print(f"{name:32s} {theirs:10.6f} {ours:10.6f}")
    return int(any(abs(theirs - ours) > 1e-4 for theirs, ours in table.values()))


if __name__ == "__main__":
    sys.exit(main())
