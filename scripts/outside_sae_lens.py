#!/usr/bin/env python3
"""SAELens' autoencoders trained by SAELens on our stream, scored by its own evaluation and by fm.recovery.

scripts/outside_sae_lens.py [--steps 1500] [--architectures standard topk …]   needs sae-lens (PyPI) and PyTorch;
exit status 1 where numbers that mean the same differ

What coincides: units a point, dead units, explained variance, the mean |cosine| of the best assignment, different
features nearest to the units, and precision, recall and F1 of every unit for the feature nearest to it (that library
holds units against these, also where several have the same; our `Recovery.f1` takes the assigned pairs).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

import fractalman as fm
from fractalman.measure.recovery import Truth, encoded, firing_scores

RECIPE = fm.Cascade(
    n_points=2048, ambient_dim=64, branching=2, embedding="superposition", feature_magnitude="folded-normal",
    feature_min_size=64,
)  # fmt: skip
BATCH = 256
ARCHITECTURES = {
    "standard": ("Standard", {"l1_coefficient": 0.05}),
    "gated": ("Gated", {"l1_coefficient": 0.05}),
    "jumprelu": ("JumpReLU", {"l0_coefficient": 0.02}),
    "topk": ("TopK", {"k": 4}),
    "batchtopk": ("BatchTopK", {"k": 4}),
    "matryoshka": ("MatryoshkaBatchTopK", {"k": 4, "matryoshka_widths": [16, 49]}),
}


def trained(architecture: str, steps: int, width: int, seed: int = 0) -> Any:
    """Return an autoencoder of that library after ``steps`` batches of the stream, trained by its own trainer."""
    import sae_lens
    import torch
    from sae_lens.config import LoggingConfig, SAETrainerConfig

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    name, settings = ARCHITECTURES[architecture]
    config = getattr(sae_lens, f"{name}TrainingSAEConfig")(d_in=RECIPE.ambient_dim, d_sae=width, **settings)
    model = getattr(sae_lens, f"{name}TrainingSAE")(config)
    stream = fm.stream(RECIPE, BATCH)

    def batches() -> Iterator[Any]:
        return (torch.from_numpy(stream.batch(k)) for k in range(1 << 30))

    options = SAETrainerConfig(
        n_checkpoints=0, checkpoint_path=None, save_final_checkpoint=False, total_training_samples=steps * BATCH,
        train_batch_size_samples=BATCH, lr=2e-3, lr_end=2e-3, lr_scheduler_name="constant",
        logger=LoggingConfig(log_to_wandb=False, eval_every_n_wandb_logs=1 << 30),
    )  # fmt: skip
    sae_lens.SAETrainer(cfg=options, sae=model, data_provider=batches()).fit()
    return model.eval()


def held_out() -> Truth:
    """Return the features and points of a pass that training does not come to."""
    stream, known = fm.stream(RECIPE, BATCH), fm.generate(RECIPE).dictionary(RECIPE.feature_min_size)
    rows = np.arange(RECIPE.n_points) + 10_000 * stream.n_points
    return Truth(known.directions, stream.codes(rows), known.parent, stream.X(rows))


class Features:
    """Our features as that library's dictionary and generator: codes are the rows' own, once."""

    def __init__(self, truth: Truth) -> None:
        import torch

        self.feature_vectors = torch.from_numpy(np.asarray(truth.directions, np.float32))
        self._codes = torch.from_numpy(np.asarray(truth.codes.todense(), np.float32))
        self._points = torch.from_numpy(np.asarray(truth.X, np.float32))

    def sample(self, n: int) -> Any:
        """Return the codes of all rows."""
        if n != len(self._codes):
            raise ValueError(f"{n} rows asked for, {len(self._codes)} there")
        return self._codes

    def __call__(self, codes: Any) -> Any:
        """Return the points with these codes."""
        if codes is not self._codes:
            raise ValueError("codes of other rows")
        return self._points


def compared(model: Any, truth: Truth) -> dict[str, tuple[float, float]]:
    """Return metric → (that library's number, ours)."""
    from sae_lens.synthetic import eval_sae_on_synthetic_data

    given: Any = Features(truth)
    their = eval_sae_on_synthetic_data(model, given, given, num_samples=len(truth.X))
    score = fm.recovery(model, truth)
    print(score)
    made, width = encoded(model, truth.X), score.match.nearest_feature.size
    firing = firing_scores(made.codes, truth.codes, np.arange(width), score.match.nearest_feature)
    precision, recall, f1 = (float(np.nan_to_num(x).mean()) for x in (firing.precision, firing.recall, firing.f1))
    return {
        "units a point": (their.sae_l0, score.l0),
        "dead units": (their.dead_latents / width, score.dead),
        "explained variance": (their.explained_variance, score.explained),
        "MCC": (their.mcc, score.mcc),
        "features nearest to a unit": (their.uniqueness, np.unique(score.match.nearest_feature).size / width),
        "precision": (their.classification.precision, precision),
        "recall": (their.classification.recall, recall),
        "F1 of nearest features": (their.classification.f1_score, f1),
    }


def main() -> int:
    """Train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1500, help="batches of 256 points (1500)")
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    arguments = parser.parse_args()
    truth, differ = held_out(), False
    for architecture in arguments.architectures:
        table = compared(trained(architecture, arguments.steps, len(truth.directions)), truth)
        print(f"{architecture:32s} SAELens    fm.recovery")
        for name, (theirs, ours) in table.items():
            print(f"{name:32s} {theirs:10.6f} {ours:10.6f}")
            differ |= abs(theirs - ours) > 1e-4
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
