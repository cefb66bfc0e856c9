"""What every catalogue entry must hold: the digest table that ships with the package, made by scripts/catalogue.py."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from typing import TYPE_CHECKING

from fractalman.display import Display
from fractalman.random.keys import STREAM_VERSION

if TYPE_CHECKING:
    from fractalman.recipes import Recipe

TABLE = "digests.csv"


@dataclass(frozen=True)
class Listed(Display):
    """What one entry holds.

    Attributes
    ----------
    name : str
        Of the entry.
    points : int
        Number of points.
    columns : int
        Coordinates of a point.
    bytes : int
        Of all columns as they are in memory.
    content : str
        The content digest of its file (BLAKE2b-256 of recipe, stream version and columns, hexadecimal).
    content_without_hierarchy : str
        Of its file written without the hierarchy.
    stream_version : int
        Of the random streams it was drawn from.
    fractalman : str
        Version that computed the digests.
    recipe : str
        `recipe_mark` of the recipe they belong to.
    """

    name: str
    points: int
    columns: int
    bytes: int
    content: str
    content_without_hierarchy: str
    stream_version: int
    fractalman: str
    recipe: str

    def expected(self, hierarchy: bool) -> str:
        """Return the content digest of a file with or without the hierarchy."""
        return self.content if hierarchy else self.content_without_hierarchy


def recipe_mark(recipe: Recipe) -> str:
    """Return 16 hexadecimal digits that change with the recipe or the random streams."""
    text = json.dumps({"recipe": recipe.to_dict(), "stream_version": STREAM_VERSION}, sort_keys=True)
    return hashlib.blake2b(text.encode("ascii"), digest_size=8).hexdigest()


def listed_digests() -> dict[str, Listed]:
    """Return the digest table, name → what it holds; an entry without a digest is not in it."""
    table = files("fractalman.catalogue") / TABLE
    return digests_from_csv(table.read_text(encoding="ascii")) if table.is_file() else {}


def digests_from_csv(text: str) -> dict[str, Listed]:
    """Return the rows of a digest table."""
    numbers = {field.name for field in fields(Listed) if field.type == "int"}
    rows = csv.DictReader(io.StringIO(text))
    return {r["name"]: Listed(**{k: int(v) if k in numbers else v for k, v in r.items()}) for r in rows}  # type: ignore[arg-type]


def digests_to_csv(rows: Iterable[Listed]) -> str:
    """Return a digest table as text."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [field.name for field in fields(Listed)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return stream.getvalue()


@dataclass(frozen=True)
class Reproduction(Display):
    """Whether a file made from a catalogue entry holds what the catalogue says.

    Attributes
    ----------
    reproduced : bool or None
        True or False; None where the catalogue has no digest of the entry.
    found : str
        Content digests, the latter None where there is none.
    expected : str or None
        Content digests, the latter None where there is none.
    words : str
        The answer in one line, with both digests and versions where they differ.
    """

    reproduced: bool | None
    found: str
    expected: str | None
    words: str


def reproduction(
    name: str, content: str, hierarchy: bool, stream_version: int, versions: Mapping[str, str]
) -> Reproduction:
    """Compare a file's content digest with the catalogue's.

    Parameters
    ----------
    name : str
        Of the entry.
    content : str
        The file's digest.
    hierarchy : bool
        Whether the file holds one.
    stream_version : int
        Of the file's provenance.
    versions : mapping of str to str
        Of the file's provenance.
    """
    row = listed_digests().get(name)
    if row is None:
        return Reproduction(None, content, None, f"content {content}; the catalogue has no digest of {name}")
    expected = row.expected(hierarchy)
    if content == expected:
        return Reproduction(True, content, expected, f"content {content}, as in the catalogue")
    mine = ", ".join(f"{package} {version}" for package, version in versions.items())
    return Reproduction(
        False,
        content,
        expected,
        f"content {content} is not that of the catalogue, {expected}: made here with streams {stream_version}, {mine}; "
        f"there with streams {row.stream_version}, fractalman {row.fractalman}",
    )
