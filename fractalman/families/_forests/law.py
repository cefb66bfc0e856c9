"""What laws of critical clusters share: one cluster and many, in mean field and on lattices.

Symbols: τ = exponent of cluster numbers, n_s ~ s^−τ; N = the population; θ, x = 1 − θ = exponents of a cluster's cuts
(1/2 in mean field), a = label exponent.
"""

from __future__ import annotations

import math
from dataclasses import replace

from fractalman.families.laws import no_law_for_trees
from fractalman.theory.laws.elementary import tuned_with_noise
from fractalman.theory.laws.law import Conflict, Law, Window
from fractalman.theory.laws.learner_properties import INTERPOLATION, OPEN, LearnerProperties
from fractalman.theory.laws.sources import BRILL, BRILL_CLUSTER

RESOLVED = 16.0
"""Beyond n = N/16 slopes rise spuriously: most of the population is then a neighbour of a training point."""

DIMENSION = 4.0
"""Of an embedded critical cluster in X."""

DISTANCE_BY_COORDINATE = (
    "splits along single coordinates, each of which sees 1/d of every squared distance: no exponent is derived"
)
"""What trees do on embedded clusters."""
_LARGE = 50_000_000


def neighbour_bias(ambient_dim: int, n_points: int, label: str, one: bool) -> float | None:
    """Return how far one neighbour in X is from one in the graph, None where the curve is taken in X.

    Measured (docs/theory/neighbour-domain.md): within 1 % from 256 dimensions on; within 2 % from 128 on, which is used
    only where coordinates would fill gigabytes. Never for Brownian labels on several clusters: at an unseen one another
    point answers in X than in the graph, and clusters differ in variance (.83 ± .08 of the graph's risk).

    Args:
        ambient_dim, n_points, label: of the recipe. one: whether there is one cluster only.
    """
    if label == "brownian" and not one:
        return None
    if ambient_dim >= 256:
        return 0.01
    return 0.02 if ambient_dim >= 128 and n_points * ambient_dim > _LARGE else None


def population_window(population: float, exponent: float | None) -> Window:
    """The window that a finite population leaves."""
    reason = "beyond N/16 slopes rise spuriously: hardly a point is far from a training point"
    return Window(1.0, population / RESOLVED, exponent, reason)


def distances_only(law: Law, learner: LearnerProperties, label: str, a: float) -> Law:
    """Return a critical cluster's law as it holds for one learner: assumptions, evidence, reason."""
    floor = learner.kind == "floor"
    notes = ["n far below N: slopes rise spuriously beyond n = N/16"]
    notes.append("asymptote: compare fits with the local exponent of the curve over the same sizes")
    notes = [*learner.assumptions, *notes]
    if not floor:
        notes = [INTERPOLATION, *notes, "nearest in X means nearest in the graph (d of 100 or more)"]
        if law.logarithmic:
            notes.append("the logarithm keeps every local slope at reachable n well below 1/2 (.24 to .41)")
    if learner.kind == "kernel" and learner.smoothness is not None and math.isfinite(learner.smoothness):
        ceiling = 2.0 * (4.0 + 2.0 * learner.smoothness) / 4.0
        notes.append(
            f"2H_e/D ≤ 1/2 is far below the kernel's own ceiling 2(D+{2 * learner.smoothness:g})/D = {ceiling:g}"
        )
    if label == "hierarchical" and a < 0:
        notes.append("a < 0: slopes at reachable N are far from the asymptote: .15 and .21 at a = -.2 and -.125")
    if learner.kind == "trees":
        return no_law_for_trees(
            law,
            DISTANCE_BY_COORDINATE,
            assumptions=tuple(notes),
            evidence="open",
            nearest=f"{law.name}, α_D = {law.data_exponent:g}: no learner of distances does better asymptotically",
        )
    return replace(
        law,
        assumptions=tuple(notes),
        evidence=law.evidence if floor or learner.name == "1-nn" else _EVIDENCE.get(learner.name, OPEN),
        reason=law.reason if floor else _REASON[learner.kind],
        references=(*law.references, *learner.references),
    )


def kriging(ambient_dim: int, population: float) -> Law:
    """Return the law of linear regression on embedded clusters: kriging while n ≪ d, then model-limited."""
    d = ambient_dim
    return Law.none(
        name="kriging, then model-limited",
        statement=f"no power law holds throughout: while n is far below d = {d} linear regression is kriging with the "
        "tree's Brownian covariance and follows the curve of one neighbour; near n = d it saturates",
        excess_exponent=1.0,
        source="docs/theory.md §5",
        evidence="checked: slopes .27–.35 beside .35 of 1-NN (N = 60000, d = 2048)",
        because="inner products of an embedded tree are shared path lengths, as long as d tells them apart",
        domain="embedded trees",
        assumptions=(f"window: n far below d = {d}",),
        inputs={"d": d, "N": population},
        windows=(Window(1.0, d / 4.0, None, "a quarter of d; there the curve of one neighbour is followed"),),
        nearest="below d/4 the law of one neighbour, far above d variance-limited: L − L(∞) ~ 1/n",
        attained=True,
    )


_REASON = {
    "local": "the error is the variogram at the nearest training point; graph and Euclidean metric agree",
    "kernel": "a kernel of distances knows the tree's metric and not its hierarchy, like one neighbour",
    "network": "a network that knows distances only interpolates like one neighbour; finding the hierarchy beats that",
}
_HERE = "N = 30000, a = 0, n = 64…1000: local slope"
_EVIDENCE = {
    "k-nn": f"argued: the k nearest of n points lie √(kN/n) edges away; {_HERE} .32 beside .33 of 1-NN",
    "random-features": f"open; {_HERE} .22 beside .33 of 1-NN",
    "laplace-kernel": "checked: .35 beside .35 of 1-NN at N = 60000; the asymptote itself is unchecked",
    "gaussian-kernel": f"open; {_HERE} .25 beside .33 of 1-NN",
    "matern-kernel": f"open; {_HERE} .28 beside .33 of 1-NN",
    "ntk-kernel": f"open; {_HERE} .29 beside .33 of 1-NN",
    "mlp": "open",
}


def no_decay(tau: float, population: float, learner: LearnerProperties) -> Law:
    """Return what holds when every site counts once: no decaying power law, a rising seen mass instead.

    Clusters above s hold the share ~ s^(2−τ) of all sites, so n samples have seen the share ~ (n/N)^(τ−2). From
    τ = 3 on the mean square of the sizes is finite, every sample adds the same, and the share is ~ n/N; at τ = 2 every
    scale of sizes holds the same share, and it is ~ ln n/ln N.

    Args:
        tau: τ ≥ 2 of the cluster numbers. population: N.
    """
    rise = min(tau - 2.0, 1.0)
    # from then on the largest cluster, N^(1/(τ−1)), has been seen once
    low = population ** (1.0 - 1.0 / (tau - 1.0)) if rise < 1.0 else 1.0
    start = f"N^{1 - 1 / (tau - 1):.3g}" if rise < 1.0 else "1"
    power = f"(n/N)^(τ−2) = (n/N)^{rise:.4g}" if 0.0 < rise < 1.0 else "n/N" if rise else "ln n/ln N"
    return Law.none(
        name="number-weighted clusters",
        statement="no decaying power law before n ~ N: most points lie in clusters that nobody has seen; the seen "
        f"mass rises as {power} from n ~ {start} to N and bounds 1 − L from above",
        source="docs/theory.md §3.5",
        evidence="checked: N = 131072, n = 1024…65536: .97–.99, .94–.96, .89–.90, .79–.80 answering 0 on unseen "
        "clusters, 1.79, 1.63, 1.38, 1.08 for one neighbour",
        because="every site counts once, so a typical point lies in a small cluster, which is seen only when n nears N",
        domain="clusters at the threshold, every site once",
        inputs={"τ": tau, "N": population},
        computed=(f"the seen mass, {power}",),
        references=(BRILL_CLUSTER, BRILL),
        windows=(Window(low, population, None, f"the seen mass rises as {power}, the risk has no exponent"),),
        conflicts=(
            Conflict(
                "power-law clusters (rank law of the same clusters)",
                "data",
                None,
                f"the rank law k^−{1 / (tau - 1):.3g} sums to infinity, α = {1 / (tau - 1) - 1:.3g} < 0: α_D = α/(1+α) "
                "does not apply",
            ),
        ),
        nearest="ensemble = 'size-biased', where α = 1 and α_D = 1/2"
        if learner.kind != "linear"
        else "ensemble = 'size-biased' with ambient_dim far above n",
    )


def noisy_clusters(
    label: str, label_exponent: float, learner: LearnerProperties, clean: float, one: bool, unseen: float = 0.5
) -> tuple[float | None, tuple[str, ...]]:
    """One critical cluster, or power-law clusters, ``unseen`` = α/(1+α): the lesser of unseen mass and error within."""
    if learner.kind == "kernel":
        if label == "cluster-constant":
            return None, ("no law for a kernel that must find noisy clusters: one ridge serves all their sizes",)
        return tuned_with_noise(clean), ()
    if label == "cluster-constant":
        return unseen, ("a cluster's mean is known to σ²/x from its x samples: as without noise",)
    if label == "brownian":
        within = tuned_with_noise(0.5)
    else:
        within = noisy_hierarchy(0.5, label_exponent)
    return within if one else min(unseen, within), ()


def noisy_hierarchy(theta: float, a: float) -> float:
    """Return the noisy floor's exponent on one cluster: min(1/(1+x), (x+2a)/(1+x+2a)), x = 1 − θ.

    A subcluster of m sites deviates by (m/N)^(x+2a) and is known once that outweighs σ²·N/(n·m). Where it hangs on
    one of order N, with probability (m/N)^θ, what counts are the steps of a walk along that one's cuts.
    """
    x = 1.0 - theta
    return min(1.0 / (1.0 + x), (x + 2.0 * a) / (1.0 + x + 2.0 * a))
