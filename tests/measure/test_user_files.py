"""Files of points as people have them: every kind gives the same numbers, and what is taken for what is said."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from damage import reseal

import fractalman as fm
from fractalman.cli import main
from fractalman.errors import CorruptFileError, FractalmanError, MissingExtraError, RecipeError
from fractalman.measure import measure_points, outside, read_user_points

X = np.random.default_rng(0).random((200, 3))
Y = X[:, 0] + 0.5


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["Y", "Target", "Label", "y"])
@pytest.mark.usefixtures("folder")
def test_targets_by_any_spelling_and_pandas_index(name: str) -> None:
    """A column named like a target is one, and it is said; an unnamed column that counts is no coordinate."""
    pd = pytest.importorskip("pandas")
    pd.DataFrame(X, columns=list("abc")).assign(**{name: Y}).to_csv("p.csv")
    found = read_user_points("p.csv")
    assert np.allclose(found.X, X)
    assert np.allclose(found.y, Y)  # type: ignore[arg-type]
    assert found.target == name
    assert any(repr(name) in said for said in found.notes)
    assert any("index, no coordinate" in said for said in found.notes)
    pd.DataFrame(X, columns=list("abc")).assign(**{f"{name} class": Y, "plain": Y}).to_csv("n.csv")
    found = read_user_points("n.csv")  # nearly a target's name: a coordinate, and it is said
    assert found.X.shape[1] == 5
    said = [note for note in found.notes if "if it is the target, name it" in note]
    assert len(said) == 1
    assert f"{name} class" in said[0]
    pd.DataFrame(X).to_csv("q.csv")  # columns named 0, 1, 2
    assert np.allclose(read_user_points("q.csv").X, X)
    pd.DataFrame(X, columns=list("abc"), index=[f"cell-{i}" for i in range(200)]).to_csv("r.csv")
    assert np.allclose(read_user_points("r.csv").X, X)


@pytest.mark.usefixtures("folder")
def test_classes_are_words_or_truth_values() -> None:
    """bool is 0 and 1, words are numbered in alphabetical order, missing ones are named by their row."""
    np.savez("b.npz", X=X, y=Y > 1.0)
    found = read_user_points("b.npz")
    assert found.classes == ("False", "True")
    assert (found.y == (Y > 1.0)).all()
    words = np.array(["cat", "ant", "bee"])[np.arange(200) % 3]
    np.savez("w.npz", X=X, y=words)
    found = read_user_points("w.npz")
    assert found.classes == ("ant", "bee", "cat")
    assert found.y is not None
    assert found.y[:3].tolist() == [2.0, 0.0, 1.0]
    table = "\n".join(["a,b,c,label", *(f"{r[0]},{r[1]},{r[2]},{w}" for r, w in zip(X, words, strict=True))])
    Path("w.csv").write_text(table, encoding="utf-8")
    assert (read_user_points("w.csv").y == found.y).all()
    assert set(measure_points("w.csv")["label"]["classes"]) == {"ant", "bee", "cat"}
    Path("v.csv").write_text(table.replace("cat", "", 1), encoding="utf-8")
    with pytest.raises(RecipeError, match="missing in 1 of 200 rows"):
        read_user_points("v.csv")


@pytest.mark.usefixtures("folder")
def test_hdf5_groups_by_path_and_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only X, wherever it is; several must be told apart; a plugin's filter is loaded or named with its extra."""
    hdf5plugin = pytest.importorskip("hdf5plugin")
    with h5py.File("n.h5", "w") as file:
        file["run/layer3/X"], file["run/layer3/y"] = X, Y
        file.create_dataset("run/other", data=X[:, :2], **hdf5plugin.Blosc2(cname="zstd"))
    found = read_user_points("n.h5")
    assert np.array_equal(found.X, X)
    assert found.target == "run/layer3/y"
    other = read_user_points("n.h5", points="run/other", target="run/layer3/y")
    assert np.array_equal(other.X, X[:, :2])
    with pytest.raises(RecipeError, match="holds run/layer3/X"):
        read_user_points("n.h5", points="run/layer2/X")
    with h5py.File("n.h5", "a") as file:
        file["run/layer4/X"] = X
    with pytest.raises(RecipeError, match="expected one of them"):
        read_user_points("n.h5")
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda _: False)
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    with pytest.raises(MissingExtraError, match=r"filter 32026.*pip install hdf5plugin"):
        read_user_points("n.h5", points="run/other")


@pytest.mark.usefixtures("folder")
def test_anndata_layers_and_obsm() -> None:
    """X sparse or dense, a layer, a table of obsm, the target in obs."""
    anndata = pytest.importorskip("anndata")
    pd = pytest.importorskip("pandas")
    from scipy import sparse

    obs = pd.DataFrame({"cell_type": ["a", "b"] * 100, "depth": Y}, index=[str(i) for i in range(200)])
    made = anndata.AnnData(X=sparse.csr_matrix(X), obs=obs, layers={"raw": 2 * X}, obsm={"X_pca": X[:, :2]})
    made.write_h5ad("a.h5ad")
    found = read_user_points("a.h5ad", target="cell_type")
    assert sparse.issparse(found.X)
    assert found.classes == ("a", "b")
    assert measure_points("a.h5ad")["coordinates"] == 3
    assert np.array_equal(read_user_points("a.h5ad", points="layers/raw").X, 2 * X)
    assert np.array_equal(read_user_points("a.h5ad", points="obsm/X_pca", target="depth").X, X[:, :2])
    with pytest.raises(RecipeError, match="expected X, layers/raw, obsm/X_pca"):
        read_user_points("a.h5ad", points="obsm/X_umap")
    made.raw = made
    made.write_h5ad("b.h5ad")
    assert np.array_equal(read_user_points("b.h5ad", points="raw/X").X.toarray(), X)
    left_there = anndata.read_h5ad("b.h5ad", backed="r")
    assert fm.measure.dimension(left_there, method="two-nn") == fm.measure.dimension(X, method="two-nn")
    left_there.file.close()


def test_links_within_a_file_lead_to_their_arrays(tmp_path: Path) -> None:
    """A link that is asked for is followed; one that is not doubles no name, and one that leads nowhere is no array."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["run/layer/X"], file["run/layer/y"] = X, Y
        file["best"], file["gone"] = h5py.SoftLink("/run/layer/X"), h5py.SoftLink("/run/none")
    assert np.array_equal(read_user_points(tmp_path / "a.h5").X, X)
    assert np.array_equal(read_user_points(tmp_path / "a.h5", "run/layer/y", "/best").X, X)
    with pytest.raises(RecipeError, match="no gone: expected the name of an array"):
        read_user_points(tmp_path / "a.h5", points="gone")


@pytest.mark.usefixtures("folder")
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_an_array_twice_is_refused(tmp_path: Path) -> None:
    """NumPy would read the last one, and say nothing."""
    import zipfile

    fm.export(fm.PercolationCluster(n_points=60, ambient_dim=4), tmp_path / "a.npz", "percolation")
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("X.npy", archive.read("X.npy"))
    for read in (fm.measure.read_user_points, fm.import_percolation):
        with pytest.raises(fm.RecipeError, match=r"a\.npz holds X twice: expected every array once"):
            read(tmp_path / "a.npz")


def test_sparse_archives_and_memory_maps() -> None:
    from scipy import sparse

    sparse.save_npz("s.npz", sparse.csr_matrix(X))
    assert np.allclose(read_user_points("s.npz").X.toarray(), X)
    np.save("m.npy", X)
    assert isinstance(read_user_points("m.npy").X, np.memmap)
    assert measure_points("m.npy")["points"] == 200


@pytest.mark.usefixtures("folder")
def test_messages_name_the_line_of_the_file() -> None:
    """Comments and empty lines count as lines; numbers are plain."""
    rows = [f"{r[0]},{r[1]}" for r in X]
    rows[10] = "0.5,nan"
    Path("c.csv").write_text("\n".join(["# made by hand", "a,b", "", *rows]), encoding="utf-8")
    with pytest.raises(RecipeError, match="line 14, column 'b'") as caught:
        read_user_points("c.csv")
    assert "np." not in str(caught.value)


@pytest.mark.usefixtures("folder")
def test_the_dimension_does_not_need_the_labels(capsys: pytest.CaptureFixture[str]) -> None:
    """A target that cannot be measured is a sentence, beside the dimension; options reach their estimator."""
    np.savez("i.npz", X=X, y=np.zeros(200))
    assert main(["measure", "i.npz", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["dimension"]["recommended"]["interval"][0] < 3.0 < table["dimension"]["recommended"]["interval"][1]
    assert "all labels are 0" in table["label"]["not_measured"]
    np.savez("t.npz", X=np.r_[X, X[:50]], other=np.r_[Y, Y[:50]])
    assert main(["measure", "t.npz", "--json", "--target", "other", "--keep-duplicates"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert any("duplicates='drop'" in said for said in table["dimension"]["mle"]["warnings"])
    assert table["target"] == "other"
    assert main(["measure", "t.npz", "--theiler", "5000"]) == 2
    assert "theiler" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pipe", "loop"])
def test_what_would_wait_for_ever_is_refused_at_once(tmp_path, kind: str) -> None:
    path = tmp_path / "points.csv"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path)
    with pytest.raises((FractalmanError, OSError), match=r"points\.csv"):
        read_user_points(path)


def test_our_own_files_are_checked_as_they_are_read(tmp_path: Path) -> None:
    """Chunks that have changed places are noticed also where a file is taken as anybody's points; shards are read."""
    recipe = fm.Cascade(n_points=20_000, ambient_dim=16, seed=3)
    path = fm.write(recipe, tmp_path / "data.h5", hierarchy=False, compression="off")
    X = fm.open(path).X[:]
    np.testing.assert_array_equal(read_user_points(path).X, X)
    index = fm.write_shards(recipe, tmp_path / "index.h5", 2, hierarchy=False)
    np.testing.assert_array_equal(read_user_points(index).X, X)
    with h5py.File(path, "r+") as file:
        rows = file["X"].chunks[0]
        file["X"][:rows], file["X"][rows : 2 * rows] = X[rows : 2 * rows], X[:rows]
    reseal(path)
    with pytest.raises(CorruptFileError, match=r"X: rows 0 to \d+ are damaged"):
        read_user_points(path)


def test_an_hdf5_file_in_which_the_library_hangs_or_crashes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "points.h5"
    with h5py.File(path, "w") as file:
        file["X"] = np.zeros((4, 2))
    assert read_user_points(path).X.shape == (4, 2)
    monkeypatch.setattr(outside, "READ_SECONDS", 0.3)
    for code, words in (("import time; time.sleep(60)", "comes to no end"), ("import os; os.abort()", "crashes")):
        monkeypatch.setattr(outside, "_CHILD", code)
        if words == "crashes":
            monkeypatch.setattr(outside, "READ_SECONDS", 60.0)
        with pytest.raises(RecipeError, match=words):
            read_user_points(path)


def test_the_process_that_meets_a_file_first_ends_by_itself(tmp_path: Path) -> None:
    (tmp_path / "h5py.py").write_text("def File(*_):\n    while True:\n        pass\n")  # a library that hangs
    child = [sys.executable, "-c", outside._CHILD, "points.h5", "1"]
    ended = subprocess.run(child, env={**os.environ, "PYTHONPATH": str(tmp_path)}, timeout=60, check=False)
    assert ended.returncode == -signal.SIGALRM  # also where whoever started it was killed


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_one_flipped_bit_of_an_archive_is_no_other_number(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"points.{kind}"
    X = np.random.default_rng(0).random((200, 5)).astype(np.float32)
    if kind == "npz":
        np.savez_compressed(path, X=X)
    else:
        pytest.importorskip("pyarrow")
        fm.export(fm.Cascade(n_points=200, ambient_dim=4), path, layout="parquet")
    raw, before = path.read_bytes(), read_user_points(path).X
    rng = np.random.default_rng(1)
    for place in rng.integers(len(raw), size=60):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1 << int(rng.integers(8))]) + raw[place + 1 :])
        with contextlib.suppress(RecipeError):
            np.testing.assert_array_equal(read_user_points(path).X, before)


def test_columns_of_words_are_no_coordinates_and_grouped_numbers_are_no_classes(tmp_path: Path) -> None:
    lines = [f'2024-01-{i % 28 + 1:02d},{i / 7} ± 0.1,{i % 5},train,"{1000 + i:,}"' for i in range(40)]
    (tmp_path / "a.csv").write_text("date,a,b,split,y\n" + "\n".join(lines), encoding="utf-8")
    found = fm.measure.read_user_points(tmp_path / "a.csv")
    assert (found.X.shape, found.classes) == ((40, 2), None)
    np.testing.assert_array_equal(found.y, 1000.0 + np.arange(40))
    said = " ".join(found.notes)
    assert all(words in said for words in ("'date' holds words", "'split' holds words", "uncertainties beside"))
    (tmp_path / "b.csv").write_text("a,b\n1,2\n3,x\n4,5", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"row 3, column 'b': 'x' is no number"):
        fm.measure.read_user_points(tmp_path / "b.csv")
    sized = "a,y\n" + "\n".join(f"{i},{kind}" for i, kind in enumerate(["7B", "13B"] * 20))
    (tmp_path / "c.csv").write_text(sized, encoding="utf-8")
    assert fm.measure.read_user_points(tmp_path / "c.csv").classes == ("13B", "7B")


def test_targets_under_other_names_and_shapes(tmp_path: Path) -> None:
    X, y = np.random.default_rng(0).random((30, 2)), np.arange(30) % 3
    np.savez(tmp_path / "a.npz", X=X, y=np.eye(3)[y])
    np.savez(tmp_path / "b.npz", X_train=X, y_train=y, X_test=X)
    np.savez(tmp_path / "c.npz", arr_0=X, arr_1=y)
    np.testing.assert_array_equal(fm.measure.read_user_points(tmp_path / "a.npz").y, y)
    assert fm.measure.read_user_points(tmp_path / "b.npz", points="X_train").target == "y_train"
    assert "'arr_1' has one entry for each point" in fm.measure.read_user_points(tmp_path / "c.npz").notes[1]


@pytest.mark.usefixtures("folder")
def test_zarr_folders_are_read_and_absent_blocks_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Our own export, one array, a group; blocks that are absent are counted, damage and pickles refused."""
    zarr = pytest.importorskip("zarr")
    fm.write(fm.Cascade(n_points=300, branching=4, ambient_dim=6, seed=1), "own.h5")
    fm.export("own.h5", "own.zarr", "zarr")
    ours, kept = read_user_points("own.zarr"), read_user_points("own.h5")
    assert np.array_equal(ours.X, kept.X)
    assert np.array_equal(ours.y, kept.y)  # type: ignore[arg-type]
    group = zarr.open_group("group.zarr", mode="w")
    group.create_array("X", data=X, chunks=(50, X.shape[1]))
    group.create_array("label", data=Y)
    found = read_user_points("group.zarr")
    assert (found.target, found.notes) == ("label", ("'label' is taken as the target",))
    assert np.array_equal(found.X, X)
    assert main(["measure", "group.zarr"]) == 0
    assert "target: label" in capsys.readouterr().out
    zarr.save_array("one.zarr", X)
    assert np.array_equal(read_user_points("one.zarr").X, X)
    block = Path("group.zarr/X/c/1/0")
    block.write_bytes(b"no block")
    with pytest.raises(RecipeError, match="cannot be read at X"):
        read_user_points("group.zarr")
    block.unlink()
    assert "X: 1 of 4 blocks are not stored, and read as 0.0" in read_user_points("group.zarr").notes
    old = zarr.open_group("old.zarr", mode="w", zarr_format=2)
    old.create_array("X", shape=X.shape, dtype="f8")[:] = X
    assert np.array_equal(read_user_points("old.zarr").X, X)
    meta = Path("old.zarr/X/.zarray")
    meta.write_text(meta.read_text().replace('"filters": null', '"filters": [{"id": "pickle", "protocol": 4}]'))
    with pytest.raises(RecipeError, match=r"pickle|no intact Zarr folder"):
        read_user_points("old.zarr")
    Path("plain").mkdir()
    with pytest.raises(RecipeError, match="plain is a directory: expected a Zarr folder"):
        read_user_points("plain")
