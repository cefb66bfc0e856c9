"""Compiled programs are looked up by the text that they were made of: a stale one is never found."""

from __future__ import annotations

import importlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

import fractalman
from fractalman import _jit, _kernel_sources

PACKAGE = Path(fractalman.__file__).parent


def kernel_modules() -> Iterator[str]:
    """Return the modules in which a function is compiled."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if re.search(r"^@(kernel|inline)$", path.read_text("utf-8"), re.MULTILINE):
            yield ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def reached(function: FunctionType, seen: set[FunctionType]) -> None:
    """Add every function of Python that ``function`` can call when it is compiled; refuse what nobody can follow."""
    seen.add(function)
    known = (int, float, np.ndarray, np.generic, np.ufunc, type, BuiltinFunctionType, ModuleType)
    for name in {*function.__code__.co_names, *function.__code__.co_freevars} & function.__globals__.keys():
        value = function.__globals__[name]
        if isinstance(value, ModuleType):
            assert value.__name__ in {"math", "numpy"}, f"{function.__name__}: {value.__name__}.…"
        value = getattr(value, "py_func", value)
        if isinstance(value, FunctionType) and value not in seen:
            reached(value, seen)
        elif not isinstance(value, FunctionType):
            assert isinstance(value, known), f"{function.__name__}: {name} = {value!r}"


def test_everything_that_a_kernel_calls_is_in_its_digest() -> None:
    number = 0
    for name in kernel_modules():
        files = _kernel_sources.sources_of(name)
        module = importlib.import_module(name)
        for value in vars(module).values():
            function = getattr(value, "py_func", value)
            if isinstance(function, FunctionType) and function.__module__ == name:
                called: set[FunctionType] = set()
                reached(function, called)
                number += 1
                assert {Path(f.__code__.co_filename) for f in called} <= files, name
    assert number > 100


def test_kernels_stand_apart_from_what_is_often_changed() -> None:
    """A module of kernels brings constants, series and other kernels; a change elsewhere compiles nothing anew."""
    wide = {name: len(_kernel_sources.sources_of(name)) for name in kernel_modules()}
    assert max(wide.values()) <= 10, wide


# ---------------------------------------------------------------------------------------------------- a toy package

USER = """
from fractalman._jit import kernel
from toy.inner.numbers import {imported}
{also}

@kernel
def value(x):
    return {expression}
"""
HELPER = "from fractalman._jit import inline\n\n@inline\ndef twice(x):\n    return {factor} * x\n"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[float, int]]]:
    """Write a package, import it anew, call its kernel: what came out, and how often the cache had the program."""
    if _jit.kept_in() is None:
        pytest.skip("kernels are not kept here")
    monkeypatch.setattr(_jit, "kept_in", lambda: tmp_path / "cache")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # its files change within a second, at one length
    stamps = itertools.count(1)

    def call(user: dict[str, str], files: dict[str, str], clone: str = "clone") -> tuple[float, int]:
        root = tmp_path / clone
        monkeypatch.setattr(_kernel_sources, "PACKAGE", root / "toy")
        monkeypatch.syspath_prepend(str(root))
        texts = {"__init__.py": "", "inner/__init__.py": "", "user.py": USER.format(**{"also": "", **user}), **files}
        for path, text in texts.items():
            (root / "toy" / path).parent.mkdir(parents=True, exist_ok=True)
            (root / "toy" / path).write_text(text)
            os.utime(root / "toy" / path, (next(stamps), 0))  # Python, too, must read every text anew
        forget()
        value = importlib.import_module("toy.user").value
        return float(value(1.0)), sum(value.compiled.stats.cache_hits.values())

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "toy"]:
            del sys.modules[name]
        for cached in (_kernel_sources._files, _kernel_sources._needed, _kernel_sources.digest_of):
            cached.cache_clear()
        importlib.invalidate_caches()

    yield call
    forget()


def test_a_change_behind_a_kernel_is_compiled_and_another_is_not(toy: Callable[..., tuple[float, int]]) -> None:
    user = {"imported": "FACTOR", "also": "from toy.helper import twice", "expression": "FACTOR * twice(x)"}
    files = {"inner/numbers.py": "FACTOR = 3.0\n", "helper.py": HELPER.format(factor=2.0), "other.py": "a = 1\n"}
    assert toy(user, files) == (6.0, 0)
    assert toy(user, files) == (6.0, 1)
    assert toy(user, {**files, "other.py": "a = 2\n"}) == (6.0, 1)
    assert toy(user, {**files, "helper.py": HELPER.format(factor=5.0)}) == (15.0, 0)
    assert toy(user, {**files, "inner/numbers.py": "FACTOR = 4.0\n"}) == (8.0, 0)
    assert toy(user, {**files, "inner/numbers.py": "from toy.far import FACTOR\n", "far.py": "FACTOR = 7.0\n"}) == (
        14.0,
        0,
    )
    assert toy(
        user, {**files, "inner/numbers.py": "from .. import far\nFACTOR = far.FACTOR\n", "far.py": "FACTOR = 8.0\n"}
    ) == (16.0, 0)
    assert toy(user, files) == (6.0, 1)  # and what was compiled before is there again


def test_a_digest_of_too_little_is_noticed(
    toy: Callable[..., tuple[float, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with one name for every text, numba itself finds the stale program."""
    monkeypatch.setattr(_jit, "digest_of", lambda _module: "same")
    user: dict[str, Any] = {"imported": "FACTOR", "expression": "FACTOR * x"}
    assert toy(user, {"inner/numbers.py": "FACTOR = 3.0\n"}) == (3.0, 0)
    assert toy(user, {"inner/numbers.py": "FACTOR = 4.0\n"}) == (3.0, 1)


def test_a_cache_that_is_damaged_or_full_ends_nothing(
    toy: Callable[..., tuple[float, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, files = {"imported": "FACTOR", "expression": "FACTOR * x"}, {"inner/numbers.py": "FACTOR = 3.0\n"}
    assert toy(user, files) == (3.0, 0)
    for ending, content in (("nbi", b""), ("nbi", b"\x80\x05 no pickle"), ("nbc", b"\x80")):
        damaged = list((tmp_path / "cache").rglob(f"*.{ending}"))
        assert damaged
        for path in damaged:
            path.write_bytes(content)
        assert toy(user, files) == (3.0, 0)
        assert toy(user, files) == (3.0, 1)  # and is kept again

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    assert toy(user, {"inner/numbers.py": "FACTOR = 4.0\n"}) == (4.0, 0)


def test_another_clone_finds_what_was_compiled(toy: Callable[..., tuple[float, int]]) -> None:
    """The same text at another path and of another time is the same program; numba's own folders are named by path."""
    user, files = {"imported": "FACTOR", "expression": "FACTOR * x"}, {"inner/numbers.py": "FACTOR = 3.0\n"}
    assert toy(user, files) == (3.0, 0)
    assert toy(user, files, "another") == (3.0, 1)
    assert toy(user, {"inner/numbers.py": "FACTOR = 4.0\n"}, "another") == (4.0, 0)
    assert toy(user, files) == (3.0, 1)
