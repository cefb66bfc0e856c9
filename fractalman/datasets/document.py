"""The text of datasets/FORMAT.md, made from the column table; ``python -m fractalman.datasets.spec`` prints it."""

from __future__ import annotations

from fractalman.datasets.seal import DIGEST, Seal
from fractalman.datasets.spec import (
    CERTIFICATE,
    CHUNK_BYTES,
    COLUMNS,
    COMPRESSIONS,
    DIMENSIONS,
    FORMAT_NAME,
    GROUPS,
    MAJOR,
    MINOR,
    RULES,
    SEAL_BYTES,
    SHARDS,
)


def format_document() -> str:
    """Return the text of datasets/FORMAT.md."""
    dimensions = "\n".join(f"| {name} | {meaning} | {low} |" for name, (meaning, low) in DIMENSIONS.items())
    columns = "\n".join(
        f"| `{c.path}` | `{c.dtype}` | ({', '.join(map(str, c.shape))}{',' if len(c.shape) == 1 else ''}) | {c.unit} "
        f"| {c.group} | {'; '.join(check.statement for check in c.checks)} | {c.meaning} |"
        for c in COLUMNS
    )
    groups = "\n".join(f"- **{name}**: {text}" for name, text in GROUPS.items())
    rules = "\n".join(f"- `{rule.name}` ({rule.path}): {rule.statement}" for rule in RULES)
    compressions = "\n".join(f"- `{name}`: {text};" for name, text in COMPRESSIONS.items())
    seal = Seal(12345, "0123456789abcdef" * 4).to_bytes().decode("ascii").rstrip()
    return f"""# The dataset file, format {MAJOR}.{MINOR}

Generated from `fractalman/datasets/spec.py` by `python -m fractalman.datasets.spec`; a test compares the two.
MUST and MAY are meant as in RFC 2119.

A dataset is one file: {SEAL_BYTES} bytes of text (the seal), then HDF5 (file format of HDF5 1.10, for which those bytes
are its user block). Nothing in the file depends on time, host or path: the same columns, recipe, compression and
package versions give the same bytes (HDF5 built with another zlib packs integers otherwise: the same content, told by
the provenance's digests, in other bytes). All numbers are little-endian.

The root group MUST carry four scalar attributes: `format` (fixed-length ASCII, `{FORMAT_NAME}`), `major` and `minor`
(int64), and `complete` (int64, 1; set last). Attributes hold scalars only.
A reader MUST refuse a file with another `major`, with `complete` other than 1, without its provenance, or whose length
is not the seal's. A reader MUST read a file with a higher `minor` and MAY ignore what it does not know.

## Seal

```
{seal}
```

padded with blanks to {SEAL_BYTES} bytes, the last a line feed: the format, the number of bytes behind the seal, and
their {DIGEST.upper()}. Only these three vary. It is written when everything behind it is final; until then the
{SEAL_BYTES} bytes are 0. `verify` compares it with the file before the HDF5 library reads a byte. A later minor version
MUST keep this text.

## Dimensions

| name | meaning | at least |
|---|---|---|
{dimensions}

Their sizes are those of the columns; the provenance records every column's shape. In place of HDF5's dimension scales,
which are lists of references, every column MUST carry the scalar attributes `dimensions` (the names of its axes as in
the next table, e.g. `n, d`) and `unit`, and MAY carry `meaning` (fixed-length UTF-8 all three).

## Columns

| path | type | shape | unit | group | every element (writer, verify) | meaning |
|---|---|---|---|---|---|---|
{columns}

{groups}

Presence, types and shapes are checked when a file is opened; elements, attributes and checksums by `verify`.

## Storage

Every non-empty column is chunked in whole rows (fractalman: at most {CHUNK_BYTES // 1024} KiB, or one row), all chunks
MUST be there, and it MUST carry HDF5's `fletcher32` checksum. Empty columns (no edges) have no chunks. The provenance
names the compression:

{compressions}

and every column's filters stand in the HDF5 file itself.

## Columns together (checked by `verify`)

{rules}

## Provenance

`{CERTIFICATE}`: one fixed-length ASCII string, shape (1,), with a fletcher32 checksum, holding JSON with sorted keys:

- `format`: [major, minor];
- `recipe`: the recipe's family and keywords, from which the file can be rebuilt;
- `stream_version`: version of the random streams;
- `versions`: of fractalman, numpy, numba, llvmlite, scipy, h5py and HDF5 (and hdf5plugin where it was used), as they
  were when the file was written;
- `compression`: how the columns are stored, a name above;
- `columns`: per column its `dtype`, `shape` and `digest`, the BLAKE2b-256 of its little-endian row-major bytes;
- `content`: BLAKE2b-256 of the JSON (sorted keys, no blanks) of `recipe`, `stream_version` and `columns`: two files
  with the same `content` hold the same data.

## Shards

A dataset MAY lie in several files: shards of consecutive rows, and a *master*, which is a dataset file as described
here but for its columns over the points: those are HDF5 virtual datasets, one source per shard, without chunks and
checksum of their own. `{SHARDS}` is then there, one fixed-length ASCII string, shape (1,), with a fletcher32 checksum,
holding JSON: `shards`, a list in the order of the rows with, per shard, `file` (its path relative to the master's
folder), `rows`, `bytes` of the file, `content` of its provenance, and `columns`: per column the digest of its rows.
A reader MUST refuse rows of a shard that is missing or has another content: HDF5 itself would read fill values (NaN and
−1 here) without a word. The provenance is that of the whole, with the digests and `content` of the same columns in one
file. A shard is a dataset file whose recipe has `family` "shard", its `number` (from 1) of `count`, `first_row`, its
own `n_points` and `ambient_dim`, and the whole's recipe in `of`. The master is written last.

## Publication

A file is written beside its target as `.NAME.<hex>.partial`, sealed, flushed to disk, and renamed. A name that does not
end in `.partial` therefore never holds half a file; a `.partial` file belongs to a run that still writes or that died,
and MAY be deleted when no run does.
"""
