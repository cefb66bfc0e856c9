"""A folder that Hugging Face's package reads with ``datasets.load_from_disk``, with a data card; pyarrow writes it.

``FOLDER`` is the dataset of the points, ``FOLDER/nodes`` that of the hierarchy's nodes, ``FOLDER/edges`` that of the
graph: each has Arrow streams, dataset_info.json and state.json. ``FOLDER/README.md`` is the card, made from the
provenance. (``datasets.load_dataset`` refuses folders of this kind by design; ``push_to_hub`` takes what was loaded.)
Arrow has no checksums: ``FOLDER/SHA256SUMS`` names every file with its digest, as ``sha256sum -c SHA256SUMS`` reads it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fractalman._extras import load_extra
from fractalman._files import write_whole
from fractalman.datasets.exchange.card import data_card
from fractalman.datasets.exchange.source import ExportSource
from fractalman.datasets.exchange.tables import other_tables, point_batches
from fractalman.datasets.exchange.together import folder_whole
from fractalman.progress import Progress, ignored

FILE_BYTES = 500 << 20
"""About so many bytes of rows are one Arrow file, the package's own habit."""


def write_huggingface(
    source: ExportSource, path: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> None:
    """Write a dataset as such a folder.

    Parameters
    ----------
    source : ExportSource
        A dataset.
    path : Path
        A folder.
    overwrite : bool, default False
        Replace a folder of this layout; any other is left alone.
    progress : Progress or None, default None
        Called as progress(what, bytes done, bytes in all).

    Raises
    ------
    MissingExtraError
        Without pyarrow.
    FileExistsError, …
        Where something lies at the target.
    """
    arrow = load_extra("pyarrow", "the layout huggingface")
    ipc = load_extra("pyarrow.ipc", "the layout huggingface")
    report = progress or ignored
    story = source.story()
    schema, batches = point_batches(arrow, source, {})
    others = other_tables(arrow, source, {})
    with folder_whole(path, "state.json", overwrite) as folder:
        for name, table in others.items():
            (folder / name).mkdir()
            _write(ipc, folder / name, table.schema, table.to_batches(), story, f"{name} of a fractal dataset", ignored)
        total = int(source.columns["X"].nbytes)

        def counted(what: str, rows: int, _: int) -> None:
            report(what, 4 * source.n_columns * rows, total)

        _write(ipc, folder, schema, batches, story, "points of a fractal dataset", counted)
        write_whole(folder / "README.md", data_card(source, story, schema.names, list(others)))
        files = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
        sums = "".join(f"{_sha256(folder / name)}  {name.as_posix()}\n" for name in files)
        write_whole(folder / "SHA256SUMS", sums)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(
    ipc: Any, folder: Path, schema: Any, batches: Iterable[Any], story: dict[str, Any], what: str, progress: Progress
) -> None:
    """Write one dataset: its Arrow streams, then the two files that name them."""
    parts: list[Path] = []
    writer, size, rows = None, 0, 0
    try:
        for batch in batches:
            if writer is None or size >= FILE_BYTES:
                if writer is not None:
                    writer.close()
                parts.append(folder / f"part-{len(parts)}.arrow")
                writer, size = ipc.new_stream(str(parts[-1]), schema), 0
            writer.write_batch(batch)
            size, rows = size + batch.nbytes, rows + batch.num_rows
            progress(what.partition(" ")[0], rows, rows)
        if writer is None:  # a table without rows has its columns
            parts.append(folder / "part-0.arrow")
            writer = ipc.new_stream(str(parts[0]), schema)
    finally:
        if writer is not None:
            writer.close()
    names = [f"data-{i:05d}-of-{len(parts):05d}.arrow" for i in range(len(parts))]
    for part, name in zip(parts, names, strict=True):
        part.rename(folder / name)
    print_of = hashlib.blake2b(json.dumps([story, what], sort_keys=True).encode("ascii"), digest_size=8).hexdigest()
    info = {
        "description": f"{what}; fractalman {story['versions']['fractalman']}",
        "citation": "",
        "homepage": "",
        "license": "",
    }
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": print_of,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    write_whole(folder / "dataset_info.json", json.dumps(info, indent=2))
    write_whole(folder / "state.json", json.dumps(state, indent=2))
