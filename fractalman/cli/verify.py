"""fractalman verify: whether every column of a file is what its provenance says."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, NO, existing_file, print_json
from fractalman.cli.options import FILE, command
from fractalman.progress import StatusLine

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "check every column of a file against the digests in its provenance"
    parser = command(commands, "verify", run, about, "verify cluster.h5")
    parser.add_argument("file", metavar="FILE", help=FILE)


def run(options: argparse.Namespace) -> int:
    """Print every problem; the answer is no if there is one."""
    from fractalman.datasets import verify_file

    path = existing_file(options.file)
    with StatusLine() as progress:
        problems = verify_file(
            path, progress=lambda what, done, total: progress(f"checking {what}: {done / max(1, total):.0%}")
        )
    if options.json:
        print_json({"file": str(path), "intact": not problems, "problems": problems})
    else:
        for problem in problems:
            print(problem.message if problem.path == "/" else f"{problem.path}: {problem.message}")
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        print(f"{path} is intact" if not problems else f"{path} is not intact: {count}")
    return DONE if not problems else NO
