"""The moment of distances and its ranges, against explicit sums; compiled or not."""

from __future__ import annotations

import numpy as np
import pytest
from test_reflection_pricing import cases, rounding

from convexnn.kernels.distance_moment import (
    BLOCK,
    distance_moment,
    first_at_least,
    moment_at,
    range_tree,
    rise_and_fall,
)


def test_the_moment_is_the_sum_of_distances():
    for x, th in cases(count=5, most=30):
        moment, slopes = distance_moment(x, th)
        np.testing.assert_allclose(moment, np.abs(x[:, None] - x) @ th, rtol=0, atol=rounding(x, th))
        assert slopes[0] == slopes[-1] == 0
        np.testing.assert_allclose(np.diff(moment), slopes[1:-1] * np.diff(x), rtol=0, atol=rounding(x, th))


def test_the_moment_between_and_beyond_data():
    rng = np.random.default_rng(6)
    for x, th in cases(count=5, most=30):
        moment, slopes = distance_moment(x, th)
        tolerance = rounding(x, th) + 2 * abs(th.sum())
        for t in np.concatenate((x, rng.uniform(-0.5, 1.5, 10))):
            k = first_at_least(x, t, 0, x.size)
            assert k == np.searchsorted(x, t)
            assert moment_at(x, moment, slopes, t, k) == pytest.approx(np.abs(x - t) @ th, abs=tolerance)


def test_the_first_at_least_among_some():
    x = np.array([0.0, 1.0, 1.0, 3.0])
    for low in range(5):
        for high in range(low, 5):
            for t in (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0):
                assert first_at_least(x, t, low, high) == next((k for k in range(low, high) if x[k] >= t), high)


def test_leaves_and_nodes_hold_the_extremes():
    for x, th in cases(count=5, most=60):
        moment, slopes = distance_moment(x, th)
        tree = range_tree(moment, slopes)
        width = len(tree) // 2
        for q, leaf in enumerate(tree[width:]):
            near = moment[max(BLOCK * q - 1, 0) : BLOCK * q + BLOCK + 1]
            steps = slopes[BLOCK * q : min(BLOCK * q + BLOCK, x.size) + 1]
            if BLOCK * q < x.size:
                assert leaf.tolist() == [near.max(), near.min(), steps.max(), steps.min()]
            else:
                assert leaf.tolist() == [-np.inf, np.inf, -np.inf, np.inf]
        for k in range(1, width):
            below = tree[2 * k : 2 * k + 2]
            assert tree[k].tolist() == [*(f(below[:, i]) for i, f in enumerate((np.max, np.min) * 2))]


@pytest.mark.parametrize(("steep", "flat"), [(2.0, 1.0), (2.0, -1.0), (-1.0, -2.0), (0.0, 0.0)])
def test_lines_rise_and_fall_the_most(steep, flat):
    ends = np.array([0.7, -0.3])
    rise, fall = rise_and_fall(steep, flat, 0.7, 0.3)
    changes = np.outer((steep, flat), ends)
    assert (rise, fall) == (max(changes.max(), 0.0), max(-changes.min(), 0.0))


def plain(function):
    return getattr(function, "py_func", function)


def test_compiled_equals_plain():
    for x, th in cases(count=2, most=20):
        moment, slopes = distance_moment(x, th)
        for ours, other in zip((moment, slopes), plain(distance_moment)(x, th), strict=True):
            np.testing.assert_array_equal(ours, other)
        np.testing.assert_array_equal(range_tree(moment, slopes)[1:], plain(range_tree)(moment, slopes)[1:])
        for t in (-0.5, 0.0, 0.31, 1.0, 1.5):
            k = first_at_least(x, t, 0, x.size)
            assert k == plain(first_at_least)(x, t, 0, x.size)
            assert moment_at(x, moment, slopes, t, k) == plain(moment_at)(x, moment, slopes, t, k)
            assert rise_and_fall(t, -0.7, 0.2, 0.4) == plain(rise_and_fall)(t, -0.7, 0.2, 0.4)
