"""Compressions: the same content under each, the filters that the format names, and readers without the plugin."""

from __future__ import annotations

import builtins
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from damage import edited, first_chunk, flip
from handmade import Columns, columns, recipe
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

from fractalman import cli
from fractalman.datasets import compression, spec
from fractalman.datasets.compression import PLUGIN, filter_names, shuffled_gzip
from fractalman.datasets.file import open_file
from fractalman.datasets.inspection import check_file
from fractalman.datasets.verify import verify_file
from fractalman.datasets.writer import write_columns
from fractalman.errors import MissingExtraError, RecipeError

HERE = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import hdf5plugin"], capture_output=True, check=False).returncode != 0,
    reason="needs hdf5plugin: pip install 'fractalman[compression]'",
)
NAMES = [pytest.param(name, marks=[HERE] if name in PLUGIN.values() else []) for name in spec.COMPRESSIONS]
# What a column of floats and a column of integers go through, the checksum left out.
FILTERS: dict[str, tuple[list[str], list[str]]] = {
    "standard": ([], ["shuffle", "gzip"]),
    "off": ([], []),
    "lzf": (["shuffle", "lzf"], ["shuffle", "lzf"]),
    "gzip": (["shuffle", "gzip"], ["shuffle", "gzip"]),
    "zstd": (["shuffle", "zstd"], ["shuffle", "zstd"]),
}


@pytest.fixture(scope="module")
def made() -> Columns:
    return columns((600, 200, 200), d=16)


def written(path: Path, made: Columns, compression: str) -> Path:
    return write_columns(path, made, recipe=recipe(made), compression=compression)


@pytest.mark.parametrize("name", NAMES)
def test_every_compression_stores_the_same_content(tmp_path: Path, made: Columns, name: str) -> None:
    path = written(tmp_path / "data.h5", made, name)
    again = written(tmp_path / "again.h5", made, name)
    if name != "lzf":  # h5py packs one array in two ways, once in some thousand writes: FORMAT.md says so
        assert again.read_bytes() == path.read_bytes()
    assert list(check_file(path)) == []
    with h5py.File(path) as handle:
        for column in (column for column in spec.COLUMNS if column.path in made):
            stored = handle[column.path]
            assert filter_names(stored) == FILTERS[name][stored.dtype.kind == "i"]
            assert not stored.fletcher32
    with open_file(path) as f:
        for key, array in made.items():
            np.testing.assert_array_equal(f.columns[key][:], array, strict=True)
        info = f.info()
    with open_file(written(tmp_path / "plain.h5", made, "off")) as plain:
        assert info["digest"] == plain.provenance.content
        ratio = plain.info()["ratio"]
    assert info["compression"] == name
    assert info["columns"]["y"]["filters"] == FILTERS[name][0]
    assert ratio == 1
    assert info["ratio"] == ratio if name == "off" else info["ratio"] > ratio
    stored_bytes = sum(column["stored_bytes"] for column in info["columns"].values())
    assert info["ratio"] == sum(column["bytes"] for column in info["columns"].values()) / stored_bytes
    assert ("hdf5plugin" in info["versions"]) == (name in PLUGIN.values())


@pytest.mark.parametrize("dtype", ["<i8", "<i4"])
def test_chunks_packed_here_are_those_that_the_library_reads_reference(tmp_path: Path, dtype: str) -> None:
    """Chunks of two columns, constant, rising and random bytes, through HDF5's own filters; control: not shuffled."""
    random = np.random.default_rng(0).integers(-(2**31), 2**31, (40, 2))
    chunks = [np.full((40, 2), 7), np.arange(80).reshape(40, 2), random]
    for name, pack in (("packed", shuffled_gzip), ("plain", lambda chunk: zlib.compress(chunk.tobytes()))):
        with h5py.File(tmp_path / name, "w") as file:
            stored = file.create_dataset(
                "x", shape=(120, 2), dtype=dtype, chunks=(40, 2), shuffle=True, compression="gzip"
            )
            for k, chunk in enumerate(chunks):
                stored.id.write_direct_chunk((40 * k, 0), pack(chunk.astype(dtype)))
        with h5py.File(tmp_path / name) as file:
            assert np.array_equal(file["x"][:], np.concatenate(chunks)) == (name == "packed")


@examples(30)
@given(st.integers(1, 3000), st.integers(0, 2**62), st.sampled_from([np.int32, np.int64]), st.integers(0, 99))
def test_a_packed_chunk_is_a_plain_stream_of_its_planes(n: int, most: int, dtype: type, seed: int) -> None:
    """Any zlib unpacks it; it is longer than one search for runs by the heads of its pieces, and by planes of more than
    two bits a byte, which stay as they are."""
    rng = np.random.default_rng(seed)
    few = np.abs(rng.normal(0, 3, n))
    for values in (rng.integers(0, most + 1, n), np.arange(n), np.repeat(few, 9)[:n], few, np.full(n, most)):
        chunk = values.astype(dtype)
        planes = chunk.view(np.uint8).reshape(n, -1).T.tobytes()
        packed = shuffled_gzip(chunk)
        assert zlib.decompress(packed) == planes
        runs = zlib.compressobj(1, strategy=zlib.Z_RLE)
        assert len(packed) <= 4.1 * len(runs.compress(planes) + runs.flush()) + 100 * chunk.itemsize


@pytest.mark.parametrize("name", NAMES)
def test_damage_in_compressed_columns_is_named(tmp_path: Path, made: Columns, name: str) -> None:
    path = written(tmp_path / "data.h5", made, name)
    for column in ("X", "hierarchy/parent"):
        start, size = first_chunk(path, column)
        for place in (0, size - 1) if column == "X" else (size // 3,):
            flip(path, start + place, place % 8)
            found = [problem.path for problem in verify_file(path)] if (place, column) == (0, "X") else []
            assert found in ([], ["/", column])
            assert column in {problem.path for problem in check_file(path)}
            flip(path, start + place, place % 8)
    assert list(check_file(path)) == []


def test_a_compression_that_there_is_not_is_refused_at_once(tmp_path: Path, made: Columns) -> None:
    with pytest.raises(RecipeError, match=r"compression = 'gzib': expected standard, off.*did you mean 'gzip'"):
        written(tmp_path / "data.h5", made, "gzib")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without hdf5plugin."""
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "hdf5plugin":
            raise ModuleNotFoundError("No module named 'hdf5plugin'", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)


@pytest.mark.usefixtures("no_plugin")
def test_without_the_plugin_writing_names_the_extra(tmp_path: Path, made: Columns) -> None:
    with pytest.raises(MissingExtraError, match=r"use pip install hdf5plugin") as error:
        written(tmp_path / "data.h5", made, "zstd")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


_READER = """
import sys
import zlib
sys.modules["hdf5plugin"] = None  # importing it fails
from fractalman import cli
sys.exit(cli.main(sys.argv[1:]))
"""


@HERE
def test_a_reader_without_the_plugin_gets_one_line(tmp_path: Path, made: Columns, repository: Path) -> None:
    """A process of its own: a filter once registered stays."""
    path = written(tmp_path / "data.h5", made, "zstd")
    run = subprocess.run(
        [sys.executable, "-c", _READER, "info", str(path)], capture_output=True, text=True, cwd=repository, check=False
    )
    assert run.returncode == cli.WRONG
    line = f"fractalman: {path} is compressed with zstd, and reading it needs hdf5plugin: use pip install"
    assert run.stderr == f"{line} hdf5plugin\n"


@HERE
def test_a_verifier_without_the_plugin_says_so_and_gives_no_verdict(
    tmp_path: Path, made: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fractalman.datasets import verify

    path = written(tmp_path / "data.h5", made, "zstd")
    monkeypatch.setattr(verify, "_CHILD", f"import sys; sys.modules['hdf5plugin'] = None; {verify._CHILD}")
    with pytest.raises(MissingExtraError, match="is compressed with zstd"):
        verify_file(path, isolated=True)


def test_a_filter_of_nobody_is_a_damaged_column(tmp_path: Path, made: Columns) -> None:
    """Filters outside the format are allowed by HDF5; without their code the column cannot be read, and says so."""
    path = written(tmp_path / "data.h5", made, "standard")
    with edited(path) as handle:
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_chunk((10,))
        layout.set_fletcher32()
        layout.set_filter(307, h5py.h5z.FLAG_OPTIONAL)
        del handle["y"]
        space, kind = h5py.h5s.create_simple((1000,)), h5py.h5t.IEEE_F64LE
        h5py.h5d.create(handle.id, b"y", kind, space, layout).write(space, space, made["y"])
    found = [problem for problem in check_file(path) if problem.path == "y"]
    assert found  # it has none of the attributes, and is readable: the filter was optional
    assert all("\n" not in problem.message for problem in found)


def test_generate_and_rebuild_keep_the_compression(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.toml").write_text('[recipe]\nfamily = "percolation-cluster"\nn_points = 300\nambient_dim = 4\n')
    digests = set()
    for name in ("off", "lzf", "standard"):
        assert cli.main(["generate", "r.toml", "-o", f"{name}.h5", "--compression", name]) == 0
        assert cli.main(["rebuild", f"{name}.h5", "-o", f"{name}-again.h5"]) == 0
        assert (tmp_path / f"{name}-again.h5").read_bytes() == (tmp_path / f"{name}.h5").read_bytes()
        capsys.readouterr()
        assert cli.main(["info", f"{name}.h5", "--json"]) == 0
        info = json.loads(capsys.readouterr().out)
        assert info["compression"] == name
        digests.add(info["digest"])
    assert len(digests) == 1
    assert cli.main(["generate", "r.toml", "-o", "x.h5", "--compression", "zip"]) == cli.WRONG
    assert re.fullmatch(r"fractalman: compression = 'zip': expected [^\n]+\n", capsys.readouterr().err)
    assert not (tmp_path / "x.h5").exists()


@given(rows=st.integers(1, 10**9), width=st.integers(1, 5000))
def test_chunks_waste_little(rows: int, width: int) -> None:
    chunk = spec.block_rows((rows, width), "<f4")
    chunks = -(-rows // chunk)
    assert 1 <= chunk <= rows
    assert chunk * width * 4 <= max(spec.BLOCK_BYTES, width * 4)
    padding = chunks * chunk - rows
    assert padding < chunks if chunks <= spec.EVEN_BLOCKS else padding < rows / spec.EVEN_BLOCKS
    assert spec.block_rows((0, width), "<f4") >= 1


def test_checksums_of_equal_bytes_are_counted_not_summed() -> None:
    for byte, size, before in ((0, 1, b""), (7, 65536, b"abc"), (255, 12345, bytes(range(256)) * 99)):
        due = zlib.adler32(bytes([byte]) * size, zlib.adler32(before))
        assert compression._checksum_of_constant(byte, size, zlib.adler32(before)) == due
        assert compression._checksum_of_constant(byte, size + 1, zlib.adler32(before)) != due
