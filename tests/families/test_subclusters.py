"""target = "classes": which subcluster a point lies in, for every family with a hierarchy; division by brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.recipes import Recipe
from fractalman.trees import subcluster_classes

FAMILIES: dict[str, Recipe] = {
    "cascade": fm.Cascade(n_points=400, branching=(2, 5), ambient_dim=8, seed=1),
    "cluster": fm.PercolationCluster(n_points=400, ambient_dim=8, seed=2),
    "nested": fm.PercolationCluster(n_points=400, ambient_dim=8, growth="nested", seed=2),
    "ensemble": fm.PercolationEnsemble(n_points=400, ambient_dim=8, seed=3),
    "bethe": fm.BetheLattice(n_points=400, ambient_dim=8, seed=4),
    "lattice": fm.LatticePercolation(dim=2, side=24, ambient_dim=8, seed=5),
}
C = 5


def divisions(parent: np.ndarray, size: np.ndarray, n: int, classes: int) -> list[tuple[float, np.ndarray]]:
    """Entropy and classes after every division, from the clusters down to the points, in plain Python."""
    pieces = sorted(np.flatnonzero(parent < 0).tolist(), key=lambda node: (-size[node], node))
    found = []
    while True:
        if len(pieces) >= classes:
            labels = np.full(n, classes - 1)
            for i in range(n):
                node, above = i, set()
                while node >= 0:
                    above.add(node)
                    node = int(parent[node])
                labels[i] = min(next(j for j, piece in enumerate(pieces) if piece in above), classes - 1)
            share = np.bincount(labels, minlength=classes) / n
            found.append((float(-np.sum(share[share > 0] * np.log(share[share > 0]))), labels))
        if size[pieces[0]] == 1:
            return found
        pieces = sorted(pieces[1:] + np.flatnonzero(parent == pieces[0]).tolist(), key=lambda node: (-size[node], node))


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_division_is_the_most_even_of_all(name: str) -> None:
    recipe = FAMILIES[name].replace(**({"side": 6} if name == "lattice" else {"n_points": 30}))
    data = fm.generate(recipe)
    h = data.hierarchy
    for classes in (2, 4, 7):
        every = divisions(h.parent, h.size, data.n_points, classes)
        best = max(entropy for entropy, _ in every)
        expected = next(labels for entropy, labels in every if entropy > best - 1e-12)
        np.testing.assert_array_equal(subcluster_classes(h.parent, h.size, data.n_points, classes), expected)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_points_structure_and_values_stay_and_files_hold_the_classes(name: str, tmp_path: Path) -> None:
    recipe = FAMILIES[name].replace(target="classes", subclusters=C)
    data, values = fm.generate(recipe), fm.generate(FAMILIES[name])
    np.testing.assert_array_equal(data.X, values.X)
    np.testing.assert_array_equal(data.value, values.y)
    assert sorted(set(data.y.tolist())) == [0.0, 1.0, 2.0, 3.0, 4.0]
    np.testing.assert_array_equal(fm.label_draws(data, 3), np.repeat(data.y[:, None], 3, axis=1))
    counts = np.bincount(data.y.astype(int))[:-1]
    assert (np.diff(counts) <= 0).all()  # the largest first, the rest last
    for c in range(C - 1):  # a class but the last is a subcluster: all points below one node
        inside = np.flatnonzero(data.y == c)
        assert any(len(data.hierarchy.points(int(node))) == inside.size
                   and set(data.hierarchy.points(int(node)).tolist()) == set(inside.tolist())
                   for node in [*data.hierarchy.ancestors(int(inside[0])), inside[0]])  # fmt: skip
    for hierarchy in (True, False):
        path = tmp_path / f"{hierarchy}.h5"
        fm.write(recipe, path, hierarchy=hierarchy)
        assert fm.verify(path) == []
        with fm.open(path) as file:
            np.testing.assert_array_equal(file.y[:], data.y)
            assert file.recipe == recipe


def test_a_wrong_class_in_a_file_is_noticed(tmp_path: Path) -> None:
    import h5py

    fm.write(FAMILIES["cluster"].replace(target="classes"), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["y"][3] = 8.0
    assert any("0 to 7" in str(problem) for problem in fm.verify(tmp_path / "a.h5"))


def test_what_does_not_go_with_subclusters(tmp_path: Path) -> None:
    for recipe, because in (
        (lambda: fm.SmoothManifold(n_points=50, target="classes"), "no hierarchy"),
        (lambda: fm.Cascade(n_points=50, target="classes", noise=0.1), "points decide"),
        (lambda: fm.Cascade(n_points=5, target="classes"), "at most n_points"),
        (lambda: fm.Cascade(n_points=50, subclusters=3), 'use target = "classes"'),
        (lambda: fm.Cascade(n_points=50, target="classes", threshold=1.0), 'use target = "threshold"'),
        (lambda: fm.RandomHierarchyModel(n_points=50, subclusters=3), 'use target = "classes"'),
        (lambda: fm.plan(FAMILIES["cascade"].replace(target="classes")), "takes labels that are values"),
        (lambda: fm.write_shards(FAMILIES["cascade"].replace(target="classes"), tmp_path, 2), "labels that are values"),
    ):
        with pytest.raises(RecipeError, match=because):
            recipe()
    cascade = FAMILIES["cascade"]
    assert cascade.no_growth() is None
    assert "divides" in str(cascade.replace(target="classes").no_growth())
    assert "subclusters" not in cascade.to_dict()


@pytest.mark.slow(reason="whole sweeps on 2000 points")
@pytest.mark.parametrize("name", ["cascade", "cluster"])
def test_sweeps_on_subclusters(name: str, tmp_path: Path) -> None:
    """The nearest neighbour knows the subcluster far better than chance, no law is claimed and no floor printed."""
    pytest.importorskip("sklearn")
    recipe = FAMILIES[name].replace(target="classes", subclusters=C, n_points=2000, ambient_dim=32)
    if name == "cascade":  # else subclusters lie too far apart for any error
        recipe = recipe.replace(contraction=0.7, ambient_dim=3)
    prediction = fm.predict(recipe)
    assert prediction.data_exponent is None
    assert prediction.has_curve  # of training on drawn structures
    assert not prediction.has_floor
    assert "points decide their class" in prediction.law.reason
    spec = {
        "recipe": recipe.to_dict(),
        "sweep": {"learners": ["1-nn", "logistic"], "train_sizes": [32, 64, 128], "seeds": 2, "test_size": 200},
    }
    result = fm.confirm(spec, tmp_path)
    assert not [p for p in result.points if p.learner == "bayes"]
    nearest = [np.mean([p.risk for p in result.points if p.learner == "1-nn" and p.n == n]) for n in (32, 128)]
    constant = np.mean([p.v_in for p in result.points])
    assert nearest[1] < nearest[0] < constant
    assert nearest[1] < 0.6 * constant
    for verdict in result.verdicts:
        assert verdict.agrees is not False, verdict.reason
        assert "of the predicted curve" in verdict.reason
    assert "no hierarchy" in (tmp_path / "report.html").read_text()
