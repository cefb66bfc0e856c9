"""What a family is to the rest of the package: a sampler, laws, memory estimates, each found in its folder when needed.

A family is a package that the registry names. Of its modules only ``recipe`` is read to describe a dataset; ``sampler``
(`SAMPLER`) makes it, ``law`` (`LAWS`) predicts what is learned on it, ``memory`` (`MEMORY`) says what making it takes.
A package without ``law`` is a family that nothing is known of; it can be generated and written all the same.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fractalman._typing import F32, F64, I32, I64
from fractalman.datasets.memory import Dataset
from fractalman.families.blocks import Blocks
from fractalman.families.memory import Memory
from fractalman.recipes import Recipe, package_of
from fractalman.trees import Hierarchy, LabelTree

if TYPE_CHECKING:
    from fractalman.families.laws import Laws

R = TypeVar("R", bound=Recipe)
"""The recipes of one family."""


@dataclass(frozen=True)
class Structure(Generic[R]):
    """A dataset without its coordinates.

    Parameters
    ----------
    recipe : Recipe
        What it was made from.
    y : (n,) float64
        Labels.
    cluster : (n,) int64
        Number of every point's cluster.
    edges : (n_edges, 2) int64 or None
        The graph, for families that have one.
    hierarchy, label_tree : Hierarchy, LabelTree or None
        As in `Dataset`; None when left out.
    sites : (n,) int64, optional
        Lattice site of every point, which its coordinates come from; None off the lattice.
    noise : (n,) float64, optional
        The part of y that is label noise; families leave it out, the composer adds it.
    value : (n,) float64, optional
        The label, noise included, whose class y is; families leave it out, the composer adds it.
    tokens : (n, t) int32, optional
        Strings of tokens, which the coordinates come from; None where points are no strings.
    """

    recipe: R
    y: F64
    cluster: I64
    edges: I64 | None = None
    hierarchy: Hierarchy | None = None
    label_tree: LabelTree | None = None
    sites: I64 | None = None
    noise: F64 | None = None
    value: F64 | None = None
    tokens: I32 | None = None

    @property
    def grown(self) -> tuple[I64, Hierarchy]:
        """Edges and hierarchy, of families that always have both."""
        if self.edges is None or self.hierarchy is None:
            raise TypeError(f"a structure of {self.recipe.family} came without its edges or its hierarchy")
        return self.edges, self.hierarchy


@dataclass(frozen=True, kw_only=True)
class Sampler(Generic[R]):
    """What makes a family's datasets; what may be added to any dataset (noise, nuisance, rotation) is not its business.

    Parameters
    ----------
    structure : (recipe, hierarchy, draw) → Structure
        Draws everything but the coordinates; ``draw`` numbers the label draw.
    coordinates : (structure, X) → None
        Writes all coordinates into X, (n, ambient_dim) float32.
    label_sampler : (recipe, dataset or structure) → (draw → (n,) float64)
        Draws other labels on the same structure, without noise; draw > 0.
    coordinate_blocks : (structure, folder) → Blocks
        X block by block for structures whose X is too large to hold; ``folder`` is for scratch.
    streamed : (recipe, hierarchy, folder) → columns or None, optional
        All columns block by block, those of the trees if asked for; None where a structure is needed first.
        Families whose points are drawn by address return `ComputedColumn`.
    tree : recipe → ClusterTree, optional
        Edges and hierarchy alone.
    compact_tree : (recipe, edges) → CompactTree or None, optional
        The same of short integers, without edges unless they are asked for; None where a recipe has no such tree.
    clusters : recipe → table, optional
        What the clusters of an ensemble are, without making them.
    count : recipe → int, optional
        Number of points, for recipes whose draw decides it.
    """

    structure: Callable[[R, bool, int], Structure[R]]
    coordinates: Callable[[Structure[R], F32], None]
    label_sampler: Callable[[R, Dataset | Structure[R]], Callable[[int], F64]]
    coordinate_blocks: Callable[[Structure[R], Path], Blocks]
    streamed: Callable[[R, bool, Path], Mapping[str, Blocks] | None] | None = None
    tree: Callable[[R], Any] | None = None
    compact_tree: Callable[[R, bool], Any] | None = None
    clusters: Callable[[R], dict[str, Any]] | None = None
    count: Callable[[R], int] | None = None


@dataclass(frozen=True)
class Family:
    """One family; its modules are imported when they are first needed.

    Parameters
    ----------
    name : str
        As in `Recipe.family`.
    package : str
        Dotted name of its folder.
    """

    name: str
    package: str

    def _find(self, module: str, name: str) -> Any:
        return getattr(importlib.import_module(f"{self.package}.{module}"), name)

    @cached_property
    def sampler(self) -> Sampler[Any]:
        """What makes its datasets."""
        found: Sampler[Any] = self._find("sampler", "SAMPLER")
        return found

    @cached_property
    def memory(self) -> type[Memory[Any]]:
        """What making them takes."""
        found: type[Memory[Any]] = self._find("memory", "MEMORY")
        return found

    @cached_property
    def laws(self) -> Laws[Any]:
        """What is known of learning on them."""
        from fractalman.families.laws import Laws

        known = importlib.util.find_spec(f"{self.package}.law") is not None
        found: Laws[Any] = self._find("law", "LAWS") if known else Laws()
        return found


@cache
def _family(name: str, package: str) -> Family:
    return Family(name, package)


def family_of(recipe: Recipe) -> Family:
    """Return the family of a recipe.

    Examples
    --------
    >>> import fractalman as fm
    >>> family_of(fm.Cascade(n_points=10)).name
    'cascade'
    """
    return _family(recipe.family, package_of(recipe.family))


def memory_of(recipe: Recipe) -> Memory[Any]:
    """Return what making a recipe's dataset takes.

    Parameters
    ----------
    recipe : Recipe
        Of any family.

    Returns
    -------
    Memory
        Bytes, by what is made.

    Examples
    --------
    >>> import fractalman as fm
    >>> memory_of(fm.Cascade(n_points=1000)).array_bytes()
    256000
    """
    return family_of(recipe).memory(recipe)
