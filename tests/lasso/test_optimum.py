"""Every loss on every architecture: certified optima, whichever way they are computed."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import ARCHITECTURES, LOSSES, assert_certified, every_architecture, every_loss, problem_at, targets

import convexnn as cnn
from convexnn.lasso import conic
from convexnn.lasso.candidate import Candidate
from convexnn.lasso.function_space import has_closed_form, minimum_norm


def integers(n, loss):
    """Distinct integers, with targets that often agree: optima are degenerate."""
    rng = np.random.default_rng(n)
    return rng.permutation(15)[:n].astype(float), targets(loss, rng.integers(-3, 4, size=n).astype(float))


def normals(n, loss):
    rng = np.random.default_rng(100 + n)
    return rng.normal(size=n), targets(loss, rng.normal(size=n))


def share(n):
    """Of beta_max: between little and much penalty."""
    return 0.9 / 2 ** (n % 5)


@pytest.mark.parametrize("draw", [integers, normals])
@every_loss
@every_architecture
def test_the_optimum_is_certified_with_an_exact_support(architecture, loss, draw):
    for n in range(3, 9):
        x, y = draw(n, loss)
        assert_certified(cnn.solve(problem_at(share(n), x, y, architecture, loss), tol=1e-8))


def tied_and_weighted(loss):
    """Twelve rows at seven inputs, with weights of which two are zero; equal targets at equal inputs to interpolate."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=7)[[0, 1, 2, 3, 4, 5, 6, 0, 0, 1, 5, 5]]
    if loss.name == "interpolation":
        return {"x": x, "y": np.sin(4 * x)}
    weight = rng.integers(1, 9, size=12) / 4
    weight[[3, 8]] = 0.0
    return {"x": x, "y": targets(loss, rng.normal(size=12)), "sample_weight": weight}


@every_loss
@every_architecture
def test_solvers_agree_on_tied_and_weighted_rows(architecture, loss):
    problem = problem_at(0.2, architecture=architecture, loss=loss, **tied_and_weighted(loss))
    best = cnn.solve(problem, tol=1e-8)
    assert_certified(best)
    for solver in ("columns", "conic"):
        if (solver, loss.name) != ("columns", "interpolation"):
            other = cnn.solve(problem, tol=1e-8, solver=solver)
            assert_certified(other)
            assert other.objective == pytest.approx(best.objective, rel=1e-8)
            if loss.name in ("squared", "huber", "logistic"):
                # Strictly convex where the rows have weight (Huber: where one of them is near): the fit is unique.
                live = problem.weight > 0 if loss.name != "huber" else near(problem, best)
                np.testing.assert_allclose(
                    other.predict(problem.x)[live], best.predict(problem.x)[live], rtol=1e-6, atol=1e-6
                )


def near(problem, solution):
    """Rows on the quadratic part of the loss, well inside."""
    residual = np.abs(problem.y - solution.predict(problem.x))
    return (problem.weight > 0) & (residual < 0.9 * problem.loss.delta)


@every_loss
@every_architecture
def test_both_conic_programs_reach_the_optimum_by_themselves(architecture, loss):
    problem = problem_at(0.2, architecture=architecture, loss=loss, **tied_and_weighted(loss))
    optimum = cnn.solve(problem, tol=1e-8).objective
    programs = [conic.solve_dictionary]
    if has_closed_form(architecture, problem.dictionary.inputs.size):
        programs.append(conic.solve_function_space)
    for program in programs:
        assert objective(problem, program(problem)) == pytest.approx(optimum, rel=1e-8)


def objective(problem: cnn.Problem, candidate: Candidate) -> float:
    inputs, rows = problem.dictionary.inputs, problem.rows
    values = sum(
        (z * feature(inputs) for feature, z in zip(candidate.features, candidate.coef, strict=True)), 0 * inputs
    )
    f = values[rows.group] + candidate.intercept
    if problem.loss == LOSSES["interpolation"]:
        assert np.abs(f - rows.y).max() <= 1e-8 * np.ptp(rows.y)
        return problem.beta * np.abs(candidate.coef).sum()
    return problem.row_loss(f) + problem.beta * np.abs(candidate.coef).sum()


@every_architecture
def test_the_penalty_of_a_solution_is_the_least_for_its_values(architecture):
    for n in range(2, 9):
        x, y = normals(n, LOSSES["squared"])
        if has_closed_form(architecture, n):
            solution = cnn.solve(problem_at(0.1, x, y, architecture, LOSSES["squared"]))
            least = minimum_norm(x, solution.predict(x), architecture)
            assert np.abs(solution.coef).sum() == pytest.approx(least, rel=1e-10)


@pytest.mark.parametrize("name", ["sign-5-tree", "relu-3", "absolute-2", "absolute-3", "symmetrized-3"])
def test_newton_steps_that_cross_corners(name):
    # Far from quadratic: few residuals are below delta, and the steps of a new feature may throw it out again.
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 12))
        x, y = rng.integers(-9, 10, size=n).astype(float), rng.integers(-512, 513, size=n) / 128
        problem = problem_at(0.05, x, y, ARCHITECTURES[name], LOSSES["huber"])
        assert_certified(cnn.solve(problem, tol=1e-8, solver="columns"))


def test_a_feature_that_comes_and_goes_has_helped():
    # The smallest stationarity violation on the way is at the start; the first feature added is thrown out again.
    problem = cnn.Problem(
        [0.0, 1.0, 2.0, -2.0, 0.0078125, -1.0],
        [1.0, 3.0, 3.0, -4.0, -4.0, -3.5546875],
        0.1,
        cnn.Architecture("sign", 4, form="tree", widths=(2, 2)),
        loss=LOSSES["huber"],
    )
    assert cnn.solve(problem, tol=1e-8, solver="columns").objective == pytest.approx(0.34875, rel=1e-12)
