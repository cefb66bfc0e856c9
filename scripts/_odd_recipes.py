"""Recipes that verdicts are tried on: the ones whose labels are sabotaged, and odd ones over all families, by seed."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from fractalman.random.streams import Role, key64

_CASCADE = {"family": "cascade", "n_points": 8192, "ambient_dim": 32, "contraction": 0.4, "branching": 4}
_CLUSTER = {"family": "percolation-cluster", "n_points": 8192, "ambient_dim": 128}
SABOTAGED: dict[str, dict[str, Any]] = {
    "cascade-H.05": {**_CASCADE, "hurst": 0.05},
    "cascade-H.25": {**_CASCADE, "hurst": 0.25},
    "cascade-H.5": {**_CASCADE, "hurst": 0.5},
    "cascade-H1": {**_CASCADE, "hurst": 1.0},
    "cascade-3or7": {**_CASCADE, "branching": [3, 7], "contraction": 0.37, "hurst": 0.62},
    "cluster": _CLUSTER,
    "ensemble": {**_CLUSTER, "family": "percolation-ensemble"},
    "sphere-H.4": {"family": "smooth-manifold", "n_points": 8192, "ambient_dim": 16, "kind": "sphere", "dim": 2,
                   "hurst": 0.4},
    "torus-H.37": {"family": "smooth-manifold", "n_points": 8192, "ambient_dim": 12, "kind": "torus", "dim": 5,
                   "hurst": 0.37},
}  # fmt: skip
"""Exponents from .05 to above 1."""


def clean_recipes(count: int = 60, seed: int = 12) -> dict[str, dict[str, Any]]:
    """Return odd recipes, none with a parameter that anything was tuned on; a seed's list is the same every time."""
    rng = np.random.default_rng(seed)
    found = {}
    for i in range(count):
        d = int(rng.choice([2, 3, 8, 24, 128]))
        table: dict[str, Any] = {"n_points": 8192, "seed": 7000 + i if seed == 12 else int(rng.integers(2**31))}
        kind = i % 4
        if kind == 0:
            branching = int(rng.integers(2, 9)) if rng.random() < 0.5 else sorted({2, int(rng.integers(3, 9))})
            table |= {"family": "cascade", "branching": branching, "contraction": round(rng.uniform(0.3, 0.7), 3)}
            table |= {"hurst": round(rng.uniform(0.15, 1.0), 3)}
        elif kind == 1:
            table |= {"family": "percolation-cluster", "label_exponent": round(rng.uniform(0.0, 0.3), 3)}
        elif kind == 2:
            table |= {"family": "percolation-ensemble", "label_exponent": round(rng.uniform(0.0, 0.2), 3)}
        else:
            dim = int(rng.integers(1, 4))
            d = max(d, 2 * dim)
            table |= {
                "family": "smooth-manifold",
                "kind": "torus",
                "dim": dim,
                "hurst": round(rng.uniform(0.2, 1.2), 3),
            }
        nuisance, noise, rotate = (rng.random(3) < (0.2, 0.2, 0.3)).tolist()
        table |= {"ambient_dim": d + 2 * nuisance} | ({"nuisance_dim": 2} if nuisance else {})
        table |= ({"noise": 0.2} if noise else {}) | ({"rotate": True} if rotate else {})
        found[f"clean-{i:02d}"] = table
    return found


@cache
def recipes(draw: int | None = None) -> dict[str, dict[str, Any]]:
    """Return all recipes by name, with seeds and clean recipes of their own for a draw."""
    if draw is None:
        return {**SABOTAGED, **clean_recipes()}
    fresh = {
        name: {**table, "seed": key64(draw, Role.ORDER, i) % 2**31} for i, (name, table) in enumerate(SABOTAGED.items())
    }
    return {**fresh, **clean_recipes(seed=draw)}
