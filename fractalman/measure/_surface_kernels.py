"""Least squares of a sum of power laws, compiled: the inner loop of every joint fit, interval and bootstrap.

A row's loss is e + Σ_t exp(a_t − α_t·x_t); q = (e, a_1 … a_T, α_1 … α_T[, ρ]). With a last entry ρ, term ``repeated``
has x_t = (given x_t) + ln(1 + R*·(1 − exp(−R/R*))), R* = exp(ρ): the effective number of tokens seen 1 + R times.
Residuals are ln(model) − ln(loss); each counts with its row's weight, squared up to a threshold and linearly beyond.

Source: Marquardt 1963 for the damping, Huber 1964, Muennighoff et al. arXiv 2305.16264 for R*. The slow reference is
scipy's least_squares (tests/reference/surfaces.py).
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel


@kernel
def evaluate(q, x, epochs, repeated, log_loss, residual, jacobian):  # type: ignore[no-untyped-def]
    """Fill residuals (rows,) and their Jacobian (rows, parameters)."""
    terms, rows = x.shape
    star = math.exp(q[-1]) if repeated >= 0 else 0.0
    for i in range(rows):
        whole = q[0]
        last = 0.0
        for t in range(terms):
            u = x[t, i]
            if t == repeated:
                fade = math.exp(-epochs[i] / star)
                effective = 1.0 + star * (1.0 - fade)
                u += math.log(effective)
                slope = star * (1.0 - fade) - epochs[i] * fade
                last = slope / effective
            power = math.exp(min(q[1 + t] - q[1 + terms + t] * u, 700.0))
            whole += power
            jacobian[i, 1 + t] = power
            jacobian[i, 1 + terms + t] = -u * power
        jacobian[i, 0] = 1.0
        if repeated >= 0:
            jacobian[i, 1 + 2 * terms] = -q[1 + terms + repeated] * jacobian[i, 1 + repeated] * last
        whole = max(whole, 1e-300)
        residual[i] = math.log(whole) - log_loss[i]
        for k in range(q.size):
            jacobian[i, k] /= whole


@kernel
def huber_cost(residual, weight, threshold):  # type: ignore[no-untyped-def]
    """Return the weighted sum of r²/2 inside the threshold h and of h·(|r| − h/2) beyond it."""
    total = 0.0
    for i in range(residual.size):
        r = abs(residual[i])
        total += weight[i] * (0.5 * r * r if r <= threshold else threshold * (r - 0.5 * threshold))
    return total


@kernel
def _cholesky_solve(matrix, right, n):  # type: ignore[no-untyped-def]
    """Solve the leading n × n system in place of ``right``; return whether the matrix was positive definite."""
    for j in range(n):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= matrix[j, k] * matrix[j, k]
        if not pivot > 1e-30:
            return False
        root = math.sqrt(pivot)
        matrix[j, j] = root
        for i in range(j + 1, n):
            entry = matrix[i, j]
            for k in range(j):
                entry -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = entry / root
    for i in range(n):
        entry = right[i]
        for k in range(i):
            entry -= matrix[i, k] * right[k]
        right[i] = entry / matrix[i, i]
    for i in range(n - 1, -1, -1):
        entry = right[i]
        for k in range(i + 1, n):
            entry -= matrix[k, i] * right[k]
        right[i] = entry / matrix[i, i]
    return True


@kernel
def minimise(  # type: ignore[no-untyped-def]
    start, lower, upper, fixed, x, epochs, repeated, log_loss, weight, threshold, tolerance, steps
):
    """Return the parameters that the damped Gauss–Newton descent from ``start`` ends in, and their cost.

    A parameter at a bound that its gradient pushes against rests, and so does every parameter with ``fixed``.
    """
    p, rows = start.size, log_loss.size
    q = start.copy()
    residual, jacobian = np.empty(rows), np.empty((rows, p))
    tried_residual, tried_jacobian = np.empty(rows), np.empty((rows, p))
    evaluate(q, x, epochs, repeated, log_loss, residual, jacobian)
    cost = huber_cost(residual, weight, threshold)
    damping = 1e-3
    gradient, hessian, scale = np.empty(p), np.empty((p, p)), np.empty(p)
    matrix, step, free = np.empty((p, p)), np.empty(p), np.empty(p, np.int64)
    for _ in range(steps):
        gradient[:] = 0.0
        hessian[:, :] = 0.0
        scale[:] = 0.0
        for i in range(rows):
            r = residual[i]
            if weight[i] == 0.0:
                continue
            inside = abs(r) <= threshold
            pull = weight[i] * (r if inside else math.copysign(threshold, r))
            soft = weight[i] * (1.0 if inside else threshold / abs(r))
            for j in range(p):
                gradient[j] += pull * jacobian[i, j]
                scale[j] += soft * jacobian[i, j] * jacobian[i, j]
                if inside:
                    for k in range(j + 1):
                        hessian[j, k] += weight[i] * jacobian[i, j] * jacobian[i, k]
        n = 0
        for j in range(p):
            held = fixed[j] or (q[j] <= lower[j] and gradient[j] >= 0.0) or (q[j] >= upper[j] and gradient[j] <= 0.0)
            if not held:
                free[n] = j
                n += 1
        if n == 0:
            break
        better = False
        while damping < 1e12:
            for a in range(n):
                step[a] = -gradient[free[a]] / math.sqrt(scale[free[a]] + 1e-200)
                for b in range(a + 1):
                    matrix[a, b] = hessian[free[a], free[b]] / math.sqrt(
                        (scale[free[a]] + 1e-200) * (scale[free[b]] + 1e-200)
                    )
                matrix[a, a] += damping
            if not _cholesky_solve(matrix, step, n):
                damping *= 10.0
                continue
            proposal = q.copy()
            for a in range(n):
                j = free[a]
                proposal[j] = min(max(q[j] + step[a] / math.sqrt(scale[j] + 1e-200), lower[j]), upper[j])
            evaluate(proposal, x, epochs, repeated, log_loss, tried_residual, tried_jacobian)
            new = huber_cost(tried_residual, weight, threshold)
            if new <= cost:
                better = True
                break
            damping *= 4.0
        if not better:
            break
        moved = 0.0
        for j in range(p):
            moved = max(moved, abs(proposal[j] - q[j]) / (abs(q[j]) + 1e-3))
        gain = cost - new
        for j in range(p):
            q[j] = proposal[j]
        residual, tried_residual = tried_residual, residual
        jacobian, tried_jacobian = tried_jacobian, jacobian
        cost = new
        damping = max(damping * 0.1, 1e-14)
        if gain <= tolerance * cost and moved <= math.sqrt(tolerance):
            break
    return q, cost


@kernel
def _nonnegative(gram, right, n, out):  # type: ignore[no-untyped-def]
    """Least squares with coefficients ≥ 0 from the Gram matrix, coordinate by coordinate."""
    out[:] = 0.0
    for _ in range(200):
        change = 0.0
        for j in range(n):
            rest = right[j]
            for k in range(n):
                if k != j:
                    rest -= gram[j, k] * out[k]
            new = max(rest / gram[j, j], 0.0) if gram[j, j] > 0.0 else 0.0
            change = max(change, abs(new - out[j]))
            out[j] = new
        if change < 1e-9:
            break


@kernel
def grid_starts(x, loss, exponents, out, misfit):  # type: ignore[no-untyped-def]
    """For every row of exponents (candidates, T) find the best e, amplitudes ≥ 0, outliers weighed down.

    ``out`` (candidates, 1 + 2T) is filled with parameters, ``misfit`` with the mean absolute relative residual.
    """
    terms, rows = x.shape
    n = terms + 1
    columns, columns_used = np.empty((rows, n)), np.empty(rows)
    weight = np.empty(rows)
    gram, right, solution = np.empty((n, n)), np.empty(n), np.empty(n)
    for c in range(exponents.shape[0]):
        for i in range(rows):
            columns[i, 0] = 1.0 / loss[i]
            for t in range(terms):
                columns[i, 1 + t] = math.exp(min(max(-exponents[c, t] * x[t, i], -700.0), 700.0)) / loss[i]
            weight[i] = 1.0
        length = np.sqrt((columns * columns).sum(axis=0)) + 1e-200
        for _ in range(3):
            gram[:, :] = 0.0
            right[:] = 0.0
            for i in range(rows):
                for j in range(n):
                    entry = columns[i, j] / length[j]
                    right[j] += weight[i] * entry
                    for k in range(n):
                        gram[j, k] += weight[i] * entry * columns[i, k] / length[k]
            _nonnegative(gram, right, n, solution)
            total = 0.0
            for i in range(rows):
                fitted = 0.0
                for j in range(n):
                    fitted += columns[i, j] / length[j] * solution[j]
                columns_used[i] = abs(fitted - 1.0)
                total += columns_used[i]
            scale = 2.0 * np.median(columns_used) + 1e-15
            for i in range(rows):
                weight[i] = min(1.0, scale / max(columns_used[i], 1e-300))
        misfit[c] = total / rows
        out[c, 0] = solution[0] / length[0]
        for t in range(terms):
            out[c, 1 + t] = math.log(max(solution[1 + t] / length[1 + t], 1e-12))
            out[c, 1 + terms + t] = exponents[c, t]
