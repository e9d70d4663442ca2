"""What sample weights mean: repeated rows, absent rows, and a scale of the loss."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import any_weighted_loss, assert_certified, data, every_architecture, problem_at, shares, targets
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn


def whole_weights(n, seed):
    return np.random.default_rng(seed).integers(1, 4, size=n)


@every_architecture
@given(loss=any_weighted_loss, data=data(), share=shares, seed=st.integers(0, 99))
@settings(max_examples=10)
def test_a_whole_weight_is_a_number_of_equal_rows(architecture, loss, data, share, seed):
    x, y = data
    y, times = targets(loss, y), whole_weights(data[0].size, seed)
    weighted = cnn.solve(problem_at(share, x, y, architecture, loss, sample_weight=times), tol=1e-8)
    one, beta = weighted.problem, weighted.problem.beta
    repeated = cnn.Problem(np.repeat(x, times), np.repeat(y, times), beta, architecture, loss=loss)
    # A beta_max of 0 is 0 only up to the rounding of correlations that cancel, which repeats are summed up in.
    assert repeated.beta_max == pytest.approx(one.beta_max, rel=1e-9, abs=1e-12 * (1 + np.ptp(x)) * times.sum())
    solution = cnn.solve(repeated, tol=1e-8)
    assert_certified(solution)
    assert solution.objective == pytest.approx(weighted.objective, rel=1e-9, abs=1e-12)
    if loss.is_smooth:
        # The dual point is unique: a row's is shared out among its copies.
        sums = np.add.reduceat(solution.certificate.dual_point, np.cumsum(times) - times)
        np.testing.assert_allclose(sums, weighted.certificate.dual_point, rtol=1e-6, atol=1e-6)


@every_architecture
@given(loss=any_weighted_loss, data=data(), share=shares, seed=st.integers(0, 99))
@settings(max_examples=10)
def test_a_row_of_weight_zero_might_as_well_be_absent(architecture, loss, data, share, seed):
    x, y = data
    y, weight = targets(loss, y), np.ones(x.size)
    rng = np.random.default_rng(seed)
    more_x, more_y = np.concatenate((rng.normal(size=2) * 5, x[:1])), targets(loss, rng.normal(size=3))
    without = cnn.solve(problem_at(share, x, y, architecture, loss), tol=1e-8)
    rows = {"x": np.append(x, more_x), "y": np.append(y, more_y), "sample_weight": np.append(weight, np.zeros(3))}
    problem = cnn.Problem(beta=without.problem.beta, architecture=architecture, loss=loss, **rows)
    assert problem.beta_max == pytest.approx(without.problem.beta_max, rel=1e-9, abs=1e-9)
    extended = cnn.solve(problem, tol=1e-8)
    assert_certified(extended)
    assert extended.objective == pytest.approx(without.objective, rel=1e-9, abs=1e-12)
    assert (extended.certificate.dual_point[x.size :] == 0).all()


@every_architecture
@given(loss=any_weighted_loss, data=data(), share=shares, seed=st.integers(0, 99))
@settings(max_examples=10)
def test_all_weights_and_beta_may_share_a_factor(architecture, loss, data, share, seed):
    x, y = data
    y, weight = targets(loss, y), whole_weights(data[0].size, seed)
    one = cnn.solve(problem_at(share, x, y, architecture, loss, sample_weight=weight), tol=1e-8)
    for factor in (1e-6, 1e6):
        beta = factor * one.problem.beta
        scaled = cnn.Problem(x, y, beta, architecture, loss=loss, sample_weight=factor * weight)
        assert scaled.beta_max == pytest.approx(factor * one.problem.beta_max, rel=1e-9)
        solution = cnn.solve(scaled, tol=1e-8)
        assert solution.objective == pytest.approx(factor * one.objective, rel=1e-9, abs=1e-12 * factor)
