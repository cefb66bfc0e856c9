"""A family is one folder and one line; what is known of every family and every kind of learner is complete."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fractalman as fm
from fractalman import learners
from fractalman.errors import RecipeError
from fractalman.families.base import Family, family_of, memory_of
from fractalman.families.laws import KINDS
from fractalman.learners import Learner
from fractalman.prediction import LEARNERS, law_of
from fractalman.recipes import register, registry
from fractalman.theory.laws.learner_properties import LearnerProperties

RECIPES: list[fm.Recipe] = [
    fm.PercolationCluster(n_points=500),
    fm.PercolationCluster(n_points=500, label="brownian"),
    fm.PercolationEnsemble(n_points=500),
    fm.PercolationEnsemble(n_points=500, ensemble="size-biased"),
    fm.PercolationEnsemble(n_points=500, ensemble="size-biased", label="cluster-constant"),
    fm.BetheLattice(n_points=500),
    fm.BetheLattice(n_points=500, bond_probability=0.1),
    fm.BetheLattice(n_points=500, bond_probability=0.5),
    fm.LatticePercolation(dim=2, side=20),
    fm.LatticePercolation(dim=2, side=20, clusters="all", label="cluster-constant"),
    fm.LatticePercolation(dim=2, side=20, spanning_tree="minimum", label="brownian"),
    fm.LatticePercolation(dim=2, side=20, occupation=0.9),
    fm.Cascade(n_points=500),
    fm.Cascade(n_points=500, masses=(0.7, 0.3), contraction=(0.6, 0.4)),
    fm.SmoothManifold(n_points=500),
    fm.SmoothManifold(n_points=500, kind="cube", hurst=2.0),
    fm.RandomHierarchyModel(n_points=500),
    fm.GrammarLanguage(n_points=500, levels=3, vocabulary=8, synonyms=4),
    fm.SparseParities(n_points=500),
    fm.Subtasks(n_points=500, within=fm.Cascade(n_points=1)),
    fm.Subtasks(n_points=500, within=fm.PercolationCluster(n_points=1), n_subtasks=50),
]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> fm.Recipe:
    monkeypatch.setattr(registry, "_PACKAGES", dict(registry._PACKAGES))
    register("toy-line", "tests.families.toy_family")
    return fm.from_dict({"family": "toy-line", "n_points": 300, "noise": 0.5, "nuisance_dim": 2})


def test_a_family_is_added_by_its_folder_and_one_line(toy: fm.Recipe, tmp_path: Path) -> None:
    assert "toy-line" in fm.family_names()
    assert fm.from_dict(toy.to_dict()) == toy
    data = fm.generate(toy)
    assert data.X.shape == (300, 5)
    assert memory_of(toy).peak_bytes() > memory_of(toy).array_bytes() >= data.X.nbytes + data.y.nbytes
    draws = fm.label_draws(data, 3)
    np.testing.assert_array_equal(draws[:, 0], data.y)
    assert np.abs(draws[:, 1] - draws[:, 2]).min() > 0

    path = fm.write(toy, tmp_path / "toy.h5")
    assert fm.verify(path) == []
    with fm.open(path) as file:
        np.testing.assert_array_equal(file.X[:], data.X)
        np.testing.assert_array_equal(file.y[:], data.y)
        assert file.recipe == toy
    fm.write_shards(toy, tmp_path / "parts.h5", 3)
    with fm.open(tmp_path / "parts.h5") as file:
        np.testing.assert_array_equal(file.X[:], data.X)

    prediction = fm.predict(toy.replace(noise=0.0, nuisance_dim=0), "gradient-boosting")
    assert prediction.law.name == "white noise"
    assert "Nearest law: none." in prediction.why()
    assert not prediction.has_curve


def test_a_family_without_a_law_says_so(toy: fm.Recipe) -> None:
    law = Family("toy", "tests.families.toy_family").laws.law_of(toy, LearnerProperties("x", "local"))
    assert law.name == "white noise"
    assert fm.predict(toy, "1-nn").has_curve is fm.predict(toy, "bayes").has_floor is False
    with pytest.raises(RecipeError, match="'toy-line' lie on no tree"):
        fm.predict(toy, "1-nn").curve([10])
    bare = Family("bare", "tests.reference").laws.law_of(toy, LearnerProperties("x", "local"))
    assert bare.data_exponent is None
    assert "no theory of the family" in bare.reason


def test_the_table_below_has_every_family() -> None:
    assert {recipe.family for recipe in RECIPES} == set(fm.family_names())


class NewKernel(Learner):
    """A learner of the kind "kernel" that laws have never heard of, and whose smoothness its author forgot."""

    name = "new-kernel"
    properties = LearnerProperties("new-kernel", "kernel")


class NewTree(Learner):
    """A learner of a known kind under a new name."""

    name = "new-tree"
    properties = LearnerProperties("new-tree", "trees")


@pytest.mark.parametrize("new", [NewKernel, NewTree])
def test_a_learner_that_is_added_has_an_answer_for_every_family(
    new: type[Learner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(learners.REGISTRY, new.name, f"{__name__}:{new.__name__}")
    for recipe in RECIPES:
        law = law_of(recipe, new.name)
        assert law.data_exponent is None
        assert law.nearest
        prediction = fm.predict(recipe, new.name)
        assert not prediction.has_curve
        assert prediction.law == law
        if new is NewKernel:
            assert "does not declare how smooth it is" in prediction.why()


def test_a_kernel_of_unknown_smoothness_has_no_number() -> None:
    assert LearnerProperties("x", "kernel", smoothness=0.5).kernel_smoothness == 0.5
    with pytest.raises(RecipeError, match="use LearnerProperties"):
        _ = NewKernel.properties.kernel_smoothness


def test_what_reads_strings_has_a_law_on_strings_alone() -> None:
    """A transformer's pieces are no balls of points; the mlp, which sees all directions alike, is the control."""
    for recipe in (fm.Cascade(n_points=64), fm.SmoothManifold(n_points=64), fm.PercolationCluster(n_points=64)):
        law = fm.predict(recipe, "transformer").law
        assert law.data_exponent is None
        assert "place by place" in law.reason
        assert fm.predict(recipe, "mlp").law.data_exponent is not None
    assert "place by place" not in fm.predict(fm.RandomHierarchyModel(n_points=64), "transformer").law.reason


def test_a_law_that_is_withdrawn_keeps_what_was_known_beside_its_exponents() -> None:
    law = law_of(fm.SmoothManifold(n_points=500, hurst=1.0), "1-nn")
    assert law.logarithmic
    none = law.withdrawn("none", "nothing decays", because="it is so", nearest=law.name, model_exponent=2.0)
    assert (none.data_exponent, none.data_logarithms, none.irreducible, none.model_exponent) == (None, 0.0, None, 2.0)
    assert (none.inputs, none.references, none.source, none.reason) == (
        law.inputs, law.references, law.source, "it is so",
    )  # fmt: skip
    assert "Nearest law: " + law.name in none.why()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: f"{r.family}-{getattr(r, 'label', '')}")
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_every_family_has_a_law_for_every_learner_and_for_those_to_come(recipe: fm.Recipe, noise: float) -> None:
    if noise and recipe.family in {"random-hierarchy-model", "grammar-language", "sparse-parities"}:
        pytest.skip("its labels are classes, which take no noise")
    recipe = recipe.replace(noise=noise)
    laws = [law_of(recipe, learner) for learner in LEARNERS]
    for kind in (*KINDS, "unknown", "quantum"):
        new = LearnerProperties("a-new-learner", kind, smoothness=1.5 if kind == "kernel" else None)
        laws.append(family_of(recipe).laws.law_of(recipe, new))
    for law in laws:
        assert all([law.name, law.statement, law.source, law.evidence, law.reason, law.domain])
        assert law.data_exponent is None or law.data_exponent > 0
        if law.data_exponent is None and law.excess_exponent is None and not noise:
            assert law.nearest
    assert laws[-1].data_exponent is None
    assert "declares no kind" in laws[-1].reason
