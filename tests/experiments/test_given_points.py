"""Sweeps over points that nobody draws: the text that every machine has, and files."""

import os

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.experiments import load_spec, run_sweep
from fractalman.experiments.given import data_of_table
from fractalman.experiments.given.text import corpus as corpora
from fractalman.experiments.given.text.corpus import VOCABULARY, corpus, standard_library_files
from fractalman.experiments.given.text.sampler import places_of
from fractalman.experiments.replicates import make_replicate
from fractalman.report.page import page

TEXT = {"text": "standard-library", "context": 8}


def test_tokens_are_the_files_bytes():
    found, files = corpus(), standard_library_files()
    assert [name for name, _ in files] == sorted(name for name, _ in files) == list(found.names)
    i = found.names.index("bisect.py")
    content = files[i][1].read_bytes()
    own = found.tokens[found.starts[i] : found.starts[i + 1]]
    expected = [1 if b == 10 else b - 30 if 32 <= b < 127 else 0 for b in content]
    assert own.tolist() == expected
    assert max(expected) < VOCABULARY


def test_contexts_lie_in_one_file_and_tests_in_others():
    recipe = data_of_table(TEXT).sized(400, 300)
    at, found = places_of(recipe), corpus()
    file = np.searchsorted(found.starts, at, side="right") - 1
    assert (at + recipe.context < found.starts[file + 1]).all()
    assert np.unique(at).size == at.size
    assert not set(file[:400]) & set(file[400:])
    data = fm.generate(recipe)
    assert data.y[7] == found.tokens[at[7] + 8]
    assert data.X[7].tolist() == found.tokens[at[7] : at[7] + 8].tolist()
    larger = places_of(data_of_table(TEXT).sized(500, 300))
    assert (larger[:400] == at[:400]).all()
    assert (larger[500:] == at[400:]).all()
    other = places_of(data_of_table({**TEXT, "seed": 1}).sized(400, 300))
    assert (other != at).any()


def test_a_split_at_random_would_share_files():
    """The control: drawn over all files, test contexts share files with training contexts."""
    found = corpus()
    at = found.places(8, np.arange(found.files))[np.random.default_rng(0).permutation(400)]
    file = np.searchsorted(found.starts, at, side="right") - 1
    assert set(file[:200]) & set(file[200:])


def test_sweep_over_text_round_trips_and_runs(tmp_path):
    spec = load_spec(
        {
            "data": {**TEXT, "encoding": "one-hot"},
            "sweep": {"learners": ["1-nn"], "train_sizes": [50, 100, 200], "seeds": 2, "test_size": 100},
        }
    )
    assert load_spec(spec.to_dict()) == spec
    assert spec.to_dict()["data"]["digest"] == corpus().digest
    result = run_sweep(spec, tmp_path)
    assert len(result.points) == 6
    assert result.missing == 0
    assert all(0.3 < point.risk < 1.0 for point in result.points)
    assert "nothing" in str(result.predictions["1-nn"].law) or result.predictions["1-nn"].data_exponent is None
    a, b = (make_replicate(spec, i) for i in range(2))
    assert (a.X_train != b.X_train).any()
    assert not a.bayes


def test_another_text_is_noticed(monkeypatch):
    table = data_of_table(TEXT).to_dict()
    monkeypatch.setattr("fractalman.experiments.given.text.recipe.corpus", lambda _: _Other(corpora.corpus()))
    with pytest.raises(RecipeError, match="another version of"):
        data_of_table(table)


class _Other:
    def __init__(self, found):
        self.digest = found.digest[::-1]


@pytest.mark.parametrize("target", ["value", "class"])
def test_sweep_over_a_file(tmp_path, target):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = np.array(["b", "a"])[(X[:, 0] > 0).astype(int)] if target == "class" else 3.0 + 2.0 * X[:, 0]
    np.savez(tmp_path / "x.npz", X=X, y=y)
    learner = "logistic" if target == "class" else "ridge"
    table = {"file": str(tmp_path / "x.npz"), "target": target}
    sweep = {"learners": [learner, "1-nn"], "train_sizes": [32, 64, 128], "seeds": 2, "test_size": 100}
    spec = load_spec({"data": table, "sweep": {**sweep, "max_fraction": 0.5}})
    assert load_spec(spec.to_dict()) == spec
    result = run_sweep(spec, tmp_path / "run")
    own = [point for point in result.points if point.learner == learner and point.n == 128]
    assert max(point.risk for point in own) < (0.06 if target == "class" else 1e-6)
    text = page("given", {"table": result}, {}, {})
    assert "These points were given" in text
    assert "geometry" not in text.replace("nothing is known of their geometry", "")  # nobody drew any
    assert own[0].v_in == pytest.approx(0.45 if target == "class" else 1.0, abs=0.06)
    np.savez(tmp_path / "x.npz", X=-X, y=y)
    with pytest.raises(RecipeError, match="file has changed"):
        load_spec(spec.to_dict())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "neither text nor file"),
        ({"text": "standard-library", "file": "x.npz"}, "text and file"),
        ({"text": "shakespeare"}, "standard-library"),
        ({"text": "standard-library", "contxt": 3}, "did you mean 'context'"),
        ({"text": "standard-library", "context": 0}, "context = 0"),
        ({"text": ["standard-library"]}, "expected a name"),
        ({"file": "nowhere.npz"}, "nowhere.npz does not exist"),
        ({"file": "nowhere.npz", "digest": 3}, "digest = 3"),
        ({"text": "standard-library", "seed": -1}, "seed"),
        (3, "expected a table"),
    ],
)
def test_mistakes_are_named(table, said):
    with pytest.raises(RecipeError, match=said):
        load_spec({"data": table, "sweep": {"learners": ["1-nn"], "train_sizes": [8, 16, 32], "seeds": 2}})


def test_recipe_and_data_exclude_each_other():
    with pytest.raises(RecipeError, match="expected one of them"):
        load_spec({"data": TEXT, "recipe": {"family": "cascade", "n_points": 99}, "sweep": {}})
    with pytest.raises(RecipeError, match="unknown family 'text'"):
        load_spec({"recipe": {"family": "text"}, "sweep": {}})


def test_files_that_cannot_be_points_are_refused_at_once(tmp_path):
    """A pipe would wait for ever; a number for every point is no class."""
    os.mkfifo(tmp_path / "pipe.npz")
    numbers = np.random.default_rng(0).random((50, 3))
    np.savez(tmp_path / "numbers.npz", X=numbers, y=numbers[:, 0])
    for name, said in (("pipe.npz", "not an ordinary file but a pipe"), ("numbers.npz", "names rather than classes")):
        with pytest.raises(RecipeError, match=said):
            data_of_table({"file": str(tmp_path / name), "target": "class"})
