"""Results on disk: a line for every finished check, written at once; a killed run loses what was running, no more."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEPT_SCORES = 400  # of a check's scores as many order statistics, at the quantiles (i + ½)/400


def code_digest(root: Path = ROOT) -> str:
    """A digest of the package and the checks: a result holds for the code that made it."""
    out = hashlib.blake2b(digest_size=8)
    for folder in ("fractalman", "scripts/_long_tier"):
        for path in sorted((root / folder).rglob("*.py")):
            out.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return out.hexdigest()


def thinned(scores: list[float]) -> list[float]:
    """Sorted scores, at most 400 of them at even quantiles."""
    ordered = sorted(scores)
    if len(ordered) <= KEPT_SCORES:
        return ordered
    return [ordered[int((i + 0.5) * len(ordered) / KEPT_SCORES)] for i in range(KEPT_SCORES)]


class Journal:
    """The finished checks of a folder.

    Args:
        path: of the file, one JSON object a line; made when it is missing.
        code: digest of the code that runs now. scale: share of the draws.
    """

    def __init__(self, path: Path, code: str, scale: float) -> None:
        self.path, self.code, self.scale = path, code, scale
        self.others = 0  # results of other code or another scale, which stay in the file and count for nothing
        self.results: dict[str, dict[str, Any]] = {}
        if not path.exists():
            return
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            try:
                result = json.loads(line)
            except ValueError:  # the line that a killed run was writing
                continue
            if result["code"] == code and result["scale"] == scale:
                self.results[result["name"]] = result
            else:
                self.others += 1
        if text and not text.endswith("\n"):
            self._append("\n")

    def add(self, result: dict[str, Any]) -> None:
        """Keep a result, on disk before this returns."""
        kept = {**result, "code": self.code, "scale": self.scale}
        self.results[str(result["name"])] = kept
        self._append(json.dumps(kept) + "\n")

    def _append(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
