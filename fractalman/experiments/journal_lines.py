"""The lines of a journal: JSON objects that end in a checksum, so that no changed digit is taken for a measurement.

A line's last key is ``"check"``, the BLAKE2b-64 of everything before it, keyed with the digest of the run: a line that
was altered, or that belongs to another run, does not fit. The first line, which says which run this is, has no key.
Journals of format 1 were written without; their lines are read as they are, and a line that has a checksum is held
against it whatever the journal says of itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_CHECKED = re.compile(rb'(.*),"check":"([0-9a-f]{16})"\}', re.DOTALL)


class DamagedLineError(ValueError):
    """A line that is not what was written; the text says how that was seen."""


def encoded(values: Mapping[str, Any], key: str = "") -> bytes:
    """Return an object as one line of JSON that ends in its checksum and a line feed.

    Parameters
    ----------
    values : mapping
        Not empty, without a key "check"; no number in it may be nan or infinite.
    key : str
        Digest of the run, "" for the line that states it.

    Examples
    --------
    >>> encoded({"n": 3}, "run")
    b'{"n":3,"check":"4aa9e35a8f828264"}\\n'
    """
    content = json.dumps(values, allow_nan=False, separators=(",", ":")).encode()[:-1]
    return content + b',"check":"' + _check(content, key).encode() + b'"}\n'


def decoded(line: bytes, key: str = "", *, needed: bool) -> dict[str, Any]:
    """Return the object of one line without its checksum.

    Parameters
    ----------
    line : bytes
        With or without its line feed.
    key : str
        As for `encoded`.
    needed : bool
        Whether a line without a checksum is damaged.

    Raises
    ------
    DamagedLineError
        When it is not what was written.
    """
    found = _CHECKED.fullmatch(line.rstrip(b"\r\n"))
    if found is None and needed:
        raise DamagedLineError("it does not end in a checksum")
    if found is not None and _check(found[1], key) != found[2].decode():
        raise DamagedLineError("its checksum is not that of its content")
    try:
        values = json.loads(line if found is None else found[1] + b"}")
    except (ValueError, RecursionError):
        raise DamagedLineError("it is no JSON") from None
    if not isinstance(values, dict):
        raise DamagedLineError("it is no JSON object")
    return values


def _check(content: bytes, key: str) -> str:
    return hashlib.blake2b(content, digest_size=8, key=key.encode()[:64]).hexdigest()
