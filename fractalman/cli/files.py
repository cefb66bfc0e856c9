"""The commands on datasets and their files: generate, list, info, verify, rebuild, export."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from pathlib import Path
from typing import Any

from fractalman.cli.common import DONE, NO, Progress, existing_file, is_file, print_json, read_recipe
from fractalman.cli.shards import check_shard_options, generate_shard, generate_shards


def generate(options: argparse.Namespace) -> int:
    from fractalman.generation import write

    recipe = read_recipe(options.recipe)
    check_shard_options(options)
    with Progress() as progress:
        if options.shard:
            table, line = generate_shard(options, recipe, progress.column)
            print_json(table) if options.json else print(line)
            return DONE
        if options.shards:
            path = generate_shards(options, recipe, progress.column)
        else:
            path = write(
                recipe,
                options.output,
                hierarchy=not options.no_hierarchy,
                overwrite=options.force,
                progress=progress.column,
                compression=options.compression,
            )
    return _written(options, path, None if is_file(options.recipe) else options.recipe)


def rebuild(options: argparse.Namespace) -> int:
    from fractalman.generation import rebuild

    with Progress() as progress:
        source = existing_file(options.file)
        path = rebuild(source, options.output, overwrite=options.force, progress=progress.column)
    return _written(options, path)


def export(options: argparse.Namespace) -> int:
    from fractalman.datasets import export_anndata

    with Progress() as progress:
        path = export_anndata(
            existing_file(options.file),
            options.output,
            latents=options.latents,
            overwrite=options.force,
            progress=progress.column,
        )
    return _written(options, path)


def _written(options: argparse.Namespace, path: Path, name: str | None = None) -> int:
    """Say what was written and, of a catalogue name, whether it is what the catalogue says.

    If it is not, the answer is no (whoever cites a name means one dataset), but the file is a good one and stays: its
    certificate says what it holds, and it took its time.
    """
    from fractalman.datasets.shards import stored_bytes

    table: dict[str, Any] = {"file": str(path), "bytes": stored_bytes(path)}
    lines, reproduced = [f"{path} written, {table['bytes']:,} bytes"], None
    if name is not None:
        from fractalman.catalogue.digests import reproduction
        from fractalman.datasets import open_file

        with open_file(path) as file:
            held = file.certificate
            has_hierarchy = "hierarchy/parent" in file.columns or not file.recipe.has_hierarchy
        found = reproduction(name, held.content, has_hierarchy, held.stream_version, held.versions)
        reproduced = found.reproduced
        table |= {"content": found.found, "catalogue_content": found.expected, "reproduced": reproduced}
        lines.append(f"{name}: {found.words}")
    if options.json:
        print_json(table)
    else:
        print("\n".join(lines))
    return NO if reproduced is False else DONE


def list_catalogue(options: argparse.Namespace) -> int:
    from fractalman.catalogue.listing import catalogue_rows, exponent_words, size_words
    from fractalman.catalogue.studies import STUDIES, study_names
    from fractalman.report import text_table

    rows = catalogue_rows()
    if options.json:
        print_json(rows)
    else:
        header = ("name", "points", "d", "size", "n exponent", "P exponent")
        cells = [
            [row["name"], f"{row['points']:,}", str(row["dimensions"]), size_words(row["bytes"]), *exponent_words(row)]
            for row in rows
        ]
        lines = text_table(header, cells)
        groups: dict[str, list[str]] = {}
        for row, line in zip(rows, lines[1:], strict=True):
            groups.setdefault(row["purpose"], []).append(line)
        width = min(100, shutil.get_terminal_size().columns)
        print(lines[0])
        for purpose, group in groups.items():
            print("\n" + textwrap.fill(purpose, width, initial_indent="# ", subsequent_indent="# "), *group, sep="\n")
        print(
            "\nLoss of the nearest neighbour ~ n^-exponent, of the best P piecewise-constant cells ~ P^-exponent;"
            "\n— where no power law is known. To make one: fractalman generate NAME -o FILE"
        )
        print(f"\nStudies, to run with fractalman {'|'.join(STUDIES)} NAME -o FOLDER:")
        print(textwrap.fill(", ".join(study_names()), width, initial_indent="  ", subsequent_indent="  ",
                            break_on_hyphens=False))  # fmt: skip
    return DONE


def info(options: argparse.Namespace) -> int:
    from fractalman.datasets import open_file
    from fractalman.generation import population
    from fractalman.random.streams import STREAM_VERSION
    from fractalman.report import lines_of, text_table

    with open_file(existing_file(options.file)) as file:
        info = file.info()
        if file.certificate.stream_version == STREAM_VERSION:  # what the recipe says about its clusters
            info |= {"population": found} if (found := population(file.recipe)) else {}
    if options.json:
        print_json(info)
    else:
        columns, ratio = info.pop("columns"), info.pop("ratio")
        print("\n".join(lines_of(info)))
        header = ("column", "type", "shape", "bytes", "stored", "how")
        cells = [
            [name, column["dtype"], " × ".join(map(str, column["shape"])), f"{column['bytes']:,}",
             f"{column['stored_bytes']:,}", ", ".join(column["filters"]) or "as it is"]
            for name, column in columns.items()
        ]  # fmt: skip
        print(f"columns, packed {ratio:.3g} times (--json for their digests)")
        print("\n".join(f"  {line}" for line in text_table(header, cells)))
    return DONE


def verify(options: argparse.Namespace) -> int:
    from fractalman.datasets import verify_file

    path = existing_file(options.file)
    with Progress() as progress:
        problems = verify_file(
            path, progress=lambda what, done, total: progress(f"checking {what}: {done / max(1, total):.0%}")
        )
    if options.json:
        print_json({"file": str(path), "intact": not problems, "problems": problems})
    else:
        for problem in problems:
            print(f"{problem.path}: {problem.message}")
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        print(f"{path} is intact" if not problems else f"{path} is not intact: {count}")
    return DONE if not problems else NO
