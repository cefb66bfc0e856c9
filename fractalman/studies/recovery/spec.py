"""The specification of a study of recovery: its table and its tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fractalman.config import REQUIRED, Keys, choice, integer, real, sequence, switch
from fractalman.errors import RecipeError
from fractalman.experiments.reading import MAX_SEEDS
from fractalman.learners.dictionaries import ARCHITECTURES, BASELINES
from fractalman.recipes.checks import MAX_POINTS
from fractalman.studies.base import StudySpec, Task, plain
from fractalman.studies.reading import SpecSource, read_study
from fractalman.studies.sources import RecipeSource

NAMES = (*ARCHITECTURES, *(f"tied-{name}" for name in ARCHITECTURES), *BASELINES)
"""Dictionaries of a study: autoencoders, tied or not, scikit-learn's, and random directions."""

KEYS: Keys = {
    "dictionaries": (sequence(choice(*NAMES), least=1, most=len(NAMES), once=True), ("topk",)),
    "widths": (sequence(integer(1, 1 << 16), least=1, most=32, rising=True, example="[32, 64]"), REQUIRED),
    "units": (sequence(integer(1, 1 << 16), least=1, most=32, rising=True), (2, 4, 8)),
    "penalties": (sequence(real(1e-6, 100.0), least=1, most=32), (0.05, 0.1, 0.2)),
    "test_size": (integer(16, MAX_POINTS), REQUIRED),
    "min_size": (integer(2, MAX_POINTS), 16),
    "seeds": (integer(1, MAX_SEEDS), 4),
    "steps": (integer(10, 1 << 24), 2000),
    "batch_size": (integer(1, 1 << 20), 256),
    "stream": (switch, False),
}
EXAMPLE = '[recovery] dictionaries = ["topk", "relu"], widths = [32, 64], test_size = 1024, seeds = 4'


@dataclass(frozen=True)
class RecoveryStudySpec(StudySpec):
    """The checked specification of a study of recovery.

    Parameters
    ----------
    source : RecipeSource
        Of the points.
    dictionaries : tuple of str
        Of `NAMES`.
    widths : tuple of int
        Units of a dictionary.
    units : tuple of int
        Units a point, where they are counted.
    penalties : tuple of float
        Weights of penalties, where there are some.
    test_size : int
        Points that scores are taken on; the others are for training.
    min_size : int
        Latents of fewer points are no features.
    seeds : int
        Replicates: own data, own initialisation.
    steps, batch_size : int
        Of autoencoders.
    stream : bool
        Train on rows of `fractalman.stream`, each seen once: all points' subclusters with magnitudes anew, and score
        on rows that no training comes to; else train on the points that are not tested.
    """

    name: ClassVar[str] = "recovery"

    source: RecipeSource
    dictionaries: tuple[str, ...]
    widths: tuple[int, ...]
    units: tuple[int, ...]
    penalties: tuple[float, ...]
    test_size: int
    min_size: int
    seeds: int
    steps: int
    batch_size: int
    stream: bool

    @classmethod
    def read(cls, spec: SpecSource) -> RecoveryStudySpec:
        """Return the checked specification.

        Parameters
        ----------
        spec : str, Path or dict
            Path of a TOML file, TOML text, or its tables.

        Returns
        -------
        RecoveryStudySpec
            Defaults filled in.

        Raises
        ------
        RecipeError
            Naming all that is wrong.
        """
        tables = read_study(spec, "recovery", KEYS, (), EXAMPLE, superposed=True)
        source, values = tables.source, tables.values
        if not isinstance(source, RecipeSource) or not source.recipe.has_hierarchy:
            raise RecipeError(
                "[recovery] needs points whose hierarchy is known: expected a table [recipe] of a family with one; "
                'use e.g. family = "cascade"'
            )
        n = source.recipe.n_points
        if values["stream"] and not source.recipe.superposes:
            raise RecipeError(
                'recovery.stream = true: expected points in superposition; use recipe.embedding = "superposition"'
            )
        if not values["stream"] and (n is None or n < 2 * values["test_size"]):
            raise RecipeError(
                f"recovery.test_size = {values['test_size']}: expected at most half of recipe.n_points ({n})"
            )
        least = min(values["widths"])
        if any(_counted(name) for name in values["dictionaries"]) and max(values["units"]) > least:
            raise RecipeError(f"recovery.units = {list(values['units'])}: expected at most the least width, {least}")
        points = values["steps"] * values["batch_size"] if values["stream"] else n - values["test_size"]
        if max(values["widths"]) > points:
            raise RecipeError(f"recovery.widths: expected at most {points}, the training points")
        return cls(source, **values)

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values.

        Returns
        -------
        dict
            Name of a table → its values.
        """
        return {**self.source.to_dict(), self.name: plain({key: getattr(self, key) for key in KEYS})}

    def tasks(self) -> list[Task]:
        """Return one task per dictionary, width and replicate; all sparsities are trained together.

        Returns
        -------
        list of Task
            In the order in which they are done.
        """
        return [
            Task(name, width, seed) for seed in range(self.seeds) for width in self.widths for name in self.dictionaries
        ]

    def sparsities(self, name: str) -> tuple[float, ...]:
        """Return the sparsities of a dictionary.

        Parameters
        ----------
        name : str
            Of `NAMES`.

        Returns
        -------
        tuple of float
            Units a point, weights of a penalty, or 0 alone where there are neither.
        """
        if _counted(name):
            return tuple(map(float, self.units))
        return (0.0,) if name in ("pca", "ica", "k-means", "random") else self.penalties


def _counted(name: str) -> bool:
    return name.removeprefix("tied-") in ("topk", "batchtopk", "matryoshka")
