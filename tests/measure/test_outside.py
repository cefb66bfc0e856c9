"""Files of points that point elsewhere: refused by name, and nothing outside is opened."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError, ResourceError
from fractalman.measure import user_files
from fractalman.measure.outside import outside
from fractalman.measure.user_files import read_user_points

X, Y = np.arange(12.0).reshape(6, 2), np.arange(6.0)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["X"], file["y"] = X, Y
    return path


def written(path: Path, how: str, other: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["y"] = Y
        if how == "link":
            file["X"] = h5py.ExternalLink(other.name, "/X")
        elif how == "deep link":
            file["X"] = X
            file["group/more"] = h5py.ExternalLink("/nowhere/secret.h5", "/")
        elif how == "view":
            layout = h5py.VirtualLayout(X.shape, X.dtype)
            layout[:] = h5py.VirtualSource(other, "X", X.shape)
            file.create_virtual_dataset("X", layout)
        elif how == "storage":
            file.create_dataset("X", X.shape, X.dtype, external=[(str(path.with_suffix(".raw")), 0, X.nbytes)])
    return path


@pytest.mark.parametrize(
    ("how", "name", "words"),
    [
        ("link", "X", r"a link to 'other\.h5'"),
        ("deep link", "group/more", r"a link to '/nowhere/secret\.h5'"),
        ("view", "X", r"a view of '.*other\.h5'"),
        ("storage", "X", r"stored in '.*data\.raw'"),
    ],
)
def test_values_of_other_files_are_refused_by_name(
    tmp_path: Path, other: Path, how: str, name: str, words: str
) -> None:
    path = written(tmp_path / "data.h5", how, other)
    with h5py.File(path) as file:
        assert list(outside(file)) == [name]
    with pytest.raises(RecipeError, match=rf"data\.h5: {name} is {words}, in another file: expected"):
        read_user_points(path)


def test_a_file_s_own_links_and_views_are_read(other: Path) -> None:
    with h5py.File(other, "r+") as file:
        file["again"] = file["X"]
        file["soft"] = h5py.SoftLink("/X")
        file["loop"] = h5py.SoftLink("/loop")
        file["group/up"] = file["/"]  # a circle of groups
        layout = h5py.VirtualLayout(X.shape, X.dtype)
        layout[:] = h5py.VirtualSource(".", "X", X.shape)
        file.create_virtual_dataset("view", layout)
        assert outside(file) == {}
    found = read_user_points(other)
    np.testing.assert_array_equal(found.X, X)
    np.testing.assert_array_equal(found.y, Y)


def test_a_soft_link_to_itself_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "loop.h5"
    with h5py.File(path, "w") as file:
        file["X"] = h5py.SoftLink("/X")
    with pytest.raises(RecipeError, match="and no X"):
        read_user_points(path)


@pytest.mark.parametrize("header", ["(" * 5000, "(" * 150, "[" * 5000, "{'descr': " * 900, "1" * 6000])
def test_a_hostile_header_is_one_line(tmp_path: Path, header: str) -> None:
    path = tmp_path / "x.npy"
    text = header.encode() + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(RecipeError, match="is no NumPy file of numbers") as error:
        read_user_points(path)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("suffix", ["h5ad", "h5"])
def test_no_damage_of_an_hdf5_file_is_read_or_unexpected(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports have a checksum in every chunk; a flipped byte anywhere is refused in words or changes nothing read."""
    monkeypatch.setattr(user_files, "refuse_unreadable", lambda _: None)  # a process each, which is tested by itself
    path, damaged = tmp_path / f"data.{suffix}", tmp_path / f"damaged.{suffix}"
    if suffix == "h5ad":
        pytest.importorskip("anndata")
        fm.export(fm.generate(fm.Cascade(n_points=60, ambient_dim=4)), path)
    else:
        with h5py.File(path, "w", libver="latest") as file:
            file.create_dataset("X", data=X, chunks=(3, 2), fletcher32=True)
            file.create_dataset("y", data=Y, chunks=(3,), fletcher32=True)
    whole, refused = path.read_bytes(), list[str]()
    intact = read_user_points(path)
    for place in np.random.default_rng(3).integers(len(whole), size=60 if suffix == "h5ad" else 300):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        try:
            found = read_user_points(damaged)
        except RecipeError as error:
            refused.append(str(error))
            continue
        np.testing.assert_array_equal(found.X, intact.X)
        np.testing.assert_array_equal(found.y, intact.y)
    assert len(refused) > 5
    assert not any("\n" in said for said in refused)


@pytest.mark.parametrize("ending", [".h5", ".h5ad", ".zarr", ".npz", ".parquet"])
def test_arrays_that_do_not_fit_are_refused_before_they_are_read(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a few kilobytes may say that it holds more than the machine's memory; one that fits is the control."""
    path, rows = tmp_path / f"large{ending}", 4096
    if ending in (".h5", ".h5ad"):
        with h5py.File(path, "w") as file:
            file.create_dataset("X", (rows, 2), "f8", chunks=(64, 2))
    elif ending == ".zarr":
        group = pytest.importorskip("zarr").open_group(path, mode="w")
        group.create_array("X", shape=(rows, 2), chunks=(64, 2), dtype="f8")
    elif ending == ".npz":
        np.savez_compressed(path, X=np.zeros((rows, 2)))
    else:
        pytest.importorskip("pyarrow")
        pytest.importorskip("pandas").DataFrame(np.zeros((rows, 2)), columns=["a", "b"]).to_parquet(path)
    if ending == ".h5ad":
        pytest.importorskip("anndata")
    else:
        assert len(read_user_points(path).X) == rows
    monkeypatch.setattr("fractalman._memory.available_bytes", lambda: rows * 16 - 1)
    with pytest.raises(ResourceError, match="expected less; use a part of"):
        read_user_points(path)
