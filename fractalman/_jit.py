"""The only place that configures numba: how kernels are compiled, cached on disk and spread over threads.

Kernels are compiled without fastmath and without fused multiply-add, and call no library function but sqrt:
every operation is IEEE 754, so the same key gives the same bytes on every machine. They release the interpreter
lock and are run on plain threads over disjoint outputs, so the number of threads cannot change a byte and no
thread pool of numba's survives into a forked child.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config as _numba_config
from numba.core.caching import FunctionCache

from fractalman._kernel_sources import digest_of
from fractalman._signals import interrupts_held

# What changes the machine code of one and the same text; numba's own index knows the processor.
_SETTINGS = ("BOUNDSCHECK", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT", "ENABLE_AVX")


def _cache_folder() -> Path | None:
    """Return a writable folder for this compiler, its settings and this Python, or None where there is none."""
    if os.environ.get("FRACTALMAN_CACHE", "").lower() in {"0", "off", "no"} or _numba_config.DISABLE_JIT:
        return None
    base = os.environ.get("FRACTALMAN_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    settings = repr(
        [(llvmlite.__version__, np.__version__), *((name, getattr(_numba_config, name, None)) for name in _SETTINGS)]
    )
    digest = hashlib.blake2b(settings.encode(), digest_size=4).hexdigest()
    name = f"numba-{numba.__version__}-py{platform.python_version()}-{platform.machine()}-{digest}"
    folder = Path(base) / "fractalman" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return None
    return folder


_CACHE = _cache_folder()


class _Cache(FunctionCache):  # type: ignore[misc]
    """Compiled programs on disk, which nobody asked for: a full disk or a damaged index costs time and ends nothing."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return a program that was kept; None where there is none, or it cannot be read."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever pickle raises on bytes that are none of its own
            with contextlib.suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a program, where that is possible."""
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function`` at its first call (IEEE arithmetic, lock released, cached on disk where possible).

    The cache's folder is named after the text of all that a kernel of this module can be made of: a program of another
    text is never found. Kernels outside of the package are not kept.
    """
    digest = None if _CACHE is None else digest_of(function.__module__)
    before = _numba_config.CACHE_DIR
    if _CACHE is not None and digest is not None:
        _numba_config.CACHE_DIR = str(_CACHE / digest)
    try:
        compiled = numba.njit(function, nogil=True, error_model="numpy")
        if digest is not None:
            compiled._cache = _Cache(function)
    finally:
        _numba_config.CACHE_DIR = before
    return compiled  # type: ignore[no-any-return]


def inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a small building block that every caller takes in whole."""
    return numba.njit(function, nogil=True, error_model="numpy", inline="never", forceinline=True)  # type: ignore[no-any-return]


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


def _no_prefetch(_array: Any, _i: Any, _j: Any) -> None:
    """Without the compiler there is nothing to hide."""


# prefetch(array, i, j): ask for the cache line of array[i, j] before it is needed; changes no value. Rows are met in
# random order, and without it a third of the embedding's time is spent waiting for them (scripts/bench.py).
prefetch = _no_prefetch if _numba_config.DISABLE_JIT else _compiled_prefetch()


def n_threads() -> int:
    """Return how many threads kernels run on: FRACTALMAN_THREADS, else the processors this process may use."""
    asked = os.environ.get("FRACTALMAN_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        return os.cpu_count() or 1


def run_tasks(function: Callable[..., None], tasks: Iterable[tuple[Any, ...]]) -> None:
    """Call ``function(*task)`` for every task on the threads; tasks must write to disjoint places."""
    tasks = list(tasks)
    threads = min(n_threads(), len(tasks))
    if threads <= 1:
        for task in tasks:
            function(*task)
        return
    with interrupts_held(), ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(function, *task) for task in tasks]:
            future.result()
