"""How the optimum follows beta: more penalty, less norm; a concave value."""

from __future__ import annotations

import numpy as np
from helpers import any_weighted_loss, data, every_architecture, targets
from hypothesis import given, settings

import convexnn as cnn


@every_architecture
@given(loss=any_weighted_loss, data=data())
@settings(max_examples=8)
def test_the_value_is_concave_in_beta_and_the_norm_falls(architecture, loss, data):
    x, y = data
    y = targets(loss, y)
    largest = cnn.Problem(x, y, 1.0, architecture, loss=loss).beta_max or 1.0
    betas = largest * np.array([0.01, 0.1, 0.3, 0.6, 0.9, 1.0, 2.0])
    solutions = [cnn.solve(cnn.Problem(x, y, beta, architecture, loss=loss), tol=1e-8) for beta in betas]
    values = np.array([solution.objective for solution in solutions])
    norms = np.array([np.abs(solution.coef).sum() for solution in solutions])
    rounding = 1e-12 * (1 + values.max())
    assert (np.diff(values) >= -rounding).all()
    # Each solution is feasible at every other beta: the value lies below all its tangents, whose slopes are the norms.
    tangents = values[:, None] + norms[:, None] * (betas - betas[:, None])
    assert (values <= tangents + rounding).all()
    assert (np.diff(norms) <= 1e-9 * (1 + norms.max())).all()
