"""Sampler of the Random Hierarchy Model: every column by address; the hierarchy is that of shared hidden symbols."""

from __future__ import annotations

from fractalman.families._strings.sampler import of_derivations
from fractalman.families.base import Sampler
from fractalman.families.random_hierarchy.recipe import RandomHierarchyModel

SAMPLER: Sampler[RandomHierarchyModel] = of_derivations().sampler()
