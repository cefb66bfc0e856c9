"""What is known of learning sequences: correlations of each range stand out at a size of their own; floors wait there.

Letters: L levels, v vocabulary, m synonyms, s branching; C_l the correlation of tokens whose lowest common symbol is l
levels above them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from fractalman.conventions import ZERO_ONE
from fractalman.families._strings.curves import string_curve
from fractalman.families._strings.law import constant, counted, counting
from fractalman.families.grammar_language.recipe import GrammarLanguage
from fractalman.families.laws import Laws, LearnedAt
from fractalman.theory.grammars import (
    TokenFloor,
    block_floor,
    correlation_sample_complexity,
    expected_correlation,
    number_of_data,
    token_correlations,
)
from fractalman.theory.laws.law import Law, Window
from fractalman.theory.laws.learner_properties import LearnerProperties
from fractalman.theory.laws.sources import HIERARCHY_SHAPES, HIERARCHY_ZIPF, LANGUAGE_STATISTICS, LANGUAGE_STRUCTURE

_DOMAIN = "sequences of a random grammar whose rules are the same for all; losses are of the token that is not seen"
_SUMMED = 1 << 18  # beliefs that a law follows at most
_VISIBLE = 0.1
_PAIRS = 1 << 22  # numbers of the tables of pairs that a law makes at most


def language_law(recipe: GrammarLanguage, learner: LearnerProperties) -> Law:
    """Return what is known of a learner on sequences; with finitely many levels there is a power law for none."""
    law = _BY_KIND[learner.kind](recipe) if recipe.target_varies else constant(_DOMAIN)
    inputs: dict[str, float] = {
        "L": recipe.levels,
        "v": recipe.vocabulary,
        "m": recipe.synonyms,
        "s": recipe.branching,
        "context": recipe.known,
        "position": recipe.last,
    }
    if recipe.zipf_exponent is not None:
        inputs["a"] = recipe.zipf_exponent
    if recipe.unary_probability:
        inputs["u"] = recipe.unary_probability
    notes = learner.assumptions if learner.kind != "floor" else ()
    return replace(law, inputs=inputs, domain=_DOMAIN, assumptions=(*notes, *law.assumptions))


def heights(recipe: GrammarLanguage) -> int:
    """Return up to which height symbols join the window's last token with another of the window."""
    last, first = recipe.last, recipe.window.start
    return next(h for h in range(recipe.levels + 1) if last // recipe.branching**h == first // recipe.branching**h)


def correlation_sizes(recipe: GrammarLanguage) -> tuple[float, ...]:
    """Return at which sizes correlations over 1, 2, … levels stand out from sampling noise, (v·C_l)^−2 strings.

    Those of the drawn rules; of their average, for equally likely productions, where there are too many symbols; empty
    where neither is at hand, and where trees are not balanced: the noise of pairs is that of equally likely tokens.
    """
    v, m, s = recipe.vocabulary, recipe.synonyms, recipe.branching
    if recipe.unary_probability:
        return ()
    if v * v * s**recipe.levels <= _PAIRS:
        found = token_correlations(recipe.grammar)[: heights(recipe)]
        return tuple(1.0 / (v * c) ** 2 if c > 0.0 else math.inf for c in found.tolist())
    if recipe.zipf_exponent is not None or recipe.ambiguous:
        return ()
    return tuple(
        correlation_sample_complexity(vocabulary=v, synonyms=m, branching=s, height=h + 1)
        for h in range(heights(recipe))
    )


def token_floors(recipe: GrammarLanguage) -> tuple[TokenFloor, ...]:
    """Return what is lost on the next token given the tokens before it below its ancestor 0, 1, … levels up.

    Empty for hidden tokens, ambiguous grammars, windows that do not begin with a block, and where the sum is too long.
    """
    if recipe.masks or recipe.ambiguous or recipe.symbols**recipe.levels > _SUMMED:
        return ()
    grammar, s, out = recipe.grammar, recipe.branching, []
    for height in range(heights(recipe) + 1):
        if recipe.last // s**height * s**height < recipe.window.start:
            break
        floor = block_floor(grammar, recipe.last, recipe.levels - height, _SUMMED)
        if floor is None:
            break
        out.append(floor)
    return tuple(out)


def floors_by_height(recipe: GrammarLanguage) -> tuple[float, ...]:
    """Return the entropies of `token_floors`, in nats."""
    return tuple(floor.entropy for floor in token_floors(recipe))


def learned_at(recipe: GrammarLanguage, learner: LearnerProperties, loss: str) -> tuple[LearnedAt, ...]:
    """Return where a network's loss has come half the way from one plateau to the next, (v·C_l)^−2 for every l.

    Steps that are less than a tenth of the first plateau are not told from it by a loss, and are left out.
    """
    if learner.kind != "network" or not recipe.target_varies:
        return ()
    floors = [floor.zero_one if loss == ZERO_ONE else floor.entropy for floor in token_floors(recipe)]
    strings = number_of_data(recipe.vocabulary, recipe.synonyms, recipe.branching, recipe.levels)
    distinct = float(strings) if strings < 10**300 else math.inf
    return tuple(
        LearnedAt(f"the tokens under the symbol {h + 1} up", f"(v·C_{h + 1})^−2", size, (high + low) / 2.0, distinct)
        for h, (size, (high, low)) in enumerate(zip(correlation_sizes(recipe), pairwise(floors), strict=False))
        if math.isfinite(size) and high - low > _VISIBLE * floors[0]
    )


def _network(recipe: GrammarLanguage) -> Law:
    sizes, floors = correlation_sizes(recipe), floors_by_height(recipe)
    words = "no power law for L levels; losses fall from plateau to plateau"
    if sizes:
        words += f"; sizes (v·C_l)^−2 = {', '.join(f'{size:.4g}' for size in sizes)}"
    if floors:
        words += f"; plateaus {', '.join(f'{floor:.4g}' for floor in floors)} nats"
    beta = math.log(recipe.synonyms) / math.log(recipe.branching)
    if recipe.unary_probability:
        words += "; no sizes where trees are not balanced, for correlations then depend on their shape"
    return Law.none(
        "hidden symbols, learned range by range",
        words,
        because="tokens under a symbol l levels up are told to belong together by correlations C_l, which sampling "
        "noise hides below about (v·C_l)^−2 strings; what remains then is the entropy given that much context",
        nearest=f"languages of many levels: n^−γ/(2β), token correlations falling as distance^−β, β = ln m/ln s = "
        f"{beta:.4g}, and the next token's entropy as (context)^−γ",
        domain=_DOMAIN,
        source="Cagnetta & Wyart, arXiv 2406.00048; docs/theory.md §1",
        evidence="correlations and entropies are exact and checked; that networks learn there is not verified at the "
        "source",
        windows=_windows(sizes, floors),
        references=(
            LANGUAGE_STRUCTURE,
            LANGUAGE_STATISTICS,
            *([HIERARCHY_ZIPF] if recipe.zipf_exponent is not None else []),
            *([HIERARCHY_SHAPES] if recipe.unary_probability else []),
        ),
        assumptions=("sizes hold up to a factor of order one, for who builds hidden symbols from correlations",),
    )


def _windows(sizes: tuple[float, ...], floors: tuple[float, ...]) -> tuple[Window, ...]:
    if not sizes:
        return ()
    rising = [size for size in sizes if math.isfinite(size)]
    ends = [1.0, *rising, math.inf]
    out = []
    for height, (low, high) in enumerate(pairwise(ends)):
        known = f"entropy {floors[height]:.4g} nats" if height < len(floors) else "what stands below it"
        reach = f"the context below the symbol {height} levels up" if height else "no context"
        out.append(Window(low, high, None, f"{known} is the least with {reach}"))
    return tuple(out)


def _of_strings(recipe: GrammarLanguage, name: str, because: str) -> Law:
    drawn = (recipe.vocabulary, recipe.synonyms, recipe.branching, recipe.levels)
    strings = number_of_data(*drawn, unary=recipe.unary_probability > 0.0)
    distinct = counted(strings)
    return Law.none(
        f"no law: {name}",
        f"no exponent is derived; all is learned once nearly all of {distinct} strings have been seen, a number "
        f"that is exponential in the {recipe.length} tokens",
        because=because,
        nearest=f"memorising: a share (1 − 1/D)^n of D = {distinct} equally likely strings has not been seen",
        domain=_DOMAIN,
        evidence="the number of strings is exact; the rest is argued",
    )


def _local(recipe: GrammarLanguage) -> Law:
    return _of_strings(
        recipe,
        "neighbours know nothing of synonyms",
        "windows that mean the same can differ in every token, and the nearest one is near for the tokens that it "
        "shares, not for the symbols",
    )


def _kernel(recipe: GrammarLanguage) -> Law:
    return _of_strings(
        recipe,
        "kernels of all tokens at once know nothing of the tree",
        "a kernel of distances between windows treats all exchanges of as many tokens alike, whether they keep the "
        "hidden symbols or not",
    )


def _linear(recipe: GrammarLanguage) -> Law:
    pairs = ""
    if not recipe.unary_probability:
        m = min(recipe.synonyms, recipe.vocabulary ** (recipe.branching - 1))
        strongest = expected_correlation(vocabulary=recipe.vocabulary, synonyms=m, branching=recipe.branching, height=1)
        pairs = f", of about {strongest:.4g} next to it"
    return Law.none(
        "no law: a linear function sees single tokens only",
        f"it stays above the floor: a sum over the tokens has their pair correlations with the target{pairs}, and no "
        "more",
        because="what follows is told by tuples of tokens together",
        nearest="variance-limited: what lies above the best linear function falls like 1/n",
        domain=_DOMAIN,
        evidence="argued",
    )


def _trees(_: GrammarLanguage) -> Law:
    return Law.none(
        "no law for boosted trees",
        "greedy splits on single tokens: no exponent is derived",
        because="where a tree's splits fall is decided by the labels, and no theory of that is at hand",
        nearest="that of a network that learns the symbols level by level",
        domain=_DOMAIN,
    )


def _floor(recipe: GrammarLanguage) -> Law:
    floors = floors_by_height(recipe)
    known = f"; {floors[-1]:.4g} nats with the whole block" if floors else ""
    return Law.none(
        "floor given the rules",
        f"the entropy of the posterior of what is not seen, whatever n is{known}",
        because="the rules are the same for all sequences, so training sequences add nothing to them",
        nearest="none: it does not fall",
        domain=_DOMAIN,
        source="messages on the derivation tree, Pearl 1988",
        evidence="checked against enumeration: theory.posterior, theory.discrete_floor, grammars.token_floor",
    )


_BY_KIND = {
    "local": _local,
    "kernel": _kernel,
    "linear": _linear,
    "trees": _trees,
    "network": _network,
    "counts": lambda _: counting(_DOMAIN),
    "floor": _floor,
}

LAWS = Laws[GrammarLanguage](law=language_law, learned_at=learned_at, drawn_curve=string_curve, finite_size=False)
