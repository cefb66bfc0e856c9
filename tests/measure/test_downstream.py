"""What reconstructions cost downstream: exact cases of readouts and of functions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.measure.recovery import Truth, label_loss

RNG = np.random.default_rng(0)
X = RNG.standard_normal((600, 5))
Y = X @ [3.0, 0.0, 0.0, 4.0, 0.0]


def test_what_the_label_needs_is_lost_in_proportion() -> None:
    """Label variance 9 + 16: without the first column 16/25 of it is kept, up to the draw of the half."""
    assert label_loss(X, X, Y).kept == 1.0
    assert label_loss(X, X * [1, 0, 0, 1, 0], Y).kept == pytest.approx(1.0, abs=1e-6)
    assert label_loss(X, X * [0, 1, 1, 1, 1], Y).kept == pytest.approx(16 / 25, abs=0.05)
    assert label_loss(X, 0.0 * X, Y).kept == pytest.approx(0.0, abs=0.05)
    assert label_loss(X, -X, Y).kept < -2.0  # worse than nothing


def test_classes_are_read_out_by_class() -> None:
    labels = (X[:, 0] > 0.0).astype(float)
    kept = [label_loss(X, X * [one, 1, 1, 1, 1], labels, classes=2).kept for one in (1, 0)]
    assert kept[0] == 1.0
    assert kept[1] == pytest.approx(0.0, abs=0.03)


def test_any_function_downstream_takes_the_readouts_place() -> None:
    found = label_loss(X, 0.5 * X, downstream=lambda x: np.square(x @ [3.0, 0, 0, 4, 0] - Y).mean())
    assert found.points == pytest.approx(0.0, abs=1e-9)
    assert found.reconstructed == pytest.approx(np.square(Y).mean() / 4, rel=1e-5)
    assert found.kept == pytest.approx(0.75, abs=0.02)


def test_datasets_bring_their_labels_and_networks_their_loss() -> None:
    data = fm.generate(fm.Cascade(n_points=400, ambient_dim=24, branching=2, embedding="superposition"))
    known = data.dictionary()
    score = fm.recovery(known.directions, known.codes, data)
    assert score.label_loss is not None
    assert score.label_loss.kept == pytest.approx(1.0, abs=1e-3)
    assert "is kept" in repr(score)
    rest = fm.recovery(known.directions[20:], known.codes[:, 20:], data).label_loss
    assert rest is not None
    assert rest.kept < 0.9  # the control: the largest features are missing
    assert fm.recovery(known.directions, known.codes, known).label_loss is None  # no labels
    biased = SimpleNamespace(encode=lambda X: X - 3.0, W_dec=np.eye(24), b_dec=np.full(24, 3.0))
    own = fm.recovery(biased, known, downstream=lambda x: np.square(x - data.X).sum()).label_loss
    assert own is not None
    assert own.reconstructed < 1e-6 * own.mean  # with the bias


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reconstructed": X[:, :2], "y": Y}, "reconstructed"),
        ({"y": Y[:5]}, "y of shape"),
        ({"y": np.full(600, np.nan)}, "finite"),
        ({"y": Y, "seed": -1}, "seed"),
        ({"downstream": lambda x: x}, "a number"),
        ({"downstream": lambda _: np.nan}, "finite loss"),
    ],
)
def test_what_has_no_loss_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        label_loss(X, **{"reconstructed": X, **given})


def test_constant_labels_say_nothing() -> None:
    assert np.isnan(label_loss(X, X, np.ones(600)).kept)


def test_truths_with_labels_are_scored_as_the_dataset_is() -> None:
    for recipe in (fm.Cascade(n_points=128, ambient_dim=8), fm.Cascade(n_points=128, ambient_dim=8, target="classes")):
        data = fm.generate(recipe)
        known = data.dictionary(8)
        given = known.directions, known.codes
        truth = Truth(known.directions, known.codes, known.parent, known.X, data.y, data.recipe.target_classes)
        whole = fm.recovery(*given, data, min_size=8).label_loss
        assert whole is not None
        assert fm.recovery(*given, truth).label_loss == whole
        assert fm.recovery(*given, Truth(known.directions, known.codes, known.parent, known.X)).label_loss is None
