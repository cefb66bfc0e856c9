"""Compiled kernels of cluster sizes and Bethe trees; plain-Python references are in tests/reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.random._draw_kernels import derive, draw_below, draw_uniform, fill_permutation
from fractalman.random.series import exp64, log64

_U = np.uint64
_THIRD = 1.0 / 3.0  # P(new) of mean-field exponents, drawn in integers


@inline
def offspring(u, cumulative):  # type: ignore[no-untyped-def]
    """The number of children at quantile u of a law given by its cumulative sums (the last counts as 1)."""
    k = 0
    while k < cumulative.size - 1 and u >= cumulative[k]:
        k += 1
    return k


@kernel
def branching_sizes(key, root, child, number, giant_share, total, sizes, outcome):  # type: ignore[no-untyped-def]
    """Draw cluster sizes iid until ``total`` points or all places of ``sizes`` are filled; return how many.

    A cluster is the family of a branching process whose first member has ``root``'s law of children and all others
    ``child``'s (cumulative sums). With ``number`` a family of s is kept with probability 1/s, which turns the law of a
    random site's cluster into the law of a random cluster. A family that would pass ``total`` is drawn again:
    outcome[0] counts these, outcome[1] is what was left to fill at the first of them. Without ``number`` a family is
    infinite with probability ``giant_share`` and takes all that is left (not where one is drawn again: what is left
    bounds that one); outcome[2] is its place, or −1.
    """
    outcome[0], outcome[1], outcome[2] = 0, 0, -1
    left = total
    made = 0
    counter = _U(0)
    again = False
    while left > 0 and made < sizes.size:
        u = draw_uniform(key, counter)
        counter += _U(1)
        if not number and not again and u < giant_share:
            outcome[2] = made
            sizes[made] = left
            return made + 1
        alive = 1
        s = 0
        kept = True
        while alive > 0:
            s += 1
            if number and u * s >= 1.0:
                kept = False
                break
            if s > left and not number:
                break
            alive += offspring(draw_uniform(key, counter), root if s == 1 else child) - 1
            counter += _U(1)
        if not kept:
            continue
        again = s > left
        if again:
            if outcome[0] == 0:
                outcome[1] = left
            outcome[0] += 1
            continue
        sizes[made] = s
        left -= s
        made += 1
    return made


@inline
def ends(key, counter, p, s):  # type: ignore[no-untyped-def]
    """Whether an event of probability p/(1 + s(1−p)) happens: of 1/(2s + 3) exactly where p is the float 1/3."""
    if p == _THIRD:
        return draw_below(key, counter, np.int64(2 * s + 3)) == 0
    return draw_uniform(key, counter) * (1.0 + s * (1.0 - p)) < p


@kernel
def waiting_sizes(key, p, total, sizes, outcome):  # type: ignore[no-untyped-def]
    """`branching_sizes` for the law p·s·f(s) of Yule–Simon's f: size s ends with probability p/(1 + s(1−p))."""
    outcome[0], outcome[1], outcome[2] = 0, 0, -1
    left = total
    made = 0
    counter = _U(0)
    while left > 0 and made < sizes.size:
        s = 1
        while s <= left and not ends(key, counter, p, s):
            s += 1
            counter += _U(1)
        counter += _U(1)
        if s > left:
            if outcome[0] == 0:
                outcome[1] = left
            outcome[0] += 1
            continue
        sizes[made] = s
        left -= s
        made += 1
    return made


@kernel
def yule_simon_process(key, p, cluster, sizes):  # type: ignore[no-untyped-def]
    """Every point opens a cluster with probability p, or joins that of a uniform earlier point; how many clusters."""
    made = 0
    for i in range(cluster.size):
        if i == 0 or ends(key, _U(2 * i), p, 0):
            c = made
            sizes[c] = 0
            made += 1
        else:
            c = int(cluster[draw_below(key, _U(2 * i + 1), np.int64(i))])
        cluster[i] = c
        sizes[c] += 1
    return made


@kernel
def bethe_tree(key, z, symbols, site, slots, edges):  # type: ignore[no-untyped-def]
    """Write the edges of a uniform Bethe cluster of len(edges) + 1 sites, numbered in the order of a depth-first walk.

    The root has z slots, every other site z − 1; a slot is empty or holds a site. Read in the order of the walk, the m
    sites below the root fill m of the m(z−1) + z slots, and of the rotations of any such sequence exactly z are walks:
    they start after the first times at which the height is at its z lowest levels. One of them is taken at random.
    """
    m = edges.shape[0]
    length = m * (z - 1) + z
    missing = m
    height = 0
    lowest = 0
    for j in range(length):
        filled = draw_below(key, _U(j), np.int64(length - j)) < missing
        symbols[j] = 1 if filled else 0
        if filled:
            missing -= 1
            height += z - 2
        else:
            height -= 1
            lowest = min(lowest, height)
    level = lowest + draw_below(key, _U(length), np.int64(z))
    start = 0
    height = 0
    while height != level:
        height += z - 2 if symbols[start] == 1 else -1
        start += 1
    site[0] = 0
    slots[0] = z
    top = 0
    made = 0
    for k in range(length):
        j = start + k
        if j >= length:
            j -= length
        slots[top] -= 1
        if symbols[j] == 1:
            edges[made, 0] = site[top]
            made += 1
            edges[made - 1, 1] = made
            top += 1
            site[top] = made
            slots[top] = z - 1
        while top >= 0 and slots[top] == 0:
            top -= 1


@inline
def survival(k, log_extinction):  # type: ignore[no-untyped-def]
    """1 − extinction^k, the probability that k families do not all end."""
    x = k * log_extinction
    return 1.0 if x < -40.0 else 1.0 - exp64(x) if k > 0 else 0.0


@kernel
def giant_window(key, root, child, extinction, edges):  # type: ignore[no-untyped-def]
    """Write the edges of the first len(edges) + 1 sites, breadth first, of a cluster that is infinite.

    ``root`` and ``child`` are probabilities of numbers of children. With k sites still to be asked for theirs, c
    children are drawn with weight probability × (1 − extinction^(k−1+c)): the law given that the family never ends.
    """
    m = edges.shape[0]
    made = 0  # sites beyond the root
    asked = 0
    log_extinction = log64(extinction) if extinction > 0.0 else -1e300
    while made < m:
        law = root if asked == 0 else child
        waiting = made + 1 - asked
        total = 0.0
        for c in range(law.size):
            total += law[c] * survival(waiting - 1 + c, log_extinction)
        u = draw_uniform(key, _U(asked)) * total
        c = 0
        below = law[0] * survival(waiting - 1, log_extinction)
        while c < law.size - 1 and u >= below:
            c += 1
            below += law[c] * survival(waiting - 1 + c, log_extinction)
        for _ in range(min(c, m - made)):
            edges[made, 0] = asked
            made += 1
            edges[made - 1, 1] = made
        asked += 1


@kernel
def bethe_trees(order_key, shape_key, z, root, child, extinction, start, first, last, giant, edges):  # type: ignore[no-untyped-def]
    """The edges of clusters first … last − 1, cluster c on the points start[c] … start[c + 1] − 1 in random order."""
    most = 0
    for c in range(first, last):
        most = max(most, start[c + 1] - start[c])
    symbols = np.empty(most * (z - 1) + z if most > 1 else 0, np.uint8)
    site, slots, label = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    for c in range(first, last):
        a = start[c]
        s = start[c + 1] - a
        if s == 1:
            continue
        here = edges[a - c : a - c + s - 1]
        if c == giant:
            giant_window(derive(shape_key, _U(c)), root, child, extinction, here)
        else:
            bethe_tree(derive(shape_key, _U(c)), z, symbols, site, slots, here)
        fill_permutation(derive(order_key, _U(c)), label[:s])
        for t in range(s - 1):
            here[t, 0] = a + label[here[t, 0]]
            here[t, 1] = a + label[here[t, 1]]


@kernel
def binomial_law(trials, p, out):  # type: ignore[no-untyped-def]
    """out[k] = probability of k successes in ``trials``, one trial after the other: sums of products, no powers."""
    for k in range(trials + 1):
        out[k] = 0.0
    out[0] = 1.0
    for t in range(trials):
        for k in range(t + 1, 0, -1):
            out[k] = out[k] * (1.0 - p) + out[k - 1] * p
        out[0] = out[0] * (1.0 - p)
