"""Numbers as people write them: units, thousands and powers, with an uncertainty, a unit's name or a mark beside them.

What stands beside a number is left out and named, so that whoever reads a column can say so. A text that can be read in
two ways is none: "0.40 (1)" may be an uncertainty or a count, "1.2–1.4" has no one value.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

_MISSING = {"", "na", "n/a", "nan", "none", "null", "<na>", "nat", "-", "–", "—", "?"}
_FACTOR = {
    "": 0, "k": 3, "m": 6, "g": 9, "b": 9, "bn": 9, "t": 12, "%": -2, "percent": -2, "thousand": 3, "million": 6,
    "mn": 6, "mio": 6, "millions": 6, "billion": 9, "billions": 9, "mrd": 9, "trillion": 12,
}  # fmt: skip
_FLOP = {"": 0, "k": 3, "m": 6, "g": 9, "t": 12, "p": 15, "e": 18, "z": 21, "y": 24}
_PLAIN = r"(?:\d{1,3}(?:[,'’\u00a0\u202f\u2009 ]\d{3})+|\d[\d_]*)(?:\.\d*)?|\.\d+"
_DIGITS = rf"[+-]?(?:{_PLAIN})(?:e[+-]?\d+)?"
_POWER = r"(?:\s*(?:×|x|\*|·|\\times|\\cdot)\s*10\s*(?:\^|\*\*)\s*\{?(?P<power>[+-]?\d+)\}?)"
_UNIT = r"bn|thousand|millions?|billions?|trillion|percent|mn|(?:mio|mrd)\.?|[kmgbt%]"
_WORD = r"tokens?|params?|parameters?|nats?|bits?|bpb|samples?|examples?|images?|points?|rows?|sequences?|sents?"
_BESIDE = {
    "pm": rf"(?:±|\+/-|\+-|\\pm)\s*{_DIGITS}\s*(?P<after>{_UNIT})?",
    "std": rf"\(\s*(?:±|\+/-)?\s*(?:{_PLAIN})(?:e[+-]?\d+)?\s*\)",
    "range": rf"[\[(]\s*(?P<low>{_DIGITS})\s*(?:,|;|–|\.\.\.?|…|to)\s*(?P<high>{_DIGITS})\s*[\])]",
}
_WHOLE = re.compile(
    rf"(?:(?P<open>\()?\s*(?P<digits>{_DIGITS})(?P<inner>\s*(?:±|\+/-|\+-|\\pm)\s*{_DIGITS}\s*\))?"
    rf"{_POWER}?|(?P<base>10|2)\s*(?:\^|\*\*)\s*\{{?(?P<bare>[+-]?\d+)\}}?)"
    rf"\s*(?P<unit>{_UNIT})?(?:\s*(?P<flop>[kmgtpezy])?(?P<flops>flops?|flop/s)|\s*(?P<word>{_WORD}))?"
    rf"\s*(?P<beside>{'|'.join(_BESIDE.values())})?\s*(?P<mark>[*†‡§¶#]+)?",
    re.IGNORECASE,
)
_SIZE_IN_NAME = re.compile(r"(?<![a-z0-9.])\d+(?:\.\d+)?[kmbt](?![a-z0-9])", re.IGNORECASE)
LONGEST = 400
"""Characters of a cell or header beyond which it is a text, whatever it begins with."""
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SEPARATORS = re.compile(r"[,'’_\u00a0\u202f\u2009 ]")


def number(cell: Any, decimal_comma: bool = False) -> float | None:
    """Return a cell as a number: nan for an empty one, None for what is no number.

    Units K, M, B (G) and T, percent signs, powers of ten, and thousands separated by commas, spaces, apostrophes or
    underscores are read; what stands beside a number, as `read_number` names it, is left out.

    Examples
    --------
    >>> number("1.4T"), number("1,400,000"), number("70 M"), number("12.5%")
    (1400000000000.0, 1400000.0, 70000000.0, 0.125)
    >>> number("0.40 ± 0.01"), number("3×10^8"), number("1e9 tokens")
    (0.4, 300000000.0, 1000000000.0)
    >>> number("seven") is None
    True
    """
    return read_number(cell, decimal_comma)[0]


def read_number(cell: Any, decimal_comma: bool = False) -> tuple[float | None, str]:
    """Return a cell as a number, and what beside it was left out ("" for nothing).

    Examples
    --------
    >>> read_number("2.31 [2.29, 2.33]*")
    (2.31, 'intervals and marks')
    >>> read_number("2.31 [2.5, 2.6]")[0] is None  # no interval of it
    True
    """
    if cell is None:
        return math.nan, ""
    if isinstance(cell, bool | int | float | np.bool_ | np.integer | np.floating):
        return float(cell), ""
    text = str(cell).strip()
    if text.lower() in _MISSING:
        return math.nan, ""
    if len(text) > LONGEST:
        return None, ""
    text = re.sub(r"(\s)\s+", r"\1", text)  # of many blanks each could stand at many places of the pattern
    text, about = _bare(text.replace("−", "-"))
    if decimal_comma:
        text = re.sub(r"(?<![\d.,])[+-]?\d[\d.,]*", _with_point, text)
    if re.fullmatch(r"[+-]?inf(inity)?", text, re.IGNORECASE):
        return float(text), ""
    found = _WHOLE.fullmatch(text)
    if found is None or bool(found["open"]) != bool(found["inner"]) or (found["beside"] and found["inner"]):
        return None, ""
    value = _value(found)
    beside = _named(found, value)
    if beside is None:
        return None, ""
    said = [*about, *beside, *(["marks"] if found["mark"] else []), *(["names of units"] if found["word"] else [])]
    return value, " and ".join(said)


def size_in_name(text: str) -> float | None:
    """Return the one size with a unit that a model's name holds; None without one, or with several.

    Examples
    --------
    >>> size_in_name("pythia-1.4b-deduped"), size_in_name("gpt2-xl"), size_in_name("1.4T")
    (1400000000.0, None, None)
    """
    if len(text) > LONGEST or number(text) is not None:
        return None
    found = _SIZE_IN_NAME.findall(text)
    return number(found[0]) if len(found) == 1 else None


def _bare(text: str) -> tuple[str, list[str]]:
    """The text without the dress of Markdown and LaTeX, raised digits as powers, and whether it says "about"."""
    for pattern in (r"\$(.*)\$", r"\*\*(.*)\*\*", r"\\(?:textbf|mathbf|underline)\{(.*)\}", r"\$(.*)\$"):
        inner = re.fullmatch(pattern, text)
        text = inner[1].strip() if inner else text
    text = lowered(text).replace("\\%", "%")
    about = re.fullmatch(r"[~≈∼]\s*(.*)", text)
    return (about[1], ["“about” signs"]) if about else (text, [])


def lowered(text: str) -> str:
    """A text with raised digits behind a ten as a power: 10⁶ as 10^6."""
    return re.sub(r"(?<=10)([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: "^" + m[1].translate(_RAISED), text)


def _with_point(found: re.Match[str]) -> str:
    """A number of a file in which commas part decimals: 1.600,5 and 0,4 as they are read elsewhere."""
    text = found[0]
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", text):
        text = text.replace(".", "")
    return text.replace(",", ".") if re.fullmatch(r"[+-]?\d+,\d+", text) else text


def _value(found: re.Match[str]) -> float:
    power = _FACTOR[(found["unit"] or found["after"] or "").lower().rstrip(".")] + (
        _FLOP[(found["flop"] or "").lower()] if found["flops"] else 0
    )
    power += int(found["power"] or 0)
    if found["base"] == "2":
        try:
            return math.ldexp(10.0**power, int(found["bare"]))
        except OverflowError:
            return math.inf
    if found["bare"]:
        return float(f"1e{int(found['bare']) + power}")
    mantissa, _, exponent = _SEPARATORS.sub("", found["digits"]).lower().partition("e")
    # in decimal, so that 70.3M is the number that 70300000 is
    return float(f"{mantissa}e{int(exponent or 0) + power}") if power else float(f"{mantissa}e{exponent or 0}")


def _named(found: re.Match[str], value: float) -> list[str] | None:
    """What stands behind the number, in words; None where it can be read in two ways."""
    beside = (found["beside"] or "").strip()
    if found["inner"] or beside.startswith(("±", "+", "\\")):
        return ["uncertainties"]
    if not beside:
        return []
    if found["low"]:
        scale = 10.0 ** _FACTOR[(found["unit"] or "").lower().rstrip(".")] if not found["flops"] else 1.0
        low, high = (float(_SEPARATORS.sub("", found[end])) for end in ("low", "high"))
        inside = low <= value <= high or low <= value / scale <= high
        return ["intervals"] if inside else None
    inner = beside.strip("() ")
    if "±" in inner or "+" in inner or "." in inner or "e" in inner.lower():  # 0.40 (0.01)
        return ["uncertainties"] if abs(float(inner.strip("±+/- "))) < abs(value) else None
    gap = found.string[found.start("beside") - 1].isspace()
    return ["uncertainties"] if not gap and "." in (found["digits"] or "") else None  # 0.40(1), never 0.40 (1) or 40(1)
