#!/usr/bin/env python3
"""Types what README.md says, block by block, in order, as printed; stops where something fails or prints otherwise.

    cd CLONE && python scripts/readme.py

A block of `sh` goes to bash, one of `python` to the Python that is first in PATH, after those that stand before it; a
block of `text` is what the one above it must print. Installing is typed as well: put the folder of an environment that
may be changed first in PATH.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A block to be typed, and what it prints; None = whatever it prints."""

    language: str
    code: str
    printed: str | None


def steps(text: str) -> Iterator[Step]:
    """Yield the blocks of a page that can be typed."""
    found = [(match[1], match[2]) for match in BLOCK.finditer(text)]
    for (language, code), (after, printed) in zip(found, [*found[1:], ("", "")], strict=True):
        if language in ("sh", "python"):
            yield Step(language, code, printed if after == "text" else None)
        elif language != "text":
            raise SystemExit(f"README.md has a block of {language!r}: expected sh, python or text")


def typed(step: Step, before: str) -> str:
    """Run a step and return what it printed; its error ends the run with its status."""
    command = (
        ["bash", "-euo", "pipefail", "-c", step.code] if step.language == "sh" else ["python", "-c", before + step.code]
    )
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nexit status {done.returncode} of:\n{step.code}")
    return done.stdout


def main() -> None:
    """Type every block; nothing is typed where there are arguments, for it installs into the environment in PATH."""
    argparse.ArgumentParser(
        description="Type README.md block by block, as printed.",
        epilog="It installs this clone into the environment whose pip is first in PATH: use one that may be changed.",
    ).parse_args()
    before = ""
    for step in steps(Path("README.md").read_text(encoding="utf-8")):
        print(f"$ {step.code.rstrip()}", flush=True)
        said = typed(
            step, f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    exec({before!r})\n"
        )
        print(said, end="", flush=True)
        if step.printed is not None and said != step.printed:
            raise SystemExit(f"expected, as README.md prints it:\n{step.printed}")
        before += step.code if step.language == "python" else ""


if __name__ == "__main__":
    sys.exit(main())
