"""The specification of a study of a grammar's levels: its table and its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from fractalman import learners
from fractalman.config import REQUIRED, Keys, choice, integer
from fractalman.errors import RecipeError
from fractalman.experiments.reading import MAX_SEEDS
from fractalman.experiments.specification import string_settings
from fractalman.families._strings.recipe import GrammarRecipe
from fractalman.recipes.checks import MAX_POINTS
from fractalman.studies.base import StudySpec, Task, plain
from fractalman.studies.reading import SpecSource, read_study, sizes, some
from fractalman.studies.sources import RecipeSource
from fractalman.studies.trained_source import Source

NETWORKS = ("mlp", "convolution", "transformer")
CONTROL = "shuffled-labels"
KEYS: Keys = {
    "learner": (choice(*NETWORKS), NETWORKS[0]),
    "train_sizes": (sizes(), REQUIRED),
    "test_size": (integer(16, MAX_POINTS), 1024),
    "seeds": (integer(1, MAX_SEEDS), 4),
    "controls": (some(CONTROL), ()),
}
EXAMPLE = "[levels] train_sizes = [64, 256, 1024], seeds = 4"


@dataclass(frozen=True)
class Levels(StudySpec):
    """The checked specification of a study of a grammar's levels.

    Parameters
    ----------
    source : Source
        Of the strings.
    learner : str
        "mlp", "convolution" or "transformer".
    train_sizes : tuple of int
        Training-set sizes of the networks.
    test_size : int
        Unseen strings; half of them fit the probes, half score them.
    seeds : int
        Replicates: rules, strings and weights of their own.
    controls : tuple of str
        "shuffled-labels", networks that learn the labels of other strings, or none.
    settings : dict, default empty
        The table of the learner.
    """

    name: ClassVar[str] = "levels"

    source: Source
    learner: str
    train_sizes: tuple[int, ...]
    test_size: int
    seeds: int
    controls: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, spec: SpecSource) -> Levels:
        """Return the checked specification.

        Parameters
        ----------
        spec : str, Path or dict
            Path of a TOML file, TOML text, or its tables.

        Returns
        -------
        Levels
            Defaults filled in.

        Raises
        ------
        RecipeError
            Naming all that is wrong.
        MissingExtraError
            Without JAX.
        """
        tables = read_study(spec, cls.name, KEYS, NETWORKS, EXAMPLE, classes=True)
        source, values = tables.source, tables.values
        recipe = getattr(source, "recipe", None)
        if not isinstance(source, RecipeSource) or not isinstance(recipe, GrammarRecipe):
            raise RecipeError(
                f"the points of [{cls.name}] are no strings of a grammar: expected a table [recipe]; use family = "
                '"random-hierarchy-model" or "grammar-language"'
            )
        if recipe.masks:
            raise RecipeError(
                f"target = {recipe.target!r}: expected next-token, for a token hidden in the window leaves no symbol "
                "above it as it is"
            )
        if not recipe.target_varies:
            raise RecipeError(
                "the target is the same symbol in every string: expected 2 or more; use more classes or synonyms"
            )
        if not seen_nodes(recipe):
            raise RecipeError(
                f"levels = {recipe.levels}, context = {getattr(recipe, 'context', None)}: no hidden symbol has all its "
                "tokens in the window; use a longer one, or more levels"
            )
        others = [name for name in tables.settings if name != values["learner"]]
        if others:
            raise RecipeError(f"table [{others[0]}] beside learner = {values['learner']!r}: expected its own table")
        made = cls(source, **values, settings=tables.settings.get(values["learner"], {}))
        learner: Any = learner_of(made, recipe)
        if len(learner.settings.rates) > 1:
            raise RecipeError(f"{made.learner}.learning_rate: expected one rate here; use one of them")
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values.

        Returns
        -------
        dict
            Name of a table → its values.
        """
        own = plain({key: getattr(self, key) for key in KEYS})
        more = {self.learner: plain(self.settings)} if self.settings else {}
        return {**self.source.to_dict(), self.name: own, **more}

    def tasks(self) -> list[Task]:
        """Return one task per network: every size, then, on the largest, the controls; replicate by replicate.

        Returns
        -------
        list of Task
            In the order in which they are done.
        """
        networks = [("n", n) for n in self.train_sizes] + [(control, self.train_sizes[-1]) for control in self.controls]
        return [Task(part, n, seed) for seed in range(self.seeds) for part, n in networks]


def strings_of(spec: Levels) -> GrammarRecipe:
    """Return the recipe of the strings."""
    return cast(GrammarRecipe, cast(RecipeSource, spec.source).recipe)


def learner_of(spec: Levels, recipe: GrammarRecipe) -> Any:
    """Return the learner for a replicate's strings."""
    return learners.make(spec.learner, {**string_settings(spec.learner, spec.settings, recipe), **spec.settings})


def seen_nodes(recipe: GrammarRecipe) -> dict[int, tuple[int, ...]]:
    """Return level → the hidden symbols of it, numbered from the left, all of whose tokens are seen.

    The root is among them where the whole string is seen, so not where a token of it is the target.
    """
    window = getattr(recipe, "window", None)
    first, last = (0, recipe.length) if window is None else (window.start, window.stop - 1)
    found = {}
    for level in range(recipe.levels):
        width = recipe.branching ** (recipe.levels - level)
        nodes = tuple(j for j in range(recipe.branching**level) if j * width >= first and (j + 1) * width <= last)
        if nodes:
            found[level] = nodes
    return found
