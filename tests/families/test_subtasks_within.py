"""Subtasks of every family: each is a dataset of its own, in memory, in files, grown; their laws, floors and memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sampled import some

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.families.base import memory_of
from fractalman.prediction import law_of
from fractalman.prediction.drawn import label_covariance
from fractalman.theory import FieldCovariance

WITHIN = {
    "ensemble": fm.PercolationEnsemble(n_points=1, ambient_dim=8),
    "constant": fm.PercolationEnsemble(n_points=1, ambient_dim=8, label="cluster-constant"),
    "brownian": fm.PercolationEnsemble(n_points=1, ambient_dim=8, label="brownian"),
    "bethe": fm.BetheLattice(n_points=1, ambient_dim=8),
    "sphere": fm.SmoothManifold(n_points=1, ambient_dim=8),
    "exact": fm.SmoothManifold(n_points=1, ambient_dim=8, kind="cube", field="exact"),
    "classes": fm.RandomHierarchyModel(n_points=1, levels=2),
    "latent": fm.RandomHierarchyModel(n_points=1, target=1, node=1, encoding="tokens", zipf_exponent=0.5),
    "language": fm.GrammarLanguage(n_points=1, levels=2, encoding="embedding"),
    "parities": fm.SparseParities(n_points=1, n_tasks=3, n_bits=6, task_size=2),
    "subtasks": fm.Subtasks(n_points=1, within=fm.Cascade(n_points=1, ambient_dim=8)),
}
GROWING = [name for name in WITHIN if name != "exact"]


def _recipe(name: str, growth: str = "sorted", n: int = 200) -> fm.Subtasks:
    within = WITHIN[name]
    if growth == "nested" and hasattr(within, "growth"):
        within = within.replace(growth="nested")
    return fm.Subtasks(n_points=n, within=within, zipf_exponent=0.8, seed=3, growth=growth)


@pytest.mark.slow(  # sorted ones are what nested ones are before they grow
    reason="every family in both orders",
    only=[f"{n}-sorted" for n in ("constant", "brownian", "latent", "language", "parities")],
)
@pytest.mark.parametrize(("name", "growth"), [*((n, "sorted") for n in WITHIN), *((n, "nested") for n in GROWING)])
def test_every_subtask_is_a_dataset_of_its_own_in_memory_and_in_files(name: str, growth: str, tmp_path: Path) -> None:
    recipe = _recipe(name, growth)
    data, (ranks, sizes) = fm.generate(recipe), recipe.subtask_ranks()
    for number in range(3):
        rows = np.flatnonzero(data.cluster == number)
        own = fm.generate(recipe.subtask(int(ranks[number]), int(sizes[number])))
        d = own.X.shape[1]
        np.testing.assert_array_equal(data.X[rows, :d], own.X)
        assert len(np.unique(data.X[rows, d:], axis=0)) == 1
        np.testing.assert_array_equal(data.y[rows], own.y)
        if own.tokens is not None:
            assert data.tokens is not None
            np.testing.assert_array_equal(data.tokens[rows], own.tokens)
        if own.hierarchy is not None and rows.size > 2:
            assert data.hierarchy is not None
            i, j = np.triu_indices(min(rows.size, 20), 1)
            above = data.hierarchy.lowest_common_ancestors(rows[i], rows[j])
            inside = own.hierarchy.lowest_common_ancestors(i, j)
            np.testing.assert_array_equal(above < 0, inside < 0)
            joined = inside >= 0
            for column in ("size", "value", "depth"):
                whole, part = getattr(data.hierarchy, column), getattr(own.hierarchy, column)
                np.testing.assert_array_equal(whole[above[joined]], part[inside[joined]])
    path = fm.write(recipe, tmp_path / "a.h5")
    assert fm.verify(path) == []
    with fm.open(path) as file:
        held = file.dataset()
    for column in ("X", "y", "cluster", "edges", "tokens"):
        ours, theirs = getattr(data, column), getattr(held, column)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(fm.label_draws(data, 2)[:, 0], data.y)
    held_bytes = sum(a.nbytes for a in (data.X, data.y, data.cluster))
    assert memory_of(recipe).array_bytes() >= held_bytes
    assert memory_of(recipe).peak_bytes() >= memory_of(recipe).array_bytes()
    assert fm.from_dict(recipe.to_dict()) == fm.from_toml(recipe.to_toml()) == recipe
    if growth == "nested":
        few = data.y.copy()
        fm.extend(path, 260)
        with fm.open(path) as longer:
            assert not recipe.addressed or np.array_equal(longer.y[:200], few)  # clusters' latents are drawn anew
            np.testing.assert_array_equal(longer.y[:], fm.generate(_recipe(name, growth, 260)).y)


def test_laws_are_the_lesser_of_unseen_mass_and_what_is_learned_within() -> None:
    for name in WITHIN:
        inner, law = law_of(WITHIN[name], "1-nn").data_exponent, law_of(_recipe(name), "1-nn").data_exponent
        assert (law is None) == (inner is None), name
        if inner is not None:
            assert law == pytest.approx(min(0.8 / 1.8, inner))
    deep = fm.Subtasks(n_points=100, within=WITHIN["subtasks"], zipf_exponent=0.3)
    assert law_of(deep, "1-nn").data_exponent == pytest.approx(0.3 / 1.3)
    assert "subtasks" in law_of(_recipe("classes"), "mlp").statement


@pytest.mark.parametrize("name", ["classes", "latent", "language", "parities"])
def test_posteriors_follow_from_each_subtasks_own_rules(name: str) -> None:
    recipe: Any = _recipe(name)
    data, (ranks, sizes) = fm.generate(recipe), recipe.subtask_ranks()
    found = fm.theory.posterior(data)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-12)
    for number in (0, 2):
        rows = np.flatnonzero(data.cluster == number)
        own: Any = recipe.subtask(int(ranks[number]), int(sizes[number]))
        np.testing.assert_array_equal(found[rows], own.target_posterior(data.tokens[rows]))
    other: Any = recipe.subtask(int(ranks[1]), 1)  # the control: another subtask's rules
    with np.errstate(invalid="ignore"):
        wrong = other.target_posterior(data.tokens[data.cluster == 0])
    assert not np.array_equal(np.nan_to_num(wrong), found[data.cluster == 0])
    if name != "language":
        assert (found.argmax(axis=1) == data.y).all()
    floor = fm.theory.discrete_floor(data)
    assert (floor.zero_one > 0.0) == (name == "language")


def test_what_has_no_rules_has_no_posterior() -> None:
    recipe = _recipe("sphere")
    assert not recipe.has_hierarchy
    with pytest.raises(RecipeError, match="has no rules from which a posterior follows"):
        recipe.subtask_posterior(np.zeros((1, 1), np.int64), np.zeros(1, np.int64))
    with pytest.raises(RecipeError, match="no hierarchy"):
        recipe.replace(embedding="superposition")
    with pytest.raises(RecipeError, match='"folded-normal"'):
        _recipe("classes").replace(embedding="superposition", feature_magnitude="value")
    assert fm.generate(_recipe("classes").replace(embedding="superposition")).dictionary().directions.shape[1] == 48


@pytest.mark.slow(reason="sweeps of three replicates, one a family", but=["ensemble"])
@pytest.mark.parametrize("name", ["ensemble", "bethe", "sphere", "classes"])
def test_sweeps_run_on_subtasks_of_every_kind(name: str) -> None:
    recipe = _recipe(name, "nested" if name in ("sphere", "classes") else "sorted", 400)
    spec = {"recipe": recipe.to_dict(), "sweep": {"learners": ["1-nn"], "train_sizes": [8, 16, 32], "seeds": 3}}
    spec["sweep"]["test_size"] = 128
    result = fm.confirm(spec)
    assert len([p for p in result.points if p.learner == "1-nn"]) == 9
    assert result.verdicts[0].agrees is not False, result.verdicts[0].reason
    floors = [p.risk for p in result.points if p.learner == "bayes"]
    assert (len(floors) > 0) == (name != "sphere")


@pytest.mark.slow(reason="the same of points in another order", only=["nested"])
@pytest.mark.parametrize("growth", ["sorted", "nested"])
def test_labels_that_are_a_field_within_subtasks_have_its_covariance_and_curves(growth: str) -> None:
    """Drawn labels against the covariance, which points of one subtask alone share; one field for all is refuted."""
    within = fm.SmoothManifold(n_points=1, ambient_dim=8, dim=1, hurst=0.4)
    recipe = fm.Subtasks(n_points=40, within=within, noise=0.2, seed=3, growth=growth)
    data, every = fm.generate(recipe), np.arange(40)
    draws = some(3000, fast=500)
    drawn = np.cov(fm.label_draws(data, draws))
    covariance = label_covariance(recipe, 40)
    error = np.sqrt((1.04**2 + covariance.block(every, every) ** 2) / draws)
    assert (np.abs(drawn - covariance.block(every, every)) < 5.0 * error).all()
    assert covariance.parts is not None
    np.testing.assert_array_equal(covariance.parts, data.cluster)
    one = FieldCovariance(covariance.places, 0.4, 0.2)
    assert (np.abs(drawn - one.block(every, every)) > 5.0 * error).mean() > 0.05
    for learner in ("1-nn", "laplace-kernel", "mlp", "bayes"):
        risk = fm.predict(recipe.replace(n_points=200), learner, draws=3).curve([16, 128]).risk
        assert risk[1] < risk[0]
    twice = fm.Subtasks(n_points=40, within=fm.Subtasks(n_points=1, within=within, seed=3))
    parts = label_covariance(twice, 40).parts
    assert parts is not None
    assert np.unique(parts).size > np.unique(fm.generate(twice).cluster).size


@pytest.mark.slow(reason="a sweep of six replicates", but=[])
def test_one_neighbour_on_fields_within_subtasks_agrees_and_other_subtasks_differ() -> None:
    within = {"family": "smooth-manifold", "ambient_dim": 8, "dim": 1, "hurst": 0.5}
    recipe = {"family": "subtasks", "n_points": 6000, "within": within, "seed": 5}
    sweep = {"learners": ["1-nn"], "train_sizes": [32, 64, 128, 256], "seeds": 6, "test_size": 512, "label_draws": 8}
    [verdict] = fm.confirm({"recipe": recipe, "sweep": sweep}).verdicts
    assert verdict.agrees is not False, verdict.reason
    assert "of the predicted curve" in verdict.reason
    level = fm.predict(fm.from_dict(recipe | {"zipf_exponent": 0.3}), "1-nn").curve([32, 256]).risk
    own = fm.predict(fm.from_dict(recipe), "1-nn").curve([32, 256])
    assert (np.abs(level - own.risk) > 5.0 * own.standard_error).all()
