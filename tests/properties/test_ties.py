"""Equal inputs: a group of rows is one row with their mean where the loss is squared, and nothing simpler else."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import (
    any_weighted_loss,
    assert_certified,
    data,
    every_architecture,
    every_continuous,
    problem_at,
    shares,
    targets,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn


@st.composite
def tied(draw):
    """Every input of some data twice or thrice, with other targets."""
    x, y = draw(data(distinct=True))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    rows = np.append(np.tile(np.arange(x.size), 2), 0)
    return x[rows], np.round(y[rows] + rng.normal(size=rows.size), 3)


@every_architecture
@given(data=tied(), share=shares)
@settings(max_examples=8)
def test_squared_loss_needs_the_means_and_the_scatter_only(architecture, data, share):
    x, y = data
    tied = cnn.solve(problem_at(share, x, y, architecture, cnn.losses.Squared()), tol=1e-8)
    inputs, group, sizes = np.unique(x, return_inverse=True, return_counts=True)
    means = np.bincount(group, y) / sizes
    scatter = np.sum((y - means[group]) ** 2) / 2
    merged = cnn.solve(cnn.Problem(inputs, means, tied.problem.beta, architecture, sample_weight=sizes), tol=1e-8)
    assert tied.objective == pytest.approx(merged.objective + scatter, rel=1e-11)
    np.testing.assert_allclose(tied.predict(x), merged.predict(x), rtol=0, atol=1e-8)
    # Rows back: the group's dual variable, and each row's distance from the mean.
    rows = (y - means[group]) + (merged.certificate.dual_point / sizes)[group]
    np.testing.assert_allclose(tied.certificate.dual_point, rows, rtol=0, atol=1e-8)


@every_architecture
@given(loss=any_weighted_loss, data=tied(), share=shares)
@settings(max_examples=8)
def test_equal_inputs_are_certified_row_by_row(architecture, loss, data, share):
    x, y = data
    solution = cnn.solve(problem_at(share, x, targets(loss, y), architecture, loss), tol=1e-8)
    assert_certified(solution)
    assert solution.problem.dictionary.inputs.size == np.unique(x).size


@every_continuous
@given(loss=any_weighted_loss, data=data(distinct=True), share=shares)
@settings(max_examples=8)
def test_inputs_that_move_together_become_tied(architecture, loss, data, share):
    # The optimal value is continuous in the data; but a step may still switch between two inputs, however close.
    x, y = data
    x, y = np.append(x, x[0]), targets(loss, np.append(y, -y[0] - 1))
    tied = cnn.solve(problem_at(share, x, y, architecture, loss), tol=1e-8)
    x[-1] += 1e-9 * np.ptp(x)
    apart = cnn.solve(cnn.Problem(x, y, tied.problem.beta, architecture, loss=loss), tol=1e-7, on_failure="ignore")
    assert apart.objective == pytest.approx(tied.objective, rel=1e-5, abs=1e-5)
