"""TOML, as text or in files, becomes tables; whatever is wrong with it is said in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from fractalman._files import ordinary_file
from fractalman.config import shown
from fractalman.errors import RecipeError

Source: TypeAlias = str | Path | Mapping[str, Any]
"""Path of a TOML file, TOML text (a str with a newline), or its tables as a dict."""

MAX_TOML_BYTES = 16 << 20
_BOM = b"\xef\xbb\xbf"


def parse_toml(content: str | bytes, where: str = "the text") -> dict[str, Any]:
    """Return the tables of TOML text; RecipeError in one line, naming ``where``, when it is none.

    Parameters
    ----------
    content : str or bytes
        TOML; bytes must be UTF-8 without a byte-order mark.
    where : str
        What messages call it.

    Returns
    -------
    dict
        Its tables.

    Examples
    --------
    >>> parse_toml("[recipe]\\nseed = 1")
    {'recipe': {'seed': 1}}
    """
    if isinstance(content, bytes):
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise RecipeError(f"{where} is UTF-16: expected TOML in UTF-8; save it as UTF-8")
        if content.startswith(_BOM):
            raise RecipeError(f"{where} begins with a byte-order mark: expected TOML; save it as UTF-8 without BOM")
        try:
            content = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RecipeError(f"{where} is not UTF-8 (byte {error.start}): expected TOML; save it as UTF-8") from None
        content = content.replace("\r\n", "\n")
    if content.startswith("\ufeff"):
        raise RecipeError(f"{where} begins with a byte-order mark: expected TOML; save it as UTF-8 without BOM")
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        reason = " ".join(str(error).split())
        raise RecipeError(f"{where} is not valid TOML: {reason[:200]}") from None
    except ValueError:  # Python reads no integer beyond 4300 digits
        raise RecipeError(f"{where} is not valid TOML: it holds a number of too many digits") from None
    except RecursionError:
        raise RecipeError(f"{where} is not valid TOML: lists or tables are nested too deeply") from None


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Parameters
    ----------
    path : str or Path
        An ordinary file in UTF-8, at most 16 MiB.

    Returns
    -------
    dict
        Its tables.

    Raises
    ------
    RecipeError
        In one line: no such file, a folder, a pipe or device, not UTF-8, a byte-order mark, not TOML.
    """
    try:
        found = ordinary_file(path, "a TOML file")
        size = found.stat().st_size
        if size > MAX_TOML_BYTES:
            raise RecipeError(f"{path} has {size} bytes: expected a TOML file of at most {MAX_TOML_BYTES}")
        content = found.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecipeError(reason if str(path) in reason else f"cannot read {path}: {reason}") from None
    return parse_toml(content, str(path))


def tables_of(source: Source, where: str = "the specification") -> tuple[Mapping[str, Any], str]:
    """Return the tables of a TOML file, of TOML text (a str with a newline) or of a dict, and what to call them."""
    if isinstance(source, Mapping):
        return source, where
    if isinstance(source, str) and "\n" in source:
        return parse_toml(source, where), where
    if not isinstance(source, (str, Path)):
        raise RecipeError(f"{where} is {shown(source)}: expected the path of a TOML file, TOML text, or tables")
    return read_toml(source), str(source)
