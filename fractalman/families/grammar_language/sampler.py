"""Sampler of sequences: a window of every string by address, one of its tokens taken out as the target."""

from __future__ import annotations

from fractalman.families._strings.sampler import of_derivations
from fractalman.families.base import Sampler
from fractalman.families.grammar_language.recipe import GrammarLanguage

SAMPLER: Sampler[GrammarLanguage] = of_derivations().sampler()
