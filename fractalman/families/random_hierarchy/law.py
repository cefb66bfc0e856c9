"""What is known of learning on strings of the Random Hierarchy Model: sizes at which rules are told apart, no decay.

With equally likely productions the error does not fall as a power of n: it stays at chance until the rules of a level
can be told apart, and falls at a size of its own for every level. With productions of probability ∝ r^−(1 + a) what is
still to be learned is the mass of rare rules, and that falls as a power while the rarest have not been met.
"""

from __future__ import annotations

import math
from dataclasses import replace

from fractalman.conventions import ZERO_ONE
from fractalman.families._strings.curves import string_curve
from fractalman.families._strings.law import constant, counted, counting
from fractalman.families.laws import Laws, LearnedAt
from fractalman.families.random_hierarchy.recipe import RandomHierarchyModel
from fractalman.theory.grammars import (
    number_of_data,
    random_hierarchy_sample_complexity,
    rare_rules_window,
    zipf_probabilities,
)
from fractalman.theory.laws.law import Law, Window
from fractalman.theory.laws.learner_properties import LearnerProperties
from fractalman.theory.laws.sources import HIERARCHY_MODEL, HIERARCHY_SHAPES, HIERARCHY_ZIPF

_DOMAIN = "strings of a random grammar whose rules are the same for all, labels are symbols; risks are of classes"


def hierarchy_law(recipe: RandomHierarchyModel, learner: LearnerProperties) -> Law:
    """Return what is known of a learner on strings; there is an exponent for none of them beyond a window."""
    law = _of_target(recipe, learner.kind)
    inputs = {
        "L": recipe.levels,
        "v": recipe.vocabulary,
        "m": recipe.synonyms,
        "s": recipe.branching,
        "n_c": recipe.classes,
        "strings": _distinct(recipe),
    }
    if recipe.zipf_exponent is not None:
        inputs["a"] = recipe.zipf_exponent
    if recipe.unary_probability:
        inputs["u"] = recipe.unary_probability
    notes = [*learner.assumptions] if learner.kind != "floor" else []
    if recipe.target_level:
        notes.append(f"y is a symbol of level {recipe.target_level}: sizes count the levels from there to the tokens")
    if recipe.unary_probability:
        notes.append("blanks show the shape of every tree, so that nothing has to be parsed")
    if recipe.ambiguous:
        notes.append("a string may have several derivations: the floor is above 0, see theory.posterior")
    return replace(law, inputs=inputs, domain=_DOMAIN, assumptions=(*notes, *law.assumptions))


def _of_target(recipe: RandomHierarchyModel, kind: str) -> Law:
    if not recipe.target_varies:
        return constant(_DOMAIN)
    if recipe.target_level == recipe.levels and kind != "floor":
        return _seen(recipe)
    return _BY_KIND[kind](recipe)


def _seen(recipe: RandomHierarchyModel) -> Law:
    return Law.none(
        "the target is a token that is seen",
        f"y is token {recipe.node} of the string itself: no exponent is derived, and no rule is to be learned",
        because="a linear function of one-hot tokens is right for every symbol that it has met; how soon others are "
        "depends on their frequencies",
        nearest=f"a table of at most {recipe.target_classes} symbols",
        domain=_DOMAIN,
        evidence="exact: X holds the target",
        irreducible=0.0,
    )


def _derivations(recipe: RandomHierarchyModel) -> int:
    """Number of derivations, that of strings where none has two."""
    drawn = (recipe.classes, recipe.synonyms, recipe.branching, recipe.levels)
    return number_of_data(*drawn, unary=recipe.unary_probability > 0.0)


def _distinct(recipe: RandomHierarchyModel) -> float:
    """The same; inf beyond what a float holds."""
    derivations = _derivations(recipe)
    return float(derivations) if derivations < 10**300 else math.inf


def threshold(recipe: RandomHierarchyModel) -> int:
    """Return n_c·m^l for the l levels between the target and the tokens, with as many classes as the target has."""
    distance = recipe.levels - recipe.target_level
    return random_hierarchy_sample_complexity(recipe.target_classes, recipe.synonyms, distance)


def _network(recipe: RandomHierarchyModel) -> Law:
    return _level_by_level(recipe) if not recipe.unary_probability else _unbalanced(recipe)


def _unbalanced(recipe: RandomHierarchyModel) -> Law:
    distance = recipe.levels - recipe.target_level
    replaced = distance - (recipe.target_level == 0)  # symbols on the way that may be passed down: all but the class
    regular, whole = float(threshold(recipe)), (1.0 - recipe.unary_probability) ** replaced
    return Law.none(
        "no law where trees are not balanced",
        "no size is derived at which a network learns; rules of trees of all shapes are learned from the same strings",
        because="a symbol that is passed down keeps its correlation with the class and one that is replaced does not: "
        "squared correlations fall with every level by u² + (1 − u)²/m at the first place of a tuple and by 1/m at the "
        "others, so tuples of one level stand out at sizes of their own, by place",
        nearest=f"regular trees: n_c·m^{distance} = {regular:.4g} examples; of these strings a share (1 − u)^"
        f"{replaced} = {whole:.4g} has no symbol passed down above a given tuple of tokens, so who learns "
        f"from those alone needs {regular / whole:.4g}",
        domain=_DOMAIN,
        source="Parley, Cagnetta & Wyart, arXiv 2602.06065; docs/theory.md §1",
        evidence="counts, posterior and floors are exact and checked; the size is argued",
        irreducible=None if recipe.ambiguous else 0.0,
        references=(HIERARCHY_MODEL, HIERARCHY_SHAPES),
    )


def _level_by_level(recipe: RandomHierarchyModel) -> Law:
    needed = float(threshold(recipe))
    distance = recipe.levels - recipe.target_level
    sizes = [random_hierarchy_sample_complexity(recipe.target_classes, recipe.synonyms, k + 1) for k in range(distance)]
    steps = Window(1.0, needed, None, f"below n_c·m^{distance} = {needed:.4g} tuples of tokens are not yet told apart")
    a, windows = recipe.zipf_exponent, [steps]
    words = "no power law: with equally likely rules the error falls at n ~ n_c·m^l, level by level"
    unit = needed / recipe.synonyms  # examples in which a production of probability 1 would be told apart
    even = a is None or a == -1.0 or recipe.synonyms == 1
    low, high = (unit * x for x in rare_rules_window(recipe.synonyms, a)) if a is not None and a > 0.0 else (1.0, 0.0)
    if a is not None and not even and low >= high:
        rarest = float(unit / zipf_probabilities(recipe.synonyms, a)[-1])
        words = (
            f"no power law: {recipe.synonyms} productions of probability ∝ r^−{1.0 + a:.4g} leave no range in which "
            f"the mass of rare ones falls as a power; the rarest is told apart at about {rarest:.4g}"
        )
        windows = [Window(1.0, rarest, None, "at its upper end the rarest productions are told apart")]
    elif a is not None and not even:
        exponent = a / (1.0 + a)
        windows = [
            Window(1.0, low, None, "below it the first few productions are not yet told apart"),
            Window(
                low,
                high,
                exponent,
                "the mass of productions too rare to be told apart falls as a power until few of them are left; a "
                f"production of probability p takes n_c·m^{distance}/(m·p) examples",
            ),
        ]
        words = (
            f"in a window the mass of rules that are still rare falls as n^−a/(1+a) = n^−{exponent:.4g}; none beyond"
        )
    return Law.none(
        "hierarchy of rules, learned level by level",
        f"{words}; sizes n_c·m^l = {', '.join(f'{size:.4g}' for size in map(float, sizes)) or 'none'}",
        because="a tuple of tokens is told from its synonyms' by its correlation with the class, which sampling noise "
        "hides below about n_c·m^l examples; once the tuples of all levels are grouped nothing is left to learn",
        nearest="subtasks of even weights: each is learned at one size"
        if a is None
        else f"subtasks with probabilities ~ k^−(1+a), α_D = {max(a, 0.0) / (1 + max(a, 0.0)):.4g}",
        domain=_DOMAIN,
        source="Cagnetta et al., arXiv 2307.02129",
        evidence="the counts are exact and checked; that networks learn there is not verified at the source, and those "
        "of the harness do not in general: of six grammars a transformer needs 1.7 to 5.5 times as many in five, a "
        "perceptron 1.2 to 4.5 in four, a locally connected network 1.0 to 1.7 in three, a Laplace kernel 1.1 to 3.7 "
        "in five, and more than 10 times in the others (datasets/reference/SAMPLE_COMPLEXITY.md)",
        irreducible=None if recipe.ambiguous else 0.0,
        windows=tuple(windows),
        references=(HIERARCHY_MODEL, HIERARCHY_ZIPF) if a is not None else (HIERARCHY_MODEL,),
    )


def _local(recipe: RandomHierarchyModel) -> Law:
    return _of_strings(
        recipe,
        "neighbours know nothing of synonyms",
        "strings of one class can differ in every token, so the nearest training string is of the right class for sure "
        "only where it is the same string",
    )


def _kernel(recipe: RandomHierarchyModel) -> Law:
    return _of_strings(
        recipe,
        "kernels of all tokens at once know nothing of the tree",
        "a kernel of distances between strings treats all exchanges of as many tokens alike, whether they keep the "
        "class or not",
    )


def _of_strings(recipe: RandomHierarchyModel, name: str, because: str) -> Law:
    distinct, strings = _distinct(recipe), counted(_derivations(recipe))
    places = "places of tokens" if recipe.unary_probability else "tokens"
    return Law.none(
        f"no law: {name}",
        f"no exponent is derived; all is learned once nearly all of the {strings} derivations have been seen, a "
        f"number that is exponential in the s^L = {recipe.length} {places}",
        because=because,
        nearest=f"memorising: a share (1 − 1/D)^n of D = {strings} equally likely strings has not been seen",
        domain=_DOMAIN,
        source="Cagnetta et al., arXiv 2307.02129",
        evidence="the number of strings is exact; that such learners need of that order is literature, "
        "not verified at the source",
        windows=(
            Window(1.0, max(1.0, distinct), None, "at its upper end a share 1/e of equally likely strings is unseen"),
        ),
        references=(HIERARCHY_MODEL,),
    )


def _linear(recipe: RandomHierarchyModel) -> Law:
    return Law.none(
        "no law: a linear function sees single tokens only",
        f"how far it falls is left to the rules: a sum over {recipe.length} tokens cannot say which tuple they form",
        because="the class is told by tuples of tokens; what single tokens say of it is chance in the rules, and less "
        "the more synonyms there are (measured: datasets/reference/SAMPLE_COMPLEXITY.md)",
        nearest="variance-limited: what lies above the best linear function falls like 1/n",
        domain=_DOMAIN,
        evidence="argued",
    )


def _trees(_: RandomHierarchyModel) -> Law:
    return Law.none(
        "no law for boosted trees",
        "greedy splits on single tokens: no exponent is derived",
        because="where a tree's splits fall is decided by the labels, and no theory of that is at hand",
        nearest="that of a network that learns the rules level by level",
        domain=_DOMAIN,
    )


def _floor(recipe: RandomHierarchyModel) -> Law:
    return Law.none(
        "floor given the rules",
        "who knows the rules reads the symbols off the string: the floor does not depend on n"
        + (", and is above 0 where strings have several derivations" if recipe.ambiguous else ", and is 0"),
        because="the rules are the same for all strings, so training strings add nothing to them",
        nearest="none: it does not fall",
        domain=_DOMAIN,
        source="messages on the derivation tree, Pearl 1988",
        evidence="checked against enumeration: theory.posterior",
        irreducible=None if recipe.ambiguous else 0.0,
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


def learned_at(recipe: RandomHierarchyModel, learner: LearnerProperties, loss: str) -> tuple[LearnedAt, ...]:
    """Return n_c·m^l for networks on strings of regular trees whose productions are equally likely, in 0–1 risks."""
    even = recipe.zipf_exponent is None and not recipe.unary_probability and recipe.target_level < recipe.levels
    if learner.kind != "network" or not even or not recipe.target_varies or loss != ZERO_ONE:
        return ()
    size, distance = float(threshold(recipe)), recipe.levels - recipe.target_level
    return (LearnedAt("half of the classes", f"n_c·m^{distance}", size, None, _distinct(recipe)),)


LAWS = Laws[RandomHierarchyModel](law=hierarchy_law, learned_at=learned_at, drawn_curve=string_curve, finite_size=False)
