"""Compiled walks on forests; arrays in, arrays out. The reference implementations are in tests.reference."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel

_SHARED = 4  # entries a column, from which on rows note where columns stand


@kernel
def topological_order(parent, order):  # type: ignore[no-untyped-def]
    """Fill ``order`` from its end with nodes whose children are all placed; return how many were placed."""
    m = parent.size
    waiting = np.zeros(m, np.int32)
    for u in range(m):
        if parent[u] >= 0:
            waiting[parent[u]] += 1
    head = m  # nodes order[head:] are placed; order[tail:] have also told their parents
    for u in range(m - 1, -1, -1):
        if waiting[u] == 0:
            head -= 1
            order[head] = u
    tail = m
    while tail > head:
        tail -= 1
        p = parent[order[tail]]
        if p >= 0:
            waiting[p] -= 1
            if waiting[p] == 0:
                head -= 1
                order[head] = p
    return m - head


@kernel
def depths(parent, order, out):  # type: ignore[no-untyped-def]
    """out[u] = number of ancestors of u."""
    for u in order:
        p = parent[u]
        out[u] = 0 if p < 0 else out[p] + 1


@kernel
def path_sums(parent, value, order, out):  # type: ignore[no-untyped-def]
    """out[u] = out[parent[u]] + value[u]."""
    for u in order:
        p = parent[u]
        out[u] = value[u] if p < 0 else out[p] + value[u]


@kernel
def lowest_common_ancestors(parent, depth, a, b, out):  # type: ignore[no-untyped-def]
    """Climb from the deeper node of each pair until both meet; −1 when both fall off their roots."""
    for i in range(a.size):
        u, v = a[i], b[i]
        while u != v:
            du = depth[u] if u >= 0 else np.int64(-1)
            dv = depth[v] if v >= 0 else np.int64(-1)
            if du >= dv:
                u = parent[u]
            if dv >= du:
                v = parent[v]
        out[i] = u


@kernel
def count_columns(parent, n_points, columns, above, count):  # type: ignore[no-untyped-def]
    """above[j] = latents among the first ``columns`` on the path of latent j (itself included); count[i] for points.

    A latent's parent has a smaller id, so one pass upwards in id is a pass down the hierarchy.
    """
    for j in range(above.size):
        p = parent[n_points + j]
        above[j] = (above[p - n_points] if p >= 0 else 0) + (1 if j < columns else 0)
    for i in range(n_points):
        p = parent[i]
        count[i] = above[p - n_points] if p >= 0 else 0


@kernel
def fill_columns(parent, n_points, columns, value, indptr, start, stop, indices, entries):  # type: ignore[no-untyped-def]
    """Write the latents (as columns) above points start … stop − 1, ascending in every row, and their values.

    indptr holds the places in ``indices`` and ``entries`` for these rows only, stop − start + 1 of them; both in one
    pass, because an entry costs what its memory costs. An empty ``entries`` is left alone.

    Paths are climbed until they meet one that was written before, and copied from there: a step of climbing waits for
    the one before, a copy does not. Where rows are too few to share much, nothing is noted.
    """
    valued = entries.size > 0
    noted = np.zeros(columns if indptr[stop - start] - indptr[0] >= _SHARED * columns else 0, np.int64)
    for i in range(start, stop):
        j = parent[i] - n_points
        while j >= columns:
            j = parent[n_points + j] - n_points
        place = np.int64(indptr[i - start + 1])
        first = np.int64(indptr[i - start])
        while place > first:
            if noted.size > 0:
                if noted[j] > 0:  # one more than the place of j in an earlier row, which began as this one does
                    back = noted[j] - place
                    row, model = indices[first:place], indices[first + back : place + back]
                    for k in range(row.size):
                        row[k] = model[k]
                    if valued:
                        values, known = entries[first:place], entries[first + back : place + back]
                        for k in range(values.size):
                            values[k] = known[k]
                    break
                noted[j] = place
            place -= 1
            indices[place] = j
            if valued:
                entries[place] = value[j]
            j = parent[n_points + j] - n_points


@kernel
def nearest_kept(parent, order, kept, out):  # type: ignore[no-untyped-def]
    """out[u] = u where it is kept, else its nearest kept ancestor, −1 without one; ``order`` has ancestors first."""
    for i in range(order.size):
        u = order[i]
        if kept[u]:
            out[u] = u
        else:
            out[u] = out[parent[u]] if parent[u] >= 0 else -1


@kernel
def adjacency(edges, start, neighbour):  # type: ignore[no-untyped-def]
    """Neighbour lists of a graph: those of v are neighbour[start[v] : start[v + 1]], in the order of the edges.

    ``edges`` (m, 2), ``start`` (n + 1,) and ``neighbour`` (2m,) of any integer types that hold 2m.
    """
    n = start.size - 1
    start[:] = 0
    for e in range(edges.shape[0]):
        start[edges[e, 0] + 1] += 1
        start[edges[e, 1] + 1] += 1
    for v in range(n):
        start[v + 1] += start[v]
    place = start[:n].copy()
    for e in range(edges.shape[0]):
        a = edges[e, 0]
        b = edges[e, 1]
        neighbour[place[a]] = b
        place[a] += 1
        neighbour[place[b]] = a
        place[b] += 1
