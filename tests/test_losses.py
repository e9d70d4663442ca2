"""Losses: values, duals and boxes against their definitions; multipliers and curvatures against differences."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from helpers import EPS, LOSSES, WEIGHTED, every_weighted_loss, targets
from hypothesis import given, settings
from hypothesis import strategies as st

import convexnn as cnn
from convexnn.losses import shift_to_zero_sum

SMOOTH = [WEIGHTED[name] for name in ("squared", "huber", "logistic")]
every_smooth_loss = pytest.mark.parametrize("loss", SMOOTH, ids=lambda loss: loss.name)

reals = st.integers(-5, 5).map(float) | st.floats(-5, 5, width=32)
positive = st.integers(1, 4).map(float) | st.floats(0.125, 4, width=32)


@st.composite
def rows(draw, loss, weights=positive):
    """Targets, predictions and weights of some rows; some predictions meet their target."""
    n = draw(st.integers(2, 6))
    y, f, w = (np.array(draw(st.lists(part, min_size=n, max_size=n))) for part in (reals, reals, weights))
    hit = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    y = targets(loss, y)
    return y, np.where(hit, y, f), w


any_rows = st.data()


@every_weighted_loss
@given(data=any_rows)
@settings(max_examples=30)
def test_rows_and_total_are_the_loss(loss, data):
    y, f, w = data.draw(rows(loss))
    wanted = [naive.loss_row(loss, a, b) for a, b in zip(y, f, strict=True)]
    np.testing.assert_allclose(loss.rows(y, f), wanted, rtol=8 * EPS, atol=8 * EPS)
    assert loss.total(y, f, w) == pytest.approx(naive.loss_total(loss, y, f, w), rel=16 * EPS, abs=16 * EPS)


@every_weighted_loss
@given(data=any_rows)
@settings(max_examples=30)
def test_a_multiplier_is_a_subgradient_in_the_box(loss, data):
    y, f, w = data.draw(rows(loss))
    th = loss.multiplier(y, f, w)
    lo, hi = loss.box(y, w)
    for i in range(y.size):
        low, high = naive.multipliers(loss, y[i], f[i], w[i])
        assert low - 8 * EPS * w[i] <= th[i] <= high + 8 * EPS * w[i] * (1 + abs(high))
        assert (lo[i], hi[i]) == pytest.approx(naive.box(loss, y[i], w[i]), abs=1e-9 * w[i])
        assert lo[i] <= th[i] <= hi[i]


@every_weighted_loss
@given(data=any_rows, shares=st.lists(st.floats(0, 1), min_size=6, max_size=6))
@settings(max_examples=15)
def test_the_dual_objective_is_the_conjugate(loss, data, shares):
    y, _, w = data.draw(rows(loss))
    lo, hi = (np.clip(end, -10, 10) for end in loss.box(y, w))
    th = lo + np.array(shares[: y.size]) * (hi - lo)
    # Ternary search finds a minimum to the root of rounding in place, to rounding in value.
    size = w @ naive_size(y) + np.abs(th) @ naive_size(y) + np.sum(th**2 / w)
    assert loss.dual(th, y, w) == pytest.approx(naive.dual_objective(loss, th, y, w), abs=1e-12 * size)


def naive_size(y):
    return (1 + np.abs(y)) ** 2


@every_weighted_loss
@given(data=any_rows)
@settings(max_examples=30)
def test_prediction_and_multiplier_attain_fenchels_equality(loss, data):
    y, f, w = data.draw(rows(loss))
    th = loss.multiplier(y, f, w)
    attained = loss.total(y, f, w) + th @ f
    assert loss.dual(th, y, w) == pytest.approx(attained, abs=64 * EPS * (w @ naive_size(y) + w @ naive_size(f)))


@every_weighted_loss
@given(data=any_rows)
@settings(max_examples=30)
def test_no_constant_beats_the_best_intercept(loss, data):
    y, f, w = data.draw(rows(loss))
    if loss.name == "logistic":
        f = np.clip(f, -3, 3)
    best = loss.best_intercept(y, f, w)
    attained = loss.total(y, f + best, w)
    near = np.concatenate((best + np.array([-1, -1e-3, -1e-6, 1e-6, 1e-3, 1]), y - f))
    assert all(attained <= loss.total(y, f + c, w) * (1 + 64 * EPS) + 64 * EPS for c in near)


@every_smooth_loss
@given(data=any_rows)
@settings(max_examples=20)
def test_multiplier_and_curvature_are_derivatives(loss, data):
    y, f, w = data.draw(rows(loss))
    step = 1e-5
    if loss.name == "huber":
        # Away from the corners of its derivative.
        f = np.where(np.abs(np.abs(y - f) - loss.delta) < 0.01, f + 0.05, f)
    slopes = w * (loss.rows(y, f + step) - loss.rows(y, f - step)) / (2 * step)
    # Differences of values are off by step^2 and by rounding over step.
    np.testing.assert_allclose(loss.multiplier(y, f, w), -slopes, atol=1e-8 * w.max(), rtol=1e-8)
    bends = (loss.multiplier(y, f - step, w) - loss.multiplier(y, f + step, w)) / (2 * step)
    np.testing.assert_allclose(loss.curvature(y, f, w), bends, atol=1e-8 * w.max(), rtol=1e-8)


@pytest.mark.parametrize("name", ["absolute", "quantile"])
def test_losses_with_corners_have_no_curvature(name):
    with pytest.raises(TypeError, match=f"the {name} loss has no curvature"):
        LOSSES[name].curvature(np.ones(2), np.ones(2), np.ones(2))


@every_weighted_loss
@given(data=any_rows, factor=st.sampled_from([0.25, 3.0, 1e6]))
@settings(max_examples=15)
def test_a_loss_scales_with_its_degree(loss, data, factor):
    y, f, w = data.draw(rows(loss))
    if loss.degree == 0:
        return
    scaled = loss.rescaled(1 / factor).total(factor * y, factor * f, w)
    assert scaled == pytest.approx(factor**loss.degree * loss.total(y, f, w), rel=64 * EPS)


@every_weighted_loss
@given(data=any_rows, zeros=st.integers(0, 3))
@settings(max_examples=30)
def test_centring_keeps_the_boxes_and_leaves_a_sum_of_one_rounding(loss, data, zeros):
    y, th, w = data.draw(rows(loss))
    w[: min(zeros, w.size - 1)] = 0.0
    lo, hi = loss.box(y, w)
    shifted = shift_to_zero_sum(th, w, lo, hi)
    assert ((lo <= shifted) & (shifted <= hi)).all()
    assert (shifted[w == 0] == 0).all()
    assert abs(shifted.sum()) <= 2 * EPS * np.abs(shifted).sum()
    # It moves every row by one and the same nu * w, as far as its box allows.
    live = (w > 0) & (lo < shifted) & (shifted < hi)
    nu = (th[live] - shifted[live]) / w[live]
    assert nu.size == 0 or np.ptp(nu) <= 64 * EPS * (np.abs(th).max() + np.abs(nu).max()) / w[live].min()


def test_constant_targets_have_that_constant_as_their_huber_centre():
    problem = cnn.Problem([0.0, 1.0], [8.0, 8.0], 1.0, cnn.Architecture("relu"), loss="huber", sample_weight=[1.5, 0.2])
    solution = cnn.solve(problem)
    assert (solution.objective, solution.intercept, solution.status) == (0.0, 8.0, "certified")
