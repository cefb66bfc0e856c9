"""Contexts of a text by number: the first ones from most files, the last ones from those held out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fractalman._typing import F32, F64, I32, I64
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.experiments.given.text.corpus import VOCABULARY, corpus, drawn_places
from fractalman.experiments.given.text.recipe import Text
from fractalman.families._strings.encodings import encode
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import Blocks


def places_of(recipe: Text) -> I64:
    """Return where every context of a recipe begins.

    Errors: RecipeError where the text has not so many.
    """
    parts = []
    for count, held in ((recipe.n_points - recipe.held_out, False), (recipe.held_out, True)):
        found = (
            drawn_places(recipe.text, recipe.context, recipe.seeds.geometry, held) if count else np.empty(0, np.int64)
        )
        if count > found.size:
            raise RecipeError(f"{count} contexts of {found.size} in the text's files: expected no more; use fewer")
        parts.append(found[:count])
    return np.concatenate(parts)


def _structure(recipe: Text, _hierarchy: bool, _draw: int) -> Structure[Text]:
    found, at = corpus(recipe.text), places_of(recipe)
    tokens: I32 = found.tokens[at[:, None] + np.arange(recipe.context)].astype(np.int32)
    y: F64 = found.tokens[at + recipe.context].astype(np.float64)
    return Structure(recipe, y, np.zeros(at.size, np.int64), tokens=tokens)


def _coordinates(realization: Structure[Text], X: F32) -> None:
    if realization.tokens is not None:
        encode(realization.tokens, realization.recipe.encoding, VOCABULARY, X, 0)


def _labels(_recipe: Text, realization: Dataset | Structure[Text]) -> Callable[[int], F64]:
    return lambda _draw: realization.y


def _blocks(_realization: Structure[Text], _folder: Path) -> Blocks:
    raise RecipeError("contexts of a text are not written to files: nothing of it is handed on")


SAMPLER = Sampler[Text](
    structure=_structure, coordinates=_coordinates, label_sampler=_labels, coordinate_blocks=_blocks
)
