"""Typed tables: what people write in TOML or as a dict becomes checked values, and every mistake is named at once.

A *check* takes (name, value) and returns the value in its one form, or raises RecipeError saying what was found and
what is expected. A *table* is read against key → (check, default). Recipes, sweeps, studies and learners' settings all
go through here, so a boolean is no number anywhere, every number has bounds, and a refusal stays short whatever was
typed.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from fractalman.errors import RecipeError, nearest

Check: TypeAlias = Callable[[str, Any], Any]
"""(name, value as read) → checked value; RecipeError says what is expected."""
Keys: TypeAlias = Mapping[str, tuple[Check, Any]]
"""Key → (check, default or `REQUIRED`)."""

REQUIRED = object()
"""In the place of a default: the key must be there."""

MAX_LINES = 20
"""Most lines of a refusal."""
MAX_WIDTH = 80
"""Most characters of a value that is repeated in a message."""
_MAX_DIGITS = 24


def shown(value: Any) -> str:
    """Return how a message repeats a value: its Python form, cut where it is long.

    Parameters
    ----------
    value : Any
        What was typed.

    Returns
    -------
    str
        At most about 80 characters; integers beyond 24 digits by their number of digits.

    Examples
    --------
    >>> shown(3), shown("x"), shown(10**400)
    ('3', "'x'", 'an integer of 401 digits')
    """
    if is_integer(value):
        digits = _digits(operator.index(value))
        if digits > _MAX_DIGITS:
            return f"an integer of {digits} digits"
        return str(operator.index(value))
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a list that holds an integer too long to print; an object whose own repr fails
        return f"a {type(value).__name__}"
    return text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 20]}… ({len(text)} characters)"


def listed(words: Iterable[Any], most: int = MAX_LINES) -> str:
    """Return words with commas between them; of many the first, and how many there are.

    Parameters
    ----------
    words : iterable
        What is there, e.g. the columns of somebody's file.
    most : int, default 20
        So many are named.

    Returns
    -------
    str
        Each word at most 80 characters.

    Examples
    --------
    >>> listed("abc"), listed(range(20_000), most=3)
    ('a, b, c', '0, 1, 2, … (20,000 in all)')
    """
    every = [str(word) for word in words]
    named = [word if len(word) <= MAX_WIDTH else f"{word[: MAX_WIDTH - 1]}…" for word in every[:most]]
    return ", ".join(named) + (f", … ({len(every):,} in all)" if len(every) > most else "")


def _digits(value: int) -> int:
    """Decimal digits, without printing them: Python refuses to print beyond 4300."""
    value = abs(value)
    if value < 10**_MAX_DIGITS:
        return len(str(value))
    digits = int(value.bit_length() * math.log10(2.0))
    return digits + 1 if value >= 10**digits else digits


def summary(problems: Iterable[str]) -> str:
    """Return problems one per line, each once, at most 20 lines: the rest is counted."""
    lines = list(dict.fromkeys(line for problem in problems for line in problem.splitlines()))
    if len(lines) <= MAX_LINES:
        return "\n".join(lines)
    return "\n".join([*lines[: MAX_LINES - 1], f"… and {len(lines) - MAX_LINES + 1} more problems"])


def refuse(problems: Iterable[str]) -> None:
    """Raise RecipeError with all problems, one per line, if there are any."""
    text = summary(problems)
    if text:
        raise RecipeError(text)


def unknown(what: str, word: Any, allowed: Iterable[str]) -> str:
    """Return the sentence about a word that is none of the allowed ones, with its nearest match."""
    allowed = list(allowed)
    listed = f"expected one of {', '.join(allowed)}" if allowed else "none is expected here"
    return f"unknown {what} {_word(word)}: {listed}{nearest(word, allowed)}"


def _word(word: Any) -> str:
    """A key as it was typed, without quotation marks where it is short."""
    return word if isinstance(word, str) and word.isprintable() and 0 < len(word) <= MAX_WIDTH else shown(word)


# ---------------------------------------------------------------------------------------------------- checks


def is_integer(value: Any) -> bool:
    """Whether a value is an integer: Python's, NumPy's or any with ``__index__``; a boolean is none."""
    if _is_boolean(value) or getattr(value, "ndim", 0) != 0:
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def is_word(value: Any, allowed: Container[str]) -> bool:
    """Whether a value is one of the allowed words; a list or an array is none, where ``in`` itself would fail."""
    return isinstance(value, str) and value in allowed


def is_real(value: Any) -> bool:
    """Whether a value is a real number: Python's, NumPy's or a scalar with ``__float__``; booleans, text are none."""
    if _is_boolean(value) or isinstance(value, (str, bytes, type)) or getattr(value, "ndim", 0) != 0:
        return False
    return hasattr(value, "__float__") or is_integer(value)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b"


def integer(low: int, high: int, example: str = "") -> Callable[[str, Any], int]:
    """Return the check of an integer from ``low`` to ``high``.

    Parameters
    ----------
    low, high : int
        The bounds, both allowed.
    example : str
        More words for the message, e.g. ``"(1024 is the default)"``.

    Returns
    -------
    Callable
        (name, value) → int; RecipeError for booleans, other types and what lies outside.

    Examples
    --------
    >>> integer(1, 10)("seeds", 3)
    3
    >>> integer(1, 10)("seeds", 10**400)
    Traceback (most recent call last):
    fractalman.errors.RecipeError: seeds = an integer of 401 digits: expected an integer from 1 to 10
    """

    def check(name: str, value: Any) -> int:
        if not is_integer(value) or not low <= operator.index(value) <= high:
            more = example if example.startswith(";") else f" {example}" if example else ""
            if isinstance(value, float) and low <= value <= high and value % 1.0 == 0.0:
                more += f"; use {name} = {value:.0f}"
            raise RecipeError(f"{name} = {shown(value)}: expected an integer from {low} to {high}{more}")
        return operator.index(value)

    return check


def real(
    low: float, high: float, *, open_low: bool = False, open_high: bool = False, example: str = ""
) -> Callable[[str, Any], float]:
    """Return the check of a real number within bounds.

    Parameters
    ----------
    low, high : float
        The bounds; infinity itself is never allowed, nan neither.
    open_low, open_high : bool
        Whether that bound is itself outside.
    example : str
        More words for the message.

    Returns
    -------
    Callable
        (name, value) → float; RecipeError for booleans, text, nan and what lies outside.

    Examples
    --------
    >>> real(0, 1, open_low=True)("hurst", 1)
    1.0
    >>> real(0, 1, open_low=True)("hurst", True)
    Traceback (most recent call last):
    fractalman.errors.RecipeError: hurst = True: expected a number with 0 < hurst <= 1
    """

    def check(name: str, value: Any) -> float:
        number = _float(value)
        above = number > low if open_low else number >= low
        below = number < high if open_high else number <= high
        if not (above and below and math.isfinite(number)):
            left, right = "<" if open_low else "<=", "<" if open_high else "<="
            short = name.rpartition(".")[2]
            lower = f"{low:g} {left} " if low > -math.inf else ""
            upper = f" {right} {high:g}" if high < math.inf else ""
            wanted = f"a number with {lower}{short}{upper}" if lower or upper else "a finite number"
            more = example if example.startswith(";") else f" {example}" if example else ""
            raise RecipeError(f"{name} = {shown(value)}: expected {wanted}{more}")
        return number

    return check


def ends(name: str, value: Any, *, missing: bool = False) -> tuple[float, float]:
    """Return the two ends of a window, not compared; None, where it may be ``missing``, becomes an infinity.

    >>> ends("window", (None, 100), missing=True)
    (-inf, 100.0)
    """
    found = list(value) if isinstance(value, (tuple, list)) or getattr(value, "ndim", 0) == 1 else []
    if missing and len(found) == 2:
        found = [end if one is None else one for one, end in zip(found, (-math.inf, math.inf), strict=True)]
    numbers = [float(one) if isinstance(one, float) else _float(one) for one in found]
    if len(numbers) != 2 or any(math.isnan(one) for one in numbers):
        more = " or None" if missing else ""
        raise RecipeError(f"{name} = {shown(value)}: expected (low, high), two numbers{more}")
    return numbers[0], numbers[1]


def _float(value: Any) -> float:
    """The value as a float, nan where it is no real number or too large for one."""
    if not is_real(value):
        return math.nan
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return math.nan


def choice(*allowed: str) -> Callable[[str, Any], str]:
    """Return the check of one of some words.

    Examples
    --------
    >>> choice("ball", "sphere")("shape", "spere")
    Traceback (most recent call last):
    fractalman.errors.RecipeError: shape = 'spere': expected 'ball' or 'sphere'; did you mean 'sphere'?
    """

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            hint = nearest(value, allowed) if isinstance(value, str) and len(value) <= MAX_WIDTH else ""
            raise RecipeError(f"{name} = {shown(value)}: expected {' or '.join(map(repr, allowed))}{hint}")
        return value

    return check


def switch(name: str, value: Any) -> bool:
    """Check a yes or no."""
    if not isinstance(value, bool):
        raise RecipeError(f"{name} = {shown(value)}: expected true or false")
    return value


def text(what: str = "some text", most: int = 4096) -> Callable[[str, Any], str]:
    """Return the check of a text that is not empty; ``what`` says in messages which text is expected."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= most:
            raise RecipeError(f"{name} = {shown(value)}: expected {what}")
        return value

    return check


def optional(check: Check) -> Check:
    """Return the check that also allows None."""
    return lambda name, value: None if value is None else check(name, value)


def either(words: Sequence[str], check: Check) -> Check:
    """Return the check of one of some words, or of what ``check`` allows."""

    def checked(name: str, value: Any) -> Any:
        if isinstance(value, str) and value in words:
            return value
        try:
            return check(name, value)
        except RecipeError as error:
            raise RecipeError(f"{error}, or {' or '.join(map(repr, words))}") from None

    return checked


def sequence(
    check: Check, *, least: int = 1, most: int = 10_000, rising: bool = False, once: bool = False, example: str = ""
) -> Callable[[str, Any], tuple[Any, ...]]:
    """Return the check of a list.

    Parameters
    ----------
    check : Check
        Of every entry, which is called name[0], name[1], …
    least, most : int
        How many entries there may be.
    rising : bool
        Whether every entry must be larger than the one before it.
    once : bool
        Whether no entry may come twice.
    example : str
        What to use, e.g. ``"[128, 256, 512]"``.

    Returns
    -------
    Callable
        (name, value) → tuple of checked entries; RecipeError naming every entry that is wrong.

    Examples
    --------
    >>> sequence(integer(2, 100), rising=True)("sizes", [4, 8])
    (4, 8)
    """
    use = f", e.g. {example}" if example else ""

    def checked(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or not least <= len(value) <= most:
            found = f"a list of {len(value)}" if isinstance(value, (list, tuple)) else shown(value)
            number = f"{least} to {most}" if least < most else str(least)
            raise RecipeError(f"{name} = {found}: expected a list of {number} entries{use}")
        entries: list[Any] = []
        problems: list[str] = []
        for i, entry in enumerate(value):
            try:
                entries.append(check(f"{name}[{i}]", entry))
            except RecipeError as error:
                problems += map(str, error.args)
        refuse(problems)
        if rising and any(not a < b for a, b in itertools.pairwise(entries)):
            raise RecipeError(f"{name} = {shown(entries)}: expected rising values, each once{use}")
        if once and any(entry in entries[:i] for i, entry in enumerate(entries)):
            raise RecipeError(f"{name} = {shown(entries)}: expected every entry once")
        return tuple(entries)

    return checked


# ---------------------------------------------------------------------------------------------------- tables


def read_table(where: str, table: Any, keys: Keys, problems: list[str], example: str = "") -> dict[str, Any]:
    """Return the checked values of one table, defaults filled in; what is wrong is appended to ``problems``.

    Parameters
    ----------
    where : str
        The table's name, which stands before every key in messages.
    table : Any
        What was read; anything but a table is a problem.
    keys : Mapping
        Key → (check, default or `REQUIRED`). Defaults are taken as they are.
    problems : list of str
        Receives one line for everything that is wrong.
    example : str
        What to use where a key is missing.

    Returns
    -------
    dict
        Values of the keys without a problem.

    Examples
    --------
    >>> problems = []
    >>> read_table("fit", {"min_size": 4}, {"min_sizes": (integer(3, 99), 3)}, problems)
    {'min_sizes': 3}
    >>> problems
    ["unknown key fit.min_size: expected one of min_sizes; did you mean 'min_sizes'?"]
    """
    if not isinstance(table, Mapping):
        problems.append(f"{where} is {shown(table)}: expected a table [{where}]")
        return {}
    problems += unknown_keys(where, table, keys)
    values: dict[str, Any] = {}
    for key, (check, default) in keys.items():
        if key in table:
            try:
                values[key] = check(f"{where}.{key}", table[key])
            except RecipeError as error:
                problems += map(str, error.args)
        elif default is REQUIRED:
            problems.append(f"missing key {where}.{key}" + (f"; use e.g. {example}" if example else ""))
        else:
            values[key] = default
    return values


def unknown_keys(where: str, table: Mapping[str, Any], allowed: Iterable[str]) -> list[str]:
    """Return one line for every key of a table that is not allowed, with its nearest match; at most 21 lines."""
    allowed = list(allowed)
    wrong = [key for key in table if key not in allowed]
    lines = [unknown("key", f"{where}.{key}" if isinstance(key, str) else key, ()).partition(":")[0] for key in wrong]
    listed = f"expected one of {', '.join(allowed)}" if allowed else "it has no settings"
    found = [
        f"{line}: {listed}{nearest(key, allowed) if isinstance(key, str) and len(key) <= MAX_WIDTH else ''}"
        for line, key in zip(lines[:MAX_LINES], wrong, strict=False)
    ]
    return found + ([f"{where}: {len(wrong) - MAX_LINES} more unknown keys"] if len(wrong) > MAX_LINES else [])
