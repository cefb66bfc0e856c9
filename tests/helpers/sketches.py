"""Figures that are not rendered: a digest of what is drawn in place of the picture, for tests about something else.

Laying a figure out and drawing its letters takes a third of a second; a page has three to nine. Files, folders, tables
and words of a page are the same without it, and pages stay different where what is drawn differs. Every figure is
rendered in a test of its own (tests/report, tests/cli/test_plots.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import pytest
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

BEGINNINGS = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml version='1.0'?><svg><!-- ", "pdf": b"%PDF-1.4 "}


def drawn(figure: Figure) -> str:
    """Return a digest of the lines, points, patches, images and words of a figure."""
    digest = hashlib.sha256()
    for artist in figure.findobj(lambda artist: isinstance(artist, Line2D | Collection | Patch | AxesImage | Text)):
        digest.update(type(artist).__name__.encode())
        if isinstance(artist, Line2D):
            digest.update(np.asarray(artist.get_xydata(), np.float64).tobytes())
            digest.update(f"{artist.get_color()}{artist.get_marker()}{artist.get_label()}".encode())
        elif isinstance(artist, Collection):
            digest.update(np.asarray(artist.get_offsets(), np.float64).tobytes())
            digest.update(np.asarray(artist.get_facecolor(), np.float64).tobytes())
        elif isinstance(artist, Patch):
            digest.update(np.asarray(artist.get_path().vertices, np.float64).tobytes())
        elif isinstance(artist, AxesImage):
            digest.update(np.asarray(artist.get_array(), np.float64).tobytes())
        elif isinstance(artist, Text):
            digest.update(artist.get_text().encode())
    return digest.hexdigest()


def sketch(figure: Figure, stream: IO[bytes], *, format: str, **_: Any) -> None:
    """Stand for `Figure.savefig`."""
    stream.write(BEGINNINGS[format] + drawn(figure).encode() + b" --></svg>\n")


@contextmanager
def sketched() -> Iterator[None]:
    """Render no figure inside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", sketch)
        yield
