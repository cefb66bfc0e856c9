"""Studies of a layer of a network that they train themselves."""

import numpy as np
import pytest

pytest.importorskip("jax")

from fractalman.errors import RecipeError
from fractalman.random.streams import normals
from fractalman.studies.granularity.spec import read_granularity
from fractalman.studies.linearity.run import _looks, look_rows
from fractalman.studies.linearity.spec import Linearity

NETWORK = {
    "train_size": 256, "width": 16, "depth": 1, "heads": 2, "steps": 32, "batch_size": 8, "targets": "every",
    "sampling": "one-pass",
}  # fmt: skip
TABLES = {
    "data": {"text": "standard-library", "context": 8},
    "network": {**NETWORK, "layer": "layer-1"},
    "granularity": {"scales": [16], "train_size": 64, "test_size": 64, "seeds": 2, "learners": ["ridge"]},
}


@pytest.mark.slow(reason="transformers are trained on text")
def test_points_are_the_layer_and_labels_the_networks_answers():
    spec = read_granularity(TABLES)
    assert read_granularity(spec.to_dict()) == spec
    sample = spec.source.sample(0, 64, 64)
    assert sample.X.shape == (128, 16)
    assert sample.y.shape == (128, 97)
    assert np.allclose(sample.X, sample.layers["layer-1"], atol=1e-5)
    assert np.mean(np.square(sample.y)) * 97 == pytest.approx(1.0)
    # the logits are a linear function of the normed last layer: of these, and of no layer before, ridge knows them
    h = sample.layers["layer-1"]
    normed = (h - h.mean(axis=1, keepdims=True)) / np.sqrt(h.var(axis=1, keepdims=True) + 1e-5)
    left = {name: _unexplained(X, sample.y) for name, X in {**sample.layers, "normed": normed}.items()}
    assert left["normed"] < 1e-6 < 0.01 < left["embedding"]


def _unexplained(X, y):
    design = np.column_stack([X, np.ones(len(X))])
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return float(np.square(residual).sum() / np.square(y - y.mean(axis=0)).sum())


@pytest.mark.slow(reason="transformers are trained on text")
def test_classes_may_be_the_labels():
    sample = read_granularity({**TABLES, "network": {**NETWORK, "target": "class"}}).source.sample(0, 64, 64)
    assert len(np.unique(sample.y.round(9))) > 2
    assert np.allclose(sample.y.mean(axis=0), 0.0)


@pytest.mark.slow(reason="a study of a trained network")
def test_linearity_looks_at_every_layer():
    tables = {**TABLES, "linearity": {"train_size": 64, "test_size": 64, "seeds": 2, "scales": [64], "splits": 2}}
    del tables["granularity"]
    spec = Linearity.read(tables)
    assert Linearity.read(spec.to_dict()) == spec
    sample = spec.source.sample(0, 64, 64)
    (look,) = _looks(spec, spec.tasks()[0], sample)
    rows = look_rows(spec, sample, look, {"replicate": 0, "step": look.step})
    assert {row["space"] for row in rows} == {"embedding", "layer-1"}
    found = {row["space"]: row for row in rows if row["row"] == "dimension"}
    assert found["layer-1"]["units"] == 16
    assert 0.0 < found["layer-1"]["dimension"] < 16.0 + 3 * found["layer-1"]["error"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": {**NETWORK, "learner": "ridge"}}, "network.learner"),
        ({"network": {"width": 16}}, "train_size"),
        ({"network": {**NETWORK, "widht": 3}}, "did you mean 'width'"),
        ({"network": {**NETWORK, "learning_rate": [1e-3, 1e-2]}}, "expected one rate"),
        ({"network": 3}, "expected a table"),
        ({"network": None}, "contexts are no points of a space"),
        ({"data": {"text": "standard-library", "context": -1}}, "context"),
        ({"data": None, "recipe": {"family": "percolation-cluster", "n_points": 99}}, "drawn one by one"),
    ],
)
def test_mistakes_are_named(changes, said):
    tables = {key: value for key, value in {**TABLES, **changes}.items() if value is not None}
    with pytest.raises(RecipeError, match=said):
        read_granularity(tables)


@pytest.mark.slow(reason="a transformer is trained on text; a layer of an mlp is asked for below")
def test_a_layer_that_is_not_there_is_named():
    spec = read_granularity({**TABLES, "network": {**NETWORK, "layer": "layer-9"}})
    with pytest.raises(RecipeError, match="expected embedding, layer-1"):
        spec.source.sample(0, 64, 64)  # of the network that is remembered from the tests above


def test_a_layer_over_the_points_of_a_file(tmp_path):
    """Planted: in the last layer of a linear network of one unit the label's direction is all that is left."""
    X = normals(5, 300 * 6).reshape(300, 6)
    np.savez(tmp_path / "points.npz", X=X.astype(np.float32), y=X[:, 0] + 0.5 * X[:, 1])
    network = {"learner": "mlp", "train_size": 100, "layer": "1", "width": 4, "depth": 1, "steps": 200}
    tables = {
        "data": {"file": str(tmp_path / "points.npz")},
        "network": {**network, "learning_rate": 1e-2, "batch_size": 32},
        "granularity": {"scales": [16], "train_size": 64, "seeds": 2, "learners": ["ridge"]},
    }
    spec = read_granularity(tables)
    assert read_granularity(spec.to_dict()) == spec
    assert spec.values["test_size"] == 136  # what the network and the learners have not seen
    sample = spec.source.sample(0, 64, 136)
    assert sample.X.shape == (200, 4)
    assert _unexplained(sample.X.astype(float), sample.y) < 1e-8  # the network's answers, linear in its last layer
    absent = read_granularity({**tables, "network": {**tables["network"], "layer": "layer-9"}}).source
    with pytest.raises(RecipeError, match=r"network\.layer = 'layer-9': expected 1$"):
        absent.sample(0, 64, 136)  # of the network that is remembered
    labels = read_granularity({**tables, "network": {**tables["network"], "target": "class"}}).source
    assert np.corrcoef(labels.sample(0, 64, 136).y[:, 0], sample.y[:, 0])[0, 1] > 0.75  # it has learned the label
    other = spec.source.sample(1, 64, 136)
    assert not np.allclose(other.X, sample.X)  # another split, another network
    with pytest.raises(RecipeError, match="2 unseen points"):
        read_granularity({**tables, "network": {**tables["network"], "train_size": 250}})
