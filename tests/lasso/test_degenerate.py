"""Data that leave nothing to fit, or too much: the answer is exact, and certified as such."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import (
    ARCHITECTURES,
    LOSSES,
    WEIGHTED,
    assert_certified,
    every_architecture,
    every_loss,
    every_weighted_loss,
    problem_at,
)

import convexnn as cnn


def labels(loss, y):
    return np.where(np.arange(len(y)) % 2, -1.0, 1.0) if loss.name == "logistic" else np.array(y)


# One label has no finite optimum.
every_loss_of_numbers = pytest.mark.parametrize(
    "loss", [loss for loss in LOSSES.values() if loss.name != "logistic"], ids=lambda loss: loss.name
)


@every_loss_of_numbers
@every_architecture
def test_one_point_is_met_exactly(architecture, loss):
    solution = cnn.solve(cnn.Problem([3.0], [1e6 + 0.1], 1.0, architecture, loss=loss))
    assert_certified(solution)
    assert (solution.features, solution.intercept, solution.objective) == ((), 1e6 + 0.1, 0.0)
    assert (solution.certificate.gap, solution.certificate.relative_gap) == (0.0, 0.0)


@every_weighted_loss
@every_architecture
def test_equal_inputs_get_the_best_constant(architecture, loss):
    y = labels(loss, [1.0, 4.0, 2.0, 8.0, 2.0])
    problem = cnn.Problem(np.full(5, 0.1), y, 1e-3, architecture, loss=loss)
    solution = cnn.solve(problem)
    assert_certified(solution)
    assert (problem.dictionary.n_features, problem.beta_max, solution.features) == (0, 0.0, ())
    others = solution.intercept + np.array([-1.0, -1e-3, 1e-3, 1.0])
    assert all(solution.objective <= problem.objective(np.full(5, c), []) for c in others)
    assert solution.certificate.gap <= 1e-15 * solution.objective


@every_loss_of_numbers
@every_architecture
def test_constant_targets_are_met_exactly(architecture, loss):
    y = np.full(4, 0.1 + 0.2)
    solution = cnn.solve(cnn.Problem([0.3, 1.7, 2.9, 3.1], y, 1e-3, architecture, loss=loss))
    assert_certified(solution)
    assert (solution.features, solution.intercept, solution.objective) == ((), y[0], 0.0)
    assert (solution.certificate.gap, solution.certificate.relative_gap) == (0.0, 0.0)
    np.testing.assert_array_equal(solution.predict([-1.0, 5.0]), y[:2])


@every_loss
@every_architecture
def test_two_inputs(architecture, loss):
    problem = cnn.Problem([5.0, 2.0], labels(loss, [1.0, 3.0]), 0.1, architecture, loss=loss)
    solution = cnn.solve(problem)
    assert_certified(solution)
    assert len(solution.features) == 1


@every_architecture
@pytest.mark.parametrize("loss", [WEIGHTED["squared"], WEIGHTED["absolute"]], ids=["squared", "absolute"])
def test_weight_on_one_row_only(architecture, loss):
    problem = cnn.Problem([0.0, 1.0, 3.0], [5.0, 1.0, 2.0], 0.1, architecture, loss=loss, sample_weight=[0, 2.0, 0])
    solution = cnn.solve(problem)
    assert_certified(solution)
    assert (solution.features, solution.intercept, solution.objective) == ((), 1.0, 0.0)


@pytest.mark.parametrize("name", ["relu-2", "relu-3", "absolute-3", "sign-2", "sign-5-tree"])
@pytest.mark.parametrize("loss", [WEIGHTED[name] for name in ("squared", "absolute", "logistic")], ids=str)
def test_adjacent_floats_as_inputs(name, loss):
    x = 1.0 + np.finfo(float).eps * np.array([0.0, 1.0, 2.0, 4.0])
    y = labels(loss, [0.0, 1.0, -1.0, 2.0])
    assert_certified(cnn.solve(problem_at(0.1, x, y, ARCHITECTURES[name], loss), tol=1e-8))


@every_weighted_loss
@pytest.mark.parametrize("name", ["relu-2", "relu-3", "absolute-3", "absolute-4", "sign-2"])
@pytest.mark.parametrize("scale", [1e-100, 1e-9, 1e9, 1e100])
def test_data_of_any_size(name, loss, scale):
    x, y = np.array([0.0, 1.0, 2.5, 4.0, 7.0]), labels(loss, [0.0, 2.0, -1.0, 1.0, 5.0])
    one, scaled = (cnn.solve(problem_at(0.1, points, y, ARCHITECTURES[name], loss)) for points in (x, scale * x))
    assert scaled.certificate.relative_gap <= 1e-8
    assert scaled.objective == pytest.approx(one.objective, rel=1e-12)


@every_loss_of_numbers
@pytest.mark.parametrize("name", ["absolute-2", "relu-3", "absolute-4", "sign-2"])
def test_targets_that_nearly_agree(name, loss):
    x, y = np.array([0.0, 1.0, -1.0, 3.0, 2.0]), np.array([0.0, 0.0, 0.0, 1.0, 2.0**-23])
    assert_certified(cnn.solve(problem_at(0.05, x, y, ARCHITECTURES[name], loss), tol=1e-8))
