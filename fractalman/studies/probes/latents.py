"""Which latents of the hierarchy are probed, and what is to be read off a representation about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64, Bool
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.sources import Sample
from fractalman.trees import Hierarchy, path_sums

LEAST = 4
"""Points inside a latent, and outside, without which it is not probed: among the fitted and among the scored each."""


@dataclass(frozen=True)
class Latents:
    """The latents that are probed: disjoint subclusters at every scale, and random sets of the same sizes.

    Args:
        node, size, depth: (k,) int64 hierarchy columns. scale: (k,) int64, the scale that each is of.
        member: (p, k) bool, which of the probed points lie in which. random: (p, k) bool, as many at random places.
        around: (p, k) bool, who lies in or just around it: in the smallest subcluster above it in which at least as
            many scored points (and `LEAST`) are no members as are.
    """

    node: I64
    size: I64
    depth: I64
    scale: I64
    member: Bool
    random: Bool
    around: Bool


def choose_latents(h: Hierarchy, points: I64, fitted: int, scales: tuple[int, ...], most: int, key: int) -> Latents:
    """Return at most ``most`` latents for every scale s, at random: fragments of the cut at s of more than s/2 points.

    Args:
        h: the hierarchy. points: (p,) probed points, of which the first ``fitted`` fit the probes.
        scales: rising sizes. key: of the choice.
    Returns: those with at least `LEAST` points inside and outside, among the fitted and among the scored.
    """
    nodes, of, member = [], [], []
    for k, scale in enumerate(scales):
        cut = h.cut(scale)
        part = cut.fragment[points]
        inside = np.bincount(part[:fitted], minlength=cut.node.size)
        other = np.bincount(part[fitted:], minlength=cut.node.size)
        large = (2 * cut.count > scale) & (np.minimum(inside, other) >= LEAST)
        large &= (fitted - inside >= LEAST) & (points.size - fitted - other >= LEAST)
        able = np.flatnonzero(large)
        for fragment in np.sort(able[permutation(key64(key, Role.MEASUREMENT, k), able.size)[:most]]):
            nodes.append(int(cut.node[fragment]))
            of.append(scale)
            member.append(part == fragment)
    inside_of = np.array(member, bool).reshape(len(nodes), points.size).T
    random = np.zeros_like(inside_of)
    for column in range(len(nodes)):
        for low, high in ((0, fitted), (fitted, points.size)):
            place = permutation(key64(key, Role.MEASUREMENT, len(scales) + column, low), high - low)
            random[low:high, column] = inside_of[low:high, column][place]
    node = np.array(nodes, np.int64)
    around = np.ones_like(inside_of)
    for column in range(len(nodes)):
        around[:, column] = _around(h, nodes[column], points, inside_of[:, column], fitted)
    return Latents(node, h.size[node], h.depth[node], np.array(of, np.int64), inside_of, random, around)


def _around(h: Hierarchy, node: int, points: I64, member: Bool, fitted: int) -> Bool:
    order = h.order()
    place = order.place[points]
    scored = np.sort(place[fitted:])
    inside = int(member[fitted:].sum())
    for above in h.ancestors(node):
        low, high = order.start[above], order.stop[above]
        if np.diff(np.searchsorted(scored, [low, high]))[0] - inside >= max(LEAST, inside):
            return np.asarray((place >= low) & (place < high))
    return np.ones(points.size, bool)


def targets_of(sample: Sample, scales: tuple[int, ...]) -> dict[int, dict[str, F64]]:
    """Return what ridge probes are to read off at every scale, for the replicate's unseen points, (p, k) each.

    "r2-path": the label as it would be without anything below the scale, the sum of the latents' values from the root
    to the point's fragment of the cut; "r2-band": what the scale adds to that of the next larger one; "r2-value": the
    fragment's own value; "r2-exchanged": that of another fragment, drawn at random, the control. Where nobody knows
    values (estimated hierarchies) the mean label of the fragment's points stands for the sum, and there is no value.
    """
    h, points = sample.hierarchy, sample.test
    known = bool(np.any(h.variance > 0.0))
    sums = path_sums(h.parent, h.value) if known else None
    found: dict[int, dict[str, F64]] = {}
    above: F64 | None = None
    for scale in sorted(scales, reverse=True):
        cut = h.cut(scale)
        fragment = cut.fragment[points]
        if sums is not None:
            path = sums[cut.node][fragment][:, None]
        else:
            total = np.stack([np.bincount(cut.fragment, column, cut.node.size) for column in sample.y.T], axis=1)
            path = (total / cut.count[:, None])[fragment]
        found[scale] = {"r2-path": path, "r2-band": path if above is None else path - above}
        above = path
        if known:
            own = h.value[cut.node]
            other = permutation(key64(sample.key, Role.LABEL_DRAW, scale), cut.node.size)
            found[scale] |= {"r2-value": own[fragment][:, None], "r2-exchanged": own[other][fragment][:, None]}
    return dict(sorted(found.items()))
