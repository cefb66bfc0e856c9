"""How much memory there is, and the refusal of what will not fit."""

from __future__ import annotations

from pathlib import Path

from fractalman.errors import ResourceError
from fractalman.recipe import LatticePercolation, Recipe


def available_bytes() -> int:
    """Return the memory that this process may still take, in bytes: the machine's, or its control group's if less."""
    limits = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
        group = Path("/sys/fs/cgroup")
        most = (group / "memory.max").read_text().strip()
        if most.isdigit():
            limits.append(int(most) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return min(limits) if limits else 1 << 62


def check_memory(recipe: Recipe, tree_only: bool = False) -> None:
    """Raise ResourceError when ``generate(recipe)``, or ``tree(recipe)``, would need more memory than there is.

    Where the draw decides how much that is, what is known before it: `check_draw` does the rest.
    """
    _check(recipe, recipe.tree_bytes() if tree_only else recipe.start_bytes(), tree_only)


def check_draw(recipe: LatticePercolation, n_points: int) -> None:
    """Raise ResourceError when the rest of a draw that found so many points would need more memory than there is."""
    _check(recipe, recipe.draw_bytes(n_points))


def _check(recipe: Recipe, need: int, tree_only: bool = False) -> None:
    limit = available_bytes()
    size = "side" if recipe.n_points is None else "n_points"
    if need > limit:
        instead = " or ambient_dim, or write it to a file with hierarchy=False (--no-hierarchy)"
        raise ResourceError(
            f"this recipe needs {need:,} bytes at once and {limit:,} are available: allowed is less; "
            f"type a smaller {size}{'' if tree_only else instead}"
        )
