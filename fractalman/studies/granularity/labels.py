"""What is known of a replicate's labels: their covariance, and how risks of several columns are put together."""

from __future__ import annotations

from fractalman._typing import F64
from fractalman.families.base import family_of
from fractalman.studies.sources import Sample
from fractalman.theory import LabelCovariance, TreeCovariance


def covariance_of(sample: Sample) -> LabelCovariance | None:
    """Return the covariance of a replicate's labels, their noise included; None where nobody knows it."""
    recipe, tree = sample.recipe, sample.noisy_tree
    if tree is not None:
        return TreeCovariance(tree)
    if recipe is None:
        return None
    field = family_of(recipe).laws.field_of(recipe)
    if field is None:
        return None
    return field(recipe, len(sample.X), None if recipe.nuisance_dim else sample.X)


def overall(values: F64, sample: Sample) -> float:
    """Return the sum over a file's columns, the mean over a recipe's draws."""
    return float(values.sum() if sample.recipe is None else values.mean())
