"""Activations, parameterizations, optimizers, rates chosen on validation, one pass, checkpoints."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from fractalman import learners
from fractalman.errors import RecipeError
from fractalman.learners.networks import checkpoints, load, parameterization, training
from fractalman.learners.networks.dense import Dense
from fractalman.learners.protocol import Problem
from tests.learners.test_learners import problem

mlp = load()
SMALL = {"width": 16, "depth": 2, "steps": 120, "batch_size": 16, "max_train": 64}


def risk(**settings: object) -> float:
    """Test risk over label variance of small networks on a smooth target."""
    p = problem(31, n=64, d=3, t=64)
    truth = np.sin(p.X_test.astype(np.float64) @ _weights())
    outcome = learners.make("mlp", {**SMALL, **settings}).run([p])[0]
    return float(np.square(outcome.prediction - truth).mean() / truth.var())


def _weights() -> np.ndarray:
    from fractalman.random.streams import normals

    return normals(32, 3).reshape(3, 1)


@pytest.mark.slow(reason="a network is trained for every setting", but=["settings3"])
@pytest.mark.parametrize(
    "settings",
    [
        {"activation": "gelu", "learning_rate": 1e-2},
        {"activation": "tanh", "learning_rate": 1e-2},
        {"optimizer": "sgd", "learning_rate": 1e-2},
        {"parameterization": "ntk", "learning_rate": 3e-2},
        {"parameterization": "mup", "learning_rate": 1e-2},
        {"weight_decay": 1e-3, "learning_rate": 1e-2},
    ],
)
def test_every_setting_learns_and_none_is_the_default_renamed(settings: dict[str, object]) -> None:
    """Well below the risk of the mean, and not the numbers of the plain network at the same rate."""
    found = risk(**settings)
    assert found < 0.8
    assert found != risk(learning_rate=settings["learning_rate"])


def test_mup_is_standard_at_its_base_width_and_not_elsewhere() -> None:
    """The definition; and the tangent-kernel network starts as the standard one does."""
    for width, same in ((parameterization.BASE_WIDTH, True), (256, False)):
        ours = parameterization.initial_weights(1, 5, width, 2, 1, "mup")
        plain = parameterization.initial_weights(1, 5, width, 2, 1)
        assert (ours[-1][0] == plain[-1][0]).all() == same
        rates = parameterization.multipliers("mup", "adam", 5, width, 2)[1]
        assert (rates == 1.0).all() == same
    X = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    outputs = []
    for name in ("standard", "ntk"):
        factors, _ = parameterization.multipliers(name, "adam", 5, 32, 2)
        weights = training.stack([parameterization.initial_weights(1, 5, 32, 2, 1, name)])
        outputs.append(training.forward(weights, [X], 1, factors, Dense(32, 2))[0])
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-5, atol=1e-6)


@pytest.mark.slow(reason="networks of several widths are compiled")
def test_updates_of_a_mup_network_do_not_depend_on_the_width() -> None:
    """One step (the schedule ends in one of rate 0) moves outputs alike; the control moves wide ones more."""
    X = np.random.default_rng(1).normal(size=(32, 8)).astype(np.float32)
    y = np.sin(X[:, :1].astype(np.float64))
    moved: dict[str, list[float]] = {"mup": [], "standard": []}
    for name, found in moved.items():
        for width in (64, 512):
            run = training.Run(Dense(width, 2, parameterization=name), 2, 1, 2, 32, 3e-3, 0.0, 32)
            after = training.train(run, [X], [y / y.std()], [X], [5])[0].prediction
            factors, _ = parameterization.multipliers(name, "adam", 8, width, 2)
            start = training.stack([parameterization.initial_weights(5, 8, width, 2, 1, name)])
            found.append(
                float(np.sqrt(np.square(after - training.forward(start, [X], 1, factors, Dense(width, 2))[0]).mean()))
            )
    assert moved["mup"][1] / moved["mup"][0] < 2.0
    assert moved["standard"][1] / moved["standard"][0] > 3.0


def test_the_learning_rate_is_chosen_on_validation_points_only() -> None:
    """Of a useless, a good and a diverging rate the good one; test points cannot change it."""
    p = problem(33, n=64, d=3, t=10)
    table = {**SMALL, "learning_rate": [1e-6, 1e-2, 50.0]}
    chosen = learners.make("mlp", table).run([p])[0]
    assert chosen.info["learning_rate"] == 1e-2
    assert chosen.info["validation_risk"] > 0.0
    moved = Problem(p.X_train, p.y_train, p.X_test + 3.0, p.key)
    assert learners.make("mlp", table).run([moved])[0].info["learning_rate"] == 1e-2
    fixed = learners.make("mlp", {**SMALL, "learning_rate": 1e-2}).run([p])[0]
    np.testing.assert_array_equal(chosen.prediction, fixed.prediction)


@pytest.mark.slow(reason="networks compiled for every number of steps")
def test_one_pass_sees_every_point_once() -> None:
    """Batch k is points k·B … (k+1)·B − 1: points behind the last batch, and their order, change nothing."""
    table = {**SMALL, "steps": 4, "batch_size": 8, "sampling": "one-pass", "interpolation_tolerance": 0.0}
    p = problem(34, n=40, d=3, t=10)
    X, y = p.X_train.copy(), p.y_train.copy()
    run = training.Run(Dense(16, 2), 4, 1, 500, 8, 1e-2, 0.0, 64, sampling="one-pass")
    base = training.train(run, [X], [y], [p.X_test], [1])[0].prediction
    X[32:] += 100.0  # never drawn
    np.testing.assert_array_equal(training.train(run, [X], [y], [p.X_test], [1])[0].prediction, base)
    X[23] += 1.0  # in the last batch but one: the schedule ends at rate 0
    assert not np.array_equal(training.train(run, [X], [y], [p.X_test], [1])[0].prediction, base)
    with pytest.raises(RecipeError, match="one-pass"):
        learners.make("mlp", {**table, "steps": 6}).run([p])


def test_a_checkpoint_of_another_run_is_no_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another key, damage, or nothing: training starts at the beginning; a run that has ended is not done again."""
    run = training.Run(Dense(8, 1), 40, 4, 10, 8, 1e-2, 0.0, 64)
    p = problem(35, n=20, d=3, t=5)
    path = tmp_path / "state.npz"
    plain = training.train(run, [p.X_train], [p.y_train], [p.X_test], [1])[0].prediction
    path.write_bytes(b"nothing of the kind")
    found = training.train(run, [p.X_train], [p.y_train], [p.X_test], [1], path)[0].prediction
    np.testing.assert_array_equal(found, plain)
    with monkeypatch.context() as patch:
        patch.setattr(training, "train_block", None)
        again = training.train(run, [p.X_train], [p.y_train], [p.X_test], [1], path)[0]
    np.testing.assert_array_equal(again.prediction, plain)
    assert again.steps == 40
    state = training.State(((np.ones((2, 3), np.float32), np.zeros(3, np.float32)),), ())
    progress = checkpoints.Progress(5, np.zeros(1, bool), np.zeros(1, np.int64), np.ones(1))
    checkpoints.publish(path, "mark", state, progress)
    blank = training.State(((np.zeros((2, 3), np.float32), np.zeros(3, np.float32)),), ())
    nothing = checkpoints.Progress(0, np.zeros(1, bool), np.zeros(1, np.int64), np.ones(1))
    assert checkpoints.restore(path, "other", blank, nothing)[1].start == 0
    restored, done = checkpoints.restore(path, "mark", blank, nothing)
    assert done.start == 5
    assert (np.asarray(restored.weights[0][0]) == 1.0).all()
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.npz"]


@pytest.mark.slow(reason="processes that start and are killed")
def test_a_killed_training_run_ends_as_the_uninterrupted_one(tmp_path: Path) -> None:
    """SIGKILL between two blocks; the second start goes on from the file, bit for bit."""
    script = textwrap.dedent(
        """
        import sys, time
        import numpy as np
        from pathlib import Path
        from fractalman.learners.networks import checkpoints, training
        from fractalman.learners.networks.dense import Dense
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(64, 4)).astype(np.float32), rng.normal(size=(64, 1))
        run = training.Run(Dense(16, 2), 60, 5, 10, 16, 1e-2, 0.0, 64)
        path = Path(sys.argv[1])
        if sys.argv[2] == "slow":
            publish = checkpoints.publish
            def slowly(*args):
                publish(*args)
                if args[3].start >= 20:
                    print("published", flush=True)
                    time.sleep(60)
            checkpoints.publish = slowly
        if path.exists():
            print("resumed", flush=True)
        print(training.train(run, [X], [y], [X], [7], path)[0].prediction.tobytes().hex())
        """
    )

    def start(path: str, pace: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", script, path, pace], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 4)).astype(np.float32), rng.normal(size=(64, 1))
    run = training.Run(Dense(16, 2), 60, 5, 10, 16, 1e-2, 0.0, 64)
    whole = training.train(run, [X], [y], [X], [7])[0].prediction.tobytes().hex() + "\n"
    state = tmp_path / "state.npz"
    killed = start(str(state), "slow")
    assert killed.stdout is not None
    assert killed.stdout.readline() == "published\n"
    time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert state.exists()
    again = start(str(state), "fast").communicate(timeout=120)[0]
    assert again == "resumed\n" + whole


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"activation": "rely"}, "mlp.activation.*did you mean 'relu'"),
        ({"optimizer": "adamw"}, "mlp.optimizer.*did you mean 'adam'"),
        ({"parameterization": "mupp"}, "mlp.parameterization.*did you mean 'mup'"),
        ({"sampling": "once"}, "mlp.sampling"),
        ({"weight_decay": -1.0}, "mlp.weight_decay"),
        ({"learning_rate": []}, "mlp.learning_rate"),
        ({"learning_rate": [0.1, 0.0]}, "mlp.learning_rate"),
    ],
)
def test_wrong_settings_are_refused_by_key(table: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        learners.make("mlp", table)
