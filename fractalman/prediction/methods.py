"""Which computation gives a learner's curve on which family, and up to which training-set size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fractalman import theory
from fractalman._typing import F64, I64
from fractalman.families.base import family_of
from fractalman.learners import Learner
from fractalman.learners.registry import learner_class, make
from fractalman.prediction import realization
from fractalman.prediction.drawn import VARIANCE_POINTS, DrawnRealizations, constants_of
from fractalman.prediction.losses import CROSS_ENTROPY, ZERO_ONE
from fractalman.prediction.networks import CAMPAIGN, elsewhere, exponent_error, measured_ratio
from fractalman.prediction.realization import Compute
from fractalman.prediction.splits import Splits
from fractalman.prediction.trained import trained, trained_on_symbols
from fractalman.recipes import Recipe
from fractalman.theory.laws import learner_properties

_SECONDS = 10_000
"""Training sets of an addressed family that are drawn in seconds, structure by structure."""
BAYES = learner_properties.BAYES.name
_DENSE = 8  # draws for kernels, which cost n³ each
_KERNEL_LARGEST, _KERNEL_SECONDS = 4096, 1000
_FIELD_LARGEST, _FIELD_SECONDS = 8192, 1000
_VOTES_SECONDS = 4096  # neighbours that vote, whose weights are held


@dataclass(frozen=True)
class Method:
    """How a curve is computed.

    Args:
        kind: in words.
        compute: sizes and draws → risks, (draws, sizes).
        largest: the largest training set that it can bear.
        affordable: the largest that takes seconds, shown unless others are asked for.
        exact: whether the risk is averaged over the whole family, which makes one row of it.
        shared_error, size_error: relative standard errors of what the curve rests on, beside the average over
            structures: the same at all sizes, and from size to size.
        slope_error: of an exponent of the curve, likewise.
        measured: whether those three are of a measured ratio, which what is expected on given points has, too.
        beyond: why that ratio was measured elsewhere.
        usual: draws by default; None = as many as the source has.
        drawn: an exact curve draw by draw, (draws, sizes).
        loss: of classes that are symbols, "0-1" or "cross-entropy"; "" = of 0–1 risks where labels are classes.
        constant: what gives the best constant's risk in that loss, where no label tree does.
    """

    kind: str
    compute: Compute
    largest: float = math.inf
    affordable: float = math.inf
    exact: bool = False
    shared_error: float = 0.0
    size_error: float = 0.0
    slope_error: float = 0.0
    measured: bool = False
    beyond: str = ""
    usual: int | None = None
    drawn: Compute | None = None
    loss: str = ""
    constant: Callable[[], float] | None = None

    def exponent_error(self, sizes: I64) -> float:
        """Standard error of the curve's exponent over sizes, beside the average over structures."""
        return exponent_error(self.size_error, self.slope_error, sizes) if self.measured else self.slope_error


@dataclass(frozen=True)
class Control:
    """A curve known both exactly and draw by draw: what the draws have of it too much is taken off the others.

    Args:
        compute: sizes and draws → risks, (draws, sizes).
        exact: sizes → (1, sizes), the average over the whole family.
        name: in words.
    """

    compute: Compute
    exact: Callable[[tuple[int, ...]], F64]
    name: str


def method_of(
    source: DrawnRealizations | Splits,
    learner: str,
    own: Learner | None = None,
    loss: str | None = None,
    outputs: int = 1,
) -> Method | None:
    """Return how a learner's curve is computed from structures or splits; None where it is not known how.

    ``own`` is the learner where it has settings of its own; a name alone stands for what its class declares. ``loss``
    is that of classes, None the one that a curve is known of, else "0-1".
    """
    smoother = None if own is None else own.smoother()
    if not family_of(_recipe_of(source)).laws.has_curves(_recipe_of(source)):
        return _of_strings(source, learner, own, loss) or _of_symbols(source, learner, own, loss)
    loss = ZERO_ONE if loss is None else loss
    if _recipe_of(source).partitions or (_recipe_of(source).classifies and loss == CROSS_ENTROPY and learner != BAYES):
        return _trained(source, learner, own, loss)
    if _recipe_of(source).classifies:
        return _of_classes(source, learner, smoother, loss) or _trained(source, learner, own, loss)
    if learner == "mlp":
        return None if smoother is None else _network(source, smoother, outputs)
    if smoother is not None:
        return _smoother(source, learner, smoother)
    if learner == "1-nn":
        return _one_neighbour(source)
    if learner == BAYES:
        return _floor(source)
    declared = _declared(learner)
    return None if declared is None else _smoother(source, learner, declared)


def _of_strings(
    source: DrawnRealizations | Splits, learner: str, own: Learner | None, loss: str | None
) -> Method | None:
    """What follows from rules that are drawn anew; a dataset's curve is not averaged over others."""
    known = family_of(_recipe_of(source)).laws.drawn_curve
    if known is None or learner == BAYES or isinstance(source, Splits):
        return None
    own = own or (make(learner) if learner_class(learner).properties.kind in ("local", "counts") else None)
    found = None if own is None else known(source.recipe, own)
    if found is None or loss not in (None, found.loss):
        return None

    def compute(sizes: tuple[int, ...], first: int, last: int) -> F64:
        recipes = source.recipes(source.recipe.max_points, first, last)
        return np.array([found.risks(recipe, sizes) for recipe in recipes], np.float64)

    def constant() -> float:
        recipes = source.recipes(source.recipe.max_points, 0, source.usual)
        return float(np.mean([found.constant(recipe) for recipe in recipes]))

    return Method(found.kind, compute, loss=found.loss, constant=constant)


def _of_symbols(
    source: DrawnRealizations | Splits, learner: str, own: Learner | None, loss: str | None
) -> Method | None:
    """The learner itself on drawn rules, where its answer is one whatever it starts from: counts, smoothers, logistic.

    What follows exactly from the rules comes first (`_of_strings`).
    """
    recipe = _recipe_of(source)
    if learner == BAYES or not recipe.classifies or not recipe.target_varies:
        return None
    if not isinstance(source, Splits) and recipe.table_name == "data":  # given points: there are no others like them
        return None
    if own is None and not _one_answer(learner):
        return None
    fitted = own if own is not None else make(learner, _places(learner, recipe))
    if fitted.counting is not None and (isinstance(source, Splits) or not recipe.string_layout):
        return None  # how many columns are a place is the sweep's to say
    loss = ZERO_ONE if loss is None else loss
    if not (fitted.linear_smoother or fitted.convex or fitted.counting is not None):
        return None
    if loss == CROSS_ENTROPY and not fitted.probabilities:
        return None
    what = "cross-entropy" if loss == CROSS_ENTROPY else "0–1 risk"
    over = "splits" if isinstance(source, Splits) else "rules"
    points = "strings" if recipe.string_layout else "points"
    kind = f"{what} of {learner}, trained on drawn {points}, averaged over {over}"
    compute = trained_on_symbols(source, fitted, recipe.target_classes, loss)

    def constant() -> float:
        drawn = source.symbols((VARIANCE_POINTS,), 0, _DENSE)
        both = [constants_of(draw.y[:, None], recipe.target_classes) for draw in drawn]
        return float(np.mean(both, axis=0)[int(loss == CROSS_ENTROPY)])

    usual = None if learner in ("1-nn", "n-gram") else _DENSE
    return Method(kind, compute, _KERNEL_LARGEST, _KERNEL_SECONDS, usual=usual, loss=loss, constant=constant)


def _one_answer(learner: str) -> bool:
    """Whether a learner of this name declares that its answer is one whatever it starts from."""
    kind = learner_class(learner)
    return kind.linear_smoother or kind.convex or kind.properties.kind == "counts"


def _places(learner: str, recipe: Recipe) -> dict[str, int]:
    """What a learner that reads strings place by place must be told of a recipe's."""
    kind = learner_class(learner)
    return {key: size for key, size in recipe.string_layout.items() if kind.strings and key in kind.defaults()}


def _declared(learner: str) -> theory.Smoother | None:
    """Return the linear smoother that a learner of this name is by default; None where it is none."""
    return make(learner).smoother() if learner_class(learner).linear_smoother else None


def no_curve(learner: str, recipe: Recipe | None = None, loss: str = ZERO_ONE) -> str:
    """Return why a learner has no finite-size curve, and what to hold it against."""
    if recipe is not None and learner == BAYES:
        return no_floor(recipe)
    if recipe is not None and not family_of(recipe).laws.has_curves(recipe) and not recipe.classifies:
        return (
            f"no curve is computed: these labels of family {recipe.family!r} lie on no tree, and no covariance of them "
            "is known; compare it with the asymptote"
        )
    if recipe is not None and not family_of(recipe).laws.has_curves(recipe):
        beside = "1-nn and logistic regression"
        if loss == CROSS_ENTROPY:
            beside = "n-gram and logistic regression" if recipe.string_layout else "logistic regression"
        return (
            f"labels of family {recipe.family!r} are classes, and no theory gives the loss of {learner!r} at every "
            f"training-set size: compare it with the curves of {beside}, the best constant and the Bayes floor; "
            f"fm.predict(recipe, {learner!r}).law says what is known, with its windows"
        )
    if recipe is not None and loss == CROSS_ENTROPY:
        return no_entropy_curve(learner)
    if recipe is not None and recipe.partitions:
        return (
            f"classes are subclusters, and no theory gives the curve of {learner!r} on them: compare it with 1-nn's "
            "curve and the best constant"
        )
    if recipe is not None and recipe.classifies and learner == "mlp":
        return (
            "no theory gives this network's 0–1 risk: how far it is from its tangent kernel was measured for squared "
            "errors only; compare it with 1-nn's curve and the Bayes floor"
        )
    if learner == "mlp":
        return (
            "no theory gives this network's curve: the tangent kernel is known for ReLU; use activation = 'relu', or "
            "compare it with 1-nn's curve and the Bayes floor"
        )
    return f"no theory gives the curve of {learner!r}: compare it with 1-nn's curve and the Bayes floor"


def no_entropy_curve(learner: str) -> str:
    """Return why a learner has no curve of cross-entropies; curves of 0–1 risks are none of it."""
    return (
        f"no curve of cross-entropy, because it depends on how sure {learner!r} is and not only on where it is "
        "right, and no theory gives its probabilities: compare it with logistic's curve, the best constant and the "
        "exact Bayes floor"
    )


def no_floor(recipe: Recipe) -> str:
    """Return why a recipe has no Bayes floor at finite sizes, and what to use."""
    if recipe.partitions:
        return (
            "classes are subclusters, which points decide: who knew the hierarchy would be wrong only where a class "
            "was never seen, and no floor of who sees X is known"
        )
    if recipe.classifies and not recipe.gaussian_values:
        instead = (
            ' for field = "waves": use field = "exact"' if family_of(recipe).laws.field_of(recipe) is not None else ""
        )
        return f"no Bayes floor of classes is known{instead or ', because their values are not Gaussian'}"
    return (
        f"family {recipe.family!r}: no Bayes floor at finite sizes is known for it; use theory.posterior where the "
        "rules are known"
    )


def control_of(source: DrawnRealizations | Splits) -> Control | None:
    """Return the curve that is known exactly for a recipe's family and draw by draw, None where none is.

    It depends on hierarchies only, so it stands beside any learner, whatever X looks like: one neighbour in the
    hierarchy where that series is known, else the floor.
    """
    if isinstance(source, Splits) or source.recipe.classifies:
        return None
    laws = family_of(source.recipe).laws
    if not laws.has_curves(source.recipe) or laws.exact_curve is None or laws.field_of(source.recipe) is not None:
        return None
    floor = laws.exact_curve(source.recipe, "bayes")
    if floor is not None:
        return Control(realization.averaged(source, realization.bayes_floor), floor[1], "the exact floor")
    neighbour = laws.exact_curve(source.recipe, "1-nn")
    if neighbour is None or laws.graph_neighbours:
        return None
    compute = realization.averaged(source, realization.nearest_in_hierarchy)
    return Control(compute, neighbour[1], "the exact series of 1-nn in the hierarchy")


def _recipe_of(source: DrawnRealizations | Splits) -> Recipe:
    return source.recipe if isinstance(source, DrawnRealizations) else source.data.recipe


def _seconds(source: DrawnRealizations | Splits) -> float:
    return _SECONDS if isinstance(source, DrawnRealizations) and source.recipe.addressed else math.inf


def _over(source: DrawnRealizations | Splits) -> str:
    return "averaged over splits" if isinstance(source, Splits) else "averaged over structures"


def _exact(source: DrawnRealizations | Splits, learner: str) -> Method | None:
    """The curve averaged over the whole family, where that is known; a dataset is one of them."""
    recipe = _recipe_of(source)
    curve = family_of(recipe).laws.exact_curve
    found = None if isinstance(source, Splits) or curve is None else curve(recipe, learner)
    if found is None:
        return None
    kind, values = found
    return Method(kind, lambda sizes, _first, _last: values(sizes), exact=True)


def _of_classes(
    source: DrawnRealizations | Splits, learner: str, smoother: theory.Smoother | None, loss: str
) -> Method | None:
    """0–1 risks: of one neighbour and of the floor exactly over labels, of votes over drawn labels.

    Exact are those of Gaussian labels only, which waves are for given frequencies, and not with the covariance at hand.
    """
    gaussian, over = _recipe_of(source).gaussian_values, _over(source)
    if learner == BAYES:
        if not gaussian:
            return None
        nats = "cross-entropy of " * (loss == CROSS_ENTROPY)
        kind = f"Bayes floor of {nats}classes for who knows the training values, {over}"
        compute = realization.averaged(source, realization.class_bayes_floor(loss == CROSS_ENTROPY))
        if family_of(_recipe_of(source)).laws.field_of(_recipe_of(source)) is not None:
            return Method(kind, compute, _FIELD_LARGEST, _FIELD_SECONDS)
        return Method(kind, compute, affordable=_seconds(source))
    if learner == "1-nn" and gaussian:
        kind = f"0–1 risk of 1-nn in X, exact over labels, {over}"
        return Method(kind, realization.averaged(source, realization.class_neighbour), affordable=_seconds(source))
    smoother = None if learner == "mlp" else smoother or _declared(learner)
    if smoother is None:
        return None
    kind = f"0–1 risk of {learner} of classes in X over drawn labels, {over}"
    compute = realization.averaged(source, realization.voted(smoother))
    if isinstance(smoother, theory.Neighbours):
        return Method(kind, compute, affordable=min(_VOTES_SECONDS, _seconds(source)), usual=_DENSE)
    return Method(kind, compute, _KERNEL_LARGEST, _KERNEL_SECONDS, usual=_DENSE)


def _trained(source: DrawnRealizations | Splits, learner: str, own: Learner | None, loss: str) -> Method | None:
    """The learner itself on drawn structures, where its answer is one whatever it starts from; None elsewhere."""
    recipe = _recipe_of(source)
    if learner == BAYES:
        return None
    fitted = own if own is not None else make(learner)
    smooths = recipe.partitions and fitted.linear_smoother and loss == ZERO_ONE
    if not (smooths or (fitted.convex and (fitted.probabilities or loss == ZERO_ONE))):
        return None
    what = "cross-entropy" if loss == CROSS_ENTROPY else "0–1 risk"
    kind = f"{what} of {learner}, trained on drawn structures and classes, {_over(source)}"
    row = trained(fitted, recipe.target_classes, loss, recipe.redraws_labels)
    compute, usual = realization.averaged(source, row), None if learner == "1-nn" else _DENSE
    return Method(kind, compute, _KERNEL_LARGEST, min(_KERNEL_SECONDS, _seconds(source)), usual=usual)


def _one_neighbour(source: DrawnRealizations | Splits) -> Method:
    """In the hierarchy or graph where X cannot say anything else, as measured; in X everywhere else."""
    recipe = _recipe_of(source)
    laws = family_of(recipe).laws
    bias = laws.bias_of(recipe) if isinstance(source, DrawnRealizations) else None
    if bias is not None:
        exact, bound = _exact(source, "1-nn"), f"within {bias:.0%} of that in X"
        if exact is not None:
            drawn = None if laws.graph_neighbours else realization.averaged(source, realization.nearest_in_hierarchy)
            return replace(exact, kind=f"{exact.kind}, {bound}", shared_error=bias, slope_error=bias, drawn=drawn)
        if laws.graph_neighbours:
            kind = f"1-nn in graph distance, exact over labels, {laws.graph_neighbours}, {bound}"
            return Method(
                kind, realization.averaged(source, realization.nearest_in_graph), shared_error=bias, slope_error=bias
            )
    kind = f"1-nn in X, exact over labels, {_over(source)}"
    return Method(kind, realization.averaged(source, realization.smoothed("1-nn")), affordable=_seconds(source))


def _floor(source: DrawnRealizations | Splits) -> Method:
    recipe = _recipe_of(source)
    what = "Bayes floor" if recipe.gaussian_values else "best linear smoother"
    if family_of(recipe).laws.field_of(recipe) is not None:
        kind = f"{what} by conditioning the field, {_over(source)}"
        return Method(kind, realization.averaged(source, realization.bayes_floor), _FIELD_LARGEST, _FIELD_SECONDS)
    exact = _exact(source, "bayes")
    if exact is not None:
        return exact
    kind = f"{what} by belief propagation, {_over(source)}"
    return Method(kind, realization.averaged(source, realization.bayes_floor), affordable=_seconds(source))


def _smoother(source: DrawnRealizations | Splits, learner: str, smoother: theory.Smoother) -> Method:
    """A linear smoother in X; kernels cost n³, so fewer draws and sizes."""
    kind = f"{learner} in X, expected over labels, {_over(source)}"
    compute = realization.averaged(source, realization.smoothed(smoother))
    if isinstance(smoother, theory.LinearRidge | theory.Neighbours):
        return Method(kind, compute, affordable=_seconds(source))
    return Method(kind, compute, _KERNEL_LARGEST, _KERNEL_SECONDS, usual=_DENSE)


def _network(source: DrawnRealizations | Splits, kernel: theory.Smoother, outputs: int) -> Method:
    """A trained network: its tangent kernel's curve times what networks were measured to lose against it."""
    recipe, own = _recipe_of(source), _smoother(source, "mlp", kernel)
    lost, beyond = measured_ratio(recipe, outputs), elsewhere(recipe)
    return replace(
        own,
        kind=f"{lost.ratio:.2f} (as measured on {CAMPAIGN.families} families{beyond and f'; {beyond}'}) × its tangent "
        f"kernel in X, expected over labels, {_over(source)}",
        compute=lost.applied(own.compute),
        shared_error=lost.shared_error,
        size_error=lost.size_error,
        slope_error=lost.slope_error,
        measured=True,
        beyond=beyond,
    )
