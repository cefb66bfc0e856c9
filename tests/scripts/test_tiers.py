"""Two tiers of tests: which are slow, why, that every file keeps fast ones, and that CI runs them all."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import conftest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests").rglob("test_*.py"))
# Files without a fast test, and the one that holds the same at every change.
ALONE: dict[str, str] = {}


parse = functools.lru_cache(maxsize=1)(ast.parse)  # a file is asked twice, one after the other


def slow_mark(decorator: ast.expr) -> ast.Call | None:
    """Return the call of ``pytest.mark.slow`` that a decorator is, ValueError for a mark without a reason."""
    if not ast.unparse(decorator).startswith("pytest.mark.slow"):
        return None
    if isinstance(decorator, ast.Call) and not decorator.args:
        words = {word.arg: word.value for word in decorator.keywords}
        reason = words.get("reason")
        if (
            isinstance(reason, ast.Constant)
            and len(str(reason.value).split()) > 2
            and set(words) - {"reason"} in (set(), {"but"}, {"only"})
        ):
            return decorator
    raise ValueError(
        f"expected pytest.mark.slow(reason='some words', but or only=[cases]), found {ast.unparse(decorator)}"
    )


def tiers(source: str) -> tuple[list[str], list[str]]:
    """Return the names of the tests of a file: those of which something is fast, and those of which nothing is."""
    fast, slow = list[str](), list[str]()
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marks = [mark for mark in map(slow_mark, node.decorator_list) if mark is not None]
            whole = any(len(mark.keywords) == 1 for mark in marks)
            (slow if whole else fast).append(node.name)
    return fast, slow


def test_slow_tests_say_why_and_every_file_keeps_fast_ones() -> None:
    alone = set()
    for path in FILES:
        source = path.read_text(encoding="utf-8")
        used = source.count("pytest.mark.slow")
        if not used:
            continue
        fast, slow = tiers(source)
        if path != Path(__file__):
            assert used == sum(map(len, ([mark for mark in marks if mark] for marks in decorations(source)))), path
        if slow and not fast:
            alone.add(path.relative_to(ROOT / "tests").as_posix())
    assert alone == set(ALONE)
    for beside in ALONE.values():
        assert tiers((ROOT / "tests" / beside).read_text(encoding="utf-8"))[0], beside


def decorations(source: str) -> list[list[ast.Call | None]]:
    """Return the marks of every test of a file."""
    tests = (node for node in ast.walk(parse(source)) if isinstance(node, ast.FunctionDef))
    return [[slow_mark(decorator) for decorator in node.decorator_list] for node in tests]


@pytest.mark.parametrize(
    "mark", ["slow", "slow()", "slow('some more words')", "slow(reason='')", "slow(reason='slow')"]
)
def test_a_mark_without_a_reason_is_noticed(mark: str) -> None:
    with pytest.raises(ValueError, match=r"expected pytest\.mark\.slow"):
        tiers(f"@pytest.mark.{mark}\ndef test_it(): pass")


def test_ci_and_the_matrix_run_every_test() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "tests=(-m pytest --all " in script
    lines = [line for line in script.splitlines() if "pytest" in line or '"${tests[@]}"' in line]
    assert len(lines) == 5  # the array; two of references; on the oldest and on the newest Python
    assert sum('"${tests[@]}"' in line for line in lines) == 4
    assert '"-m", "pytest", "--all"' in (ROOT / "scripts" / "test_cell").read_text(encoding="utf-8")


def item(name: str, **mark: Any) -> Any:
    """Return a test as pytest collects it, marked slow if a reason is given."""
    found = SimpleNamespace(kwargs=mark) if mark else None
    test, _, rest = name.partition("[")
    return SimpleNamespace(
        nodeid=f"tests/theory/test_it.py::{name}",
        name=name,
        originalname=test,
        path=ROOT / "tests" / "theory" / "test_it.py",
        get_closest_marker=lambda _: found,
        **({"callspec": SimpleNamespace(id=rest.rstrip("]"))} if rest else {}),
    )


@pytest.mark.parametrize(
    ("words", "expression", "whole", "left"),
    [
        (["tests"], "", False, ["test_a", "test_c[one]", "test_d[four]"]),
        (["tests"], "", True, ["test_a", "test_b", "test_c[one]", "test_c[two]", "test_d[three]", "test_d[four]"]),
        (
            ["tests"],
            "slow and not reference",
            False,
            ["test_a", "test_b", "test_c[one]", "test_c[two]", "test_d[three]", "test_d[four]"],
        ),
        (["tests"], "reference", False, ["test_a", "test_c[one]", "test_d[four]"]),
        (
            ["tests/theory/test_it.py::test_b"],
            "",
            False,
            ["test_a", "test_b", "test_c[one]", "test_c[two]", "test_d[three]", "test_d[four]"],
        ),
    ],
)
def test_slow_ones_wait_until_they_are_asked_for(
    words: list[str], expression: str, whole: bool, left: list[str]
) -> None:
    why = "statistics of many draws"
    kept = {"reason": why, "but": ["one"]}
    dear = {"reason": why, "only": ["three"]}
    items = [item("test_a"), item("test_b", reason=why), item("test_c[one]", **kept), item("test_c[two]", **kept)]
    items += [item("test_d[three]", **dear), item("test_d[four]", **dear)]
    gone: list[Any] = []
    config: Any = SimpleNamespace(
        args=words,
        option=SimpleNamespace(markexpr=expression),
        getoption=lambda _: whole,
        hook=SimpleNamespace(pytest_deselected=lambda items: gone.extend(items)),
    )
    everything = sorted(each.name for each in items)
    conftest.pytest_collection_modifyitems(config, items)
    assert [each.name for each in items] == left
    assert sorted([each.name for each in items + gone]) == everything


def test_a_kept_case_that_is_gone_is_noticed() -> None:
    items = [item(f"test_c[{name}]", reason="many long runs", but=["one", "three"]) for name in ("one", "two")]
    assert conftest.strangers(items) == ["tests/theory/test_it.py::test_c[three]"]
    assert conftest.strangers(items[1:]) == [
        "tests/theory/test_it.py::test_c[one]",
        "tests/theory/test_it.py::test_c[three]",
    ]
