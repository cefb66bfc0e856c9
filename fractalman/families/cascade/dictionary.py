"""How a cascade's points follow from its latents: x = Σ over the nodes above it of R_l v(node), chains added up."""

from __future__ import annotations

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F64, I64
from fractalman.families.blocks import BLOCK
from fractalman.families.cascade.coordinates import cascade_segment_vectors
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.cascade.sampler import cascade_paths, step_ratios
from fractalman.trees import Hierarchy


def latent_vectors(recipe: Cascade, hierarchy: Hierarchy, nodes: I64) -> F64:
    """Return what each node adds to the points below it, (len(nodes), ambient_dim) float64.

    A node of the hierarchy stands for the chain of levels between its parent and itself, whose vectors are added up.

    Parameters
    ----------
    recipe : Cascade
        What the points were drawn from.
    hierarchy : Hierarchy
        Of points 0 … n − 1 of the recipe, with levels.
    nodes : (k,) int64
        Latents.
    """
    level = hierarchy.level
    if level is None:
        raise TypeError("a cascade's hierarchy came without its levels")
    order = hierarchy.order()
    above = hierarchy.parent[nodes]
    first = np.where(above >= 0, level[above], -1) + 1
    last, examples = level[nodes], order.points[order.start[nodes]]
    paths, out = cascade_paths(recipe), np.empty((nodes.size, recipe.ambient_dim))

    def work(start: int) -> None:
        rows = slice(start, start + BLOCK)
        if isinstance(recipe.contraction, tuple):
            addresses, steps = paths.steps(examples[rows])
            ratios: float | F64 = step_ratios(recipe)[steps]
        else:
            addresses, ratios = paths.addresses(examples[rows]), recipe.contraction
        seed = recipe.seeds.embedding
        out[rows] = cascade_segment_vectors(addresses, first[rows], last[rows], ratios, seed, recipe.ambient_dim)

    run_tasks(work, [(start,) for start in range(0, nodes.size, BLOCK)])
    return out
