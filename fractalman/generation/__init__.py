"""The composer: a recipe becomes columns, in memory (`generate`) or in a file (`write`), family by family."""

from fractalman._memory import available_bytes
from fractalman.families.base import Structure, memory_of
from fractalman.generation.composer import compact_tree, generate, population, structure, tree
from fractalman.generation.derived import coarse_grain, label_draws
from fractalman.generation.exporting import export
from fractalman.generation.extension import extend
from fractalman.generation.files import rebuild, write
from fractalman.generation.memory import check_memory
from fractalman.generation.shards import merge_shards, missing_shards, write_shard, write_shards
from fractalman.generation.streaming import Stream, stream

__all__ = [
    "Stream",
    "Structure",
    "available_bytes",
    "check_memory",
    "coarse_grain",
    "compact_tree",
    "export",
    "extend",
    "generate",
    "label_draws",
    "memory_of",
    "merge_shards",
    "missing_shards",
    "population",
    "rebuild",
    "stream",
    "structure",
    "tree",
    "write",
    "write_shard",
    "write_shards",
]
