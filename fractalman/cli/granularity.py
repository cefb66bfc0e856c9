"""The command granularity: run the study, write its page, print its spectrum."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fractalman.cli.common import DONE, Progress, is_file, print_json


def granularity(options: argparse.Namespace) -> int:
    from fractalman.catalogue.studies import study_text
    from fractalman.report import require_plots
    from fractalman.report.granularity import granularity_lines, write_granularity
    from fractalman.studies.granularity_result import run_granularity

    spec: Any = Path(options.spec) if is_file(options.spec) else study_text(options.spec)
    require_plots()
    with Progress() as progress:
        result = run_granularity(
            spec,
            options.output,
            force=options.force,
            progress=progress,
            jobs=options.jobs,
            scheduler=options.scheduler,
            slurm=options.slurm,
            shard=options.shard,
        )
    if result.missing:
        i, n = options.shard
        if options.json:
            print_json({"shard": i, "of": n, "missing": result.missing})
        else:
            print(f"shard {i} of {n} is done; {result.missing} pieces of the others are missing, so there is no report")
        return DONE
    page = write_granularity(result, options.output)
    if options.json:
        print_json(result.to_dict())
    else:
        print("\n".join([*granularity_lines(result), "", f"report: {page}"]))
    return DONE
