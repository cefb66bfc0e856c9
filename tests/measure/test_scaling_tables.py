"""Reading anybody's tables: what they hold, and one line for everything they must not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fractalman.errors import FractalmanError
from fractalman.measure import measure_scaling, read_points


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_points_come_back_from_every_kind_of_file(tmp_path: Path) -> None:
    """Archives, arrays and text give the same numbers."""
    X, y = np.arange(12.0).reshape(4, 3), np.array([1.0, 2.0, 3.0, 5.0])
    np.savez(tmp_path / "a.npz", X=X, y=y)
    np.save(tmp_path / "a.npy", X.reshape(4, 3, 1))
    lines = ["a,target,b,c"] + [f"{r[0]},{t},{r[1]},{r[2]}" for r, t in zip(X, y, strict=True)]
    written(tmp_path / "a.csv", "\n".join(lines))
    for name in ("a.npz", "a.csv"):
        found, target = read_points(tmp_path / name)
        assert (found == X).all()
        assert target is not None
        assert (target == y).all()
    found, target = read_points(tmp_path / "a.npy")
    assert (found == X).all()
    assert target is None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "x,y\n1,2\n3,b", "row 3, column 'y': 'b' is no number"),
        ("a.csv", "x,y\n1", "row 2 has 1 cells"),
        ("a.csv", "x,y", "1 lines"),
        ("a.csv", "y\n1\n2", "no feature columns"),
        ("a.npy", "nothing of the kind", "no NumPy file"),
        ("a.doc", "1", "expected .npz, .npy, .h5ad, .h5, .hdf5, .nc, .csv"),
    ],
)
def test_what_holds_no_points_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(FractalmanError, match=said):
        read_points(written(tmp_path / name, text))


def test_missing_files_directories_and_wrong_arrays_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FractalmanError, match="does not exist"):
        read_points(tmp_path / "no.npz")
    with pytest.raises(FractalmanError, match="directory"):
        read_points(tmp_path)
    np.savez(tmp_path / "a.npz", data=np.zeros(3))
    with pytest.raises(FractalmanError, match="data is float64 of shape"):
        read_points(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", X=np.zeros((3, 2)), y=np.zeros(2))
    with pytest.raises(FractalmanError, match="3 numbers"):
        read_points(tmp_path / "b.npz")
    np.save(tmp_path / "c.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FractalmanError, match="no NumPy file"):
        read_points(tmp_path / "c.npy")


def test_a_table_of_one_axis_is_fitted_in_every_way_it_allows(tmp_path: Path) -> None:
    """Three seeds of .9·n^-.5: every law is fitted, windows and held-out sizes are there."""
    rng = np.random.default_rng(0)
    rows = [(n, s, 0.9 * n**-0.5 * np.exp(0.01 * rng.normal())) for n in 2.0 ** np.arange(5, 12) for s in range(3)]
    table = written(tmp_path / "t.csv", "n,seed,loss\n" + "\n".join(f"{n},{s},{v}" for n, s, v in rows))
    found = measure_scaling(table)
    assert abs(found["power"]["value"] - 0.5) < 0.02
    assert found["curves"] == 3
    assert {"logarithm", "floor", "windows", "held_out"} <= set(found)
    assert found["windows"]["spread"] < 0.05


def test_a_joint_table_is_fitted(tmp_path: Path) -> None:
    P, n = (a.ravel() for a in np.meshgrid(np.geomspace(1e3, 1e6, 5), np.geomspace(1e3, 1e7, 6)))
    L = 0.2 + 3.0 * P**-0.3 + 9.0 * n**-0.4
    rows = zip(P.tolist(), n.tolist(), L.tolist(), strict=True)
    text = "n_params,n_data,loss\n" + "\n".join(f"{a!r},{b!r},{c!r}" for a, b, c in rows)
    found = measure_scaling(written(tmp_path / "t.csv", text))
    assert found["model_exponent"]["value"] == pytest.approx(0.3, abs=1e-6)
    assert found["data_exponent"]["value"] == pytest.approx(0.4, abs=1e-6)
    assert found["irreducible"]["value"] == pytest.approx(0.2, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n,los\n1,2", "none that is a loss.*did you mean 'loss'"),
        ("n,n_params\n1,2", "none that is a loss"),
        ("n,loss\n1,2\n1,3\n2,3", "rows 2 and 3.*add a column seed"),
        ("n,seed,loss\n1,0,2\n2,0,3\n1,1,3", "no row of seed 1 at n = 2"),
        ("n,loss\n1,2\n2,-1\n4,1", "positive"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FractalmanError, match=said):
        measure_scaling(written(tmp_path / "t.csv", text))
