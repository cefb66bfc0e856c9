"""What writing a recipe's file needs, said without writing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, print_json

if TYPE_CHECKING:
    from fractalman.recipes import Recipe


def say_needed(recipe: Recipe, hierarchy: bool, as_json: bool) -> int:
    """Say what the file and the work on it need, and refuse what does not fit, as the work itself would."""
    from fractalman._memory import available_bytes
    from fractalman.families.base import memory_of
    from fractalman.generation.memory import check_memory

    hierarchy = hierarchy and recipe.has_hierarchy
    check_memory(recipe, streamed=True, hierarchy=hierarchy)
    estimate = memory_of(recipe)
    columns = estimate.array_bytes() if hierarchy else estimate.coordinate_bytes(recipe.max_points)
    table = {"columns_bytes": columns, "memory_bytes": estimate.written_bytes(hierarchy)}
    table["available_bytes"] = available_bytes()
    if as_json:
        print_json(table)
    else:
        print(f"columns: up to {columns:,} bytes before they are packed")
        print(f"memory: {table['memory_bytes']:,} bytes at once, {table['available_bytes']:,} are available")
    return DONE
