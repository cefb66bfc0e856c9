"""Yes-or-no arguments of every public function take booleans alone."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman._arguments import checked_arguments
from fractalman.datasets.file import File
from fractalman.trees import Hierarchy

NOT_OURS = {"get_params"}  # scikit-learn's


def _functions(path: str, of: Any) -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Every function with a yes-or-no argument, and that argument's name."""
    if inspect.isclass(of):
        for name in dir(of):
            method = inspect.getattr_static(of, name)
            if not name.startswith("_") and name not in NOT_OURS:
                yield from _functions(f"{path}.{name}", getattr(method, "__func__", method))
    elif inspect.isfunction(of):
        for parameter in inspect.signature(of).parameters.values():
            if parameter.annotation in ("bool", "bool | None"):
                yield path, of, parameter.name


def _public() -> list[tuple[str, Callable[..., Any], str]]:
    found = [*_functions("Hierarchy", Hierarchy), *_functions("File", File)]
    for name in fm.__all__:
        of = getattr(fm, name)
        within = of.__all__ if isinstance(of, types.ModuleType) else []
        found += [f for inner in within for f in _functions(f"{name}.{inner}", getattr(of, inner))]
        found += _functions(name, of)
    return found


def test_every_public_function_refuses_what_is_no_boolean() -> None:
    public = _public()
    assert {"write", "Hierarchy.features", "measure.smoothness", "verify", "confirm"} <= {path for path, _, _ in public}
    for path, function, name in public:
        for value in ("yes", 1, 0.0, [True], np.ones(2, bool)):
            with pytest.raises(fm.RecipeError, match=f"{name} = .*: expected true or false"):
                function(**{name: value})
            assert path  # named by pytest where it fails


def test_booleans_pass_by_name_and_by_place() -> None:
    @checked_arguments
    def told(name: str, loud: bool = False, known: bool | None = None) -> tuple[str, bool, bool | None]:
        return name, loud, known

    assert told("a", True, None) == ("a", True, None)
    assert told("a", loud=np.bool_(True))[1]
    for wrong in (None, "no"):
        with pytest.raises(fm.RecipeError, match="loud"):
            told("a", wrong)  # type: ignore[arg-type]
