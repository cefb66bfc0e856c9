"""The only place that configures numba: how kernels are compiled, cached on disk and spread over threads.

Kernels are compiled without fastmath and without fused multiply-add, and call no library function but sqrt:
every operation is IEEE 754, so the same key gives the same bytes on every machine. They release the interpreter
lock and are run on plain threads over disjoint outputs, so the number of threads cannot change a byte and no
thread pool of numba's survives into a forked child.

Numba is imported when the first kernel is called, not when one is defined: that takes half a second, and much of the
package (recipes, laws, tables of results) calls none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import threading
from collections.abc import Callable
from functools import cache, update_wrapper
from pathlib import Path
from typing import Any

from fractalman import _instructions
from fractalman._kernel_sources import digest_of
from fractalman._signals import interrupts_held

# What changes the machine code of one and the same text; numba's own index knows the processor.
_SETTINGS = ("BOUNDSCHECK", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT", "ENABLE_AVX")

_LOCK = threading.RLock()
"""Kernels are built one at a time: where numba keeps programs is a setting of the whole process."""


@cache
def _numba() -> Any:
    """Return numba, told what a `Kernel` and what the functions of `_instructions` are."""
    with interrupts_held():  # a library that was half imported cannot be imported again
        import numba
        from numba.extending import overload, typeof_impl

    @typeof_impl.register(Kernel)  # type: ignore[untyped-decorator]
    def typed(kernel: Kernel, context: Any) -> Any:
        # A kernel that another one calls is what it was compiled to.
        return typeof_impl(kernel.compiled, context)

    if not numba.config.DISABLE_JIT:
        for function, emitted in _instructions.compiled():
            overload(function, jit_options={"forceinline": True, "_nrt": False})(emitted)
    return numba


class Kernel:
    """A function that is compiled at its first call.

    Parameters
    ----------
    function : callable
        What is compiled; ``py_func`` has it as it was written.
    build : function → callable
        Compiles it.
    """

    def __init__(self, function: Callable[..., Any], build: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        update_wrapper(self, function)
        self.py_func, self._build = function, build
        self._compiled: Callable[..., Any] | None = None

    @property
    def compiled(self) -> Callable[..., Any]:
        """What numba made of it."""
        if self._compiled is None:
            with _LOCK:
                if self._compiled is None:
                    self._compiled = self._build(self.py_func)
        return self._compiled

    def __call__(self, *arguments: Any) -> Any:
        return (self._compiled or self.compiled)(*arguments)


@cache
def kept_in() -> Path | None:
    """Return a writable folder for this compiler, its settings and this Python, or None where there is none."""
    numba = _numba()
    if os.environ.get("FRACTALMAN_CACHE", "").lower() in {"0", "off", "no"} or numba.config.DISABLE_JIT:
        return None
    import llvmlite
    import numpy as np

    base = os.environ.get("FRACTALMAN_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    settings = repr(
        [(llvmlite.__version__, np.__version__), *((name, getattr(numba.config, name, None)) for name in _SETTINGS)]
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


@cache
def _cache_class() -> type:
    """Return what keeps programs on disk; nobody asked for that: a full disk or a damaged index ends nothing.

    Programs are kept by the text that they were made of (`digest_of`). Numba's own folders are named by that text's
    path, and its stamp has the text's time: in another clone or environment all would be compiled anew.
    """
    from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

    class Locator(_CacheLocator):  # type: ignore[misc]
        def __init__(self, function: Callable[..., Any]) -> None:
            self._function = function
            self._digest = str(digest_of(function.__module__))

        @classmethod
        def from_function(cls, py_func: Callable[..., Any], _py_file: str) -> Locator:
            return cls(py_func)

        def get_cache_path(self) -> str:
            return str(Path(kept_in() or "") / self._digest / self._function.__module__)

        def get_source_stamp(self) -> str:
            return self._digest

        def get_disambiguator(self) -> str:
            return str(self._function.__code__.co_firstlineno)

    class Place(CompileResultCacheImpl):  # type: ignore[misc]
        _locator_classes = (Locator,)

    class Cache(FunctionCache):  # type: ignore[misc]
        _impl_class = Place

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

    return Cache


def _kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel whose programs are kept."""
    compiled = _numba().njit(function, nogil=True, error_model="numpy")
    if kept_in() is not None and digest_of(function.__module__) is not None:
        compiled._cache = _cache_class()(function)
    return compiled  # type: ignore[no-any-return]


def _taken_in(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a building block; it is kept in the programs that take it in.

    It may not make arrays, so their owners need no counting: counting takes longer than a short row does.
    """
    return _numba().njit(  # type: ignore[no-any-return]
        function, nogil=True, error_model="numpy", inline="never", forceinline=True, _nrt=False
    )


def kernel(function: Callable[..., Any]) -> Kernel:
    """Compile ``function`` at its first call (IEEE arithmetic, lock released, cached on disk where possible).

    The cache's folder is named after the text of all that a kernel of this module can be made of: a program of another
    text is never found. Kernels outside of the package are not kept.
    """
    return Kernel(function, _kept)


def inline(function: Callable[..., Any]) -> Kernel:
    """Compile a building block that every caller takes in whole; it may cut rows out of arrays, but make none.

    A loop that cuts rows belongs in one, and its scratch in the kernel around it.
    """
    return Kernel(function, _taken_in)
