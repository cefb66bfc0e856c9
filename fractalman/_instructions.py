"""What kernels ask of the processor that loops over arrays cannot say: a few instructions built one by one.

Each is a function of plain Python first, which is what runs without the compiler. Compiled, a sum in 16 lanes stays in
registers: written as a loop over an array of 16 it goes through memory after every block, and takes three times as
long. The operations and their order are the same, so no bit differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

LANES = 16
"""Dot products run in so many partial sums: vector instructions in a fixed order."""


def prefetch(_array: Any, _i: Any, _j: Any) -> None:
    """Ask for the cache line of array[i, j] before it is needed; changes no value.

    Rows are met in random order, and without it a third of the embedding's time is spent waiting for them
    (scripts/bench.py). Without the compiler there is nothing to hide.
    """


def lane_dot(_a: Any, _b: Any) -> Any:
    """Return Σ a·b of float32 rows whose length is a multiple of 16: partial sums over every 16th term, then halved."""
    lanes = _a[:LANES] * _b[:LANES]
    for at in range(LANES, _a.size, LANES):
        lanes = lanes + _a[at : at + LANES] * _b[at : at + LANES]
    return _halved(lanes)


def lane_reject(_g: Any, _v: Any, _along: Any) -> Any:
    """Take along × v from g, in place, and return the `lane_dot` of g with itself."""
    _g[:] = _g - _along * _v
    return lane_dot(_g, _g)


def _halved(lanes: Any) -> Any:
    while lanes.size > 1:
        lanes = lanes[: lanes.size // 2] + lanes[lanes.size // 2 :]
    return lanes[0]


# ---------------------------------------------------------------------------------------------------- compiled


def compiled() -> Iterator[tuple[Callable[..., Any], Callable[..., Any]]]:
    """Yield every function above that kernels call, with what makes numba emit it."""
    fetch, dot, reject = _compiled_prefetch(), _compiled_dot(), _compiled_reject()
    # numba compares the names of the arguments
    yield prefetch, lambda _array, _i, _j: lambda _array, _i, _j: fetch(_array, _i, _j)
    yield lane_dot, lambda _a, _b: lambda _a, _b: dot(_a, _b)
    yield lane_reject, lambda _g, _v, _along: lambda _g, _v, _along: reject(_g, _v, _along)


def _compiled_prefetch() -> Callable[..., None]:
    """Build `prefetch` as one LLVM instruction."""
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    def typed(_context: Any, array: Any, i: Any, j: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = signature.args[0]
            view = context.make_array(kind)(context, builder, arguments[0])
            at = [
                context.cast(builder, value, of, types.intp)
                for value, of in zip(arguments[1:], signature.args[1:], strict=True)
            ]
            place = cgutils.get_item_pointer(context, builder, kind, view, at, wraparound=False)
            byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
            shape = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
            fetch = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0i8")
            builder.call(fetch, [builder.bitcast(place, byte), word(1), word(3), word(1)])  # to write, keep, data
            return context.get_dummy_value()

        return types.void(array, i, j), emit

    return intrinsic(typed)  # type: ignore[no-any-return]


def _compiled_dot() -> Callable[..., Any]:
    """Build `lane_dot` of two contiguous rows."""
    from numba import types
    from numba.extending import intrinsic

    def typed(_context: Any, a: Any, b: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows = [_Row(context, builder, *pair) for pair in zip(signature.args, arguments, strict=True)]
            return _lane_sum(builder, rows[0].size, lambda at: builder.fmul(rows[0].load(at), rows[1].load(at)))

        return types.float32(a, b), emit

    return intrinsic(typed)  # type: ignore[no-any-return]


def _compiled_reject() -> Callable[..., Any]:
    """Build `lane_reject` of two contiguous rows."""
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    def typed(_context: Any, g: Any, v: Any, along: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pairs = list(zip(signature.args, arguments, strict=True))
            row, other = (_Row(context, builder, *pair) for pair in pairs[:2])
            one = builder.insert_element(ir.Constant(row.vector, ir.Undefined), arguments[2], ir.IntType(32)(0))
            everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            scale = builder.shuffle_vector(one, ir.Constant(row.vector, ir.Undefined), everywhere)

            def square(at: Any) -> Any:
                left = builder.fsub(row.load(at), builder.fmul(scale, other.load(at)))
                row.store(at, left)
                return builder.fmul(left, left)

            return _lane_sum(builder, row.size, square)

        return types.float32(g, v, along), emit

    return intrinsic(typed)  # type: ignore[no-any-return]


class _Row:
    """A contiguous float32 row in 16 lanes at once, while code for it is built."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        from llvmlite import ir

        view = context.make_array(kind)(context, builder, value)
        self._builder, self._data, self.size = builder, view.data, view.nitems
        self.vector = ir.VectorType(ir.FloatType(), LANES)

    def _place(self, at: Any) -> Any:
        return self._builder.bitcast(self._builder.gep(self._data, [at]), self.vector.as_pointer())

    def load(self, at: Any) -> Any:
        return self._builder.load(self._place(at), align=4)

    def store(self, at: Any, value: Any) -> None:
        self._builder.store(value, self._place(at), align=4)


def _lane_sum(builder: Any, size: Any, term: Callable[[Any], Any]) -> Any:
    """Build the sum of ``term`` over blocks of 16: lane by lane, then halves added to halves."""
    from llvmlite import ir
    from numba.core import cgutils

    vector, word = ir.VectorType(ir.FloatType(), LANES), ir.IntType(32)
    # −0 + x is x, whatever x is
    held = cgutils.alloca_once_value(builder, ir.Constant(vector, [ir.Constant(ir.FloatType(), -0.0)] * LANES))
    with cgutils.for_range_slice(builder, size.type(0), size, size.type(LANES), inc=True) as (at, _):
        builder.store(builder.fadd(builder.load(held), term(at)), held)
    lanes, half = builder.load(held), LANES // 2
    while half:
        sides = (ir.Constant(ir.VectorType(word, half), list(range(first, first + half))) for first in (0, half))
        lanes = builder.fadd(*(builder.shuffle_vector(lanes, ir.Constant(lanes.type, ir.Undefined), s) for s in sides))
        half //= 2
    return builder.extract_element(lanes, word(0))
