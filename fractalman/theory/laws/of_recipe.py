"""Which law holds for which recipe and learner, label noise and nuisance coordinates included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fractalman.errors import RecipeError
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.lattice_percolation.recipe import LatticePercolation
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble
from fractalman.families.smooth_manifold.recipe import SmoothManifold
from fractalman.recipes import Recipe
from fractalman.theory.laws.cascade import cascade_law
from fractalman.theory.laws.cluster import cluster_law
from fractalman.theory.laws.elementary import variance_limited
from fractalman.theory.laws.ensembles import ensemble_law
from fractalman.theory.laws.lattice import lattice_law
from fractalman.theory.laws.law import Conflict, Law, Window
from fractalman.theory.laws.learner_properties import LearnerProperties as Traits
from fractalman.theory.laws.learners import traits_of
from fractalman.theory.laws.manifold import manifold_law
from fractalman.theory.laws.noisy import with_noise

_LAWS: dict[type[Recipe], Callable[[Any, Traits], Law]] = {
    Cascade: cascade_law,
    PercolationCluster: cluster_law,
    PercolationEnsemble: ensemble_law,
    BetheLattice: ensemble_law,
    LatticePercolation: lattice_law,
    SmoothManifold: manifold_law,
}


def law_of(recipe: Recipe, learner: str) -> Law:
    """Return the law that a learner must follow on a recipe's data.

    Args:
        recipe: of any family.
        learner: one of `LEARNERS`; "bayes" is the floor that no learner beats.
    Returns: a law; where no power law holds its data_exponent is None, its reason says why, and `nearest` names the law
        that comes nearest.
    Errors: RecipeError for a learner or a family that laws do not know.
    Source: docs/theory.md §3.
    """
    traits = traits_of(learner)
    if type(recipe) not in _LAWS:
        allowed = ", ".join(sorted(cls.family for cls in _LAWS))
        raise RecipeError(f"no law is known for family {recipe.family!r}: allowed are {allowed}")
    law = _LAWS[type(recipe)](recipe, traits)
    if traits.features is not None:
        law = _with_features(law, traits.features)
    if traits.homogeneous and _spread_along_rays(recipe):
        law = _homogeneous(law)
    return _with_added(law, recipe, traits)


def _spread_along_rays(recipe: Recipe) -> bool:
    """Whether points lie behind each other as seen from their centre: boxes and cubes, not spheres or high "
    "dimension."""
    return isinstance(recipe, LatticePercolation) or (isinstance(recipe, SmoothManifold) and recipe.kind == "cube")


def _homogeneous(law: Law) -> Law:
    """The infinitely wide tangent kernel is homogeneous: K(cx, z) = c·K(x, z)."""
    if law.data_exponent is None:
        return law
    return replace(
        law,
        name="no law: a homogeneous kernel",
        statement="the infinitely wide tangent kernel knows directions; along a ray from the centre its functions are "
        "straight lines, and what the label does there stays",
        data_exponent=None,
        data_logarithms=0.0,
        model_exponent=None,
        model_logarithms=0.0,
        irreducible=None,
        checked="checked: slopes of .08 for n = 64…1000 where the Laplace kernel has .51 (cube, D = 2, H = ½)",
        reason="biases no longer count in the limit of infinite width, and without them a ReLU network is homogeneous",
        windows=(),
        conflicts=(Conflict(law.name, "data", law.data_exponent, "holds for inputs of one length only"),),
        nearest=f"{law.name}, α_D = {law.data_exponent:.4g}, on a sphere or a torus",
    )


def _with_features(law: Law, features: int) -> Law:
    """A fixed number of features: the kernel's law below it, none beyond."""
    if law.data_exponent is None:
        return law
    limited = variance_limited()
    window = Window(
        1.0,
        features / 4.0,
        law.data_exponent,
        f"a quarter of {features} features; near n = {features} the risk peaks or saturates, beyond it rests on that "
        "of the best combination of them",
    )
    return replace(
        law,
        name=f"{law.name}, {features} features",
        statement=f"no power law for a fixed number of features; well below it that of their kernel: {law.statement}",
        data_exponent=None,
        data_logarithms=0.0,
        model_exponent=None,
        model_logarithms=0.0,
        irreducible=None,
        excess_exponent=1.0,
        windows=(window, *law.windows),
        nearest=f"{law.name}, α_D = {law.data_exponent:.4g}, with features far above n",
        looked_up=(*law.looked_up, *limited.looked_up),
    )


def _with_added(law: Law, recipe: Recipe, traits: Traits) -> Law:
    """Return the law of a recipe with label noise and nuisance coordinates: it names what no longer holds."""
    if recipe.noise:
        law = with_noise(law, recipe, traits)
    if recipe.nuisance_dim and traits.kind != "floor":
        law = replace(
            law,
            data_exponent=None,
            data_logarithms=0.0,
            excess_exponent=None,
            assumptions=(
                *law.assumptions,
                f"warning: {recipe.nuisance_dim} nuisance coordinates of scale {recipe.nuisance_scale:g} stand beside "
                "the label's own; the law without them holds only where distances are far above that scale, and the "
                "curve ignores them",
            ),
        )
    return law
