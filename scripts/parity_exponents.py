#!/usr/bin/env python3
"""How the risk of a small network on multitask sparse parities falls, against the law of tasks learned one by one.

    .venv/bin/python scripts/parity_exponents.py -o parities.csv    # minutes; a table to stdout

One hidden layer, the task as one-hot, bits as ±1, logistic loss, Adam on n points again and again. The risk is exact:
all strings of bits of every task, weighted by the tasks' probabilities. Beside it stands the law's sum, half the mass
of tasks with fewer than τ examples among n, Σ p_t P(Binomial(n, p_t) < τ)/2, with one τ for all n of an exponent, and
α/(1+α), which the sum approaches inside its window.
"""

from __future__ import annotations

import argparse
import csv
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import binom

import fractalman as fm
from fractalman.families.sparse_parities.law import windows

CASES = ((0.5, 1024, (1000, 2000, 4000)), (1.0, 128, (1000, 2000, 4000, 8000)), (2.0, 128, (1000, 2000, 4000, 8000)))
"""α, tasks, training sizes."""
BITS, SIZE, BATCH, RATE = 8, 2, 128, 3e-3


def trained(recipe: fm.SparseParities, n: int, seeds: int, width: int, steps: int) -> tuple[Any, Any]:
    """Return for every seed the share of wrong strings of each task, (seeds, T), and of training points, (seeds,)."""
    import jax
    import jax.numpy as jnp
    import optax

    made = [fm.generate(recipe.replace(n_points=n, seed=seed)) for seed in range(seeds)]
    T = recipe.n_tasks

    def signs(X: Any) -> Any:
        return jnp.concatenate([X[..., :T], 2.0 * X[..., T:] - 1.0], axis=-1)

    X, y = signs(jnp.array([data.X for data in made])), jnp.array([2.0 * data.y - 1.0 for data in made])
    strings = (np.arange(2**BITS)[:, None] >> np.arange(BITS) & 1).astype(np.float32)
    reads = np.array([recipe.replace(seed=seed).task_bits for seed in range(seeds)])
    truth = 2.0 * (strings[:, reads].sum(axis=-1) % 2).transpose(1, 2, 0) - 1.0  # (seeds, T, strings)

    def network(p: Any, Z: Any) -> Any:
        return jax.nn.relu(Z @ jnp.concatenate([p["tasks"], p["bits"]]) + p["b"]) @ p["out"]

    def run(seed: Any, X: Any, y: Any, truth: Any) -> Any:
        a, b, c, order = jax.random.split(jax.random.key(seed), 4)
        p = {
            "tasks": jax.random.normal(a, (T, width)),
            "bits": jax.random.normal(b, (BITS, width)) / math.sqrt(BITS),
            "b": jnp.zeros(width),
            "out": jax.random.normal(c, (width,)) / math.sqrt(width),
        }
        adam = optax.adam(RATE)

        def step(state: Any, key: Any) -> Any:
            p, moments = state
            rows = jax.random.randint(key, (BATCH,), 0, n)
            slope = jax.grad(lambda p: jnp.mean(jax.nn.softplus(-y[rows] * network(p, X[rows]))))(p)
            change, moments = adam.update(slope, moments, p)
            return (optax.apply_updates(p, change), moments), None

        (p, _), _ = jax.lax.scan(step, (p, adam.init(p)), jax.random.split(order, steps))

        def task(number: Any) -> Any:
            name = jnp.broadcast_to(jax.nn.one_hot(number, T), (2**BITS, T))
            return jnp.mean(network(p, jnp.concatenate([name, 2.0 * strings - 1.0], axis=1)) * truth[number] <= 0.0)

        return jax.lax.map(task, jnp.arange(T)), jnp.mean(network(p, X) * y <= 0.0)

    wrong, fitted = jax.jit(jax.vmap(run))(jnp.arange(seeds), X, y, jnp.array(truth))
    return np.asarray(wrong), np.asarray(fitted)


def unlearned(n: int, tau: float, chance: np.ndarray[Any, Any]) -> float:
    """Half the mass of tasks with fewer than τ of n examples; between whole τ linearly."""
    low = math.floor(tau)
    few = [binom.cdf(k - 1, n, chance) for k in (low, low + 1)]
    return float(0.5 * chance @ ((1.0 - (tau - low)) * few[0] + (tau - low) * few[1]))


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV of what was measured")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--steps", type=int, default=4000)
    own = parser.parse_args()
    rows: list[dict[str, float]] = []
    for a, tasks, sizes in CASES:
        recipe = fm.SparseParities(n_points=1, n_tasks=tasks, n_bits=BITS, task_size=SIZE, zipf_exponent=a)
        chance, risks = recipe.task_probabilities, []
        for n in sizes:
            wrong, fitted = trained(recipe, n, own.seeds, own.width, own.steps)
            risks.append(wrong @ chance)
            low, high = recipe.ideal_risk(n)
            rows += [
                {"alpha": a, "tasks": tasks, "n": n, "seed": k, "risk": float(risks[-1][k]), "ideal_low": low,
                 "ideal_high": high, "train_wrong": float(fitted[k]), "steps": own.steps, "width": own.width}
                for k in range(own.seeds)
            ]  # fmt: skip
            print(a, n, risks[-1].round(4).tolist(), fitted.round(4).tolist(), flush=True)
        report(a, recipe, np.array(sizes), np.array(risks))
        with own.output.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def report(a: float, recipe: fm.SparseParities, sizes: Any, risks: Any) -> None:
    """Print the exponents: measured seed by seed, of the law's sum with the τ that fits, and of its window."""
    chance, logs = recipe.task_probabilities, np.log(sizes)
    slopes = -np.polyfit(logs, np.log(risks), 1)[0]
    mean = risks.mean(axis=1)

    def distance(tau: float) -> float:
        return float(sum(math.log(unlearned(int(n), tau, chance) / r) ** 2 for n, r in zip(sizes, mean, strict=True)))

    tau = float(minimize_scalar(partial(distance), bounds=(1.0, 400.0), method="bounded").x)
    summed = [unlearned(int(n), tau, chance) for n in sizes]
    error = slopes.std(ddof=1) / math.sqrt(slopes.size) if slopes.size > 1 else math.nan
    print(
        f"α = {a:g}, T = {recipe.n_tasks}: measured {slopes.mean():.3f} ± {error:.3f} (standard error of "
        f"{slopes.size} seeds), the sum with τ = {tau:.0f} {-np.polyfit(logs, np.log(summed), 1)[0]:.3f}, "
        f"α/(1+α) = {a / (1 + a):.3f}; sum over measured risk "
        f"{', '.join(f'{s / r:.2f}' for s, r in zip(summed, mean, strict=True))}; window "
        f"{[(round(w.low), round(w.high)) for w in windows(recipe, tau) if w.exponent is not None]}",
        flush=True,
    )


if __name__ == "__main__":
    main()
