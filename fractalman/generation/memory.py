"""How much memory there is, and the refusal of what will not fit."""

from __future__ import annotations

from fractalman import _memory
from fractalman.errors import ResourceError
from fractalman.families.base import family_of, memory_of
from fractalman.recipes import Recipe


def check_memory(recipe: Recipe, *, streamed: bool = False, hierarchy: bool = True) -> None:
    """Raise ResourceError when a dataset would need more memory than there is.

    Parameters
    ----------
    recipe : Recipe
        Any recipe.
    streamed : bool, default False
        As `write` makes it, which never holds X; else as `generate` does.
    hierarchy : bool, default True
        With its trees; `generate` always makes them.

    Raises
    ------
    ResourceError
        Naming what is needed, what there is, and what would need less.
    """
    limit, estimate = _memory.available_bytes(), memory_of(recipe)
    size = "side" if recipe.n_points is None else "n_points"
    start = estimate.start_bytes()
    if start is not None:  # `check_draw` and `check_coordinates` do the rest
        if start > limit:
            raise ResourceError(
                f"finding this recipe's clusters needs {start:,} bytes at once and {limit:,} are available: expected "
                f"less; use a smaller {size}"
            )
        return
    need = estimate.written_bytes(hierarchy) if streamed else estimate.peak_bytes()
    if need <= limit:
        return
    ways = [f"use a smaller {size}" if streamed else f"use a smaller {size} or ambient_dim"]
    with_trees, bare = estimate.written_bytes(True), estimate.written_bytes(False)
    if not streamed and with_trees <= limit:
        ways.append(f"write it to a file, which needs {with_trees:,}")
    elif not streamed and bare <= limit:
        ways.append(f"write it to a file without its latents (hierarchy=False, --no-hierarchy), which needs {bare:,}")
    if streamed and hierarchy and bare <= limit:  # advice that would not help is none
        ways.append(f"leave the latents out (hierarchy=False, --no-hierarchy), which needs {bare:,}")
    raise ResourceError(
        f"{'writing' if streamed else 'generating'} this recipe needs {need:,} bytes at once and {limit:,} are "
        f"available: {', or '.join(ways)}"
    )


def check_tree(recipe: Recipe, compact: bool = False, edges: bool = True) -> None:
    """Raise ResourceError when `tree` or `compact_tree` would need more memory than there is."""
    limit, estimate = _memory.available_bytes(), memory_of(recipe)
    need = estimate.tree_bytes(compact, edges)
    if need <= limit:
        return
    ways = ["use a smaller n_points"]
    shorter = family_of(recipe).sampler.compact_tree is not None
    for way, kept in (("compact_tree", True), ("compact_tree(…, edges=False)", False)):
        if shorter and estimate.tree_bytes(True, kept) <= limit:
            ways.append(f"{way}, which needs {estimate.tree_bytes(True, kept):,}")
            break
    raise ResourceError(
        f"the tree of this recipe needs {need:,} bytes at once and {limit:,} are available: expected less; "
        f"{', or '.join(ways)}"
    )


def check_coordinates(recipe: Recipe, n_points: int) -> None:
    """Raise ResourceError when the coordinates of so many points would need more memory than there is."""
    _memory.check_bytes(
        memory_of(recipe).coordinate_bytes(n_points),
        f"the coordinates of {n_points:,} points",
        "use a smaller ambient_dim, or write the recipe to a file",
    )
