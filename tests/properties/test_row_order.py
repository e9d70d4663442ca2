"""The order of the rows does not show: not in one bit of any result."""

from __future__ import annotations

import numpy as np
from helpers import any_weighted_loss, data, every_architecture, problem_at, shares, targets
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn


@every_architecture
@given(loss=any_weighted_loss, data=data(), share=shares, seed=st.integers(0, 99))
@settings(max_examples=12)
def test_the_order_of_the_rows_does_not_show(architecture, loss, data, share, seed):
    x, y = data
    rng = np.random.default_rng(seed)
    y, weight, rows = targets(loss, y), rng.integers(1, 4, size=x.size) / 2, rng.permutation(x.size)
    one = cnn.solve(problem_at(share, x, y, architecture, loss, sample_weight=weight))
    other = cnn.solve(problem_at(share, x[rows], y[rows], architecture, loss, sample_weight=weight[rows]))
    assert one.problem.beta == other.problem.beta
    assert one.features == other.features
    np.testing.assert_array_equal(one.coef, other.coef)
    assert (one.intercept, one.objective, one.n_iter) == (other.intercept, other.objective, other.n_iter)
    assert (one.certificate.dual, one.certificate.gap) == (other.certificate.dual, other.certificate.gap)
    assert one.certificate.kkt_residual == other.certificate.kkt_residual
    np.testing.assert_array_equal(one.certificate.dual_point[rows], other.certificate.dual_point)
