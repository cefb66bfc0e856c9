"""Every error that fractalman raises on purpose: one line that says what was found, what is expected, what to use."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CorruptFileError",
    "FileFormatError",
    "FitError",
    "FractalmanError",
    "IncompleteFileError",
    "LeftoverWarning",
    "MissingExtraError",
    "RecipeError",
    "ResourceError",
    "TooNewError",
    "TooOldError",
    "nearest",
]


class FractalmanError(Exception):
    """Base class: the request could not be met, and the message says why in one line."""


class RecipeError(FractalmanError, ValueError):
    """A recipe, specification or argument that cannot be: the message names the key and what is expected."""


class ResourceError(FractalmanError):
    """The work would not fit: the message names the bytes needed, the limit and the alternative."""


class MissingExtraError(FractalmanError, ImportError):
    """An optional dependency is absent: the message names the command that installs it."""


class FitError(FractalmanError, ValueError):
    """A fit that the data cannot support."""


class FileFormatError(FractalmanError):
    """A file that is not an intact fractalman file."""


class TooNewError(FileFormatError):
    """The file's major format version is newer than this package reads."""


class TooOldError(FileFormatError):
    """The file's major format version is older than this package reads."""


class IncompleteFileError(FileFormatError):
    """The file was never finished."""


class CorruptFileError(FileFormatError):
    """The file contradicts its own contract."""


class LeftoverWarning(UserWarning):
    """A killed run has left a partial file beside a target: the message names it and the command that removes it."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the allowed word closest to ``word``, or "" when none is close."""
    spelt = {name.lower(): name for name in allowed}
    close = difflib.get_close_matches(word.lower(), list(spelt), n=1, cutoff=0.5)
    return f"; did you mean {spelt[close[0]]!r}?" if close else ""
