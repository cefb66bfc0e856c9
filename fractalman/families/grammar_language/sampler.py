"""Sampler of sequences: a window of every string by address, one of its tokens taken out as the target."""

from __future__ import annotations

from fractalman._typing import F32, F64, I32, I64
from fractalman.families._strings.encodings import encode
from fractalman.families._strings.hierarchy import derivation_paths
from fractalman.families._strings.sampler import Strings, from_posterior
from fractalman.families.grammar_language.recipe import GrammarLanguage


def drawn(recipe: GrammarLanguage, points: I64) -> tuple[I32, F64]:
    """Return what is seen of any sequences, and the tokens that are not."""
    return recipe.seen(recipe.derivations(points), points)


def write(recipe: GrammarLanguage, tokens: I32, X: F32) -> None:
    """Write the coordinates of what is seen."""
    encode(tokens, recipe.encoding, recipe.symbols, X, recipe.seeds.embedding)


SAMPLER = Strings[GrammarLanguage](
    drawn=drawn,
    write=write,
    paths=derivation_paths,
    redrawn=lambda recipe, tokens, _y, draw: from_posterior(recipe, tokens, draw),
).sampler()
