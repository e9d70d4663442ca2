"""How the optimal value follows the data when they are scaled, shifted and mirrored."""

from __future__ import annotations

import pytest
from helpers import (
    any_loss,
    any_loss_of_numbers,
    assert_certified,
    data,
    every_architecture,
    problem_at,
    shares,
    targets,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn
from convexnn.losses import Quantile

examples = settings(max_examples=6)


def optimum(x, y, beta, architecture, loss):
    solution = cnn.solve(cnn.Problem(x, y, beta, architecture, loss=loss), tol=1e-8)
    assert_certified(solution)
    return solution.objective


def solved(data, share, architecture, loss):
    x, y = data
    y = targets(loss, y)
    one = cnn.solve(problem_at(share, x, y, architecture, loss), tol=1e-8)
    return x, y, one.problem.beta, one.objective


def close(value):
    """Values of order one to a hundred, certified to 1e-8 and found to rounding."""
    return pytest.approx(value, rel=1e-9, abs=1e-11)


@every_architecture
@given(loss=any_loss, data=data(distinct=True), share=shares, factor=st.sampled_from([1e-3, 0.3, 7.0, 1e5]))
@examples
def test_scaling_the_inputs_scales_beta(architecture, loss, data, share, factor):
    x, y, beta, value = solved(data, share, architecture, loss)
    # Piecewise-linear units grow with x, steps do not.
    gain = 1.0 if architecture.activation.is_step else factor
    scale = 1 / gain if loss.name == "interpolation" else 1.0  # its objective is the penalty alone
    beta_there = beta if loss.name == "interpolation" else beta * gain
    assert optimum(factor * x, y, beta_there, architecture, loss) == close(scale * value)


@every_architecture
@given(loss=any_loss, data=data(distinct=True), share=shares, shift=st.sampled_from([-3.5, 100.0, 4096.0]))
@examples
def test_shifting_the_inputs_changes_nothing(architecture, loss, data, share, shift):
    x, y, beta, value = solved(data, share, architecture, loss)
    assert optimum(x + shift, y, beta, architecture, loss) == close(value)


@every_architecture
@given(loss=any_loss, data=data(distinct=True), share=shares)
@examples
def test_mirroring_the_inputs_changes_nothing(architecture, loss, data, share):
    x, y, beta, value = solved(data, share, architecture, loss)
    assert optimum(-x, y, beta, architecture, loss) == close(value)


@every_architecture
@given(loss=any_loss, data=data(distinct=True), share=shares)
@examples
def test_mirroring_the_targets_mirrors_the_quantile(architecture, loss, data, share):
    x, y, beta, value = solved(data, share, architecture, loss)
    mirrored = Quantile(1 - loss.tau) if loss.name == "quantile" else loss
    assert optimum(x, -y, beta, architecture, mirrored) == close(value)


@every_architecture
@given(loss=any_loss_of_numbers, data=data(distinct=True), share=shares, shift=st.sampled_from([-5.0, 1024.0]))
@examples
def test_shifting_the_targets_moves_the_intercept_only(architecture, loss, data, share, shift):
    x, y, beta, value = solved(data, share, architecture, loss)
    # Targets are multiples of 1/128, so that adding the shift is exact.
    assert optimum(x, y + shift, beta, architecture, loss) == close(value)


@every_architecture
@given(loss=any_loss_of_numbers, data=data(distinct=True), share=shares, factor=st.sampled_from([1e-4, 1e5]))
@examples
def test_scaling_the_targets_scales_the_value_by_its_degree(architecture, loss, data, share, factor):
    x, y, beta, value = solved(data, share, architecture, loss)
    there = optimum(x, factor * y, factor ** (loss.degree - 1) * beta, architecture, loss.rescaled(1 / factor))
    assert there / factor**loss.degree == close(value)
