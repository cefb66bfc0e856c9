"""The composer: a recipe becomes columns, in memory (`generate`) or in a file (`write`), family by family."""

from fractalman.build.ensemble import population
from fractalman.build.family import Structure
from fractalman.build.files import rebuild, write
from fractalman.build.memory import available_bytes, check_memory
from fractalman.build.recipes import generate, label_draws, structure, tree
from fractalman.build.shards import merge_shards, missing_shards, write_shard, write_shards

__all__ = [
    "Structure",
    "available_bytes",
    "check_memory",
    "generate",
    "label_draws",
    "merge_shards",
    "missing_shards",
    "population",
    "rebuild",
    "structure",
    "tree",
    "write",
    "write_shard",
    "write_shards",
]
