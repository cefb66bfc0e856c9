"""Compiled kernels that see a box a slab or a cluster at a time; plain-Python references are in tests/reference.

A set of sites is held as one bit a site, with the number of set bits before every word of 64: site → rank → point.
Numbers of sites and bonds are those of `_lattice_kernels`.
"""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel
from fractalman.families.lattice_percolation._box_kernels import is_open
from fractalman.trees._union_find import find

_U = np.uint64
_u1, _u2, _u4, _u6, _u56, _u63 = _U(1), _U(2), _U(4), _U(6), _U(56), _U(63)
_PAIRS, _FOURS, _BYTES, _SUM = (
    _U(0x5555555555555555),
    _U(0x3333333333333333),
    _U(0x0F0F0F0F0F0F0F0F),
    _U(0x0101010101010101),
)


@inline
def _ones(word):  # type: ignore[no-untyped-def]
    """How many bits of a 64-bit word are set: sums of neighbouring fields of 1, 2 and 4 bits, then of the bytes."""
    word = word - ((word >> _u1) & _PAIRS)
    word = (word & _FOURS) + ((word >> _u2) & _FOURS)
    word = (word + (word >> _u4)) & _BYTES
    return np.int64((word * _SUM) >> _u56)


@inline
def _has(bits, s):  # type: ignore[no-untyped-def]
    """Whether site s is in the set."""
    return (bits[s >> 6] >> (_U(s) & _u63)) & _u1 != _U(0)


@inline
def _rank(bits, before, s):  # type: ignore[no-untyped-def]
    """How many sites of the set have a smaller number than s."""
    return np.int64(before[s >> 6]) + _ones(bits[s >> 6] & ((_u1 << (_U(s) & _u63)) - _u1))


@inline
def _join(link, size, first, label, root):  # type: ignore[no-untyped-def]
    """Merge the clusters of a label and of a root (−1 = none yet); return the root."""
    other = find(link, label)
    if root < 0 or root == other:
        return other
    link[other] = root
    size[root] += size[other]
    first[root] = min(first[root], first[other])
    return root


@inline
def _retire(size, first, outcome):  # type: ignore[no-untyped-def]
    """Count a finished cluster; outcome = [first site and size of the largest so far, clusters, occupied sites]."""
    if size > outcome[1] or (size == outcome[1] and first < outcome[0]):
        outcome[0], outcome[1] = first, size
    outcome[2] += 1
    outcome[3] += size


@kernel
def largest_cluster(key, threshold, bonds, shape, stride, periodic, outcome):  # type: ignore[no-untyped-def]
    """Find the largest cluster of a box (ties: first site first) slab by slab along the first axis.

    Only the labels of the last slab, and of the first one of a periodic box, are kept; after every slab those still in
    sight are numbered anew, and clusters out of sight are finished.
    """
    dim, plane, row = shape.size, stride[0], (shape[-1] if shape.size > 1 else np.int64(1))
    most = 3 * plane + 1
    link, size, first = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    fresh, kept_size, kept_first = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    before, now = np.full(plane, -1, np.int64), np.empty(plane, np.int64)
    opening = np.empty(plane if periodic else 0, np.int64)  # labels of the first slab
    coordinate = np.zeros(dim, np.int64)
    made = 0
    outcome[0], outcome[1], outcome[2], outcome[3] = -1, 0, 0, 0
    for slab in range(shape[0]):
        for k in range(1, dim):
            coordinate[k] = 0
        for start in range(0, plane, row):
            for x in range(row):
                coordinate[dim - 1] = x if dim > 1 else slab
                here = start + x
                s = slab * plane + here
                if not bonds and not is_open(key, s, threshold):
                    now[here] = -1
                    continue
                root = np.int64(-1)
                if slab > 0 and before[here] >= 0 and (not bonds or is_open(key, (s - plane) * dim, threshold)):
                    root = _join(link, size, first, before[here], root)
                if (
                    periodic
                    and slab == shape[0] - 1
                    and opening[here] >= 0
                    and (not bonds or is_open(key, s * dim, threshold))
                ):
                    root = _join(link, size, first, opening[here], root)
                for k in range(1, dim):
                    if coordinate[k] > 0:
                        near = here - stride[k]
                        if now[near] >= 0 and (not bonds or is_open(key, (s - stride[k]) * dim + k, threshold)):
                            root = _join(link, size, first, now[near], root)
                    if periodic and coordinate[k] == shape[k] - 1:
                        near = here - (shape[k] - 1) * stride[k]
                        if now[near] >= 0 and (not bonds or is_open(key, s * dim + k, threshold)):
                            root = _join(link, size, first, now[near], root)
                if root < 0:
                    root = np.int64(made)
                    link[made], size[made], first[made] = made, 0, s
                    made += 1
                size[root] += 1
                now[here] = root
            k = dim - 2
            while k >= 1:
                coordinate[k] += 1
                if coordinate[k] < shape[k]:
                    break
                coordinate[k] = 0
                k -= 1
        if periodic and slab == 0:
            opening[:] = now
        fresh[:made] = -1
        kept = 0
        for part in range(2 if periodic else 1):
            labels = now if part == 0 else opening
            for here in range(plane):
                if labels[here] >= 0:
                    root = find(link, labels[here])
                    if fresh[root] < 0:
                        fresh[root] = kept
                        kept_size[kept], kept_first[kept] = size[root], first[root]
                        kept += 1
                    labels[here] = fresh[root]
        for label in range(made):
            if link[label] == label and fresh[label] < 0:
                _retire(size[label], first[label], outcome)
        for label in range(kept):
            link[label], size[label], first[label] = label, kept_size[label], kept_first[label]
        made = kept
        before, now = now, before
    for label in range(made):
        _retire(size[label], first[label], outcome)


@kernel
def flood(key, threshold, bonds, shape, stride, periodic, first, bits, site):  # type: ignore[no-untyped-def]
    """Set the bits of the cluster that ``first`` lies in and list its sites in ``site``, ascending."""
    dim = shape.size
    site[0] = first
    bits[first >> 6] |= _u1 << (_U(first) & _u63)
    head, tail = 0, 1
    while head < tail:
        s = site[head]
        head += 1
        rest = s
        for k in range(dim):
            at = rest // stride[k]
            rest -= at * stride[k]
            for forward in range(2):
                if forward == 1:
                    if at < shape[k] - 1:
                        t = s + stride[k]
                    elif periodic:
                        t = s - at * stride[k]
                    else:
                        continue
                elif at > 0:
                    t = s - stride[k]
                elif periodic:
                    t = s + (shape[k] - 1) * stride[k]
                else:
                    continue
                if not _has(bits, t) and is_open(
                    key, ((s if forward == 1 else t) * dim + k) if bonds else t, threshold
                ):
                    bits[t >> 6] |= _u1 << (_U(t) & _u63)
                    site[tail] = t
                    tail += 1
    made = 0
    for word in range(bits.size):
        left = bits[word]
        s = word << 6
        while left != _U(0):
            if left & _u1 != _U(0):
                site[made] = s
                made += 1
            left >>= _u1
            s += 1


@kernel
def number_sites(site, bits, before, point):  # type: ignore[no-untyped-def]
    """Set the bits of ``site``, count those before every word, and write point[rank of site[i]] = i."""
    for s in site:
        bits[s >> 6] |= _u1 << (_U(s) & _u63)
    total = 0
    for word in range(bits.size):
        before[word] = total
        total += _ones(bits[word])
    for i in range(site.size):
        point[_rank(bits, before, site[i])] = i


@kernel
def occupied_bonds(key, threshold, bonds, shape, stride, periodic, bits, before, point, edges):  # type: ignore[no-untyped-def]
    """Write (point, point) of every occupied bond between sites of a set, by ascending bond number; return how many.

    ``bonds`` tells bond from site percolation, where neighbouring sites are always joined. Rows beyond the end of
    ``edges`` are counted and not written.
    """
    dim = shape.size
    made = 0
    rank = -1
    for word in range(bits.size):
        left = bits[word]
        s = np.int64(word << 6) - 1
        while left != _U(0):
            there = left & _u1 != _U(0)
            left >>= _u1
            s += 1
            if not there:
                continue
            rank += 1
            rest = s
            for k in range(dim):
                at = rest // stride[k]
                rest -= at * stride[k]
                if at < shape[k] - 1:
                    t = s + stride[k]
                elif periodic:
                    t = s - at * stride[k]
                else:
                    continue
                if _has(bits, t) and (not bonds or is_open(key, s * dim + k, threshold)):
                    if made < edges.shape[0]:
                        edges[made, 0] = point[rank]
                        edges[made, 1] = point[_rank(bits, before, t)]
                    made += 1
    return made
