"""Data that break solvers, and problems made of them."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import assert_certified, problem_at

from convexnn import Problem, Solution, losses, solve

FAMILIES = ("uniform", "integer", "cluster", "offset", "logarithmic", "two scales", "alternating", "steep", "spike")
every_family = pytest.mark.parametrize("family", FAMILIES)


def data(family, n, rng):
    """Unsorted inputs, tied if integer, and targets."""
    x = rng.uniform(-2, 2, n)
    match family:
        case "integer":
            x = rng.integers(0, n, n).astype(float)
        case "cluster":
            x = np.where(rng.random(n) < 0.5, 0.3 + 1e-8 * rng.random(n), x)
        case "offset":
            x = 1e6 + rng.random(n)
        case "logarithmic":
            x = 10 ** rng.uniform(-12, 0, n)
        case "two scales":
            x = np.cumsum(rng.choice([1.0, 1e-6], n))
    y = np.sin(12 * (x - x.min()) / max(np.ptp(x), 1e-300)) + rng.choice([0.1, 1, 10]) * rng.standard_normal(n)
    match family:
        case "alternating":
            y = (-1.0) ** np.arange(n)
        case "steep":
            y = 1e6 * x + rng.standard_normal(n)
        case "spike":
            y = np.eye(n)[n // 2]
    return x, y


def problem(family, n, rng, architecture, share):
    """A problem whose beta is a share of beta_max; some rows weigh nothing."""
    x, y = data(family, n, rng)
    weight = rng.uniform(0.1, 3, n) * (rng.random(n) < 0.9)
    weight[0] = 1.0
    return problem_at(share, x, y, architecture, losses.Squared(), sample_weight=weight)


def solved(problem: Problem, solver, tol=1e-9) -> Solution:
    """What `solve` would return with this solver."""
    proof, expand, n_iter = solver(problem, tol)
    status = "certified" if abs(proof.relative_gap) <= tol else "not certified"
    return Solution(problem, proof, status, n_iter, 0.0, expand)


def shuffled(problem: Problem, rng) -> tuple[Problem, np.ndarray]:
    """The same problem with its rows in another order, and that order."""
    order = rng.permutation(problem.n_samples)
    x, y, weight = problem.x[order], problem.y[order], problem.weight[order]
    return Problem(x, y, problem.beta, problem.architecture, sample_weight=weight), order


def assert_agrees_on_small_data(rows, share, seed, weighted, architecture, solver, *, applies):
    """The optimum of the reference with ties and weights, where the solver applies: whether it does is returned."""
    x, y = rows
    weight = np.random.default_rng(seed).exponential(size=x.size) if weighted else None
    beta = share * Problem(x, y, 1.0, architecture, sample_weight=weight).beta_max or 1.0
    p = Problem(x, y, beta, architecture, sample_weight=weight)
    if not applies(p):
        return False
    solution, reference = solved(p, solver, tol=1e-12), solve(p, solver="conic", tol=1e-8)
    assert_certified(solution, kkt=2e-6)  # a gap is the square of a violation
    scale = max(reference.objective, 1e-12 * np.ptp(y) ** 2)
    assert solution.objective == pytest.approx(reference.objective, abs=1e-8 * scale)
    return True
