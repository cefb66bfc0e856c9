"""Sampler of sequences: a window of every string by address, one of its tokens taken out as the target."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F32, F64, I32, I64
from fractalman.families._strings.encodings import encode
from fractalman.families._strings.hierarchy import derivation_paths
from fractalman.families._strings.sampler import Strings, from_posterior
from fractalman.families.grammar_language._kernels import masked_places
from fractalman.families.grammar_language.recipe import GrammarLanguage
from fractalman.random.streams import Role, key64


def drawn(recipe: GrammarLanguage, points: I64) -> tuple[I32, F64]:
    """Return what is seen of any sequences, and the tokens that are not."""
    window = recipe.derivations(points).tokens[:, recipe.window]
    if not recipe.masks:
        return np.ascontiguousarray(window[:, :-1], np.int32), window[:, -1].astype(np.float64)
    seen = np.array(window, np.int32)
    rows, places = np.arange(len(seen)), np.empty(len(seen), np.int64)
    key = np.uint64(key64(recipe.seeds.labels, Role.MASK))
    masked_places(key, np.ascontiguousarray(points, np.int64), seen.shape[1], places)
    y = seen[rows, places].astype(np.float64)
    seen[rows, places] = recipe.vocabulary
    return seen, y


def write(recipe: GrammarLanguage, tokens: I32, X: F32) -> None:
    """Write the coordinates of what is seen."""
    encode(tokens, recipe.encoding, recipe.vocabulary, X, recipe.seeds.embedding)


SAMPLER = Strings[GrammarLanguage](
    drawn=drawn,
    write=write,
    paths=derivation_paths,
    redrawn=lambda recipe, tokens, _y, draw: from_posterior(recipe, tokens, draw),
).sampler()
