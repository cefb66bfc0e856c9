"""Laws as objects: every family and learner, the min laws and their ties, windows, conflicts, refusals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.prediction import LEARNERS, law_of
from fractalman.report import jsonable
from fractalman.theory import JointLaw, cascade_model_curve, laws, local_slope, within_variance

RECIPES = [
    fm.Cascade(n_points=100, branching=(1, 16), hurst=0.5),
    fm.Cascade(n_points=100, masses=(0.7, 0.2, 0.1), contraction=(0.3, 0.5, 0.5), hurst=0.5),
    fm.Cascade(n_points=100, branching=2, hurst=8.0),
    fm.PercolationCluster(n_points=1000),
    fm.PercolationCluster(n_points=1000, label="brownian", noise=0.1),
    *(
        fm.PercolationEnsemble(n_points=1000, ensemble=ensemble, label=label)
        for ensemble in ("number", "size-biased")
        for label in ("hierarchical", "brownian", "cluster-constant")
    ),
    *(
        fm.BetheLattice(n_points=1000, bond_probability=p, ensemble=ensemble)
        for p in (None, 0.1, 0.199, 0.25, 0.0, 1.0)
        for ensemble in ("number", "size-biased")
    ),
    *(
        fm.LatticePercolation(dim=dim, side=6, clusters=clusters)
        for dim in (2, 3, 6, 7)
        for clusters in ("largest", "all")
    ),
    *(fm.LatticePercolation(dim=2, side=100, occupation=p) for p in (0.4, 0.59, 0.8)),
    fm.LatticePercolation(dim=2, side=100, clusters="all", label="cluster-constant", occupation=0.7),
    fm.LatticePercolation(dim=2, side=100, label_exponent=-0.22),
    *(
        fm.LatticePercolation(dim=3, side=9, spanning_tree="minimum", label=label)
        for label in ("brownian", "hierarchical")
    ),
    *(
        fm.SmoothManifold(n_points=100, kind=kind, hurst=h)
        for kind in ("sphere", "torus", "cube")
        for h in (0.5, 1.0, 3.0)
    ),
    fm.SmoothManifold(n_points=100, noise=0.2, nuisance_dim=3),
]


@pytest.mark.parametrize("learner", [*LEARNERS, "5-nn"])
def test_every_family_and_learner_has_a_law_or_the_reason_why_not(learner: str) -> None:
    for recipe in RECIPES:
        law = law_of(recipe, learner)
        if law.data_exponent is None:
            assert law.reason
            assert law.nearest or law.excess_exponent is not None or recipe.noise or recipe.nuisance_dim
            assert law.data_logarithms == 0.0
        else:
            assert law.data_exponent > 0.0
        assert law.model_exponent is None or law.model_exponent > 0.0
        assert "\n" not in str(law)
        assert all((law.name, law.statement, law.source, law.evidence, law.domain))
        why = law.why()
        for part in (law.name, law.reason, law.domain, law.evidence, *(str(source) for source in law.references)):
            assert part in why
        json.dumps(jsonable(law), allow_nan=False)
        for window in law.windows:
            assert window.reason
            assert window.low >= 1.0
    assert law_of(RECIPES[0], "5-nn").statement == law_of(RECIPES[0], "k-nn").statement


def test_sources_say_what_was_read() -> None:
    for recipe in RECIPES:
        for learner in LEARNERS:
            for source in law_of(recipe, learner).references:
                assert source.read.startswith(("abstract", "not verified"))


# ---------------------------------------------------------------------------------------------------- the laws alone

_DIM, _HURST = st.floats(0.2, 12.0), st.floats(0.05, 6.0)


@given(_DIM, _DIM, _HURST, _HURST, st.floats(0.1, 3.0))
def test_exponents_rise_with_smoothness_and_fall_with_dimension(
    low: float, high: float, rough: float, smooth: float, nu: float
) -> None:
    low, high = sorted((low, high))
    rough, smooth = sorted((rough, smooth))
    for law in (
        laws.neighbours_on_manifold,
        lambda dim, hurst: laws.kernel_on_manifold(dim, hurst, nu),
        lambda dim, hurst: laws.pieces_on_manifold(dim, hurst, 1),
    ):
        assert law(high, rough).data_exponent <= law(low, rough).data_exponent
        assert law(low, rough).data_exponent <= law(low, smooth).data_exponent
        noisy = laws.tuned_with_noise(law(low, rough).data_exponent)
        assert noisy == pytest.approx(1.0 / (1.0 + 1.0 / law(low, rough).data_exponent))
    assert (
        laws.pieces_on_manifold(low, smooth, 0).data_exponent == laws.neighbours_on_manifold(low, smooth).data_exponent
    )
    assert laws.kernel_on_manifold(low, smooth, math.inf).data_exponent == pytest.approx(2.0 * smooth / low)


@st.composite
def _children(draw: st.DrawFn) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Masses and ratios of a node with two to six children."""
    weights = draw(st.lists(st.floats(0.05, 1.0), min_size=2, max_size=6))
    ratios = draw(st.lists(st.floats(0.1, 0.8), min_size=len(weights), max_size=len(weights)))
    return tuple(w / math.fsum(weights) for w in weights), tuple(ratios)


@given(_children(), st.floats(0.2, 2.0), st.floats(0.2, 2.0))
def test_quantization_is_never_worse_than_moran(
    children: tuple[tuple[float, ...], tuple[float, ...]], a: float, b: float
) -> None:
    """α_P ≥ β by Jensen, both solve their equations, and both rise with H."""
    masses, ratios = children
    rough, smooth = sorted((a, b))
    beta, alpha = (
        laws.moran(masses, ratios, rough).data_exponent,
        laws.quantization(masses, ratios, 2 * rough).model_exponent,
    )
    assert beta is not None
    assert alpha is not None
    assert alpha >= beta * (1.0 - 1e-9)
    pairs = list(zip(masses, ratios, strict=True))
    assert math.fsum(p ** (1 - beta) * r ** (2 * rough) for p, r in pairs) == pytest.approx(1.0, rel=1e-9)
    q = 1.0 / (1.0 + alpha)
    assert math.fsum((p * r ** (2 * rough)) ** q for p, r in pairs) == pytest.approx(1.0, rel=1e-9)
    assert laws.moran(masses, ratios, smooth).data_exponent >= beta
    assert laws.quantization(masses, ratios, 2 * smooth).model_exponent >= alpha * (1.0 - 1e-12)


@pytest.mark.parametrize(
    ("smoothness", "degree", "order"), [(0.5, 0, 1.0), (3.0, 0, 2.0), (1.5, 1, 3.0), (3.0, 1, 4.0)]
)
def test_order_of_pieces(smoothness: float, degree: int, order: float) -> None:
    assert laws.order_of(smoothness, degree) == order
    assert laws.pieces_on_manifold(2, smoothness, degree).model_exponent == order / 2


# -------------------------------------------------------------------------------------------------- power-law clusters


@given(st.floats(0.1, 5.0), st.floats(0.05, 5.0), st.floats(0.05, 5.0))
def test_min_laws_are_continuous(alpha: float, data: float, model: float) -> None:
    law = laws.subtasks(alpha, data, model)
    assert law.data_exponent == pytest.approx(min(alpha / (1.0 + alpha), data))
    assert law.model_exponent == pytest.approx(min(alpha, model))
    near = laws.subtasks(alpha + 1e-6, data + 1e-6, model + 1e-6)
    assert near.data_exponent == pytest.approx(law.data_exponent, abs=2e-6)
    assert near.model_exponent == pytest.approx(law.model_exponent, abs=2e-6)
    tie = laws.subtasks(alpha, alpha / (1.0 + alpha), alpha)
    assert (tie.data_logarithms, tie.model_logarithms) == (1.0, 1.0 + alpha)
    assume(abs(data - alpha / (1 + alpha)) > 1e-6)
    assert law.data_logarithms == 0.0


def _data_risk(alpha: float, beta: float, logs: float, n: float) -> float:
    """Σ_k p_k min(1, x^−β ln^m(e + x)) with x = n p_k, p_k ~ k^−(1+α), by an integral over ln k."""
    t = np.linspace(0.0, math.log(n) * 2.0 + 20.0, 400_001)
    x = n * np.exp(-(1.0 + alpha) * t)
    within = np.minimum(1.0, np.maximum(x, 1.0) ** -beta * np.log(math.e - 1 + np.maximum(x, 1.0)) ** logs)
    return float(np.trapezoid(np.exp(-alpha * t) * within, t))


@pytest.mark.parametrize(
    ("alpha", "beta", "logs"),
    [(1.0, 0.5, 0), (1.0, 0.5, 1), (1.0, 0.25, 0), (1.0, 2.0, 0), (0.5, 1 / 3, 0), (2.0, 0.4, 1)],
)
def test_the_logarithm_of_a_tie_in_the_data(alpha: float, beta: float, logs: int) -> None:
    """What is left after the law's power and logarithms settles; with one logarithm more or fewer it does not."""
    law = laws.subtasks(alpha, beta, within_data_logarithms=logs)

    def left(n: float, extra: float) -> float:
        power = n**-law.data_exponent * math.log(n) ** (law.data_logarithms + extra)
        return _data_risk(alpha, beta, logs, n) / power

    drift = abs(math.log(left(1e80, 0.0) / left(1e40, 0.0)))
    assert drift < 0.12
    for extra in (-1.0, 1.0):
        assert abs(math.log(left(1e80, extra) / left(1e40, extra))) > 0.5


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_the_logarithm_of_a_tie_in_the_cells(alpha: float) -> None:
    """Cells spread by Lagrange over clusters with β = α: L ~ P^−α ln^(1+α) P."""
    law = laws.subtasks(alpha, alpha, alpha)

    def spent(log_last: float) -> tuple[float, float]:
        """(ln P, ln L) when the cluster of rank K = e^log_last gets one cell: x_k = K/k."""
        cells = log_last + math.log(log_last)
        return cells, -alpha * log_last + math.log(log_last + 1.0 / alpha)

    (p1, l1), (p2, l2) = spent(100.0), spent(1000.0)
    for extra, bound in ((0.0, 0.2), (-1.0, math.inf), (1.0, math.inf)):
        logarithms = law.model_logarithms + extra
        drift = abs((l2 + alpha * p2 - logarithms * math.log(p2)) - (l1 + alpha * p1 - logarithms * math.log(p1)))
        assert drift < bound
        assert extra == 0.0 or drift > 1.0


def test_the_ensembles_predict_opposite_things() -> None:
    number, biased = (
        law_of(fm.PercolationEnsemble(n_points=10**5, ensemble=e), "1-nn") for e in ("number", "size-biased")
    )
    assert number.data_exponent is None
    assert "(n/N)^0.5" in number.statement
    assert (biased.data_exponent, biased.data_logarithms) == (
        0.5,
        2.0,
    )  # a logarithm within clusters and one of the tie
    for a, data, logs in ((-0.125, 0.25, 0.0), (0.25, 0.5, 1.0)):
        law = law_of(fm.PercolationEnsemble(n_points=10**5, ensemble="size-biased", label_exponent=a), "1-nn")
        assert (law.data_exponent, law.data_logarithms) == (data, logs)
    constant = law_of(fm.PercolationEnsemble(n_points=10**5, ensemble="size-biased", label="cluster-constant"), "1-nn")
    assert (constant.data_exponent, constant.data_logarithms, constant.model_exponent) == (0.5, 0.0, 1.0)


# ---------------------------------------------------------------------------------------------------- windows


def test_off_the_threshold_an_exponent_has_a_window() -> None:
    def window(p: float, ensemble: str = "size-biased") -> laws.Window:
        law = law_of(fm.BetheLattice(n_points=10**6, bond_probability=p, ensemble=ensemble), "1-nn")
        assert law.data_exponent is None
        return law.windows[0]

    lows = [window(p).low for p in (0.15, 0.18, 0.19, 0.195)]
    assert lows == sorted(lows, reverse=True)
    assert window(0.19).exponent == 0.5
    assert 10**4 in window(0.19)
    assert 10**3 not in window(0.19)
    assert window(0.01).empty
    assert window(0.19, "number").exponent is None
    assert window(0.25).exponent == 0.5
    indistinct = law_of(fm.BetheLattice(n_points=1000, bond_probability=0.1999, ensemble="size-biased"), "1-nn")
    assert indistinct.data_exponent == 0.5  # nobody can tell this p from the threshold with a thousand points
    lattice = law_of(fm.LatticePercolation(dim=2, side=400, occupation=0.63), "1-nn")
    assert lattice.data_exponent is None
    assert lattice.windows[0].exponent == pytest.approx(0.4036, abs=1e-4)


def test_lattices_by_dimension() -> None:
    brownian = {d: law_of(fm.LatticePercolation(dim=d, side=6, label="brownian"), "1-nn") for d in range(2, 8)}
    # exactly the mean-field cluster's from six dimensions on; at six the strands tie and leave a logarithm
    assert [brownian[d].data_exponent for d in (6, 7)] == [0.5, 0.5]
    assert [brownian[d].data_logarithms for d in (6, 7)] == [1.0, 0.0]
    assert brownian[2].data_exponent == pytest.approx(1.13077 / (91 / 48))
    for a in (-0.1, 0.0, 0.1, 0.5):
        high = law_of(fm.LatticePercolation(dim=7, side=4, label_exponent=a), "1-nn")
        assert high.data_exponent == pytest.approx(min(0.5, 0.5 + 2 * a))
        assert law_of(fm.LatticePercolation(dim=7, side=4, label_exponent=a), "bayes").data_exponent == pytest.approx(
            min(1.0, 0.5 + 2 * a)
        )
    for dim in (2, 3, 4, 5):  # no floor decays faster than the points that hang on the cluster's longest line
        for tree in ("breadth-first", "minimum"):
            many = law_of(fm.LatticePercolation(dim=dim, side=4, label_exponent=2.0, spanning_tree=tree), "bayes")
            assert many.data_exponent == 1.0
    # all bonds cut by weight: θ = 1/(νd_f), in mean field the same 1/2; Brownian paths have no known dimension
    minimum = {d: fm.LatticePercolation(dim=d, side=6, spanning_tree="minimum") for d in (2, 6)}
    assert law_of(minimum[2], "1-nn").data_exponent == pytest.approx(0.75 / (91 / 48))
    assert law_of(minimum[6], "1-nn").data_exponent == 0.5
    winding = law_of(minimum[2].replace(label="brownian"), "1-nn")
    assert winding.data_exponent is None
    assert "0.5965" in winding.nearest
    rough = law_of(fm.LatticePercolation(dim=2, side=50, label_exponent=-0.21), "1-nn")
    assert rough.data_exponent is None
    assert "own latent" in rough.statement
    assert "-0.2018" in rough.nearest


# ---------------------------------------------------------------------------------------------------- conflicts


def test_conflicts_are_shown() -> None:
    random = law_of(fm.Cascade(n_points=10, branching=(1, 16), hurst=0.5), "1-nn")
    said = {conflict.law: conflict.exponent for conflict in random.conflicts}
    assert said["2H/D_0, the set's dimension"] == pytest.approx(0.3239, abs=1e-4)
    assert said["2H/D_1, the measure's dimension"] == pytest.approx(0.5)
    assert said["optimal quantization with n cells"] == pytest.approx(0.4171, abs=1e-4)
    assert not law_of(fm.Cascade(n_points=10, branching=4, hurst=0.5), "1-nn").conflicts
    smooth = law_of(fm.Cascade(n_points=10, branching=2, hurst=8.0), "laplace-kernel")
    assert {c.law: c.exponent for c in smooth.conflicts}["Moran equation"] == pytest.approx(16.0)
    network = law_of(fm.SmoothManifold(n_points=10, hurst=3.0), "mlp")
    assert network.data_exponent == 2.0  # 4/D; its kernel would reach 2H/D = 3
    assert {c.exponent for c in network.conflicts} == {3.0, 4.0}
    assert all(str(conflict) in network.why() for conflict in network.conflicts)


def test_noise_leaves_a_floor_and_an_exponent_above_it() -> None:
    clean = fm.Cascade(n_points=10, branching=4, hurst=0.5)
    noisy = clean.replace(noise=0.5)
    one, many, best = (law_of(noisy, name) for name in ("1-nn", "k-nn", "bayes"))
    assert (one.irreducible, one.excess_exponent) == (0.5, 0.5)
    assert (many.irreducible, best.irreducible) == (0.25, 0.25)
    assert many.excess_exponent == pytest.approx(1 / 3)  # 2H/(2H+D)
    assert best.excess_exponent == pytest.approx(1 / 3)
    assert law_of(noisy, "laplace-kernel").excess_exponent == pytest.approx(1 / 3)
    assert law_of(noisy, "gaussian-kernel").excess_exponent is None
    assert law_of(noisy, "mlp").excess_exponent is None
    assert law_of(clean, "ridge").excess_exponent == 1.0  # variance-limited


def test_with_noise_unequal_cells_are_learned_by_their_weight() -> None:
    """The floor and a kernel keep α_P/(1+α_P) where one number of neighbours has β/(1+β); at one k all agree."""
    unequal = fm.Cascade(n_points=10, masses=(0.7, 0.2, 0.1), contraction=(0.3, 0.5, 0.5), hurst=0.5, noise=0.3)
    beta, model = 0.829513, 1.003604
    assert law_of(unequal, "k-nn").excess_exponent == pytest.approx(beta / (1 + beta), abs=1e-5)
    assert law_of(unequal, "bayes").excess_exponent == pytest.approx(model / (1 + model), abs=1e-5)
    assert law_of(unequal, "laplace-kernel").excess_exponent == pytest.approx(model / (1 + model), abs=1e-5)  # ν = H
    for nu, learner in ((0.5, "laplace-kernel"), (1.5, "matern-kernel")):
        for hurst in (0.3, 1.0, 6.0):  # one k: 2H/(2H+D) until the kernel's own smoothness ends it
            even = law_of(fm.Cascade(n_points=10, branching=4, hurst=hurst, noise=0.1), learner)
            clean = min(hurst, 2.0 + 2.0 * nu)
            assert even.excess_exponent == pytest.approx(clean / (1 + clean))


def test_with_noise_clusters_are_known_by_their_means() -> None:
    noisy = {"n_points": 1000, "noise": 0.3}
    constant = fm.PercolationEnsemble(ensemble="size-biased", label="cluster-constant", **noisy)
    assert law_of(constant, "bayes").excess_exponent == 0.5
    assert law_of(constant, "k-nn").excess_exponent == pytest.approx(1 / 3)
    assert law_of(constant, "laplace-kernel").excess_exponent is None
    for a, due in ((-0.125, 0.2), (0.0, 1 / 3), (0.25, 0.5), (0.5, 0.6), (2.0, 2 / 3)):
        one = law_of(fm.PercolationCluster(label_exponent=a, **noisy), "bayes")
        many = law_of(fm.PercolationEnsemble(ensemble="size-biased", label_exponent=a, **noisy), "bayes")
        high = law_of(fm.LatticePercolation(dim=7, side=4, label_exponent=a, noise=0.3), "bayes")
        assert (one.excess_exponent, many.excess_exponent) == (pytest.approx(due), pytest.approx(min(0.5, due)))
        assert high.excess_exponent == pytest.approx(due)


# ---------------------------------------------------------------------------------------------------- joint law

_POWER, _AMPLITUDE = st.floats(0.1, 2.0), st.floats(0.1, 10.0)


@given(_POWER, _POWER, _AMPLITUDE, _AMPLITUDE, st.floats(0.0, 1.0), st.floats(1e4, 1e12), st.floats(1.0, 10.0))
def test_the_frontier_is_the_minimum_along_a_budget(
    data: float, model: float, A: float, B: float, E: float, compute: float, cost: float
) -> None:
    law = JointLaw(data, model, A, B, E)
    frontier = law.compute_optimal(cost)
    n, P, risk = frontier.at(compute)
    assert cost * n * P == pytest.approx(compute)
    for factor in (0.5, 0.99, 1.01, 2.0):
        assert law.risk(n * factor, P / factor) >= risk * (1.0 - 1e-12)
    n2, P2, _ = frontier.at(compute * 16.0)
    assert math.log(n2 / n) == pytest.approx(frontier.data_power * math.log(16.0))
    assert math.log(P2 / P) == pytest.approx(frontier.model_power * math.log(16.0))
    bare = JointLaw(data, model, A, B).compute_optimal(cost)  # risk − E without the digits that E takes
    assert bare.at(compute * 16.0)[2] / bare.at(compute)[2] == pytest.approx(16.0**-frontier.exponent)
    assert risk == pytest.approx(E + bare.at(compute)[2])
    assert frontier.data_power + frontier.model_power == pytest.approx(1.0)


# ---------------------------------------------------------------------------------------------------- cells


def test_the_risk_of_the_best_cells() -> None:
    """One cell is the best constant; four times the cells are a level more; the slope is the quantization exponent."""
    equal = cascade_model_curve([0.25] * 4, 0.5, 0.5, [1, 4, 16, 64, 10])
    np.testing.assert_allclose(equal[1:4] / equal[:3], 0.5, rtol=1e-12)
    assert equal[2] < equal[4] < equal[1]
    drawn = fm.Cascade(n_points=20_000, branching=4, hurst=0.5)
    assert within_variance(fm.generate(drawn)) == pytest.approx(equal[0], rel=0.02)
    cells = np.unique(np.rint(np.geomspace(30, 30_000, 40)).astype(np.int64))
    for masses, ratios in (((0.7, 0.2, 0.1), (0.3, 0.5, 0.5)), (((0.5, 0.5), (0.125,) * 8), 0.5)):
        risk = cascade_model_curve(masses, ratios, 0.5, cells)
        assert (np.diff(risk) < 0).all()
        wanted = laws.quantization(masses, ratios, 1.0).model_exponent
        assert local_slope(cells, risk) == pytest.approx(wanted, abs=0.02)
        assert local_slope(cells, risk) > laws.moran(masses, ratios, 0.5).data_exponent  # control: not Moran's


def test_no_partition_into_as_many_cells_is_better() -> None:
    """All partitions of a two-level tree with unequal children, listed: the greedy cells are the best."""
    masses, ratios, hurst = (0.6, 0.3, 0.1), (0.5, 0.4, 0.2), 0.7
    power = [p * r ** (2 * hurst) for p, r in zip(masses, ratios, strict=True)]
    unit = cascade_model_curve(masses, ratios, hurst, [1])[0]
    best: dict[int, float] = {}
    for split in range(8):  # which of the three children are split again
        chosen = [split >> i & 1 for i in range(3)]
        cells = sum(3 if c else 1 for c in chosen)
        risk = unit * math.fsum(power[i] * (math.fsum(power) if c else 1.0) for i, c in enumerate(chosen))
        best[cells] = min(best.get(cells, math.inf), risk)
    found = cascade_model_curve(masses, ratios, hurst, [3, 5])
    np.testing.assert_allclose(found, [best[3], best[5]], rtol=1e-12)


# ---------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("call", "nearest"),
    [
        (lambda: laws.subtasks(0.0, 0.5), "number-weighted"),
        (lambda: laws.subtasks(1.0, -0.5), "nearest law"),
        (lambda: laws.critical_cluster("cluster-constant"), "size-biased"),
        (lambda: laws.critical_cluster("hierarchical", -0.3), "brownian"),
        (lambda: laws.neighbours_on_manifold(0.0, 0.5), "finite set"),
        (lambda: laws.kernel_on_manifold(2.0, 0.5, 0.0), "nearest neighbours"),
        (lambda: laws.quantization([0.5, 0.5], 0.5, 0.0), "nearest law"),
        (lambda: JointLaw(0.0, 0.5), "exponents"),
        (lambda: JointLaw(0.5, 0.5).compute_optimal().at(0.0), "compute"),
        (lambda: cascade_model_curve([0.5, 0.5], 0.5, 0.5, [0]), "at least 1"),
        (lambda: law_of(fm.Cascade(n_points=1), "laplace"), "did you mean 'laplace-kernel'"),
        (lambda: fm.predict(fm.PercolationCluster(n_points=100)).model_curve([4]), "expected a cascade"),
    ],
)
def test_outside_every_domain_one_line_says_what_is_nearest(call: object, nearest: str) -> None:
    with pytest.raises(RecipeError) as error:
        call()  # type: ignore[operator]
    assert nearest in str(error.value)
    assert "\n" not in str(error.value)
