"""From points, or batches without end, to trained sparse autoencoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fractalman._typing import F32, F64, AnyFloat
from fractalman.errors import FitError, RecipeError
from fractalman.learners.dictionaries.autoencoder import SparseAutoencoder
from fractalman.learners.dictionaries.baselines import fit_baseline
from fractalman.learners.dictionaries.settings import AutoencoderSettings
from fractalman.learners.networks import require
from fractalman.random.streams import Role, key64, normals, permutation

BLOCKS = 10
"""Runs of steps between which dead units are looked for."""
_SCALE_BATCHES = 16
_STEPS_AT_ONCE = 256
_START_PENALTY = 0.05
"""Of the dictionary learning that an autoencoder begins from, on points of a mean squared length of 1."""


def fit_autoencoders(
    points: AnyFloat | Callable[[int], F32],
    settings: AutoencoderSettings,
    sparsities: Sequence[float],
    seeds: Sequence[int] = (0,),
    *,
    order: int = 0,
) -> list[SparseAutoencoder]:
    """Return one trained autoencoder for every sparsity and seed, all trained in one program.

    Parameters
    ----------
    points : (n, d) array, or callable
        Points, taken in a random order that is new in every pass; or a function from the number of a step to its batch
        (batch_size, d), e.g. ``fm.stream(recipe, batch_size).batch``.
    settings : AutoencoderSettings
        What all have in common.
    sparsities : sequence of float
        Units a point ("topk", "batchtopk", "matryoshka") or weights of the penalty ("relu", "jumprelu").
    seeds : sequence of int, default (0,)
        Of initialisations.
    order : int, default 0
        Seed of the order of the points.

    Returns
    -------
    list of SparseAutoencoder
        Sparsity by sparsity, seed by seed.

    Raises
    ------
    RecipeError
        For sparsities that the architecture cannot have, and points that are no finite (n, d) array.
    FitError
        Where training diverges.
    MissingExtraError
        Without JAX.

    Notes
    -----
    Penalties weigh against the squared error of points that are scaled to a mean squared length of 1. Sources: ReLU and
    resampling of dead units, Bricken et al. 2023; TopK, Gao et al. 2024; BatchTopK, Bussmann et al. 2024; JumpReLU,
    Rajamanoharan et al. 2024; Matryoshka, Bussmann et al. 2025. Architectures are written here from the formulas, with
    one treatment of dead units for all (resampling, no auxiliary loss), and are not copies of those papers' runs.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.eye(8)[np.arange(256) % 8]
    >>> settings = AutoencoderSettings(architecture="topk", width=8, steps=20, batch_size=32)
    >>> [model.sparsity for model in fit_autoencoders(points, settings, [1, 2])]
    [1.0, 2.0]
    """
    wanted = [settings.check_sparsity(value) for value in sparsities]
    if not wanted or not len(seeds):
        raise RecipeError("no sparsity or no seed: expected one or more of each")
    batch = points if callable(points) else _passes(_checked(points), settings.batch_size, order)
    require("a sparse autoencoder", "jax", "optax")
    sample = np.concatenate([np.asarray(batch(k), np.float64) for k in range(min(_SCALE_BATCHES, settings.steps))])
    mean = sample.mean(axis=0)
    scale = float(np.sqrt(np.square(sample - mean).sum(axis=1).mean()))
    if not np.isfinite(scale) or scale == 0.0:
        raise RecipeError("all points are the same, or some are not finite: expected points that differ")
    members = [(sparsity, int(seed)) for sparsity in wanted for seed in seeds]
    starts = {seed: _start(settings, (sample - mean) / scale, seed) for _, seed in members}
    weights, limits = _trained(batch, settings, members, mean, scale, starts)
    return [
        _object(weights, limits, i, settings, sparsity, seed, mean, scale) for i, (sparsity, seed) in enumerate(members)
    ]


def _checked(points: AnyFloat) -> F32:
    array = np.asarray(points, np.float32)
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise RecipeError(f"points of shape {np.shape(points)}: expected a finite (points, dimensions) array")
    return array


def _passes(points: F32, batch_size: int, order: int) -> Callable[[int], F32]:
    """Batch k of passes over the points, each in its own order; the last points of a pass go with the next one."""
    n, held = len(points), dict[int, Any]()

    def rows(epoch: int) -> Any:
        if epoch not in held:
            held.clear()
            held[epoch] = permutation(key64(order, Role.BATCH, epoch), n)
        return held[epoch]

    def batch(k: int) -> F32:
        places = np.arange(k * batch_size, (k + 1) * batch_size)
        chosen = [rows(int(epoch))[places[places // n == epoch] % n] for epoch in np.unique(places // n)]
        return np.asarray(points[np.concatenate(chosen)])

    return batch


def _start(settings: AutoencoderSettings, points: F64, seed: int) -> F32:
    """Return the unit rows of the decoder that one seed begins with, from centred and scaled points."""
    w, d = settings.width, points.shape[1]
    rows = np.asarray(normals(key64(seed, Role.INITIALISATION), w * d).reshape(w, d), np.float32)
    if settings.start != "random":
        different = np.unique(points, axis=0, return_index=True)[1]  # few may differ, and passes repeat them
        apart = points[np.sort(different)]
        found = min(w, len(apart))
        if settings.start == "points":
            order = permutation(key64(seed, Role.INITIALISATION, 3), len(apart))
            chosen = np.asarray(apart[order[:found]], np.float32)
        else:
            chosen = fit_baseline(settings.start, points, found, sparsity=_START_PENALTY, seed=seed).W_dec
        used = np.linalg.norm(chosen, axis=1) > 0.0
        rows[: int(used.sum())] = chosen[used]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _trained(
    batch: Callable[[int], F32],
    settings: AutoencoderSettings,
    members: list[tuple[float, int]],
    mean: Any,
    scale: float,
    starts: dict[int, F32],
) -> tuple[dict[str, Any], Any]:
    """Weights of all members, in units of the scaled points, and the code above which units fire in the end."""
    import jax
    import jax.numpy as jnp

    from fractalman.learners.dictionaries import training

    w, name, steps = settings.width, settings.architecture, settings.steps
    rows = np.stack([starts[seed] for _, seed in members])
    state = training.initial_state(jnp.asarray(rows), settings.tied, name)
    sparsity = jnp.asarray([own for own, _ in members], jnp.int32 if settings.counted else jnp.float32)

    def scaled(k: int) -> F32:
        return np.asarray((batch(k) - mean) / scale, np.float32)

    ends = [steps * (i + 1) // BLOCKS for i in range(BLOCKS)]
    begin = 0
    for number, end in enumerate(ends):
        fired = jnp.zeros((len(members), w), jnp.int32)
        while begin < end:
            stop = min(end, begin + _STEPS_AT_ONCE)
            points = np.stack([scaled(k) for k in range(begin, stop)])
            state, now = training.train_block(
                state, points, sparsity, jnp.float32(begin), jnp.float32(steps), jnp.float32(settings.learning_rate),
                name, settings.prefixes,
            )  # fmt: skip
            fired, begin = fired + now, stop
        if number < settings.resample:
            state = training.resample(state, fired, scaled(end - 1), sparsity, name)
    weights = {key: np.asarray(value) for key, value in state.weights.items()}
    if not all(np.isfinite(value).all() for value in weights.values()):
        raise FitError("training diverged: use a smaller learning_rate")
    if name == "jumprelu":
        limits = np.exp(weights["log_threshold"])
    elif name in ("batchtopk", "matryoshka"):
        levels = [
            jax.vmap(training.batch_threshold)(
                jax.nn.relu(jax.vmap(training.before_activation, in_axes=(0, None))(state.weights, scaled(k))), sparsity
            )
            for k in range(max(0, steps - _SCALE_BATCHES), steps)
        ]
        limits = np.repeat(np.mean(np.stack(levels), axis=0)[:, None], w, axis=1)
    else:
        limits = np.zeros((len(members), w))
    return weights, limits


def _object(
    weights: dict[str, Any],
    limits: Any,
    i: int,
    settings: AutoencoderSettings,
    sparsity: float,
    seed: int,
    mean: Any,
    scale: float,
) -> SparseAutoencoder:
    """One member in the units of the points."""
    decoder = weights["W_dec"][i]
    encoder = decoder.T if settings.tied else weights["W_enc"][i]
    return SparseAutoencoder(
        np.ascontiguousarray(encoder, np.float32),
        np.asarray(scale * weights["b_enc"][i], np.float32),
        np.asarray(decoder, np.float32),
        np.asarray(mean + scale * weights["b_dec"][i], np.float32),
        np.asarray(scale * limits[i], np.float32),
        int(sparsity) if settings.architecture == "topk" else settings.width,
        settings.architecture,
        sparsity,
        seed,
    )
