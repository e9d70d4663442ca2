"""The optimal values against programs that share nothing with the library: other columns, another formulation."""

from __future__ import annotations

import warnings

import cvxpy as cp
import naive
import numpy as np
import pytest
from helpers import ARCHITECTURES, LOSSES, every_architecture, every_loss, problem_at, targets
from sklearn.linear_model import Lasso, QuantileRegressor

import convexnn as cnn


def optimum(a, y, weight, beta, loss):
    """The Lasso as the paper writes it: one free coefficient a column, one intercept, the loss row by row."""
    z, intercept = cp.Variable(a.shape[1]), cp.Variable()
    f = a @ z + intercept
    constraints = []
    match loss.name:
        case "squared":
            rows = (y - f) ** 2 / 2
        case "absolute":
            rows = cp.abs(y - f)
        case "quantile":
            rows = cp.maximum(loss.tau * (y - f), (loss.tau - 1) * (y - f))
        case "huber":
            # The infimal convolution of its two parts, not cvxpy's atom.
            small = cp.Variable(y.size)
            rows = small**2 / 2 + loss.delta * cp.abs(y - f - small)
        case "logistic":
            rows = cp.log_sum_exp(cp.vstack([np.zeros(y.size), cp.multiply(-y, f)]), axis=0)
        case "interpolation":
            rows, constraints = np.zeros(y.size), [f == y]
    program = cp.Problem(cp.Minimize(weight @ rows + beta * cp.norm1(z)), constraints)
    with warnings.catch_warnings():
        # Its last digits are out of reach now and then; then the comparison decides.
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        program.solve(solver=cp.CLARABEL, tol_gap_rel=1e-12, tol_gap_abs=1e-12, tol_feas=1e-12)
    return program.value


@pytest.mark.parametrize("seed", [1, 2])
@every_loss
@every_architecture
def test_the_optimal_value_is_that_of_the_lasso_as_written(architecture, loss, seed):
    rng = np.random.default_rng(seed)
    # Quarters, so that the oracle's kink systems stay small fractions; one input is tied, one row weighs nothing.
    x = rng.permutation(20)[:5] / 4
    rows = {"x": x, "y": targets(loss, rng.normal(size=5))}
    if loss.name != "interpolation":
        x = np.append(x, x[:2])
        weight = np.append(rng.integers(1, 9, size=6) / 4, 0.0)
        rows = {"x": x, "y": targets(loss, rng.normal(size=7)), "sample_weight": weight}
    problem = problem_at(0.15, architecture=architecture, loss=loss, **rows)
    columns = naive.columns(problem.x, naive.units(problem.x, architecture))
    wanted = optimum(columns, problem.y, problem.weight, problem.beta, loss)
    assert cnn.solve(problem, tol=1e-8).objective == pytest.approx(wanted, rel=1e-7)


@pytest.mark.parametrize("name", ["sign-2", "absolute-2", "relu-3", "threshold-4-tree"])
def test_squared_loss_agrees_with_scikit_learn(name):
    x = np.array([0.0, 1, 2, 4, 5])
    y = np.array([1.0, -1, 2, 2, 0])
    a = naive.columns(x, naive.units(x, ARCHITECTURES[name]))
    problem = problem_at(0.2, x, y, ARCHITECTURES[name], LOSSES["squared"])
    # Its objective is that of the mean.
    model = Lasso(alpha=problem.beta / 5, tol=1e-14, max_iter=1_000_000).fit(a, y)
    wanted = np.sum((y - model.predict(a)) ** 2) / 2 + problem.beta * np.abs(model.coef_).sum()
    solution = cnn.solve(problem)
    assert solution.objective == pytest.approx(wanted, rel=1e-9)
    np.testing.assert_allclose(solution.predict(x), model.predict(a), atol=1e-6)


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", ["sign-2", "absolute-2", "relu-3", "absolute-3"])
def test_quantile_loss_agrees_with_scikit_learn(name, tau):
    rng = np.random.default_rng(3)
    x, y, weight = np.arange(10.0), rng.normal(size=10), rng.integers(1, 5, size=10).astype(float)
    a = naive.columns(x, naive.units(x, ARCHITECTURES[name]))
    loss = cnn.losses.Quantile(tau)
    problem = problem_at(0.2, x, y, ARCHITECTURES[name], loss, sample_weight=weight)
    model = QuantileRegressor(quantile=tau, alpha=problem.beta / weight.sum()).fit(a, y, sample_weight=weight)
    wanted = naive.loss_total(loss, y, model.predict(a), weight) + problem.beta * np.abs(model.coef_).sum()
    assert cnn.solve(problem).objective == pytest.approx(wanted, rel=1e-9)
