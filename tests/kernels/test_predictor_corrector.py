"""The predictor and the corrector: linearised products of slacks and multipliers, and steps that keep them positive."""

from __future__ import annotations

import numpy as np
import pytest

from convexnn.kernels.predictor_corrector import correct_curve, correct_rows, predict_curve, predict_rows


def plain(function):
    return getattr(function, "py_func", function)


def instance(seed, k=4, m=12):
    """Rows between knots, the pairs of rows, their weights, and a change of the knot values."""
    rng = np.random.default_rng(seed)
    at = np.sort(np.append(np.arange(k - 1), rng.integers(0, k - 1, m - k + 1)))
    starts = np.append(np.searchsorted(at, np.arange(k - 1)), m)
    place, rows = rng.uniform(size=m), rng.exponential(size=(4, m))
    weight = 1 / (rows[2] / rows[0] + rows[3] / rows[1])
    du = rng.normal(size=k)
    return starts, place, rows, weight, du, du[at] + (du[at + 1] - du[at]) * place


def predicted(function, starts, place, rows, weight, du):
    affine, second, central, sums = np.empty(place.size), np.empty(du.size), np.empty(du.size), np.zeros(3)
    extremes = function(starts, place, rows, weight, du, affine, second, central, sums)
    return affine, second, central, sums, extremes


@pytest.mark.parametrize("seed", range(5))
def test_predicted_products_vanish(seed):
    starts, place, rows, weight, du, change_of_f = instance(seed)
    affine, *_, sums, extremes = predicted(predict_rows, starts, place, rows, weight, du)
    z, mult, dz = rows[:2], rows[2:], np.array([-affine, affine])
    dmult = -mult - mult / z * dz
    np.testing.assert_allclose(dmult[0] - dmult[1], -change_of_f, atol=1e-9)  # p - q stays y - f
    shares, products = -dz / z, z * mult
    np.testing.assert_allclose(sums, [(products * shares**power).sum() for power in range(3)], rtol=1e-12)
    assert extremes == pytest.approx((max(shares.max(), 0), min(shares.min(), 0)), rel=1e-12)


@pytest.mark.parametrize("trust", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_corrected_products_are_equal(seed, trust):
    starts, place, rows, weight, du, change_of_f = instance(seed)
    affine = predicted(predict_rows, starts, place, rows, weight, 2 * du)[0]
    changes = np.empty((3, place.size))
    steps = correct_rows(starts, place, rows, weight, affine, du, 0.3, trust, changes)
    z, mult, dz, dmult = rows[:2], rows[2:], np.array([-changes[0], changes[0]]), changes[1:]
    dz_affine = np.array([-affine, affine])
    second = dz_affine * (-mult - mult / z * dz_affine)
    np.testing.assert_allclose(z * mult + z * dmult + mult * dz + trust * second, 0.3, atol=1e-9)
    np.testing.assert_allclose(dmult[0] - dmult[1], -change_of_f, atol=1e-9)
    for values, changed, step in zip((z, mult), (dz, dmult), steps, strict=True):
        ratios = -values[changed < 0] / changed[changed < 0]
        assert step == pytest.approx(min(1.0, ratios.min(initial=np.inf)), rel=1e-12)


def test_pairs_of_the_curve_move_like_those_of_rows():
    rng = np.random.default_rng(9)
    slack, mult, change, goal = rng.exponential(size=(4, 9))
    change -= 1.0
    mult[3] = -1.0
    used, turn, sums = mult > 0, np.zeros(9), np.zeros(3)
    shares = -change[used] / slack[used]
    extremes = predict_curve(slack, mult, change, turn, sums, 0.0, 0.0)
    np.testing.assert_allclose(turn[used], shares, rtol=1e-12)
    np.testing.assert_allclose(sums, [(slack * mult)[used] @ shares**power for power in range(3)], rtol=1e-12)
    assert extremes == (max(turn.max(), 0), min(turn.min(), 0))
    steps = correct_curve(slack, mult, mult / slack, goal, change, turn, 1.0, 1.0)
    np.testing.assert_allclose((slack * (mult + turn) + mult * change)[used], (slack * goal)[used], rtol=1e-9)
    for values, changed, step in zip((slack, mult), (change, turn), steps, strict=True):
        falling = used & (changed < 0)
        assert step == pytest.approx(min(1.0, (-values[falling] / changed[falling]).min(initial=np.inf)), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_compiled_equals_plain(seed):
    case = instance(seed)[:-1]
    ours, others = predicted(predict_rows, *case), predicted(plain(predict_rows), *case)
    for one, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)
    *known, du = case
    results = []
    for function in (correct_rows, plain(correct_rows)):
        changes = np.empty((3, known[1].size))
        results.append((*function(*known, ours[0], du, 0.3, 1.0, changes), changes))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
