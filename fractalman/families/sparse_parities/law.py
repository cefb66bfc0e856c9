"""What is known of learning multitask sparse parities: each task at a size of its own, their mass falling as a power.

Letters: α = the exponent of the tasks' probabilities, T tasks, τ = the examples of a task that a learner takes for it.
"""

from __future__ import annotations

import math
from dataclasses import replace

from fractalman.families.laws import Laws
from fractalman.families.sparse_parities.recipe import SparseParities
from fractalman.theory.grammars import rare_rules_window
from fractalman.theory.laws.law import Law, Window
from fractalman.theory.laws.learner_properties import LearnerProperties
from fractalman.theory.laws.sources import MICHAUD

_DOMAIN = "parities of fixed sets of uniform bits, a set for each task, tasks of probability ∝ t^−(1+α)"


def parities_law(recipe: SparseParities, learner: LearnerProperties) -> Law:
    """Return what is known of a learner on parities."""
    law = _BY_KIND[learner.kind](recipe)
    inputs = {
        "α": recipe.zipf_exponent,
        "T": recipe.n_tasks,
        "bits": recipe.n_bits,
        "k": recipe.task_size,
        "log2 of the sets": recipe.examples_to_identify,
    }
    notes = () if learner.kind == "floor" else learner.assumptions
    return replace(law, inputs=inputs, domain=_DOMAIN, assumptions=(*notes, *law.assumptions))


def windows(recipe: SparseParities, examples: float) -> tuple[Window, ...]:
    """Return where the mass of tasks not learned falls as a power, for who takes so many examples of each."""
    a, chance = recipe.zipf_exponent, recipe.task_probabilities
    low, high = (examples * x for x in rare_rules_window(recipe.n_tasks, a)) if a > 0.0 else (1.0, 0.0)
    if low >= high:
        rarest = float(examples / chance[-1]) if chance[-1] > 0.0 else math.inf
        return (Window(1.0, rarest, None, "at its upper end the rarest task has about as many as it takes"),)
    return (
        Window(1.0, low, None, "below it the first few tasks are learned one by one: a staircase"),
        Window(low, high, a / (1.0 + a), "beyond it few tasks are left, and their mass falls faster"),
    )


def _network(recipe: SparseParities) -> Law:
    a, least = recipe.zipf_exponent, max(1.0, recipe.examples_to_identify)
    ranges = windows(recipe, least)
    exponent = ranges[-1].exponent
    said = "no power law for T tasks" + ("" if exponent is None else f"; in a window n^−α/(1+α) = n^−{exponent:.4g}")
    return Law.none(
        "tasks of power-law frequency, learned one by one",
        f"{said}; n counted in τ, the examples of a task that it takes, which is {least:.4g} at the very least",
        because="a task's error is all of it until about τ of its examples have been seen, p_t·n of n, and none after; "
        "a finite number of tasks ends the power law",
        nearest="power-law subtasks without an end: "
        + (f"α_D = {a / (1.0 + a):.4g}, α_P = {a:.4g}" if a > 0.0 else "none, their probabilities have no sum"),
        domain=_DOMAIN,
        source="Michaud et al., arXiv 2303.13506; docs/theory.md §3.4",
        evidence="the mass of tasks is exact; that a network learns them so, and its τ, is not verified at the source; "
        "a small one takes ten times the least τ and falls more slowly, with .27, .41, .55 where the sum of tasks has "
        ".36, .52, .65 (datasets/reference/PARITIES.md)",
        irreducible=0.0,
        windows=ranges,
        references=(MICHAUD,),
        assumptions=(
            f"windows stand at τ = log2 of the number of sets = {least:.4g}, below which no task's set can be known; a "
            "learner that takes more has them later by that factor",
        ),
    )


def _unlearned(recipe: SparseParities, name: str, because: str) -> Law:
    k = recipe.task_size
    return Law.none(
        f"no law: {name}",
        f"no exponent is derived for parities of {k} bit{'s' * (k > 1)} among {recipe.n_bits}",
        because=because,
        nearest=f"memorising: all 2^{recipe.n_bits} strings of bits of a task",
        domain=_DOMAIN,
        evidence="argued",
    )


def _local(recipe: SparseParities) -> Law:
    return _unlearned(
        recipe,
        "neighbours do not know which bits count",
        "the nearest strings differ in bits at random, and one bit of the task's own turns its parity over",
    )


def _kernel(recipe: SparseParities) -> Law:
    return _unlearned(
        recipe,
        "a kernel of distances does not know which bits count",
        "it treats all sets of as many bits alike, and there are "
        f"{math.comb(recipe.n_bits, recipe.task_size):.4g} of a task's size",
    )


def _linear(recipe: SparseParities) -> Law:
    if (recipe.task_bits == recipe.task_bits[0, 0]).all():
        return Law.none(
            "y is one of the bits",
            f"all tasks read bit {recipe.task_bits[0, 0]} alone, a coordinate of X: who has found it is never wrong",
            because="noiseless linear labels are known once the points span the coordinates, at no power of n",
            nearest="variance-limited, and 0 from n = T + bits on",
            domain=_DOMAIN,
            evidence="exact",
            irreducible=0.0,
        )
    if recipe.task_size == 1:
        return replace(
            _unlearned(recipe, "one weight for a bit, whatever the task", "tasks that read other bits contradict it"),
            nearest="variance-limited: what lies above the best linear function falls like 1/n",
        )
    return Law.none(
        "no law: parities are uncorrelated with every coordinate",
        "the best linear function is the constant ½, in squares as in nats: nothing is learned",
        because="the parity of two or more uniform bits is independent of the task and of every single bit; a linear "
        "threshold can do better in 0–1 risk (AND is right on ¾ of a parity of two), but neither loss leads there",
        nearest="none: it does not fall",
        domain=_DOMAIN,
        evidence="exact; held by a test",
    )


def _trees(recipe: SparseParities) -> Law:
    return _unlearned(
        recipe, "greedy splits on single bits", "no single bit says anything of the parity, so no split is better"
    )


def _floor(_: SparseParities) -> Law:
    return Law.none(
        "floor given the tasks' bits",
        "who knows which bits each task reads knows every label: the floor is 0 at every n",
        because="task and bits stand in every point",
        nearest="none: it does not fall",
        domain=_DOMAIN,
        evidence="exact: theory.posterior is 0 or 1; bounds for who is not told the bits: recipe.ideal_risk(n)",
        irreducible=0.0,
    )


_BY_KIND = {
    "local": _local,
    "kernel": _kernel,
    "linear": _linear,
    "trees": _trees,
    "network": _network,
    "floor": _floor,
}

LAWS = Laws[SparseParities](law=parities_law, finite_size=False)
