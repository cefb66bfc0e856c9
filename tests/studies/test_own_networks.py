"""Studies of points and networks that came as objects: what they say, resumption, controls, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.learners.own_networks import own_network
from fractalman.studies.own import array_source, given_points, ladder

pytest.importorskip("sklearn")
N = 512


@pytest.fixture(scope="module")
def data() -> fm.Dataset:
    return fm.generate(fm.Cascade(n_points=N, ambient_dim=8, branching=4, seed=2))


@pytest.fixture(scope="module")
def mask() -> Any:
    mask = np.zeros(N, bool)
    mask[np.random.default_rng(0).permutation(N)[: N // 2]] = True
    return mask


@pytest.fixture(scope="module")
def model(data: fm.Dataset, mask: Any) -> Any:
    from sklearn.neural_network import MLPRegressor

    made = MLPRegressor(hidden_layer_sizes=(24, 24), max_iter=120, tol=0.0, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        return made.fit(data.X[mask].astype(float), data.y[mask])


def test_the_networks_risk_is_that_of_its_predictions(data: fm.Dataset, mask: Any, model: Any) -> None:
    result = fm.granularity(data, network=model, train=mask, seeds=2, learners=["ridge"], scales=[16, 64])
    assert result.exact
    errors = data.y[~mask] - model.predict(data.X[~mask].astype(float))
    for scale in (16, 64, N):
        (row,) = [r for r in result.table if r["learner"] == "network" and r["scale"] == scale]
        assert row["risk"] == pytest.approx(np.mean(errors**2) / data.y.var(), rel=1e-6)
        fragment = data.hierarchy.cut(scale).fragment[~mask] if scale < N else np.zeros((~mask).sum(), int)
        means = np.bincount(fragment, errors) / np.maximum(np.bincount(fragment), 1)
        assert row["within"] == pytest.approx(np.mean((errors - means[fragment]) ** 2) / data.y.var(), rel=1e-6)


def test_learners_work_in_a_layer(data: fm.Dataset, mask: Any, model: Any) -> None:
    options = {"train": mask, "seeds": 2, "learners": ["ridge"], "scales": [64]}
    X = data.X.astype(float)
    hidden = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0.0)
    hidden = np.maximum(hidden @ model.coefs_[1] + model.intercepts_[1], 0.0)
    by_name = fm.granularity(data, network=model, layer="2", **options)
    by_hand = fm.granularity((hidden, data.y), hierarchy=data.hierarchy, **options)

    def risk(result: Any) -> float:
        return next(r["risk"] for r in result.table if r["learner"] == "ridge" and r["scale"] == N)

    # the splits of a mask hold the same points, and ridge chooses by a validation split of its own
    assert risk(by_name) == pytest.approx(risk(by_hand), rel=0.05)
    assert risk(by_name) < 0.8 * risk(fm.granularity(data, **options))


def test_the_networks_own_function_as_label(data: fm.Dataset, model: Any) -> None:
    result = fm.granularity(data.X.astype(float), network=model, seeds=1, learners=["ridge"], scales=[64])
    assert [r["risk"] for r in result.table if r["learner"] == "network"] == [0.0, 0.0]


def test_locality_of_readouts_of_fragments_is_that_of_fragments(data: fm.Dataset) -> None:
    """A layer that holds a unit a fragment: a step is felt in the fragment alone, and shuffled rows feel nothing."""
    fragment = data.hierarchy.cut(64).fragment
    one = 100.0 * np.eye(int(fragment.max()) + 1)[fragment]
    order = np.random.default_rng(1).permutation(N)

    def claim(hidden: Any) -> Any:
        result = fm.locality(data, network={"h": hidden}, seeds=2, sources=64, scales=[16, 64, 256])
        return next(r for r in result.claims if r["layer"] == "h")

    local, shuffled = claim(one), claim(one[order])
    assert local["near_share"] > 0.95
    assert shuffled["near_share"] < 0.3
    assert local["explained_tree"] > 0.95 > 0.2 > shuffled["explained_tree"]


@pytest.mark.slow(reason="a study of networks at all layers")
def test_locality_of_a_network_has_all_its_parts(data: fm.Dataset, mask: Any, model: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    options = {"train": mask, "seeds": 2, "sources": 24, "pairs": 100, "scales": [16, 64], "pattern_points": 64}
    result = fm.locality(data, network=model, out=tmp_path / "run", **options)
    assert list(dict.fromkeys(r["layer"] for r in result.claims)) == ["1", "2", "output", "all"]
    assert all(r["near_share"] is not None for r in result.claims)
    assert {r["layer"] for r in result.find(quantity="regions")} == {"1", "2", "all"}
    said: list[str] = []
    again = fm.locality(data, network=model, out=tmp_path / "run", progress=said.append, **options)
    assert said[0] == "4 of 4 tasks are in the journal already"
    assert again.rows == result.rows
    model.coefs_[0][0, 0] += 1.0
    try:
        with pytest.raises(RecipeError, match="of another specification"):
            fm.locality(data, network=model, out=tmp_path / "run", **options)
    finally:
        model.coefs_[0][0, 0] -= 1.0
    assert "24 in 8 dimensions" not in (tmp_path / "run" / "report.html").read_text()
    assert "512 points in 8 dimensions" in (tmp_path / "run" / "report.html").read_text()


def test_probes_find_what_a_layer_holds_and_nothing_in_noise(data: fm.Dataset) -> None:
    fragment = data.hierarchy.cut(128).fragment
    rng = np.random.default_rng(5)
    held = np.eye(int(fragment.max()) + 1)[fragment] + 0.01 * rng.normal(size=(N, int(fragment.max()) + 1))
    noise = rng.normal(size=held.shape)
    steps: Any = {0: {"h": noise}, 10: {"h": held}}
    result = fm.probe(data, network=steps, seeds=2, scales=[128])
    (claim,) = result.claims
    assert result.last_layer == "h"
    assert claim["auc_near"] > 0.99
    assert claim["auc_near_over_untrained"] > 0.3
    assert claim["gained"] == 1.0
    assert claim["lost"] == 0.0
    alone = fm.probe(data, network={"h": noise}, seeds=2, scales=[128]).claims[0]
    assert alone["found"] <= 0.2
    assert alone["auc_near_over_untrained"] is None


def test_several_networks_are_replicates(data: fm.Dataset) -> None:
    rng = np.random.default_rng(0)
    networks: Any = [{"h": rng.normal(size=(N, 3))} for _ in range(2)]
    result = fm.probe(data, network=networks, seeds=2, scales=[128])
    assert len({row["number"] for row in result.rows if row.get("quantity") == "r2-path" and row["layer"] == "h"}) == 2


def test_one_logit_of_two_classes_is_that_of_the_second(data: fm.Dataset) -> None:
    kind = np.where(data.y > 0.0, "warm", "cold")
    logit = np.where(data.y > 0.0, 2.0, -2.0)
    given = given_points((data.X, kind), "one-hot")
    source = array_source(given, own_network({"h": data.X, "output": logit}, data.X))
    assert source.y.shape == source.predicted.shape == (N, 1)
    assert np.corrcoef(source.y[:, 0], source.predicted[:, 0])[0, 1] == pytest.approx(1.0)
    network = own_network({"h": data.X, "output": data.X[:, :3]}, data.X)
    with pytest.raises(RecipeError, match="3 outputs and labels of 2 columns"):
        array_source(given, network)
    numbers = np.where(data.y > 0.0, 2, 1)  # an output for each class of 0, 1, 2: the first does not occur
    of_three = array_source(given_points((data.X, numbers), "one-hot"), network)
    assert of_three.y.shape == (N, 3)
    assert of_three.y[:, 2].argmax() == numbers.argmax()
    with pytest.raises(RecipeError, match="3 outputs and labels of 2 columns"):
        array_source(given_points((data.X, numbers + 1), "one-hot"), network)


def test_estimated_hierarchies_of_arrays_say_so(data: fm.Dataset) -> None:
    source = array_source(given_points((data.X, data.y)), None)
    assert (source.exact, source.hierarchy) == (False, "ward")
    one, two = source.sample(0, 100, 100), source.sample(1, 100, 100)
    assert not set(one.train) & set(one.test)
    assert list(one.train) != list(two.train)
    assert np.array_equal(one.hierarchy.parent, two.hierarchy.parent)
    assert one.y.var() == pytest.approx(1.0)
    assert ladder(512) == (4, 16, 64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: fm.granularity((d.X, d.y[:5])), "expected 512 rows"),
        (lambda d: fm.granularity((d.X, np.full(N, np.nan))), "y of kind float64: expected finite numbers"),
        (lambda d: fm.granularity((d.X.reshape(512, 2, -1), d.y)), r"shape \(512, 2, 4\): expected \(n, d\).*reshape"),
        (lambda d: fm.granularity((np.ma.masked_less(d.X, 0.0), d.y)), "X with .* masked values"),
        (lambda d: fm.granularity(([[1.0, 2.0], [3.0]], d.y)), "X with rows of unequal length"),
        (lambda d: fm.locality((d.X, d.y), network={"h": np.ma.masked_less(d.X, 0.0)}), "'h' with .* masked values"),
        (lambda d: fm.locality((d.X, d.y), network={"h": [[1.0], [1.0, 2.0]]}), "'h' with rows of unequal length"),
        (lambda d: fm.granularity((d.X, d.y), scale=[4]), "unknown key granularity.scale.*did you mean 'scales'"),
        (lambda d: fm.granularity((d.X, d.y), hierarchy="wards"), "'wards': expected ward.*did you mean 'ward'"),
        (lambda d: fm.granularity((d.X, d.y), layer="3"), "layer = '3': expected input"),
        (lambda d: fm.granularity((d.X, d.y), train=[0, 600]), "expected 512 booleans, or row numbers"),
        (lambda d: fm.granularity((d.X, d.y), jobs=2), "expected jobs = 1"),
        (lambda d: fm.granularity(d.X), "points without labels"),
        (lambda d: fm.granularity({"recipe": {}}, network={"h": d.X}), "network beside a specification"),
        (lambda d: fm.locality((d.X, d.y)), "points without a network"),
        (lambda d: fm.locality((d.X, d.y), network={0: d.X}), "integers are steps of the training.*'layer 0': array"),
        (lambda d: fm.probe((d.X, d.y), network={"h": d.X}, widths=[8]), "widths: of given networks there is none"),
        (lambda d: fm.probe((d.X, d.y), network={"h": d.X, "output": d.X}), "8 outputs and labels of 1 columns"),
    ],
)  # fmt: skip
def test_mistakes_are_named(call: Any, message: str, data: fm.Dataset) -> None:
    with pytest.raises(RecipeError, match=message):
        call(data)
