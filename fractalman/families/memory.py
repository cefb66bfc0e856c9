"""What making a dataset takes, in bytes: a family describes its algorithm in its ``memory.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from fractalman.errors import RecipeError
from fractalman.families.blocks import BLOCK_BYTES
from fractalman.recipes import Recipe

R = TypeVar("R", bound=Recipe)
"""The recipes of one family."""

MEGABYTES_32 = 32 << 20
"""What the interpreter, compiled kernels and small arrays take on top."""
_WALK_BYTES = 28  # a point, of what lays clusters out block by block
_COMPACT_BYTES = 52  # a point of critical clusters with hierarchical labels while they are drawn and written


@dataclass(frozen=True)
class Memory(ABC, Generic[R]):
    """What making one recipe's dataset takes, in bytes; a family says `own_array_bytes` and `own_peak_bytes`.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    """

    recipe: R

    @abstractmethod
    def own_array_bytes(self) -> int:
        """Return the bytes of the family's own arrays, the most that a draw can have.

        Returns
        -------
        int
            Bytes.
        """

    @abstractmethod
    def own_peak_bytes(self) -> int:
        """Return the most that `generate` needs at once, `array_bytes` included, before anything is added to X.

        Returns
        -------
        int
            Bytes.
        """

    def array_bytes(self) -> int:
        """Return the bytes of the arrays that `generate` returns, with what the recipe adds to the family's own.

        Returns
        -------
        int
            Bytes.
        """
        columns = bool(self.recipe.noise) + (self.recipe.thresholds or self.recipe.partitions)
        return self.own_array_bytes() + self.recipe.max_points * (4 * self.recipe.nuisance_dim + 8 * columns)

    def peak_bytes(self) -> int:
        """Return the most memory that `generate` needs at once.

        Returns
        -------
        int
            Bytes.
        """
        return (
            self.own_peak_bytes()
            + 4 * self.recipe.max_points * self._copied
            + self._rotation
            + self._features
            + self._partition
        )

    def start_bytes(self) -> int | None:
        """Return what must be free before the draw where the draw decides how much it takes; None = `peak_bytes`.

        Returns
        -------
        int or None
            Bytes.
        """
        return None

    def coordinate_bytes(self, n_points: int) -> int:
        """Return the bytes of the coordinates of so many points, and of what makes them wider and turns them.

        Parameters
        ----------
        n_points : int
            How many.

        Returns
        -------
        int
            Bytes.
        """
        return 4 * (self.recipe.n_columns + self._copied) * n_points + self._rotation

    def tree_bytes(self, compact: bool = False, edges: bool = True) -> int:  # noqa: ARG002 (families that have trees)
        """Return the most memory that `generation.tree` needs at once; 64 bytes a point of it are returned.

        Parameters
        ----------
        compact : bool, default False
            What `generation.compact_tree` needs instead.
        edges : bool, default True
            Of a compact tree: with its edges.

        Returns
        -------
        int
            Bytes.

        Raises
        ------
        RecipeError
            For a family whose tree is not drawn alone.
        """
        raise RecipeError(
            f"family {self.recipe.family!r} has no tree to be drawn alone: expected percolation-cluster, "
            "percolation-ensemble or bethe-lattice; use generate for the dataset"
        )

    def streamed_bytes(self, hierarchy: bool = True) -> int:  # noqa: ARG002 (families that hold their tree anyway)
        """Return the most memory that writing the dataset to a file needs at once; X is never held.

        Parameters
        ----------
        hierarchy : bool, default True
            With the trees of families that can do without; the others hold theirs in any case.

        Returns
        -------
        int
            Bytes.
        """
        held = 4 * (self.recipe.n_columns + self._copied)
        return self.peak_bytes() + (_WALK_BYTES - held) * self.recipe.max_points + self.block_bytes()

    def written_bytes(self, hierarchy: bool = True) -> int:
        """Return what writing needs: `streamed_bytes`, or, where X or y needs the whole hierarchy, that beside them.

        Parameters
        ----------
        hierarchy : bool, default True
            With the trees of families that can do without.

        Returns
        -------
        int
            Bytes.
        """
        if self.recipe.superposes or self.recipe.partitions:
            return Memory.streamed_bytes(self, hierarchy)
        return self.streamed_bytes(hierarchy)

    def compact_bytes(self) -> int:
        """Return what `streamed_bytes` is for compact trees; twice as much a point where ids need 64 bits.

        Returns
        -------
        int
            Bytes.
        """
        wide = 1 if 2 * self.recipe.max_points < 1 << 31 else 2
        return _COMPACT_BYTES * wide * self.recipe.max_points + self.block_bytes() + self._rotation

    def block_bytes(self) -> int:
        """Return the bytes of the blocks that are made, put in order and written at the same time.

        Returns
        -------
        int
            Bytes.
        """
        return 8 * max(BLOCK_BYTES, 4 * self.recipe.n_columns)

    @property
    def _copied(self) -> int:
        """Columns that are held twice while nuisance coordinates are put beside them."""
        return self.recipe.ambient_dim if self.recipe.nuisance_dim else 0

    @property
    def _features(self) -> int:
        """Bytes of the directions of superposed latents, at most one a point, while they are made."""
        d = self.recipe.ambient_dim
        return (12 * d + 64) * self.recipe.max_points if self.recipe.superposes else 0

    @property
    def _partition(self) -> int:
        """Bytes of the children of every subcluster, and of the points on their way up to their class."""
        return 64 * self.recipe.max_points if self.recipe.partitions else 0

    @property
    def _rotation(self) -> int:
        """Bytes of the reflections that turn X."""
        return 8 * self.recipe.n_columns**2 if self.recipe.rotate else 0
