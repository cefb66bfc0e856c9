"""fractalman report: write the report of finished runs again from their journals."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, print_json
from fractalman.cli.options import command

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "write the report of finished runs again from their journals"
    parser = command(commands, "report", run, about, "report run", "report run-a run-b -o both")
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="+", help="folders of confirm runs, or a folder of such folders"
    )
    parser.add_argument("-o", "--output", metavar="FOLDER", help="where to (default: the folder, where it is one)")


def run(options: argparse.Namespace) -> int:
    """Write the report and print where it is."""
    from fractalman.rebuilt_reports import rebuild_report

    path = rebuild_report(*options.folder, out=options.output)
    if options.json:
        print_json({"report": str(path)})
    else:
        print(f"report: {path}")
    return DONE
