"""About how far apart the points of one recipe lie, in closed form: what the places of subtasks are measured by."""

from __future__ import annotations

import math
from typing import Any

from fractalman.recipes import Recipe


def apart(recipe: Recipe) -> float:
    """Return about how far apart points lie, at most a few times less than the farthest pair.

    Cascades of largest ratio r: 1/2(1 − r). Clusters, alone or many: 2√d. Smooth manifolds: 2, twice the distance from
    the centre. Strings and parities: √(2·places) of one-hot blocks, twice that of random vectors, v·√places of numbers.
    Subtasks: their own places and what lies within.

    Args:
        recipe: of any family.
    """
    known: Any = recipe
    if recipe.family == "cascade":
        return float(0.5 / (1.0 - max(max(ratios) for _, ratios in known.kinds)))
    if recipe.family == "subtasks":
        return math.hypot(known.extent, 2.0 * known.separation * known.extent)
    if recipe.family == "smooth-manifold":
        return 2.0
    encoding = getattr(recipe, "encoding", "")
    if encoding == "tokens":
        return float(known.symbols * math.sqrt(known.ambient_dim))
    if encoding == "embedding":
        return 2.0 * math.sqrt(2.0 * known.ambient_dim / known.embedding_dim)
    if encoding == "one-hot":
        return math.sqrt(2.0 * known.ambient_dim / known.symbols)
    return 2.0 * math.sqrt(recipe.ambient_dim)
