"""What is known of learning on a family's data, and the law of any recipe: noise, nuisance and learner included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from fractalman._typing import F64, AnyFloat, AnyInt
from fractalman.families.class_laws import ClassExponent, of_classes, subcluster_law
from fractalman.families.noise import Excess, with_noise
from fractalman.recipes import Recipe
from fractalman.theory import FieldCovariance
from fractalman.theory.laws.elementary import tuned_with_noise, variance_limited
from fractalman.theory.laws.law import Conflict, Law, Window
from fractalman.theory.laws.learner_properties import LearnerProperties

R = TypeVar("R", bound=Recipe)
"""The recipes of one family."""

ExactCurve: TypeAlias = tuple[str, Callable[[tuple[int, ...]], F64]]
"""How a curve is computed, in words; training-set sizes → risks, (1, sizes)."""


@dataclass(frozen=True)
class DrawnCurve:
    """A curve that is known exactly for every structure of a family, and not averaged over all of them.

    Args:
        kind: how it is computed, in words.
        loss: "0-1" or "cross-entropy".
        risks: (recipe, training-set sizes) → (sizes,) float64, of the structure that the recipe's seeds draw.
        constant: recipe → the risk of the best constant.
    """

    kind: str
    loss: str
    risks: Callable[[Any, tuple[int, ...]], F64]
    constant: Callable[[Any], float]


@dataclass(frozen=True)
class LearnedAt:
    """A training-set size that a law names, up to a factor of order one, and what has been learned there.

    Args:
        what: what is learned. symbol: the size's formula. size: its number.
        below: the risk below which it is learned; None = half of the best constant's.
        distinct: the number of examples of which nearly all have to be seen by who learns them by heart.
    """

    what: str
    symbol: str
    size: float
    below: float | None
    distinct: float


KINDS = ("local", "kernel", "linear", "trees", "network", "counts", "floor")
"""The kinds of learners that families have laws for; of any other kind nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Laws(Generic[R]):
    """What is known of learning on a family's data.

    Parameters
    ----------
    law : (recipe, learner properties) → Law, optional
        The law of clean labels for every kind of `KINDS`; None where none is known.
    noisy_exponent : (recipe, learner properties, clean exponent) → (exponent or None, notes), optional
        The exponent of the risk above the noise for who averages cell by cell, the floor or a kernel. Default: that of
        one number of neighbours for all points.
    along_rays : recipe → bool, optional
        Whether points lie behind each other as seen from their centre. Default: no.
    exact_curve : (recipe, learner's name) → ExactCurve or None, optional
        A learner's curve averaged over the whole family, where it is known exactly.
    graph_neighbours : str, optional
        Over what one neighbour's curve is averaged where nearest means nearest in the graph; empty = nearest in X.
    neighbour_bias : recipe → float or None, optional
        Bound of the relative difference between one neighbour in X and one in the hierarchy or graph, as measured
        (docs/theory/neighbour-domain.md); None where the two part and the curve is that of X. Default: None.
    field : (recipe, number of points, places or None) → FieldCovariance, optional
        The labels' covariance, for families whose labels are a field and lie on no tree.
    model_curve : (recipe, numbers of cells) → (k,) float64, optional
        The risk of the best P cells with infinitely many data.
    width_exponent : (recipe, learner properties, clean exponent) → float or None, optional
        The exponent in P of the best combination of P random features of such a kernel, with infinitely many data;
        None where it is not derived.
    class_exponent : recipe → (exponent, power of ln n), optional
        Of one neighbour's 0–1 risk where the target is a class and labels are clean; None where it is not derived.
    learned_at : (recipe, learner properties, loss) → tuple of LearnedAt, optional
        Training-set sizes at which such a learner has learned what is to be learned, one thing after the other; ()
        where no law names any.
    drawn_curve : (recipe, learner) → DrawnCurve or None, optional
        The learner's curve structure by structure where labels are symbols of strings; None where it is not known.
    finite_size : bool, default True
        Whether curves at finite sizes are computed; no for families whose labels are classes without a value behind.
    on_trees : recipe → bool, optional
        Whether labels lie on the hierarchy's trees, where that is up to the recipe.
    on_field : recipe → bool, optional
        Whether they are the field of ``field``, where that is up to the recipe; no curve is computed where neither is.
    """

    law: Callable[[R, LearnerProperties], Law] | None = None
    noisy_exponent: Callable[[R, LearnerProperties, float], Excess] | None = None
    along_rays: Callable[[R], bool] | None = None
    exact_curve: Callable[[R, str], ExactCurve | None] | None = None
    graph_neighbours: str = ""
    neighbour_bias: Callable[[R], float | None] | None = None
    field: Callable[[R, int, AnyFloat | None], FieldCovariance] | None = None
    model_curve: Callable[[R, AnyInt], F64] | None = None
    width_exponent: Callable[[R, LearnerProperties, float], float | None] | None = None
    class_exponent: Callable[[R], ClassExponent] | None = None
    learned_at: Callable[[R, LearnerProperties, str], tuple[LearnedAt, ...]] | None = None
    drawn_curve: Callable[[R, Any], DrawnCurve | None] | None = None
    finite_size: bool = True
    on_trees: Callable[[R], bool] | None = None
    on_field: Callable[[R], bool] | None = None

    def has_curves(self, recipe: R) -> bool:
        """Return whether curves at finite sizes are computed from values on trees or of a field."""
        on_trees = recipe.has_hierarchy and (self.on_trees is None or self.on_trees(recipe))
        return self.finite_size and (on_trees or self.field_of(recipe) is not None)

    def field_of(self, recipe: R) -> Callable[[R, int, AnyFloat | None], FieldCovariance] | None:
        """Return what gives the labels' covariance where they are a field, None where they are none."""
        return self.field if self.on_field is None or self.on_field(recipe) else None

    def law_of(self, recipe: R, learner: LearnerProperties) -> Law:
        """Return the law that a learner must follow on a recipe's data.

        Parameters
        ----------
        recipe : Recipe
            Of this family.
        learner : LearnerProperties
            What the learner declares of itself.

        Returns
        -------
        Law
            Where no power law holds its data_exponent is None, its reason says why, and `nearest` names the law that
            comes nearest.
        """
        if self.law is None:
            return _nothing_known(f"no theory of the family {recipe.family!r} is at hand", "that of a family beside it")
        if learner.kind not in KINDS:
            reason = f"nothing is known of {learner.name or 'this learner'!r}: it declares no kind that laws are about"
            return _nothing_known(reason, "that of 1-nn, if it answers from training points near by")
        if (learner.strings or learner.kind == "counts") and not recipe.string_layout:
            reason = f"{learner.name!r} reads inputs place by place, and the coordinates of these points are no places"
            return _nothing_known(reason, "that of mlp, which sees all directions alike")
        if learner.kind == "kernel" and learner.smoothness is None:
            reason = f"{learner.name or 'this kernel'!r} does not declare how smooth it is, which decides its exponent"
            return _nothing_known(reason, "that of a kernel as smooth, e.g. laplace-kernel (ν = 1/2) or matern-kernel")
        law = self.law(recipe, learner)
        if learner.features is not None:
            law = _with_features(law, learner.features, self._width(recipe, learner, law.data_exponent))
        if learner.homogeneous and self.along_rays is not None and self.along_rays(recipe):
            law = _homogeneous(law)
        if recipe.noise:
            law = with_noise(law, recipe.noise, learner, lambda clean: self._noisy(recipe, learner, clean))
        if recipe.nuisance_dim and learner.kind != "floor":
            law = _with_nuisance(law, recipe)
        if recipe.partitions:
            return subcluster_law(recipe)
        if recipe.classifies and self.has_curves(recipe):
            law = of_classes(law, recipe, learner, None if self.class_exponent is None else self.class_exponent(recipe))
        return law

    def bias_of(self, recipe: R) -> float | None:
        """Return by how much one neighbour in X may differ from one in the hierarchy or graph, None where it does.

        Nuisance coordinates part the two whatever the family is; noise of the labels and rotations do not.
        """
        return None if self.neighbour_bias is None or recipe.nuisance_dim else self.neighbour_bias(recipe)

    def _width(self, recipe: R, learner: LearnerProperties, clean: float | None) -> float | None:
        known = self.width_exponent
        return None if clean is None or known is None else known(recipe, learner, clean)

    def _noisy(self, recipe: R, learner: LearnerProperties, clean: float) -> Excess:
        own = self.noisy_exponent
        return (tuned_with_noise(clean), ()) if own is None else own(recipe, learner, clean)


def no_law_for_trees(law: Law, statement: str, nearest: str, **more: Any) -> Law:
    """Return that nothing is derived for boosted trees where other learners have this law.

    Parameters
    ----------
    law : Law
        Of a learner of distances.
    statement : str
        What trees do here instead.
    nearest : str
        The law that comes nearest.
    **more : object
        Further fields that differ.

    Returns
    -------
    Law
        Without exponents, but for those among ``more``.
    """
    return law.withdrawn(
        name="no law for boosted trees",
        statement=statement,
        because="where a tree's splits fall is decided by the labels, and no theory of that is at hand",
        nearest=nearest,
        **more,
    )


def _nothing_known(reason: str, nearest: str) -> Law:
    return Law.none("no law", "no exponent is derived", because=reason, nearest=nearest, domain="nothing is claimed")


def _homogeneous(law: Law) -> Law:
    """The infinitely wide tangent kernel is homogeneous: K(cx, z) = c·K(x, z)."""
    if law.data_exponent is None:
        return law
    return law.withdrawn(
        name="no law: a homogeneous kernel",
        statement="the infinitely wide tangent kernel knows directions; along a ray from the centre its functions are "
        "straight lines, and what the label does there stays",
        evidence="checked: slopes of .08 for n = 64…1000 where the Laplace kernel has .51 (cube, D = 2, H = ½)",
        because="biases no longer count in the limit of infinite width, and without them a ReLU network is homogeneous",
        windows=(),
        conflicts=(Conflict(law.name, "data", law.data_exponent, "holds for inputs of one length only"),),
        nearest=f"{law.name}, α_D = {law.data_exponent:.4g}, on a sphere or a torus",
    )


def _with_features(law: Law, features: int, width: float | None) -> Law:
    """A fixed number of features: the kernel's law below it, none beyond, and what their number is worth."""
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
    beyond = "" if width is None else f"; of P features and infinitely many data α_P = {width:.4g}"
    return law.withdrawn(
        name=f"{law.name}, {features} features",
        statement="no power law for a fixed number of features; well below it that of their kernel: "
        f"{law.statement}{beyond}",
        because=law.reason,
        model_exponent=width,
        excess_exponent=1.0,
        windows=(window, *law.windows),
        nearest=f"{law.name}, α_D = {law.data_exponent:.4g}, with features far above n",
        references=(*law.references, *limited.references),
    )


def _with_nuisance(law: Law, recipe: Recipe) -> Law:
    """Name what no longer holds with coordinates that know nothing of the label."""
    return law.withdrawn(
        name=law.name,
        statement=law.statement,
        excess_exponent=None,
        attained=False,
        because=f"{recipe.nuisance_dim} nuisance coordinates blur which points are near: the clean law ends where "
        "distances reach their scale, and the curve is that of the points as they are",
        nearest=f"{law.name} without nuisance coordinates"
        + ("" if law.data_exponent is None else f", α_D = {law.data_exponent:.4g}"),
        windows=tuple(replace(window, exponent=None) for window in law.windows),
        assumptions=(
            *law.assumptions,
            f"warning: {recipe.nuisance_dim} nuisance coordinates of scale {recipe.nuisance_scale:g} stand beside "
            "the label's own; the law without them holds only where distances are far above that scale; the "
            "curve is that of all coordinates",
        ),
    )
