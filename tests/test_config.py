"""Typed tables: every value of a wrong kind is refused in one short line, all mistakes at once."""

from __future__ import annotations

import ast
import doctest
import math
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from fractalman import config, progress
from fractalman.config import (
    REQUIRED,
    choice,
    either,
    integer,
    optional,
    read_table,
    real,
    refuse,
    sequence,
    shown,
    summary,
    switch,
    text,
)
from fractalman.errors import RecipeError
from fractalman.toml_text import parse_toml, read_toml, tables_of

HOSTILE = [
    True, False, np.True_, None, "3", b"3", "", [], [1], {}, {"a": 1}, math.nan, math.inf, -math.inf, 10**30, -(10**30),
    10**400, 10**5000, -(10**5000), 1e308, -5, object(), np.array([1, 2]), 1j, [10**5000], "x" * 10**6,
    {1}, int, "\x00",
]  # fmt: skip


@pytest.mark.parametrize("module", [config, progress])
def test_the_examples_run(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "check",
    [integer(1, 9), real(0, 9), choice("a", "b"), sequence(integer(1, 9), least=2), either(("auto",), real(0, 9))],
)
def test_hostile_values_are_refused_in_one_short_line(check: config.Check, value: object) -> None:
    with pytest.raises(RecipeError) as error:
        check("key", value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
    assert "expected" in str(error.value)


def test_good_values_come_back_in_one_form() -> None:
    assert integer(1, 9)("k", np.int32(4)) == 4
    assert type(integer(1, 9)("k", np.uint8(4))) is int
    assert real(0, 1)("k", np.float32(0.5)) == 0.5
    assert type(real(0, 9)("k", 4)) is float
    assert optional(integer(1, 9))("k", None) is None
    assert either(("auto",), integer(1, 9))("k", "auto") == "auto"
    assert sequence(text())("k", ["a", "b"]) == ("a", "b")
    assert switch("k", True) is True


def test_bounds_are_what_they_say() -> None:
    assert real(0, 1)("k", 0) == 0.0
    assert integer(3, 3)("k", 3) == 3
    for check, outside in ((real(0, 1, open_low=True), 0), (real(0, 1, open_high=True), 1), (integer(1, 3), 4)):
        with pytest.raises(RecipeError):
            check("k", outside)
    with pytest.raises(RecipeError, match="expected a finite number"):
        real(-math.inf, math.inf)("k", 10**400)
    with pytest.raises(RecipeError, match="expected rising values"):
        sequence(integer(1, 9), rising=True)("k", [1, 1])
    with pytest.raises(RecipeError, match="every entry once"):
        sequence(integer(1, 9), once=True)("k", [2, 1, 2])


def test_digits_are_counted_not_printed() -> None:
    for power in (25, 26, 400, 5000):
        assert shown(10**power) == f"an integer of {power + 1} digits"
        assert shown(10**power - 1) == f"an integer of {power} digits"


def test_all_mistakes_of_a_table_come_at_once() -> None:
    problems: list[str] = []
    keys = {
        "seeds": (integer(1, 9), REQUIRED),
        "sizes": (sequence(integer(2, 99)), (4, 8)),
        "shape": (choice("ball"), "ball"),
    }
    values = read_table("sweep", {"seds": 3, "shape": "bal"}, keys, problems, "seeds = 3")
    assert values == {"sizes": (4, 8)}
    assert len(problems) == 3
    assert "did you mean 'seeds'" in problems[0]
    with pytest.raises(RecipeError, match=r"(?s)seds.*seeds.*shape"):
        refuse(problems)
    refuse([])


def test_a_refusal_has_at_most_twenty_lines() -> None:
    problems: list[str] = []
    read_table("sweep", {f"key{i}": i for i in range(20_000)}, {"seeds": (integer(1, 9), 1)}, problems)
    said = summary(problems)
    assert len(said.splitlines()) <= config.MAX_LINES
    assert len(said) < 4000
    assert "more" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xef\xbb\xbf[recipe]\n", "byte-order mark"),
        ("[recipe]".encode("utf-16"), "UTF-16"),
        (b"a = '\xff'", "not UTF-8"),
        (b"a = ", "not valid TOML"),
        (b"a = " + b"9" * 5000, "too many digits"),
        (b"a = " + b"[" * 100_000, "not valid TOML"),
        (b"a = 1\n" + b"x" * 10_000, "not valid TOML"),
    ],
)
def test_text_that_is_no_toml_is_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=words) as error:
        read_toml(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for path, words in (
        (loop, "symbolic links"),
        (pipe, "pipe"),
        (tmp_path, "directory"),
        (tmp_path / "no", "not exist"),
    ):
        with pytest.raises((RecipeError, OSError, Exception), match=words):
            read_toml(path)
    with pytest.raises(Exception, match="device"):
        read_toml("/dev/zero")


def test_tables_come_from_files_text_and_dicts(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_bytes(b"[recipe]\r\nseed = 1\r\n")
    tables = {"recipe": {"seed": 1}}
    assert tables_of(path) == (tables, str(path))
    assert tables_of("[recipe]\nseed = 1")[0] == tables == tables_of(tables)[0]
    assert parse_toml("a = 1") == {"a": 1}
    with pytest.raises(RecipeError, match="expected the path"):
        tables_of(3)  # type: ignore[arg-type]


def test_a_pace_tells_the_time_left() -> None:
    now = [0.0]
    pace = progress.Pace(100.0, 20.0, clock=lambda: now[0])
    assert pace.left(20.0) == ""
    now[0] = 10.0
    assert pace.rate(60.0) == 4.0
    assert pace.left(60.0) == "about 10 s left"
    assert pace.left(100.0) == "done in 10 s"
    assert sys.maxsize


CHECKED = re.compile(
    r"family$|family', |target$|learner'\]$|\.(learner|called|name|text|embedding)$|suffix or 'nothing'$|"
    "^(GROWS|FIXED|FORMAT_NAME|__name__)$|ESTIMATORS"
)
"""What a message may repeat whole: it was checked before, or is ours."""


def test_messages_cut_what_was_typed() -> None:
    """``{value!r}`` of a list of a million numbers is a message of megabytes; `shown` cuts it."""
    found = []
    for path in sorted(Path(config.__file__).parent.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "!r}" not in text:
            continue
        for raised in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Raise)):
            for part in ast.walk(raised):
                if isinstance(part, ast.FormattedValue) and part.conversion == ord("r") and part.format_spec is None:
                    said = ast.unparse(part.value)
                    if not CHECKED.search(said) and "AttributeError" not in ast.unparse(raised):
                        found.append(f"{path.name}, line {part.lineno}: {said}")
    assert [line for line in found if not line.startswith(("_files.py", "figures.py", "style.py"))] == []
