"""What is known of a replicate's labels: their covariance, and how risks of several columns are put together."""

from __future__ import annotations

from fractalman._typing import F64
from fractalman.families.smooth_manifold.recipe import SmoothManifold
from fractalman.prediction.structures import field_of
from fractalman.studies.sources import Sample
from fractalman.theory import FieldCovariance, LabelCovariance, TreeCovariance


def covariance_of(sample: Sample) -> LabelCovariance | None:
    """Return the covariance of a replicate's labels, their noise included; None where nobody knows it."""
    recipe = sample.recipe
    if recipe is None:
        return None
    if sample.label_tree is not None:
        return TreeCovariance(sample.label_tree.noisy(recipe.noise) if recipe.noise else sample.label_tree)
    if not isinstance(recipe, SmoothManifold):
        return None
    if recipe.nuisance_dim:
        return field_of(recipe, len(sample.X))
    return FieldCovariance(sample.X, recipe.hurst, recipe.noise)


def overall(values: F64, sample: Sample) -> float:
    """Return the sum over a file's columns, the mean over a recipe's draws."""
    return float(values.sum() if sample.recipe is None else values.mean())
