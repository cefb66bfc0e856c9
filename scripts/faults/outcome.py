"""What came of one attempt: a command or a call in a process of its own, under a time limit, and one word for it.

``same`` as without the fault · ``refused`` in at most twenty lines · and what must not be: ``silent`` (another result,
and nobody said a word), ``unexpected`` (an error that is none of ours, a crash), ``hung``, ``long`` (more lines).
"""

from __future__ import annotations

import collections
import hashlib
import json
import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BAD = ("silent", "unexpected", "hung", "long")
LIMIT = 75.0
"""Seconds that an attempt on small data may take: more than damaged HDF5 of others is given before it is refused."""


_end = float("inf")


def stop_after(minutes: float) -> None:
    """Let harnesses end in good order after a time."""
    global _end
    _end = time.monotonic() + 60.0 * minutes


def asked_until() -> float:
    """Return the moment at which that time is over; 0 where none was given."""
    return 0.0 if _end == float("inf") else _end


def late() -> bool:
    """Whether that time is over."""
    return time.monotonic() > _end


_chosen: frozenset[str] = frozenset()


def choose(names: Iterable[str]) -> None:
    """Let harnesses try some of their commands alone."""
    global _chosen
    _chosen = frozenset(names)


def wanted(name: str) -> bool:
    """Whether a command is to be tried."""
    return not _chosen or name in _chosen


class Worker:
    """A process that does one attempt after the other; another one takes its place when it dies or hangs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._child = folder, None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def ask(self, kind: str, *words: str, limit: float = LIMIT) -> dict[str, Any]:
        """Return {"status", "out", "err"} of a command line ("cli") or of a function of `readers` ("call")."""
        if self._child is None:
            search = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
            self._child = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("attempt.py"))],
                cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                env={**os.environ, "PYTHONPATH": search, "FRACTALMAN_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        child = self._child
        line = ""
        try:
            child.stdin.write(json.dumps([kind, *words]) + "\n")
            child.stdin.flush()
            with selectors.DefaultSelector() as waiting:
                waiting.register(child.stdout, selectors.EVENT_READ)
                if not waiting.select(limit):
                    self._end()
                    return {"status": "hung", "out": "", "err": f"no answer in {limit:.0f} s"}
            line = child.stdout.readline()
        except OSError:
            pass
        if not line:
            status = child.wait()
            self._end()
            return {"status": "died", "out": "", "err": f"the process ended with status {status}"}
        return dict(json.loads(line))


def word(answer: dict[str, Any], intact: str | None) -> str:
    """Return the word for an answer; ``intact`` is what comes out without the fault, None = anything may."""
    if answer["status"] == "hung":
        return "hung"
    if answer["status"] == "died" or "unexpected" in answer["err"] or "Traceback" in answer["err"]:
        return "unexpected"
    if answer["status"] == 0:
        return "same" if intact is None or answer["out"] == intact else "silent"
    return "refused" if len(answer["err"].splitlines()) <= 20 and len(answer["err"]) < 20_000 else "long"


def digest(*parts: Any) -> str:
    """Return a hash of arrays, bytes and texts."""
    out = hashlib.blake2b(digest_size=12)
    for part in parts:
        out.update(
            part if isinstance(part, bytes) else part.tobytes() if hasattr(part, "tobytes") else str(part).encode()
        )
        out.update(b"|")
    return out.hexdigest()


def without_places(said: str) -> str:
    """Return what was said without folders and addresses of this machine, which say nothing to a reader."""
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", re.sub(r"(?<![\w.])/(?:[^/\s\"',:;)]+/)+", "…/", said))


@dataclass
class Tally:
    """How many attempts of each group came to which end, and the bad ones in words."""

    title: str
    counts: dict[str, collections.Counter[str]] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)

    def add(self, group: str, found: str, said: str = "") -> None:
        """Note one attempt."""
        self.counts.setdefault(group, collections.Counter())[found] += 1
        if found in BAD:
            self.bad.append(f"{group}: {found}: {' '.join(without_places(said).split())[:300]}")
            print(self.bad[-1], file=sys.stderr, flush=True)

    @property
    def tried(self) -> int:
        """Attempts in all."""
        return sum(sum(count.values()) for count in self.counts.values())

    def table(self) -> str:
        """Return the table as Markdown, one row a group, bad attempts named below it."""
        words = sorted({found for count in self.counts.values() for found in count}, key=lambda w: (w in BAD, w))
        rows: Iterable[Sequence[Any]] = (
            (group, sum(count.values()), *(count[one] or "" for one in words)) for group, count in self.counts.items()
        )
        bad = sum(count[one] for count in self.counts.values() for one in BAD)
        lines = [f"## {self.title}", "", f"{self.tried} tried, {bad} bad.", ""]
        lines += [f"| | tried | {' | '.join(words)} |", f"|---|{'---|' * (len(words) + 1)}"]
        lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
        return "\n".join([*lines, "", *(f"- {line}" for line in self.bad), ""]).rstrip() + "\n"
