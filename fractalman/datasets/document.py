"""The text of datasets/FORMAT.md, made from the column table; ``python -m fractalman.datasets.document`` prints it."""

from __future__ import annotations

from fractalman.datasets.header import DIGEST, Header
from fractalman.datasets.spec import (
    BLOCK_BYTES,
    COLUMNS,
    COMPRESSIONS,
    DIGESTS,
    DIMENSIONS,
    EVEN_BLOCKS,
    FORMAT_NAME,
    GROUPS,
    HEADER_BYTES,
    MAJOR,
    MINOR,
    PROVENANCE,
    RULES,
    SHARDS,
)


def _preamble() -> str:
    return f"""# The dataset file, format {MAJOR}.{MINOR}

Generated from `fractalman/datasets/spec.py` by `python -m fractalman.datasets.document`; a test compares the two.
MUST and MAY are meant as in RFC 2119.

A dataset is one file: {HEADER_BYTES} bytes of text (the header), then HDF5 (file format of HDF5 1.10, for which those
bytes are its user block). Nothing in the file depends on time, host or path: the same columns, recipe, compression and
package versions give the same bytes (another zlib packs integers otherwise: the same content, told by the provenance's
digests, in other bytes; its version is among those of the provenance). All numbers are little-endian.

The root group MUST carry four scalar attributes: `format` (fixed-length ASCII, `{FORMAT_NAME}`), `major` and `minor`
(int64), and `complete` (int64, 1; set last). Attributes hold scalars only.
A reader MUST refuse a file with another `major`, with `complete` other than 1, without its provenance, or whose length
is not the header's. A reader MUST read a file with a higher `minor` and MAY ignore what it does not know.
"""


def _header() -> str:
    header = Header(12345, "0123456789abcdef" * 2).to_bytes().decode("ascii").rstrip()
    return f"""## Header

```
{header}
```

padded with blanks to {HEADER_BYTES} bytes, the last a line feed: the format, the number of bytes behind the header, and
their {DIGEST.upper()} (XXH3 with 128 bits, seed 0, as `xxh128sum` prints it). Only these three vary. It is written
when everything behind it is final; until then the
{HEADER_BYTES} bytes are 0. `verify` compares it with the file before the HDF5 library reads a byte. A later minor
version MUST keep this text.
"""


def _dimensions() -> str:
    dimensions = "\n".join(f"| {name} | {meaning} | {low} |" for name, (meaning, low) in DIMENSIONS.items())
    return f"""## Dimensions

| name | meaning | at least |
|---|---|---|
{dimensions}

Their sizes are those of the columns; the provenance records every column's shape. In place of HDF5's dimension scales,
which are lists of references, every column MUST carry the scalar attributes `dimensions` (the names of its axes as in
the next table, e.g. `n, d`) and `unit`, and MAY carry `meaning` (fixed-length UTF-8 all three).
"""


def _columns() -> str:
    columns = "\n".join(
        f"| `{c.path}` | `{c.dtype}` | ({', '.join(map(str, c.shape))}{',' if len(c.shape) == 1 else ''}) | {c.unit} "
        f"| {c.group} | {'; '.join(check.statement for check in c.checks)} | {c.meaning} |"
        for c in COLUMNS
    )
    groups = "\n".join(f"- **{name}**: {text}" for name, text in GROUPS.items())
    return f"""## Columns

| path | type | shape | unit | group | every element (writer, verify) | meaning |
|---|---|---|---|---|---|---|
{columns}

{groups}

Presence, types and shapes are checked when a file is opened; blocks when they are read; elements and attributes by
`verify`.
"""


def _storage() -> str:
    compressions = "\n".join(f"- `{name}`: {text};" for name, text in COMPRESSIONS.items())
    return f"""## Storage, blocks and their digests

A column is cut into *blocks* of consecutive whole rows. Let `most` be {BLOCK_BYTES} bytes divided by the bytes of a
row, rounded down, at least 1, and `blocks` the rows divided by `most`, rounded up. A block has `most` rows where there
are more than {EVEN_BLOCKS} blocks, and else rows / `blocks`, rounded up; the last one has what is left.

Every non-empty column MUST be chunked in HDF5, one chunk a block, and all chunks MUST be there. Empty columns (no
edges) have no chunks. The provenance names the compression:

{compressions}

and every column's filters stand in the HDF5 file itself.

`{DIGESTS}/<column>` is a (blocks, 16) uint8 table: row k is the XXH3-128 (seed 0, big-endian) of the little-endian
row-major bytes of block k, as they are in memory, whatever the compression. The digest of a column, which the
provenance holds, is the BLAKE2b-256 of this table's bytes. A block is thus bound to its column and its place: a
reader that compares what it read with the table notices changed, lost and exchanged blocks (fractalman does so at
every read, unless told otherwise; HDF5 by itself does not). XXH3 guards against accidents, not against forgers.
"""


def _rules() -> str:
    rules = "\n".join(f"- `{rule.name}` ({rule.path}): {rule.statement}" for rule in RULES)
    return f"""## Columns together (checked by `verify`)

{rules}
"""


def _provenance() -> str:
    return f"""## Provenance

`{PROVENANCE}`: one fixed-length ASCII string, shape (1,), with a fletcher32 checksum, holding JSON with sorted keys:

- `format`: [major, minor];
- `recipe`: the recipe's family and keywords, from which the file can be rebuilt;
- `stream_version`: version of the random streams;
- `versions`: of fractalman, numpy, numba, llvmlite, scipy, h5py, xxhash and HDF5 (and hdf5plugin where it was used),
  as they were when the file was written;
- `compression`: how the columns are stored, a name above;
- `extended`, only in a file that points were added to: `n_points` and `content` of the file that it was at first, of an
  index also its number of `shards`.
  Steps in between leave no trace; the content digest below leaves it aside, so it is that of a file written at once;
- `columns`: per column its `dtype`, `shape` and `digest` (of its block digests, see above);
- `content`: BLAKE2b-256 of the JSON (sorted keys, no blanks) of `recipe`, `stream_version` and `columns`: two files
  with the same `content` hold the same data.
"""


def _subsets() -> str:
    return """## Subsets

A file MAY hold some points of a dataset. Its recipe then has `family` "subset", its own `n_points` and `ambient_dim`,
of the whole `whole_points`, `whole_content` and, under `of`, the recipe, and how the trees were thinned: `drop_empty`
(nodes without any of the points were left out) and `collapse` (nodes with a single child were joined with it, values
and variances added), `steps` (1; more for a subset of a subset, whose equally large latents have another order). The
column `rows` names the points. Norms and sums of values over paths are those of the whole.
"""


def _shards() -> str:
    return f"""## Shards

A dataset MAY lie in several files: shards of consecutive rows, and an *index file*, which is a dataset file as
described here but for its columns over the points: those are HDF5 virtual datasets, one source per shard, without
chunks and without a table of digests. `{SHARDS}` is then there, one fixed-length ASCII string, shape (1,), with a
fletcher32 checksum, holding JSON: `shards`, a list in the order of the rows with, per shard, `file` (its path
relative to the index file's folder), `rows`, `bytes` of the file, `content` of its provenance, and `columns`: per
column its digest there. A reader MUST refuse rows of a shard that is missing or has another content: HDF5 itself
would read fill values (NaN and −1 here) without a word. The provenance is that of the whole, with the digests and
`content` of the same columns in one file. A shard is a dataset file whose recipe has `family` "shard", its `number`
(from 1) of `count`, `first_row`, its own `n_points` and `ambient_dim`, and the whole's recipe in `of`. The index
file is written last.
"""


def _publication() -> str:
    return """## Publication

A file is written beside its target as `.NAME.<hex>.partial`, completed, flushed to disk, and renamed. A name that
does not end in `.partial` therefore never holds half a file; a `.partial` file belongs to a run that still writes or
that died, and MAY be deleted when no run does (fractalman: a writer holds an advisory lock on it; `fractalman clean`
deletes the others). Of a long NAME the beginning and a digest stand in the partial file's name.
"""


_SECTIONS = (_preamble, _header, _dimensions, _columns, _storage, _rules, _provenance, _subsets, _shards, _publication)
"""In the order of the page."""


def format_document() -> str:
    """Return the text of datasets/FORMAT.md."""
    return "\n".join(section() for section in _SECTIONS)


if __name__ == "__main__":
    print(format_document(), end="")
